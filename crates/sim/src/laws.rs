//! The laws, watched from outside while the world runs.
//!
//! Every written commit passes here, event by event, and so does every answer that reaches a caller.
//! What the events say is kept in a [`Witness`] per run, a second and much simpler reading of the log
//! that shares no code with the rules; beside it runs a plain replay, against which the engine's own
//! state and the store's rows are held. Each submodule is about one thing that can be broken.

mod answers;
mod handoff;
mod items;
mod owed;
mod witness;

use std::collections::BTreeMap;

use handclasp_core::id::{AgentName, IdempotencyKey, RunId};
use handclasp_core::run::Run;
use handclasp_engine::Engine;
use handclasp_store::Dispatch;

pub(crate) use self::answers::{Asked, refused};
pub(crate) use self::handoff::Stand;
pub(crate) use self::witness::{QuestionSeen, Witness};

use crate::store::{FaultyStore, Written};
use crate::team;

/// A law was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which checker saw it.
    pub(crate) law: &'static str,
    /// What it saw.
    pub(crate) what: String,
}

/// Whether the laws hold so far.
pub(crate) type Held<T = ()> = Result<T, Violation>;

pub(crate) fn broken<T>(law: &'static str, what: impl Into<String>) -> Held<T> {
    Err(Violation { law, what: what.into() })
}

/// Fails with `what` unless `holds`.
pub(crate) fn require(holds: bool, law: &'static str, what: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { broken(law, what()) }
}

/// All that was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    pub(crate) runs: BTreeMap<RunId, Witness>,
    /// Commits so far: the order of things, independent of the clock.
    pub(crate) moment: u64,
    /// Keys of openings, with the run that each one opened.
    opened: BTreeMap<IdempotencyKey, RunId>,
    /// Whether the clock was ever set back: then lengths of time prove nothing.
    pub(crate) clock_went_back: bool,
}

impl Laws {
    /// Takes a commit down and checks everything that must be true after it.
    pub(crate) fn observe(&mut self, written: &Written, rows: &[Dispatch]) -> Held {
        self.moment += 1;
        let witness = self.runs.entry(written.run).or_insert_with(|| Witness::new(written.run));
        witness.commit(&written.events, self.moment, self.clock_went_back)?;
        witness.owed_is_stored(rows)?;
        if let Some(parent) = witness.run().and_then(|run| run.parent) {
            let known = self.runs.get(&parent.handoff.run).is_some_and(|above| above.children.contains_key(&written.run));
            require(known, "children", || format!("{} names a parent that does not know it", written.run))?;
        }
        self.capacity()
    }

    /// No agent holds more than it may, over all runs.
    fn capacity(&self) -> Held {
        for (agent, held) in self.held() {
            let capacity = team::capacity(&agent);
            require(held <= capacity, "capacity", || format!("`{agent}` holds {held} handoffs and may hold {capacity}"))?;
        }
        Ok(())
    }

    /// How many handoffs each agent holds, by the log.
    fn held(&self) -> BTreeMap<AgentName, u32> {
        let mut held = BTreeMap::new();
        for handoff in self.runs.values().flat_map(|witness| &witness.handoffs) {
            if let Some(tenure) = handoff.holder() {
                *held.entry(tenure.by.clone()).or_default() += 1;
            }
        }
        held
    }

    /// What the engine believes, when nothing is under way, is what the log says.
    pub(crate) fn engine_agrees(&self, engine: &Engine) -> Held {
        let counted: BTreeMap<_, _> =
            engine.load(&team::tenant()).iter().filter(|(_, held)| **held > 0).map(|(agent, held)| (agent.clone(), *held)).collect();
        let held = self.held();
        require(counted == held, "capacity", || format!("the engine counts {counted:?} held handoffs, the log says {held:?}"))
    }

    /// One run's state in the engine is what a replay gives.
    pub(crate) fn state_agrees(&self, run: RunId, state: Option<&Run>) -> Held {
        let replayed = self.runs.get(&run).and_then(Witness::run);
        require(state == replayed, "acknowledged", || format!("the engine's state of {run} is not what its log says"))
    }

    /// What can be said once everything has come to rest.
    pub(crate) fn at_rest(&self, store: &FaultyStore) -> Held {
        let open = self.runs.iter().filter(|(_, witness)| witness.closed.is_none()).map(|(id, _)| *id).collect();
        for (id, witness) in &self.runs {
            witness.at_rest(&open)?;
            let written: Vec<Vec<u8>> = store.log(*id);
            require(written.len() as u64 == witness.version, "acknowledged", || format!("events of {id} have gone"))?;
            for (child, seen) in &witness.children {
                let below = self.runs.get(child);
                let over = below.is_none_or(|below| below.closed.is_some());
                require(seen.settled.is_some() || !over, "budgets", || format!("{child} of {id} is over and was never settled"))?;
                if let (Some(spent), Some(below)) = (seen.settled, below) {
                    require(spent == below.usage, "budgets", || {
                        format!("{child} spent {:?}, and {spent:?} was charged to {id}", below.usage)
                    })?;
                }
            }
        }
        Ok(())
    }
}
