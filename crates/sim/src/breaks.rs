//! Break it at every step: one fixed scenario, broken once at each of its appends and commands.
//!
//! The scenario is a plan with a question, a review in two rounds, an approval and a guarded effect.
//! Undisturbed it makes N appends. It is played again with a crash before each of them, a crash after
//! each, each failing in each of its ways, and each command arriving twice. The end must be the
//! undisturbed one: with workers of their own, event by event; with agents inside the engine, which
//! die with it, in result, ledger and effects.

use std::fmt;

use handclasp_core::blob::BlobRef;
use handclasp_core::event::{Event, RunOutcome};
use handclasp_core::id::HandoffId;
use handclasp_core::ledger::Ledger;

use crate::laws::Violation;
use crate::scene::Scene;
use crate::store::Fate;

/// How one performance is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// Not at all.
    Nowhere,
    /// The engine dies before this append is written.
    CrashBefore(u64),
    /// The engine dies after this append was written and before anybody heard of it.
    CrashAfter(u64),
    /// This append ends so.
    Append(u64, Fate),
    /// This command arrives twice.
    Twice(u64),
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("undisturbed"),
            Self::CrashBefore(append) => write!(f, "with a crash before append {append}"),
            Self::CrashAfter(append) => write!(f, "with a crash after append {append}"),
            Self::Append(append, fate) => write!(f, "with append {append} ending as {fate:?}"),
            Self::Twice(command) => write!(f, "with command {command} arriving twice"),
        }
    }
}

/// What a performance comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct End {
    pub(crate) outcome: RunOutcome,
    pub(crate) results: Vec<(HandoffId, Option<BlobRef>)>,
    pub(crate) ledger: Ledger,
    /// Each effect and how often it really happened.
    pub(crate) effects: Vec<(String, u32)>,
    /// Every event; only where nobody dies with the engine is this the same each time.
    pub(crate) events: Vec<Event>,
}

/// What was broken, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaks {
    /// Appends of the undisturbed scenario.
    pub appends: u64,
    /// Commands of the undisturbed scenario.
    pub commands: u64,
    /// Performances in all.
    pub performances: u64,
}

/// A broken performance that ended otherwise than the undisturbed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// How it was broken.
    pub how: String,
    /// What was different.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.how, self.what)
    }
}

impl std::error::Error for Difference {}

/// Plays the scenario once for each way of breaking it.
pub fn break_at_every_step() -> Result<Breaks, Difference> {
    let mut breaks = Breaks { appends: 0, commands: 0, performances: 0 };
    for inside in [false, true] {
        let (undisturbed, scene) = perform(Break::Nowhere, inside)?;
        breaks.appends = scene.appends;
        breaks.commands = scene.commands;
        for broken in all(scene.appends, scene.commands) {
            let (end, _) = perform(broken, inside)?;
            compare(broken, &undisturbed, &end, inside)?;
            breaks.performances += 1;
        }
    }
    Ok(breaks)
}

fn all(appends: u64, commands: u64) -> impl Iterator<Item = Break> {
    let at_append = |append| {
        let fates = [Fate::Unwritten, Fate::WrittenUnheard, Fate::Full].map(|fate| Break::Append(append, fate));
        [Break::CrashBefore(append), Break::CrashAfter(append)].into_iter().chain(fates)
    };
    (1..=appends).flat_map(at_append).chain((1..=commands).map(Break::Twice))
}

fn perform(broken: Break, inside: bool) -> Result<(End, Scene), Difference> {
    let mut scene = Scene::new(broken, inside);
    match scene.play() {
        Ok(end) => Ok((end, scene)),
        Err(Violation { law, what }) => Err(Difference { how: broken.to_string(), what: format!("{law}: {what}") }),
    }
}

fn compare(broken: Break, undisturbed: &End, end: &End, inside: bool) -> Result<(), Difference> {
    let different =
        |what: &str, first: String, now: String| Err(Difference { how: broken.to_string(), what: format!("{what}: {first} became {now}") });
    if end.outcome != undisturbed.outcome {
        return different("the outcome", format!("{:?}", undisturbed.outcome), format!("{:?}", end.outcome));
    }
    if end.results != undisturbed.results {
        return different("the results", format!("{:?}", undisturbed.results), format!("{:?}", end.results));
    }
    if end.effects != undisturbed.effects {
        return different("the effects", format!("{:?}", undisturbed.effects), format!("{:?}", end.effects));
    }
    if end.ledger != undisturbed.ledger {
        return different("the ledger", format!("{:?}", undisturbed.ledger), format!("{:?}", end.ledger));
    }
    if !inside && end.events != undisturbed.events {
        let at = end.events.iter().zip(&undisturbed.events).position(|(now, first)| now != first);
        let at = at.unwrap_or_else(|| end.events.len().min(undisturbed.events.len()));
        return different("the log", format!("{:?}", undisturbed.events.get(at)), format!("{:?}", end.events.get(at)));
    }
    Ok(())
}
