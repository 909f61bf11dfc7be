//! How large the parts of a command may be. Contents are blobs and bounded by the engine; what is
//! bounded here ends up in events, which every reader of the log has to carry.

use std::collections::BTreeSet;

use crate::command::{Activity, AgentError, Command, Completion, Open, WorkState};
use crate::ledger::{NewItem, Settlement};
use crate::offer::{Offer, Terms};
use crate::plan::{APPROVED, Node, REJECTED};
use crate::refusal::Refusal;

/// A reason, note or message: a paragraph, not a document.
pub(crate) const TEXT_BYTES_MAX: usize = 4_096;
/// A key, name or title: a line.
const LINE_BYTES_MAX: usize = 256;
/// Items, settlements, criteria, options in one command: more is a document and belongs in an artifact.
const LIST_MAX: usize = 1_000;
/// Nodes of a plan. An order of magnitude above what a person can review.
const PLAN_NODES_MAX: usize = 1_000;
/// Rounds of one review.
const ROUNDS_MAX: u32 = 100;
/// The largest count that fits into a time in milliseconds without overflow: a thousand years.
const TIME_MS_MAX: u64 = 1_000 * 366 * 24 * 3_600_000;

fn at_most(field: &'static str, found: usize, allowed: usize) -> Result<(), Refusal> {
    if found <= allowed { Ok(()) } else { Err(Refusal::TooLarge { field, found: found as u64, allowed: allowed as u64 }) }
}

fn time(field: &'static str, found: Option<u64>) -> Result<(), Refusal> {
    match found {
        Some(found) if found > TIME_MS_MAX => Err(Refusal::TooLarge { field, found, allowed: TIME_MS_MAX }),
        _ => Ok(()),
    }
}

fn percent(field: &'static str, found: Option<u8>) -> Result<(), Refusal> {
    match found {
        Some(found) if found > 100 => Err(Refusal::TooLarge { field, found: u64::from(found), allowed: 100 }),
        _ => Ok(()),
    }
}

fn text(field: &'static str, found: &str) -> Result<(), Refusal> {
    at_most(field, found.len(), TEXT_BYTES_MAX)
}

/// Refuses a command with a part that is too large.
pub(super) fn check(command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Open(open) | Command::OpenChild { open, .. } => opening(open),
        Command::Offer { offer: offered, .. } => offer(offered),
        Command::Claim { holder, accept, .. } => {
            at_most("holder", holder.len(), LINE_BYTES_MAX)?;
            accept.as_ref().map_or(Ok(()), |read_back| percent("accept.confidence", read_back.confidence))
        }
        Command::Accept { read_back, .. } => percent("read_back.confidence", read_back.confidence),
        Command::Decline { reason, .. } | Command::Cancel { reason, .. } | Command::LoseLease { reason, .. } => text("reason", reason),
        Command::Progress { state, .. } => progress(state),
        Command::Ask { question, .. } => {
            at_most("question.options", question.options.len(), LIST_MAX)?;
            time("question.within_ms", question.within_ms.map(|within| within.0))?;
            question.options.iter().try_for_each(|option| at_most("question.options", option.len(), LINE_BYTES_MAX))
        }
        Command::Resolve { answer, .. } => at_most("answer.choice", answer.choice.len(), LINE_BYTES_MAX),
        Command::EffectBegin { effect, .. } | Command::EffectFinish { effect, .. } | Command::EffectReconcile { effect, .. } => {
            if effect.name.is_empty() {
                return Err(Refusal::BadField { field: "effect.name", problem: "it is empty" });
            }
            at_most("effect.name", effect.name.len(), LINE_BYTES_MAX)?;
            match &effect.key {
                crate::command::EffectKey::Business(key) => at_most("effect.key", key.len(), LINE_BYTES_MAX),
                crate::command::EffectKey::Ordinal(_) => Ok(()),
            }
        }
        Command::Complete { completion: given, .. } => completion(given),
        Command::Fail { error: given, .. } => error(given),
        Command::ChildClosed { error: given, .. } => given.as_ref().map_or(Ok(()), error),
        Command::Release { .. } | Command::Heartbeat { .. } | Command::Redrive { .. } | Command::Wake | Command::AcceptChange { .. } => {
            Ok(())
        }
    }
}

fn opening(open: &Open) -> Result<(), Refusal> {
    at_most("title", open.title.len(), LINE_BYTES_MAX)?;
    items(&open.items)?;
    time("limits.time_ms", open.limits.time_ms)?;
    if open.trace_id.len() != 32 || !open.trace_id.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f')) {
        return Err(Refusal::BadField { field: "trace_id", problem: "a W3C trace id is 32 lower-case hex digits" });
    }
    at_most("conversation", open.conversation.as_ref().map_or(0, String::len), LINE_BYTES_MAX)?;
    if let Some(plan) = &open.plan {
        let mut nodes = 0;
        let mut rounds = 0;
        let mut silence = true;
        plan.root.visit(&mut |node| {
            nodes += 1;
            match node {
                Node::Review(review) => rounds = rounds.max(review.rounds),
                Node::Approve(approve) => {
                    silence &= approve.on_silence.as_ref().is_none_or(|choice| choice == APPROVED || choice == REJECTED);
                }
                Node::Step(_) | Node::Sequence(_) | Node::Checkpoint(_) => {}
            }
        });
        if !silence {
            return Err(Refusal::BadField { field: "plan.approve.on_silence", problem: "silence is `approved` or `rejected`" });
        }
        at_most("plan", nodes, PLAN_NODES_MAX)?;
        if rounds > ROUNDS_MAX {
            return Err(Refusal::TooLarge { field: "plan.review.rounds", found: u64::from(rounds), allowed: u64::from(ROUNDS_MAX) });
        }
    }
    open.first.as_ref().map_or(Ok(()), offer)
}

fn offer(offer: &Offer) -> Result<(), Refusal> {
    terms(&offer.terms)
}

fn terms(terms: &Terms) -> Result<(), Refusal> {
    at_most("terms.acceptance", terms.acceptance.len(), LIST_MAX)?;
    terms.acceptance.iter().try_for_each(|criterion| text("terms.acceptance", criterion))?;
    terms.justification.as_ref().map_or(Ok(()), |given| text("terms.justification", given))?;
    time("terms.limits.time_ms", terms.limits.time_ms)?;
    time("terms.answer_within_ms", terms.answer_within_ms.map(|within| within.0))?;
    time("terms.finish_within_ms", terms.finish_within_ms.map(|within| within.0))?;
    time("terms.retry.backoff_max_ms", Some(terms.retry.backoff_max_ms))
}

fn progress(state: &WorkState) -> Result<(), Refusal> {
    percent("state.percent", state.percent)?;
    state.note.as_ref().map_or(Ok(()), |note| text("state.note", note))?;
    match &state.activity {
        Activity::Processing => Ok(()),
        Activity::WaitingFor(what) | Activity::BlockedOn(what) => text("state.activity", what),
    }
}

fn completion(completion: &Completion) -> Result<(), Refusal> {
    items(&completion.items)?;
    settlements("discharged", &completion.discharged)?;
    settlements("dropped", &completion.dropped)?;
    percent("confidence", completion.confidence)?;
    for effect in completion.effects.iter().flatten() {
        at_most("effects.name", effect.name.len(), LINE_BYTES_MAX)?;
        at_most("effects.target", effect.target.as_ref().map_or(0, String::len), LINE_BYTES_MAX)?;
    }
    at_most("effects", completion.effects.as_ref().map_or(0, Vec::len), LIST_MAX)?;
    completion.next.as_ref().map_or(Ok(()), offer)
}

fn items(items: &[NewItem]) -> Result<(), Refusal> {
    at_most("items", items.len(), LIST_MAX)?;
    let mut keys = BTreeSet::new();
    items.iter().try_for_each(|item| {
        if item.key.is_empty() {
            return Err(Refusal::BadField { field: "items.key", problem: "it is empty" });
        }
        at_most("items.key", item.key.len(), LINE_BYTES_MAX)?;
        // One would take the other's place in the same commit, and nobody would ever have seen it.
        if !keys.insert(&item.key) {
            return Err(Refusal::BadField { field: "items.key", problem: "two of the items have the same" });
        }
        at_most("items.visible_to", item.visible_to.len(), LIST_MAX)?;
        at_most("items.derived_from", item.derived_from.len(), LIST_MAX)?;
        percent("items.confidence", item.confidence)
    })
}

fn settlements(field: &'static str, all: &[Settlement]) -> Result<(), Refusal> {
    at_most(field, all.len(), LIST_MAX)?;
    all.iter().try_for_each(|settlement| text(field, &settlement.why))
}

fn error(error: &AgentError) -> Result<(), Refusal> {
    at_most("error.kind", error.kind.len(), LINE_BYTES_MAX)?;
    text("error.message", &error.message)?;
    text("error.attempted", error.attempted.as_deref().unwrap_or_default())?;
    text("error.hint", error.hint.as_deref().unwrap_or_default())
}
