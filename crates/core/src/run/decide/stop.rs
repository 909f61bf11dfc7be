//! Stopping: one handoff with everything below it, or the whole run.

use super::Draft;
use crate::command::Asking;
use crate::event::{Closing, Event, RunOutcome};
use crate::handoff::Phase;
use crate::id::HandoffId;
use crate::refusal::Refusal;
use crate::run::Reply;

impl Draft<'_> {
    /// Cancels one handoff and what came of it, or everything.
    pub(super) fn cancel(&mut self, handoff: Option<HandoffId>, reason: &str) -> Result<Reply, Refusal> {
        match handoff {
            None => self.stop_run(&Closing::Cancelled(reason.to_owned()), RunOutcome::Cancelled { reason: reason.to_owned() }),
            Some(id) => {
                let root = self.run.find(id)?;
                match &root.phase {
                    // Cancelling twice is no news.
                    Phase::Ended { closing: Closing::Cancelled(_) } => return Ok(Reply::Done),
                    Phase::Completed { .. } | Phase::Ended { .. } => {
                        return Err(Refusal::WrongPhase { phase: root.phase.name(), asked: "cancelled" });
                    }
                    Phase::Offered { .. }
                    | Phase::Claimed { .. }
                    | Phase::Accepted { .. }
                    | Phase::Waiting { .. }
                    | Phase::DeadLettered { .. } => {}
                }
                let waiting = self.run.waiting_for(id).map(|waiting| waiting.id);
                for one in self.run.below(root).filter(|one| !one.phase.is_over()).collect::<Vec<_>>() {
                    self.end(one, Closing::Cancelled(reason.to_owned()));
                }
                if let Some(waiting) = waiting {
                    self.events.push(Event::HandoffReturned { handoff: waiting });
                }
            }
        }
        Ok(Reply::Done)
    }

    /// Ends everything that is open, then the run. Children are told through the outbox.
    pub(in crate::run) fn stop_run(&mut self, closing: &Closing, outcome: RunOutcome) {
        let run = self.run;
        for interrupt in run.unanswered() {
            let reason = match interrupt.question.asking {
                Asking::Reconciliation => "the run was stopped before anybody said whether it happened",
                Asking::Question | Asking::Approval => "the run was stopped",
            };
            self.withdraw(interrupt.id, reason);
        }
        for handoff in run.open_handoffs() {
            self.events.push(Event::HandoffEnded { handoff: handoff.id, closing: closing.clone() });
        }
        self.close_run(outcome);
    }

    /// Ends the run and says which items nobody has seen to (law 7).
    pub(in crate::run) fn close_run(&mut self, outcome: RunOutcome) {
        let open_items = self.run.unseen_items();
        self.events.push(Event::RunClosed { outcome, open_items });
    }
}
