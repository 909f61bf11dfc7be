//! Stopping: one handoff with everything below it, or the whole run.

use std::collections::BTreeSet;

use super::Draft;
use crate::event::{Closing, Event, RunOutcome};
use crate::handoff::Phase;
use crate::id::HandoffId;
use crate::refusal::Refusal;
use crate::run::{InterruptState, Reply};

impl Draft<'_> {
    /// Cancels one handoff and what came of it, or everything.
    pub(super) fn cancel(&mut self, handoff: Option<HandoffId>, reason: &str) -> Result<Reply, Refusal> {
        match handoff {
            None => self.stop_run(Closing::Cancelled(reason.to_owned()), RunOutcome::Cancelled { reason: reason.to_owned() }),
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
                let mut below = BTreeSet::from([id]);
                // A handoff is numbered after the one it came from, so one pass finds all of them.
                for handoff in &self.run.handoffs {
                    if handoff.from.is_some_and(|from| below.contains(&from)) {
                        below.insert(handoff.id);
                    }
                }
                for one in below {
                    self.end(one, &Closing::Cancelled(reason.to_owned()));
                }
                if let Some(waiting) = waiting {
                    self.events.push(Event::HandoffReturned { handoff: waiting });
                }
            }
        }
        Ok(Reply::Done)
    }

    fn end(&mut self, id: HandoffId, closing: &Closing) {
        let open = self.run.handoff(id).is_some_and(|handoff| !handoff.phase.is_over());
        if open {
            self.withdraw_all(Some(id));
            self.events.push(Event::HandoffEnded { handoff: id, closing: closing.clone() });
        }
    }

    fn withdraw_all(&mut self, handoff: Option<HandoffId>) {
        let open = self.run.interrupts.iter().filter(|interrupt| interrupt.state == InterruptState::Open && interrupt.handoff == handoff);
        for interrupt in open {
            self.events.push(Event::InterruptWithdrawn { interrupt: interrupt.id, reason: "what asked it is over".to_owned() });
        }
    }

    /// Ends everything that is open, then the run. Children are told through the outbox.
    pub(in crate::run) fn stop_run(&mut self, closing: Closing, outcome: RunOutcome) {
        let open: Vec<_> = self.run.open_handoffs().map(|handoff| handoff.id).collect();
        for id in open {
            self.end(id, &closing);
        }
        self.withdraw_all(None);
        self.close_run(outcome);
    }

    /// Ends the run and says which items nobody has seen to (law 7).
    pub(in crate::run) fn close_run(&mut self, outcome: RunOutcome) {
        let open_items = self.run.unseen_items();
        self.events.push(Event::RunClosed { outcome, open_items });
    }
}
