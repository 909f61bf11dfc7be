//! Taking work and working on it: claim, accept, decline, release, progress.

use std::collections::BTreeSet;

use super::{Draft, unchanged};
use crate::command::{ReadBack, WorkState};
use crate::contract::{Contract, ReadBackLevel};
use crate::event::{Closing, Event};
use crate::handoff::{Handoff, Phase};
use crate::id::{AgentName, HandoffId, Token};
use crate::ledger::{Delivery, Ledger};
use crate::refusal::{Gap, Refusal};
use crate::run::Reply;
use crate::time::Millis;

impl Draft<'_> {
    /// Takes an offered handoff; with a read-back, accepts it in the same commit.
    pub(super) fn claim(&mut self, id: HandoffId, by: &AgentName, holder: &str, accept: Option<&ReadBack>) -> Result<Reply, Refusal> {
        let handoff = self.run.find(id)?;
        if *by != handoff.to {
            return Err(Refusal::NotYours { held_by: handoff.to.clone() });
        }
        let not_before = match &handoff.phase {
            Phase::Offered { not_before } => *not_before,
            Phase::Claimed { .. }
            | Phase::Accepted { .. }
            | Phase::Waiting { .. }
            | Phase::DeadLettered { .. }
            | Phase::Completed { .. }
            | Phase::Ended { .. } => return Err(Refusal::WrongPhase { phase: handoff.phase.name(), asked: "claimed" }),
        };
        if not_before > self.world.now {
            return Err(Refusal::TooEarly { not_before_ms: not_before.0 });
        }
        let agent = self.agent(by)?.clone();
        self.still_fits(handoff)?;
        let held = self.world.load.get(by).copied().unwrap_or(0);
        if held >= agent.capacity {
            return Err(Refusal::AtCapacity { agent: by.clone(), held });
        }
        let lineage = self.run.lineage(handoff.branch);
        let returned = self.run.returned(&lineage);
        let delivery = Ledger::delivery(self.run.ledger.open(&lineage, &returned), &agent);
        if let Some(read_back) = accept {
            self.understood(handoff, &delivery, read_back)?;
        }
        let token = Token(self.run.claims + 1);
        let attempt = handoff.attempts + 1;
        self.events.push(Event::HandoffClaimed {
            handoff: id,
            by: by.clone(),
            holder: holder.to_owned(),
            token,
            lease_ms: agent.lease_ms,
            attempt,
            delivery,
        });
        if let Some(read_back) = accept {
            self.events.push(Event::HandoffAccepted { handoff: id, read_back: read_back.clone() });
        }
        Ok(Reply::Claimed { handoff: id, token, attempt })
    }

    /// The receiver's side of the contract: the definition is the pinned one and the stored payload
    /// still holds it.
    fn still_fits(&self, handoff: &Handoff) -> Result<(), Refusal> {
        let Some(id) = &handoff.contract else { return Ok(()) };
        let (_, digest) = self.world.directory.contract(id).ok_or_else(|| Refusal::UnknownContract(id.into()))?;
        unchanged(|| format!("contract `{id}`"), self.run.pins.contracts.get(id), digest)?;
        match self.world.verdicts.get(digest, handoff.payload.digest) {
            None => Err(Refusal::Unchecked { what: "payload", contract: id.clone() }),
            Some([]) => Ok(()),
            Some(violations) => Err(Refusal::ContractBroken { what: "payload", contract: id.clone(), violations: violations.to_vec() }),
        }
    }

    /// Accepts what was claimed.
    pub(super) fn accept(&mut self, id: HandoffId, token: Token, read_back: &ReadBack) -> Result<Reply, Refusal> {
        let (handoff, _) = self.run.held(id, token, "accepted")?;
        match &handoff.phase {
            Phase::Claimed { delivery, .. } => {
                self.understood(handoff, delivery, read_back)?;
                self.events.push(Event::HandoffAccepted { handoff: id, read_back: read_back.clone() });
            }
            // The first answer to a claim counts; repeating it is no news.
            Phase::Accepted { read_back: first, .. } if first == read_back => {}
            Phase::Accepted { .. }
            | Phase::Offered { .. }
            | Phase::Waiting { .. }
            | Phase::DeadLettered { .. }
            | Phase::Completed { .. }
            | Phase::Ended { .. } => return Err(Refusal::WrongPhase { phase: handoff.phase.name(), asked: "accepted" }),
        }
        Ok(Reply::Done)
    }

    /// Compares a read-back with what was delivered, mechanically.
    fn understood(&self, handoff: &Handoff, delivery: &Delivery, read_back: &ReadBack) -> Result<(), Refusal> {
        let contract = handoff.contract.as_ref().and_then(|id| self.world.directory.contract(id)).map(|(contract, _)| contract.as_ref());
        let wanted = contract.map_or(ReadBackLevel::Off, |contract| contract.read_back);
        let level = wanted.max(read_back.level);
        let gap = match level {
            ReadBackLevel::Off => Gap::default(),
            ReadBackLevel::Echo => Gap {
                level: read_back.level < wanted,
                contract: read_back.contract != handoff.contract,
                payload: read_back.payload != Some(handoff.payload.digest),
                items: delivery.must_carry.iter().filter(|item| !read_back.items.contains(item)).copied().collect(),
                criteria: unconfirmed(handoff, &read_back.criteria),
            },
        };
        if !gap.is_empty() {
            return Err(Refusal::ReadBackGap(gap));
        }
        confident(contract, read_back)
    }

    /// Hands it back at once.
    pub(super) fn decline(&mut self, id: HandoffId, token: Token, reason: &str) -> Result<Reply, Refusal> {
        let (handoff, _) = self.run.held(id, token, "declined")?;
        let Phase::Claimed { .. } = &handoff.phase else {
            return Err(Refusal::WrongPhase { phase: handoff.phase.name(), asked: "declined" });
        };
        self.events.push(Event::HandoffDeclined { handoff: id, reason: reason.to_owned() });
        self.give_up(handoff, Closing::Declined(reason.to_owned()));
        Ok(Reply::Done)
    }

    /// Gives it back unfinished; if it waits for an answer, it goes on waiting without a lease.
    pub(super) fn release(&mut self, id: HandoffId, token: Token) -> Result<Reply, Refusal> {
        let (handoff, _) = self.run.held(id, token, "released")?;
        self.events.push(Event::HandoffReleased { handoff: id });
        match self.run.check_again(handoff, None, self.ahead) {
            Ok(()) => {
                self.wait_for_answers(handoff);
            }
            Err(refusal) => self.give_up(handoff, Closing::not_offered(&refusal)),
        }
        Ok(Reply::Done)
    }

    /// Records how the work stands, if that is news. What an agent is doing is news at once; how far it
    /// is, and what it says about it, only now and then.
    pub(super) fn progress(&mut self, id: HandoffId, token: Token, state: &WorkState) -> Result<Reply, Refusal> {
        let (handoff, _) = self.run.accepted(id, token, "reported on")?;
        let Phase::Accepted { state: known, reported_at, .. } = &handoff.phase else { return Ok(Reply::Done) };
        let soon = reported_at.is_some_and(|at| self.world.now.since(at) < PROGRESS_EVERY);
        if known != state && (known.activity != state.activity || !soon) {
            self.events.push(Event::ProgressReported { handoff: id, state: state.clone() });
        }
        Ok(Reply::Done)
    }
}

/// A person cannot read faster, and a log is not a progress bar: an agent that reports each of a
/// million rows costs two events a second, no more.
const PROGRESS_EVERY: Millis = Millis(500);

fn unconfirmed(handoff: &Handoff, confirmed: &BTreeSet<u32>) -> Vec<u32> {
    (0..).take(handoff.terms.acceptance.len()).filter(|criterion| !confirmed.contains(criterion)).collect()
}

fn confident(contract: Option<&Contract>, read_back: &ReadBack) -> Result<(), Refusal> {
    match contract.and_then(|contract| contract.confidence_min) {
        Some(needed) if read_back.confidence.is_none_or(|given| given < needed) => {
            Err(Refusal::ConfidenceLow { needed, given: read_back.confidence })
        }
        _ => Ok(()),
    }
}
