//! The situations that a series of seeds must have reached while faults were on.
//!
//! A simulation that never gets into trouble proves nothing: whoever changes the world and loses one
//! of these is told so by name.

use std::collections::BTreeMap;

use handclasp_core::Reply;
use handclasp_core::command::{Command, EffectOutcome, HAPPENED, Verdict};
use handclasp_core::event::{Awaiting, Closing, Event, RunOutcome};
use handclasp_core::offer::{Kind, Mode};
use handclasp_core::refusal::Refusal;

/// Every situation, by name.
pub const SITUATIONS: &[&str] = &[
    "a handoff is completed",
    "a handoff is handed on in the commit of its result",
    "a transfer takes the place of what somebody waits for",
    "a claim accepts in the same commit",
    "a declined handoff goes to the fallback",
    "a declined transfer goes back to its sender",
    "an attempt fails and is repeated",
    "a failure is final",
    "a lease is lost by silence",
    "a lease is lost by word of another",
    "a handoff is given back",
    "a handoff becomes a dead letter",
    "what cannot be handed on is kept as a dead letter",
    "a dead letter is redriven",
    "a handoff is cancelled",
    "nobody claims in time",
    "a handoff is overdue",
    "nobody answers in time",
    "silence is taken for an answer",
    "work is delegated and comes back",
    "work is spawned",
    "a branch joins",
    "a branch ends without joining",
    "a child run is opened and settled",
    "a child run fails its parent's handoff",
    "a question is asked and the asker waits",
    "a question is answered",
    "a question is withdrawn",
    "an answer differs and the first is kept",
    "a critic wants another round",
    "work is sent back to an earlier step",
    "a checkpoint finds a broken contract",
    "a person approves",
    "a person rejects",
    "an effect happens",
    "an effect does not happen",
    "a person says what became of an effect",
    "an agent finds out what became of an effect",
    "a later attempt learns that the effect has happened",
    "an item is discharged",
    "an item is dropped",
    "an item is withheld by role",
    "a run completes",
    "a run completes with its best version",
    "a run fails",
    "a run is cancelled",
    "a run ends with items unseen",
    "HC-002 unknown handoff",
    "HC-003 not yours",
    "HC-004 wrong phase",
    "HC-005 run closed",
    "HC-006 key reused",
    "HC-008 contract broken",
    "HC-012 stale lease",
    "HC-013 read-back gap",
    "HC-016 limit reached",
    "HC-017 circle",
    "answer to something else than what was shown",
    "answer that is no choice",
    "effect unknown",
    "effect in flight",
    "agent at capacity",
    "claimed too early",
    "open questions",
    "a crash loses commits under way",
    "a crash keeps commits that nobody heard of",
    "a recovery fails and is repeated",
    "a recovery gives back what the engine's own agents held",
    "a worker goes on after the engine's crash",
    "the store does not answer and has written",
    "the store does not answer and has not written",
    "the store is full",
    "a rival was faster",
    "several appends of one run under way",
    "an answer is lost and the repeated command gets it again",
    "a command arrives twice and gets one answer",
    "a command arrives once more, late",
    "a caller leaves while its command is under way",
    "an agent dies",
    "a heartbeat keeps a lease",
    "the clock jumps ahead",
    "the clock is set back",
    "a go-ahead comes too late",
];

/// How often each situation was reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    pub(crate) fn reach(&mut self, situation: &'static str) {
        debug_assert!(SITUATIONS.contains(&situation), "`{situation}` is not in the list");
        *self.0.entry(situation).or_default() += 1;
    }

    /// Adds what another world has reached.
    pub fn add(&mut self, other: &Self) {
        for (situation, times) in &other.0 {
            *self.0.entry(situation).or_default() += times;
        }
    }

    /// How often a situation was reached.
    pub fn times(&self, situation: &str) -> u64 {
        self.0.get(situation).copied().unwrap_or(0)
    }

    /// The situations that were not reached.
    pub fn missing(&self) -> Vec<&'static str> {
        SITUATIONS.iter().filter(|situation| self.times(situation) == 0).copied().collect()
    }

    /// Takes down the situations that a commit shows.
    pub(crate) fn commit(&mut self, events: &[Event]) {
        let found_out = events.iter().any(|event| matches!(event, Event::EffectSettled { reconciled: true, .. }))
            && !events.iter().any(|event| matches!(event, Event::InterruptResolved { .. }));
        if found_out {
            self.reach("an agent finds out what became of an effect");
        }
        let accepts = events.iter().any(|event| matches!(event, Event::HandoffClaimed { .. }))
            && events.iter().any(|event| matches!(event, Event::HandoffAccepted { .. }));
        if accepts {
            self.reach("a claim accepts in the same commit");
        }
        let completes = events.iter().any(|event| matches!(event, Event::HandoffCompleted { .. }));
        for event in events {
            if let Some(situation) = situation(event, completes) {
                self.reach(situation);
            }
            if let Event::RunClosed { open_items, .. } = event
                && !open_items.is_empty()
            {
                self.reach("a run ends with items unseen");
            }
        }
    }

    /// Takes down the situation that a refusal shows.
    pub(crate) fn refusal(&mut self, refusal: &Refusal) {
        let situation = match refusal {
            Refusal::UnknownHandoff(_) => "HC-002 unknown handoff",
            Refusal::NotYours { .. } => "HC-003 not yours",
            Refusal::WrongPhase { .. } => "HC-004 wrong phase",
            Refusal::RunClosed => "HC-005 run closed",
            Refusal::KeyReused { .. } => "HC-006 key reused",
            Refusal::ContractBroken { .. } => "HC-008 contract broken",
            Refusal::StaleLease { .. } => "HC-012 stale lease",
            Refusal::ReadBackGap(_) => "HC-013 read-back gap",
            Refusal::LimitReached { .. } => "HC-016 limit reached",
            Refusal::PingPong(_) => "HC-017 circle",
            Refusal::ShownOther { .. } => "answer to something else than what was shown",
            Refusal::NotAnOption { .. } => "answer that is no choice",
            Refusal::EffectUnknown(_) => "effect unknown",
            Refusal::EffectInFlight(_) => "effect in flight",
            Refusal::AtCapacity { .. } => "agent at capacity",
            Refusal::TooEarly { .. } => "claimed too early",
            Refusal::OpenQuestions => "open questions",
            _ => return,
        };
        self.reach(situation);
    }

    /// Takes down the situation that a reply shows.
    pub(crate) fn reply(&mut self, command: &Command, reply: &Reply) {
        if let (Command::EffectBegin { .. }, Reply::EffectKnown { outcome: EffectOutcome::Happened(_), .. }) = (command, reply) {
            self.reach("a later attempt learns that the effect has happened");
        }
    }
}

fn situation(event: &Event, completes: bool) -> Option<&'static str> {
    Some(match event {
        Event::HandoffCompleted { verdict: Some(Verdict::Revise { .. }), .. } => "a critic wants another round",
        Event::HandoffCompleted { verdict: Some(Verdict::SendBack { .. }), .. } => "work is sent back to an earlier step",
        Event::HandoffCompleted { .. } => "a handoff is completed",
        Event::HandoffOffered(offered) => match (offered.mode, offered.kind) {
            (Mode::Transfer, Kind::Return) if offered.sender.is_some() => "a declined transfer goes back to its sender",
            (Mode::Transfer, _) if offered.from.is_some() && completes => "a handoff is handed on in the commit of its result",
            (Mode::Spawn, _) => "work is spawned",
            _ => return None,
        },
        Event::HandoffClaimed { delivery, .. } if !delivery.withheld.is_empty() => "an item is withheld by role",
        Event::HandoffRerouted { why: Closing::Declined(_), .. } => "a declined handoff goes to the fallback",
        Event::HandoffRerouted { why, .. } | Event::DeadLettered { closing: why, .. } | Event::HandoffEnded { closing: why, .. } => {
            closing(why, matches!(event, Event::DeadLettered { .. }))?
        }
        Event::HandoffRequeued { .. } => "an attempt fails and is repeated",
        Event::AttemptFailed { error, .. } if !error.retryable => "a failure is final",
        Event::LeaseLost { reason, .. } if reason == crate::actors::KNOWN_TO_BE_GONE => "a lease is lost by word of another",
        Event::LeaseLost { .. } => "a lease is lost by silence",
        Event::HandoffReleased { .. } => "a handoff is given back",
        Event::HandoffParked { awaiting: Awaiting::Answers, .. } => "a question is asked and the asker waits",
        Event::HandoffReturned { .. } => "work is delegated and comes back",
        Event::Redriven { .. } => "a dead letter is redriven",
        Event::DivergenceNoted { .. } => "an answer differs and the first is kept",
        Event::BranchClosed { joined: true, .. } => "a branch joins",
        Event::BranchClosed { joined: false, .. } => "a branch ends without joining",
        Event::ChildSettled { error: Some(_), .. } => "a child run fails its parent's handoff",
        Event::ChildSettled { .. } => "a child run is opened and settled",
        Event::InterruptResolved { by: None, .. } => "silence is taken for an answer",
        Event::InterruptResolved { answer, .. } => match answer.choice.as_str() {
            handclasp_core::plan::APPROVED => "a person approves",
            handclasp_core::plan::REJECTED => "a person rejects",
            HAPPENED | handclasp_core::command::DID_NOT_HAPPEN => "a person says what became of an effect",
            _ => "a question is answered",
        },
        Event::InterruptWithdrawn { .. } => "a question is withdrawn",
        Event::CheckpointReached { check, .. } if !check.violations.is_empty() => "a checkpoint finds a broken contract",
        Event::EffectSettled { outcome: EffectOutcome::Happened(_), reconciled: false, .. } => "an effect happens",
        Event::EffectSettled { outcome: EffectOutcome::DidNotHappen, reconciled: false, .. } => "an effect does not happen",
        Event::ItemEnded { ending: handclasp_core::ledger::Ending::Discharged, .. } => "an item is discharged",
        Event::ItemEnded { .. } => "an item is dropped",
        Event::RunClosed { outcome: RunOutcome::Completed { approved: true, .. }, .. } => "a run completes",
        Event::RunClosed { outcome: RunOutcome::Completed { approved: false, .. }, .. } => "a run completes with its best version",
        Event::RunClosed { outcome: RunOutcome::Failed { .. }, .. } => "a run fails",
        Event::RunClosed { outcome: RunOutcome::Cancelled { .. }, .. } => "a run is cancelled",
        _ => return None,
    })
}

fn closing(why: &Closing, dead: bool) -> Option<&'static str> {
    Some(match why {
        Closing::Unanswered => "nobody claims in time",
        Closing::Overdue => "a handoff is overdue",
        Closing::Unresolved(_) => "nobody answers in time",
        Closing::NotOffered { .. } => "what cannot be handed on is kept as a dead letter",
        Closing::Cancelled(_) => "a handoff is cancelled",
        _ if dead => "a handoff becomes a dead letter",
        _ => return None,
    })
}
