//! Letting a run go on by itself: branches that have ended, the plan's next steps, the end.
//!
//! Runs in the same call as the command that made it possible, so the result, the next offers and
//! everything owed are one append. Nothing here refuses: what cannot go on stops with a reason.

use super::decide::{Draft, Handing};
use super::{Outcome, Run, World};
use crate::blob::BlobRef;
use crate::command::{Asking, Question};
use crate::contract::{Check, ContractId, Violation};
use crate::event::{Closing, Event, RunOutcome};
use crate::handoff::Phase;
use crate::id::{AgentName, BranchId, ItemId};
use crate::ledger::{ItemKind, NewItem};
use crate::offer::{Kind, Mode, Offer, Reason};
use crate::plan::{Checkpoint, Flow, Next, Node, Place};

impl Run {
    /// Goes on until the plan, or the agents, must be waited for.
    pub(super) fn advance(&mut self, world: &World<'_>, outcome: &mut Outcome) {
        if !outcome.events.iter().any(moves_on) {
            return;
        }
        // The end of the run is the end of every branch, and the last thing that happens.
        if self.outcome.is_none() {
            self.close_branches(world, outcome);
        }
        let leaves = self.leaves(&outcome.events);
        // Each round makes an event, and every pattern is bounded, so this ends.
        while self.outcome.is_none() {
            let (events, blobs) = {
                let mut draft = Draft::new(self, world);
                draft.leaves.clone_from(&leaves);
                draft.next();
                (draft.events, draft.blobs)
            };
            if events.is_empty() {
                break;
            }
            outcome.blobs.0.extend(blobs.0);
            self.take(world, events, outcome);
        }
    }

    /// Who has just given a result, and so has a place again before the world knows.
    fn leaves(&self, events: &[Event]) -> Option<AgentName> {
        events.iter().find_map(|event| match event {
            Event::HandoffCompleted { handoff, .. } => self.handoff(*handoff).map(|handoff| handoff.to.clone()),
            _ => None,
        })
    }

    fn take(&mut self, world: &World<'_>, events: Vec<Event>, outcome: &mut Outcome) {
        for event in &events {
            self.apply(event, world.now).expect("what the plan decides can be applied");
        }
        outcome.events.extend(events);
    }

    /// A branch whose owner is gone, with nobody after it, has ended. What it settled counts for its
    /// parent if it ended with a result.
    fn close_branches(&mut self, world: &World<'_>, outcome: &mut Outcome) {
        let mut events = Vec::new();
        for event in &outcome.events {
            let (handoff, joined) = match event {
                Event::HandoffCompleted { handoff, .. } => (*handoff, true),
                Event::HandoffEnded { handoff, .. } => (*handoff, false),
                _ => continue,
            };
            let Some(branch) = self.handoff(handoff).and_then(|handoff| self.branch(handoff.branch)) else { continue };
            let planned = self.plan.is_some() && branch.id.number == 1;
            let closing = events.iter().any(|event| matches!(event, Event::BranchClosed { branch: id, .. } if *id == branch.id));
            if branch.owner.is_none() && !branch.closed && !planned && !closing {
                events.push(Event::BranchClosed { branch: branch.id, joined });
            }
        }
        self.take(world, events, outcome);
    }

    /// Must-carry items that nobody has seen to for the first branch; constraints are meant to stay.
    pub(super) fn unseen_items(&self) -> Vec<ItemId> {
        let Some(first) = self.branches.first() else { return Vec::new() };
        // The run ends here, and with it every branch: one that has not joined has settled nothing.
        let everywhere = self.branches.iter().map(|branch| branch.id).collect();
        self.ledger
            .open(&[first.id], &everywhere)
            .filter(|item| item.content.must_carry && item.content.kind != ItemKind::Constraint)
            .map(|item| item.id)
            .collect()
    }
}

/// Whether the plan or the end of the run can depend on an event.
fn moves_on(event: &Event) -> bool {
    matches!(
        event,
        Event::RunOpened { .. }
            | Event::HandoffCompleted { .. }
            | Event::HandoffEnded { .. }
            | Event::InterruptResolved { .. }
            | Event::CheckpointReached { .. }
            | Event::ChildSettled { .. }
    )
}

impl Draft<'_> {
    /// Decides what comes next, if anything can.
    fn next(&mut self) {
        match &self.run().plan {
            Some(plan) => {
                let next = plan.next(&self.run().input, self.run().happenings());
                self.step(next);
            }
            None => self.end_without_plan(),
        }
    }

    fn step(&mut self, next: Next<'_>) {
        let run = self.run();
        match next {
            Next::Wait => {}
            Next::Offer { place, step, payload, visit } => {
                let offer = Offer {
                    to: step.to.clone(),
                    kind: if visit == 0 { Kind::Route } else { Kind::Return },
                    reason: Reason::Plan,
                    contract: step.contract.as_ref().map(Into::into),
                    payload: payload.payload,
                    terms: step.terms.clone(),
                };
                self.hand_out_or_keep(&Handing {
                    place: Some(place),
                    checks: &payload.checks,
                    justified: true,
                    ..Handing::of(&offer, None, Mode::Transfer, first_branch(run))
                });
            }
            Next::Check { place, contract, payload } => {
                let known = payload.checks.iter().find(|check| check.contract == *contract);
                let check = known.cloned().unwrap_or_else(|| unchecked(contract));
                self.checkpoint(place, payload.payload, check);
            }
            Next::Ask { place, approve, payload } => {
                let question = Question {
                    asking: Asking::Approval,
                    shown: payload.payload,
                    options: Vec::new(),
                    within_ms: approve.within_ms,
                    on_silence: approve.on_silence.clone(),
                };
                self.raise(None, Some(place), None, 0, question);
            }
            // Work that was spawned on the way is part of the run, and so are the questions that it
            // left: the run ends when those have ended.
            Next::Done { .. } if run.open_handoffs().next().is_some() || run.unanswered().next().is_some() => {}
            Next::Done { result: Flow { payload, .. }, approved } => {
                self.close_run(RunOutcome::Completed { result: Some(payload), approved });
            }
            Next::Stop(reason) => {
                self.stop_run(&Closing::Cancelled(reason.clone()), RunOutcome::Failed { reason });
            }
        }
    }

    /// Records what a checkpoint found. If a step has to mend it, it is told what is wrong.
    fn checkpoint(&mut self, place: Place, payload: BlobRef, check: Check) {
        let sends_back =
            self.run().plan.as_ref().and_then(|plan| checkpoint_at(&plan.root, &place)).is_some_and(|node| node.send_back.is_some());
        if !check.violations.is_empty() && sends_back {
            let value = self.blobs.json(&serde_json::json!({
                "problem": format!("the result breaks `{}`", check.contract),
                "violations": check.violations,
            }));
            self.add_question(format!("checkpoint/{place}"), value);
        }
        self.events.push(Event::CheckpointReached { place, payload, check });
    }

    fn add_question(&mut self, key: String, value: BlobRef) {
        let branch = first_branch(self.run());
        let item = self.new_item();
        let content = NewItem::to_see_to(key, value);
        self.events.push(Event::ItemAdded { item, branch, source: None, content });
    }

    /// Without a plan a run ends when nobody holds anything, nothing waits and nobody is asked.
    fn end_without_plan(&mut self) {
        let run = self.run();
        if run.handoffs().is_empty() || run.open_handoffs().next().is_some() || run.unanswered().next().is_some() {
            return;
        }
        // The run's own result is that of the line of transfers that its first handoff began. What was
        // delegated on the way is numbered later, but its result went to whoever waited for it.
        let first = run.handoffs().first().map(|handoff| handoff.branch);
        let last = run.handoffs().iter().rev().find(|handoff| Some(handoff.branch) == first && handoff.depth == 0);
        let outcome = match last.map(|last| &last.phase) {
            Some(Phase::Completed { result, .. }) => RunOutcome::Completed { result: Some(*result), approved: true },
            Some(Phase::Ended { closing: Closing::Cancelled(reason) }) => RunOutcome::Cancelled { reason: reason.clone() },
            Some(Phase::Ended { closing }) => RunOutcome::Failed { reason: closing.to_string() },
            _ => RunOutcome::Completed { result: None, approved: true },
        };
        self.close_run(outcome);
    }
}

/// What was never held against a contract does not pass it.
fn unchecked(contract: &ContractId) -> Check {
    let violation = Violation {
        pointer: String::new(),
        expected: "content that was held against the contract".to_owned(),
        found: "content that was not".to_owned(),
        hint: "this is a defect of the program that sent it; report it".to_owned(),
    };
    Check { contract: contract.clone(), violations: vec![violation] }
}

fn first_branch(run: &Run) -> BranchId {
    BranchId { run: run.id, number: 1 }
}

/// The checkpoint at a place of the plan.
fn checkpoint_at<'a>(root: &'a Node, place: &Place) -> Option<&'a Checkpoint> {
    let mut node = root;
    for (child, _) in place.0.iter().skip(1) {
        let Node::Sequence(children) = node else { return None };
        node = children.get(usize::from(*child))?;
    }
    if let Node::Checkpoint(checkpoint) = node { Some(checkpoint) } else { None }
}
