//! What the world is owed, as a function of the state that was reached.
//!
//! Everything that somebody outside has to do, or may have to be woken for, has a *slot*: at most
//! one row each, put when it is owed and cleared when it is not. The rows are the queue, the leases,
//! the timers, the inbox and the dead letters at once, and all of them can be computed again from
//! the run. Nothing else says what is open.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{InterruptState, Run};
use crate::event::{Awaiting, Event};
use crate::handoff::{Handoff, Phase};
use crate::id::{AgentName, NotAnId, RunId, Token};
use crate::time::{Millis, Timestamp};

/// Names one thing that may be owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// The run's own deadline.
    Run,
    /// Delivery, lease or dead letter of a handoff.
    Handoff(u32),
    /// The deadline of a handoff.
    Deadline(u32),
    /// A question to a person.
    Interrupt(u32),
    /// The opening of a child run.
    Child(RunId),
    /// The closing, told to the run that waits.
    Parent,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("run"),
            Self::Handoff(number) => write!(f, "handoff/{number}"),
            Self::Deadline(number) => write!(f, "deadline/{number}"),
            Self::Interrupt(number) => write!(f, "interrupt/{number}"),
            Self::Child(run) => write!(f, "child/{run}"),
            Self::Parent => f.write_str("parent"),
        }
    }
}

impl FromStr for Slot {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let bad = || NotAnId { found: text.chars().take(80).collect(), expected: "a slot (`run`, `handoff/3`, …)" };
        let number = |body: &str| body.parse().map_err(|_| bad());
        match text.split_once('/') {
            None if text == "run" => Ok(Self::Run),
            None if text == "parent" => Ok(Self::Parent),
            Some(("handoff", body)) => number(body).map(Self::Handoff),
            Some(("deadline", body)) => number(body).map(Self::Deadline),
            Some(("interrupt", body)) => number(body).map(Self::Interrupt),
            Some(("child", body)) => body.parse().map(Self::Child),
            _ => Err(bad()),
        }
    }
}

/// What is owed in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Standing {
    /// Hand this to its receiver.
    Deliver {
        /// The receiver.
        to: AgentName,
        /// Not before this.
        due: Timestamp,
    },
    /// Somebody is at work; look after it when the lease has run out.
    Lease {
        /// Who.
        by: AgentName,
        /// Which process or connection.
        holder: String,
        /// Under which token.
        token: Token,
        /// When it runs out if no heartbeat comes.
        due: Timestamp,
        /// How far a heartbeat pushes that.
        length: Millis,
    },
    /// Wake the run.
    Wake {
        /// When.
        due: Timestamp,
    },
    /// A person is to answer.
    Inbox {
        /// By when, if there is a deadline.
        due: Option<Timestamp>,
    },
    /// A person is to look.
    DeadLetter,
    /// Open a child run.
    OpenChild,
    /// Stop a child run for which nobody waits any more.
    CancelChild,
    /// Tell the run that waits.
    TellParent,
}

impl Standing {
    /// The kind as it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Deliver { .. } => "deliver",
            Self::Lease { .. } => "lease",
            Self::Wake { .. } => "wake",
            Self::Inbox { .. } => "inbox",
            Self::DeadLetter => "dead_letter",
            Self::OpenChild => "open_child",
            Self::CancelChild => "cancel_child",
            Self::TellParent => "tell_parent",
        }
    }

    /// When somebody has to act; none for what only waits for a person.
    pub fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Deliver { due, .. } | Self::Lease { due, .. } | Self::Wake { due } => Some(*due),
            Self::Inbox { due } => *due,
            Self::DeadLetter => None,
            Self::OpenChild | Self::CancelChild | Self::TellParent => Some(Timestamp(0)),
        }
    }

    /// The agent it is about.
    pub fn agent(&self) -> Option<&AgentName> {
        match self {
            Self::Deliver { to, .. } => Some(to),
            Self::Lease { by, .. } => Some(by),
            _ => None,
        }
    }
}

/// A slot, and what is owed in it now; `None` clears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Which slot.
    pub slot: Slot,
    /// What is owed.
    pub standing: Option<Standing>,
}

impl Run {
    /// Everything that these events may have changed in what is owed.
    pub fn owed(&self, events: &[Event]) -> Vec<Owed> {
        let mut touched = BTreeSet::new();
        for event in events {
            if let Some(handoff) = event.handoff().filter(|_| moves(event)) {
                touched.insert(Slot::Handoff(handoff.number));
                touched.extend(self.children.iter().filter(|(_, child)| child.handoff == handoff).map(|(id, _)| Slot::Child(*id)));
                if self.handoff(handoff).is_some_and(|handoff| handoff.answer_by.or(handoff.finish_by).is_some()) {
                    touched.insert(Slot::Deadline(handoff.number));
                }
            }
            match event {
                Event::RunOpened { .. } => {
                    touched.insert(Slot::Run);
                }
                Event::InterruptRaised { interrupt, .. }
                | Event::InterruptResolved { interrupt, .. }
                | Event::InterruptWithdrawn { interrupt, .. } => {
                    touched.insert(Slot::Interrupt(interrupt.number));
                }
                Event::ChildReserved { child, .. } | Event::ChildSettled { child, .. } => {
                    touched.extend([Slot::Child(*child), Slot::Parent]);
                }
                Event::RunClosed { .. } => {
                    touched.extend([Slot::Run, Slot::Parent]);
                }
                _ => {}
            }
        }
        touched.into_iter().map(|slot| Owed { slot, standing: self.standing(slot) }).collect()
    }

    /// Everything that is owed, from nothing but the state: what a rebuild writes.
    pub fn all_owed(&self) -> Vec<Owed> {
        let mut slots = vec![Slot::Run, Slot::Parent];
        for handoff in self.open_handoffs() {
            slots.extend([Slot::Handoff(handoff.id.number), Slot::Deadline(handoff.id.number)]);
        }
        slots.extend(self.unanswered().map(|interrupt| Slot::Interrupt(interrupt.id.number)));
        slots.extend(self.children.keys().map(|child| Slot::Child(*child)));
        slots.into_iter().filter_map(|slot| self.standing(slot).map(|standing| Owed { slot, standing: Some(standing) })).collect()
    }

    /// What is owed in a slot now.
    pub fn standing(&self, slot: Slot) -> Option<Standing> {
        match slot {
            Slot::Run if self.outcome.is_some() => None,
            Slot::Run => self.limits.time_ms.map(|time| Standing::Wake { due: self.opened_at + Millis(time) }),
            // What its own children have spent is part of what it tells.
            Slot::Parent if self.children.values().any(|child| !child.settled) => None,
            Slot::Parent => (self.outcome.is_some() && self.parent.is_some()).then_some(Standing::TellParent),
            Slot::Handoff(number) => self.numbered(number).and_then(work),
            Slot::Deadline(number) => self.numbered(number).and_then(deadline),
            Slot::Interrupt(number) => {
                let interrupt = self.interrupts.get((number as usize).checked_sub(1)?)?;
                (interrupt.state == InterruptState::Open).then_some(Standing::Inbox { due: interrupt.answer_by })
            }
            Slot::Child(slot_run) => {
                let child = self.children.get(&slot_run).filter(|child| !child.settled)?;
                let awaiting = Awaiting::Run(slot_run);
                let waits = self.handoff(child.handoff).is_some_and(|handoff| handoff.phase == Phase::Waiting { awaiting });
                Some(if waits { Standing::OpenChild } else { Standing::CancelChild })
            }
        }
    }

    fn numbered(&self, number: u32) -> Option<&Handoff> {
        self.handoffs.get((number as usize).checked_sub(1)?)
    }
}

/// Whether an event about a handoff changes what is owed for it. What a holder reports on the way
/// must not touch its lease row: heartbeats have pushed that further than the log knows.
fn moves(event: &Event) -> bool {
    !matches!(
        event,
        Event::HandoffAccepted { .. }
            | Event::HandoffDeclined { .. }
            | Event::ProgressReported { .. }
            | Event::DivergenceNoted { .. }
            | Event::ItemAdded { .. }
            | Event::ItemEnded { .. }
            | Event::InterruptRaised { .. }
            | Event::EffectBegan { .. }
            | Event::EffectSettled { .. }
    )
}

fn work(handoff: &Handoff) -> Option<Standing> {
    match &handoff.phase {
        Phase::Offered { not_before } => Some(Standing::Deliver { to: handoff.to.clone(), due: *not_before }),
        Phase::Claimed { lease, .. } | Phase::Accepted { lease, .. } => Some(Standing::Lease {
            by: lease.by.clone(),
            holder: lease.holder.clone(),
            token: lease.token,
            due: lease.since + lease.length,
            length: lease.length,
        }),
        Phase::DeadLettered { .. } => Some(Standing::DeadLetter),
        Phase::Waiting { .. } | Phase::Completed { .. } | Phase::Ended { .. } => None,
    }
}

fn deadline(handoff: &Handoff) -> Option<Standing> {
    let due = match &handoff.phase {
        Phase::Offered { .. } => [handoff.answer_by, handoff.finish_by].into_iter().flatten().min(),
        Phase::Claimed { .. } | Phase::Accepted { .. } | Phase::Waiting { .. } => handoff.finish_by,
        Phase::DeadLettered { .. } | Phase::Completed { .. } | Phase::Ended { .. } => None,
    };
    due.map(|due| Standing::Wake { due })
}
