//! What is true after an event. An event that cannot have happened means a corrupt log.

use thiserror::Error;

use super::{Branch, Child, Interrupt, InterruptState, Run};
use crate::command::WorkState;
use crate::event::{Awaiting, Closing, Event, Offered};
use crate::handoff::{Effect, Handoff, Lease, Phase, Returned};
use crate::id::{BranchId, HandoffId, Token};
use crate::limits::{self, Budget, Usage};
use crate::offer::Mode;
use crate::plan::{Flow, Happened};
use crate::time::Timestamp;

/// An event that cannot follow on what happened before.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("event `{event}` cannot have happened: {why}")]
pub struct Corrupt {
    /// The event's type.
    pub event: &'static str,
    /// Why not.
    pub why: String,
}

fn corrupt(event: &'static str, why: impl Into<String>) -> Corrupt {
    Corrupt { event, why: why.into() }
}

impl Run {
    /// Applies one event; the first one makes the run.
    pub fn evolve(run: &mut Option<Self>, event: &Event, at: Timestamp) -> Result<(), Corrupt> {
        match (run.as_mut(), event) {
            (None, Event::RunOpened { run: id, tenant, principal, open, checks }) => {
                *run = Some(Self {
                    id: *id,
                    tenant: tenant.clone(),
                    principal: principal.clone(),
                    title: open.title.clone(),
                    trace_id: open.trace_id.clone(),
                    conversation: open.conversation.clone(),
                    parent: open.parent,
                    opened_at: at,
                    touched_at: at,
                    version: 1,
                    task: open.task,
                    intent: open.intent,
                    input: Flow { payload: open.input, checks: checks.clone() },
                    pins: open.pins.clone(),
                    plan: open.plan.clone(),
                    limits: open.limits.or(&limits::DEFAULT),
                    usage: Usage::default(),
                    reserved: Budget::default(),
                    claims: 0,
                    ledger: crate::ledger::Ledger::default(),
                    outcome: None,
                    branches: Vec::new(),
                    handoffs: Vec::new(),
                    interrupts: Vec::new(),
                    children: std::collections::BTreeMap::new(),
                    keys: std::collections::BTreeMap::new(),
                    happenings: crate::plan::Happenings::new(),
                    open: std::collections::BTreeSet::new(),
                    unanswered: std::collections::BTreeSet::new(),
                    visits: std::collections::BTreeMap::new(),
                });
                Ok(())
            }
            (None, _) => Err(corrupt("first event", "a log begins with `run_opened`")),
            (Some(run), event) => run.apply(event, at),
        }
    }

    /// Applies one event to an open run.
    pub fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), Corrupt> {
        match event {
            Event::RunOpened { .. } => return Err(corrupt("run_opened", "the run is open already")),
            Event::BranchOpened { branch, from } => self.apply_branch_opened(*branch, *from)?,
            Event::BranchClosed { branch, joined } => self.apply_branch_closed(*branch, *joined)?,
            Event::HandoffOffered(offered) => self.apply_offered(offered, at)?,
            Event::HandoffClaimed { handoff, by, holder, token, lease_ms, attempt, delivery } => {
                if *token != Token(self.claims + 1) {
                    return Err(corrupt("handoff_claimed", format!("token {token} does not follow on {}", self.claims)));
                }
                self.claims = token.0;
                let handoff = self.handoff_mut(*handoff, "handoff_claimed")?;
                handoff.attempts = *attempt;
                handoff.claims += 1;
                let lease = Lease { by: by.clone(), holder: holder.clone(), token: *token, since: at, length: *lease_ms };
                handoff.phase = Phase::Claimed { lease, delivery: delivery.clone() };
            }
            Event::HandoffAccepted { handoff, read_back } => {
                let handoff = self.handoff_mut(*handoff, "handoff_accepted")?;
                let Phase::Claimed { lease, delivery } = &handoff.phase else {
                    return Err(corrupt("handoff_accepted", format!("the handoff is {}", handoff.phase.name())));
                };
                handoff.phase = Phase::Accepted {
                    lease: lease.clone(),
                    delivery: delivery.clone(),
                    read_back: read_back.clone(),
                    state: WorkState::default(),
                    reported_at: None,
                };
            }
            Event::HandoffDeclined { handoff, .. } => {
                self.handoff_mut(*handoff, "handoff_declined")?;
            }
            Event::HandoffReleased { handoff } => {
                let handoff = self.handoff_mut(*handoff, "handoff_released")?;
                handoff.attempts = handoff.attempts.saturating_sub(1);
                handoff.offer_again(at);
            }
            Event::LeaseLost { handoff, .. } => {
                // What follows (another try, a question, a dead letter) is an event of its own.
                self.handoff_mut(*handoff, "lease_lost")?.offer_again(at);
            }
            Event::ProgressReported { handoff, state: new } => {
                let handoff = self.handoff_mut(*handoff, "progress_reported")?;
                let Phase::Accepted { state, reported_at, .. } = &mut handoff.phase else {
                    return Err(corrupt("progress_reported", format!("the handoff is {}", handoff.phase.name())));
                };
                *state = new.clone();
                *reported_at = Some(at);
            }
            Event::AttemptFailed { handoff, usage, .. } => {
                self.charge(*handoff, usage);
                self.handoff_mut(*handoff, "attempt_failed")?.offer_again(at);
            }
            Event::HandoffRequeued { handoff, not_before } => {
                self.handoff_mut(*handoff, "handoff_requeued")?.offer_again(*not_before);
            }
            Event::HandoffRerouted { handoff, to, .. } => {
                let handoff = self.handoff_mut(*handoff, "handoff_rerouted")?;
                let before = std::mem::replace(&mut handoff.to, to.clone());
                handoff.tried.push(before);
                handoff.attempts = 0;
                handoff.offer_again(at);
                *self.visits.entry(to.clone()).or_default() += 1;
            }
            Event::HandoffParked { handoff, awaiting, continuation } => {
                let handoff = self.handoff_mut(*handoff, "handoff_parked")?;
                handoff.continuation = continuation.or(handoff.continuation);
                // Going on after an answer is the same attempt. One that has failed or lost its lease
                // has counted already, and goes on counting.
                if *awaiting == Awaiting::Answers && handoff.phase.lease().is_some() {
                    handoff.attempts = handoff.attempts.saturating_sub(1);
                }
                handoff.phase = Phase::Waiting { awaiting: *awaiting };
            }
            Event::HandoffReturned { handoff } => {
                let handoff = self.handoff_mut(*handoff, "handoff_returned")?;
                // Working with a return is a new piece of work.
                if handoff.phase != (Phase::Waiting { awaiting: Awaiting::Answers }) {
                    handoff.attempts = 0;
                }
                handoff.offer_again(at);
            }
            Event::HandoffCompleted { .. } => self.apply_completed(event)?,
            Event::HandoffEnded { handoff, closing } => {
                self.close(*handoff, Phase::Ended { closing: closing.clone() })?;
                self.tell_waiting(*handoff, None, Some(closing));
                self.happened(*handoff, |id| Happened::Ended(id, closing.clone()));
            }
            Event::DeadLettered { handoff, closing } => {
                let handoff = self.handoff_mut(*handoff, "dead_lettered")?;
                handoff.phase = Phase::DeadLettered { closing: closing.clone() };
            }
            Event::Redriven { handoff, to, payload } => {
                let handoff = self.handoff_mut(*handoff, "redriven")?;
                handoff.to = to.clone();
                handoff.payload = *payload;
                handoff.attempts = 0;
                handoff.tried.clear();
                handoff.restart_time(at);
                handoff.offer_again(at);
            }
            Event::DivergenceNoted { handoff, .. } => {
                self.handoff_any(*handoff, "divergence_noted")?;
            }
            Event::ItemAdded { item, branch, source, content } => {
                if item.number != self.ledger.next_number() {
                    return Err(corrupt("item_added", format!("`{item}` is out of order")));
                }
                self.ledger.add(*item, content.clone(), *source, *branch);
            }
            Event::ItemEnded { item, branch, ending, .. } => self.ledger.end(*item, *branch, *ending),
            Event::InterruptRaised { interrupt, handoff, place, effect, ordinal, question, answer_by } => {
                if interrupt.number as usize != self.interrupts.len() + 1 {
                    return Err(corrupt("interrupt_raised", format!("`{interrupt}` is out of order")));
                }
                self.interrupts.push(Interrupt {
                    id: *interrupt,
                    handoff: *handoff,
                    place: place.clone(),
                    effect: effect.clone(),
                    question: question.clone(),
                    asked_at: at,
                    answer_by: *answer_by,
                    state: InterruptState::Open,
                });
                self.unanswered.insert(interrupt.number);
                if let (Some(handoff), None) = (handoff, effect) {
                    self.handoff_mut(*handoff, "interrupt_raised")?.asked.insert(*ordinal, *interrupt);
                }
                if let Some(place) = place {
                    self.happenings.insert(place.clone(), Happened::Asked(*interrupt));
                }
            }
            Event::InterruptResolved { interrupt, answer, by } => {
                let place = {
                    let known = self.interrupt_mut(*interrupt, "interrupt_resolved")?;
                    known.state = InterruptState::Resolved(answer.clone());
                    known.place.clone()
                };
                self.unanswered.remove(&interrupt.number);
                if let Some(place) = place {
                    let silent = by.is_none() && answer.choice.is_empty();
                    self.happenings.insert(place, Happened::Answered(*interrupt, (!silent).then(|| answer.choice.clone())));
                }
            }
            Event::InterruptWithdrawn { interrupt, .. } => {
                self.interrupt_mut(*interrupt, "interrupt_withdrawn")?.state = InterruptState::Withdrawn;
                self.unanswered.remove(&interrupt.number);
            }
            Event::EffectBegan { handoff, effect, token, arguments, reconcile } => {
                let journal = &mut self.handoff_mut(*handoff, "effect_began")?.effects;
                journal.insert(effect.clone(), Effect { arguments: *arguments, token: *token, reconcile: *reconcile, outcome: None });
            }
            Event::EffectSettled { handoff, effect, outcome, .. } => {
                // A person may find out only after the handoff has ended.
                let journal = &mut self.handoff_any(*handoff, "effect_settled")?.effects;
                let Some(known) = journal.get_mut(effect) else {
                    return Err(corrupt("effect_settled", format!("`{effect}` has not begun")));
                };
                known.outcome = Some(*outcome);
            }
            Event::CheckpointReached { place, check, .. } => {
                self.happenings.insert(place.clone(), Happened::Checked(check.clone()));
            }
            Event::ChildReserved { child, handoff, reserve, open } => {
                self.set_aside(*handoff, |reserved| reserved.add(reserve));
                self.children.insert(*child, Child { handoff: *handoff, reserve: *reserve, open: open.clone(), settled: false });
            }
            Event::ChildSettled { child, usage, result, error } => {
                let Some(known) = self.children.get_mut(child) else {
                    return Err(corrupt("child_settled", format!("there is no child `{child}`")));
                };
                known.settled = true;
                let (waiting, reserve) = (known.handoff, known.reserve);
                self.set_aside(waiting, |reserved| reserved.release(&reserve));
                self.charge(waiting, usage);
                let closing = error.clone().map(Closing::Failed);
                // Whoever waited may have been cancelled meanwhile; the budget is settled all the same.
                if let Ok(waiting) = self.handoff_mut(waiting, "child_settled") {
                    waiting.returned.push(Returned { from: Awaiting::Run(*child), result: *result, closing });
                }
            }
            Event::PinsChanged { pins } => self.pins = pins.clone(),
            Event::RunClosed { outcome, .. } => self.outcome = Some(outcome.clone()),
        }
        self.version += 1;
        self.touched_at = at;
        Ok(())
    }

    fn apply_branch_opened(&mut self, branch: BranchId, from: Option<BranchId>) -> Result<(), Corrupt> {
        if branch.number as usize != self.branches.len() + 1 {
            return Err(corrupt("branch_opened", format!("`{branch}` is out of order")));
        }
        self.branches.push(Branch { id: branch, from, owner: None, closed: false, joined: false });
        Ok(())
    }

    fn apply_branch_closed(&mut self, branch: BranchId, joined: bool) -> Result<(), Corrupt> {
        let Some(known) = self.branch_mut(branch) else {
            return Err(corrupt("branch_closed", format!("there is no branch `{branch}`")));
        };
        known.closed = true;
        known.joined = joined;
        known.owner = None;
        self.join(branch);
        Ok(())
    }

    /// What a branch settled counts for the one above, and further up through branches that had
    /// joined before this one.
    fn join(&mut self, branch: BranchId) {
        let mut at = branch;
        while let Some(Branch { joined: true, from: Some(above), .. }) = self.branch(at) {
            let above = *above;
            self.ledger.join(at, above);
            at = above;
        }
    }

    fn apply_offered(&mut self, offered: &Offered, at: Timestamp) -> Result<(), Corrupt> {
        if offered.handoff.number as usize != self.handoffs.len() + 1 {
            return Err(corrupt("handoff_offered", format!("`{}` is out of order", offered.handoff)));
        }
        let Some(branch) = self.branch_mut(offered.branch) else {
            return Err(corrupt("handoff_offered", format!("there is no branch `{}`", offered.branch)));
        };
        branch.owner = Some(offered.handoff);
        *self.visits.entry(offered.to.clone()).or_default() += 1;
        if let (Some(from), Some(ordinal)) = (offered.from, offered.ordinal) {
            self.handoff_mut(from, "handoff_offered")?.spawned.insert(ordinal, offered.handoff);
        }
        if let Some(place) = &offered.place {
            self.happenings.insert(place.clone(), Happened::Open(offered.handoff));
        }
        // A transfer takes the sender's place in front of whoever waits for it.
        if let (Mode::Transfer, Some(from)) = (offered.mode, offered.from)
            && let Some(waiting) = self.waiting_for(from).map(|waiting| waiting.id)
        {
            self.handoff_mut(waiting, "handoff_offered")?.phase = Phase::Waiting { awaiting: Awaiting::Handoff(offered.handoff) };
        }
        self.open.insert(offered.handoff.number);
        self.handoffs.push(Handoff::offered(offered, at, self.ledger.len()));
        Ok(())
    }

    fn apply_completed(&mut self, event: &Event) -> Result<(), Corrupt> {
        let Event::HandoffCompleted { handoff, result, checks, usage, verdict, .. } = event else { return Ok(()) };
        self.charge(*handoff, usage);
        let known = self.handoff_mut(*handoff, "handoff_completed")?;
        let Some(token) = known.phase.lease().map(|lease| lease.token) else {
            return Err(corrupt("handoff_completed", format!("the handoff is {}", known.phase.name())));
        };
        self.close(*handoff, Phase::Completed { result: *result, token })?;
        self.tell_waiting(*handoff, Some(*result), None);
        let flow = Flow { payload: *result, checks: checks.clone() };
        self.happened(*handoff, |id| Happened::Result { handoff: id, flow, verdict: verdict.clone() });
        Ok(())
    }

    /// Ends a handoff; its branch has no owner until somebody is offered the work.
    fn close(&mut self, id: HandoffId, phase: Phase) -> Result<(), Corrupt> {
        let handoff = self.handoff_mut(id, "the end of a handoff")?;
        handoff.phase = phase;
        handoff.shrink();
        let branch = handoff.branch;
        self.open.remove(&id.number);
        if let Some(branch) = self.branch_mut(branch)
            && branch.owner == Some(id)
        {
            branch.owner = None;
        }
        Ok(())
    }

    /// A handoff that was delegated leaves its outcome with the one that waits, which owns the branch again.
    fn tell_waiting(&mut self, id: HandoffId, result: Option<crate::blob::BlobRef>, closing: Option<&Closing>) {
        let Some((waiting, branch)) = self.waiting_for(id).map(|waiting| (waiting.id, waiting.branch)) else { return };
        if let Ok(waiting) = self.handoff_mut(waiting, "a return") {
            waiting.returned.push(Returned { from: Awaiting::Handoff(id), result, closing: closing.cloned() });
        }
        if let Some(branch) = self.branch_mut(branch) {
            branch.owner = Some(waiting);
        }
    }

    /// The handoff that waits for this one.
    pub(super) fn waiting_for(&self, id: HandoffId) -> Option<&Handoff> {
        self.open_handoffs().find(|waiting| matches!(waiting.phase, Phase::Waiting { awaiting: Awaiting::Handoff(child) } if child == id))
    }

    fn happened(&mut self, id: HandoffId, what: impl FnOnce(HandoffId) -> Happened) {
        let Some(place) = self.handoff(id).and_then(|handoff| handoff.place.clone()) else { return };
        // A transfer has given the place to the next one already.
        if self.happenings.get(&place) == Some(&Happened::Open(id)) {
            self.happenings.insert(place, what(id));
        }
    }

    /// A child's usage is charged to everything above it (law 9).
    fn charge(&mut self, id: HandoffId, usage: &Usage) {
        if usage.is_zero() {
            return;
        }
        self.usage.add(usage);
        self.upwards(id, |handoff| handoff.usage.add(usage));
    }

    /// So is what is set aside for a child run.
    fn set_aside(&mut self, id: HandoffId, change: impl Fn(&mut Budget)) {
        change(&mut self.reserved);
        self.upwards(id, |handoff| change(&mut handoff.reserved));
    }

    /// A handoff and everything above it.
    fn upwards(&mut self, id: HandoffId, change: impl Fn(&mut Handoff)) {
        let mut at = Some(id);
        while let Some(handoff) = at.and_then(|id| self.handoffs.get_mut((id.number as usize).checked_sub(1)?)) {
            change(handoff);
            at = handoff.from;
        }
    }

    /// A handoff that is not over.
    fn handoff_mut(&mut self, id: HandoffId, event: &'static str) -> Result<&mut Handoff, Corrupt> {
        let handoff = self.handoff_any(id, event)?;
        if handoff.phase.is_over() {
            return Err(corrupt(event, format!("`{id}` is {}", handoff.phase.name())));
        }
        Ok(handoff)
    }

    fn handoff_any(&mut self, id: HandoffId, event: &'static str) -> Result<&mut Handoff, Corrupt> {
        (id.number as usize)
            .checked_sub(1)
            .and_then(|index| self.handoffs.get_mut(index))
            .filter(|handoff| handoff.id == id)
            .ok_or_else(|| corrupt(event, format!("there is no handoff `{id}`")))
    }

    fn branch_mut(&mut self, id: BranchId) -> Option<&mut Branch> {
        self.branches.get_mut((id.number as usize).checked_sub(1)?)
    }

    fn interrupt_mut(&mut self, id: crate::id::InterruptId, event: &'static str) -> Result<&mut Interrupt, Corrupt> {
        (id.number as usize)
            .checked_sub(1)
            .and_then(|index| self.interrupts.get_mut(index))
            .filter(|interrupt| interrupt.id == id)
            .ok_or_else(|| corrupt(event, format!("there is no interrupt `{id}`")))
    }
}
