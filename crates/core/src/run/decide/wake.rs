//! Time has passed: leases that ran out, deadlines, silence.

use super::Draft;
use crate::command::Answer;
use crate::event::{Awaiting, Closing, Event, RunOutcome};
use crate::handoff::{Handoff, Phase};
use crate::run::{Interrupt, Reply};
use crate::time::Millis;

impl Draft<'_> {
    /// Looks at everything that is open. Waking a run for nothing is harmless.
    pub(super) fn wake(&mut self) -> Reply {
        if self.run.outcome.is_some() {
            return Reply::Done;
        }
        let now = self.world.now;
        if let Some(time) = self.run.limits.time_ms.map(Millis)
            && self.run.opened_at + time <= now
        {
            let reason = format!("the run's time limit of {time} is used up");
            self.stop_run(&Closing::Cancelled(reason.clone()), RunOutcome::Failed { reason });
            return Reply::Done;
        }
        let run = self.run;
        for handoff in run.open_handoffs() {
            self.wake_handoff(handoff);
        }
        for interrupt in run.unanswered() {
            if interrupt.answer_by.is_some_and(|by| by <= now) {
                self.silence(interrupt);
            }
        }
        Reply::Done
    }

    fn wake_handoff(&mut self, handoff: &Handoff) {
        let now = self.world.now;
        let overdue = handoff.finish_by.is_some_and(|by| by <= now);
        match &handoff.phase {
            Phase::DeadLettered { .. } | Phase::Completed { .. } | Phase::Ended { .. } => {}
            // Something above it has just ended it.
            _ if self.moved.contains(&handoff.id) => {}
            _ if overdue => self.expire(handoff, Closing::Overdue),
            Phase::Offered { .. } if handoff.answer_by.is_some_and(|by| by <= now) => self.expire(handoff, Closing::Unanswered),
            Phase::Claimed { lease, .. } | Phase::Accepted { lease, .. } => {
                if lease.expires(self.world.beats.get(&handoff.id).copied()) <= now {
                    self.lease_lost(handoff, lease.token, format!("`{}` was not heard of for {}", lease.by, lease.length));
                }
            }
            Phase::Offered { .. } | Phase::Waiting { .. } => {}
        }
    }

    /// A deadline has passed. What was delegated from there is stopped with it.
    fn expire(&mut self, handoff: &Handoff, closing: Closing) {
        let mut below = Vec::new();
        let mut at = handoff;
        while let Phase::Waiting { awaiting: Awaiting::Handoff(child) } = at.phase
            && let Some(child) = self.run.handoff(child)
        {
            below.push(child);
            at = child;
        }
        for child in below.into_iter().rev().filter(|child| !child.phase.is_over()) {
            self.end(child, Closing::Cancelled("the sender's deadline has passed".to_owned()));
        }
        self.give_up(handoff, closing);
    }

    /// Nobody answered in time.
    fn silence(&mut self, interrupt: &Interrupt) {
        match (&interrupt.question.on_silence, interrupt.handoff.and_then(|id| self.run.handoff(id))) {
            (_, Some(handoff)) if self.moved.contains(&handoff.id) => {}
            (Some(choice), _) => self.settle(interrupt, Answer { choice: choice.clone(), text: None }, None),
            (None, Some(handoff)) => self.expire(handoff, Closing::Unresolved(interrupt.id)),
            (None, None) => {
                let silence = Answer { choice: String::new(), text: None };
                self.events.push(Event::InterruptResolved { interrupt: interrupt.id, answer: silence, by: None });
            }
        }
    }
}
