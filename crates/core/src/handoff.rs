//! One handoff as the rules see it: each phase carries what is true in that phase.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;
use crate::command::{EffectId, EffectOutcome, ReadBack, Reconciler, WorkState};
use crate::contract::ContractId;
use crate::event::{Awaiting, Closing, Offered};
use crate::id::{AgentName, BranchId, HandoffId, InterruptId, Token};
use crate::ledger::Delivery;
use crate::limits::{Budget, Limits, Usage};
use crate::offer::{Kind, Mode, Reason, Terms};
use crate::plan::Place;
use crate::time::{Millis, Timestamp};

/// The right to work on a handoff, for as long as signs of life come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it.
    pub by: AgentName,
    /// The process or connection.
    pub holder: String,
    /// The fencing token.
    pub token: Token,
    /// When it was taken.
    pub since: Timestamp,
    /// How long it lasts without a heartbeat.
    pub length: Millis,
}

impl Lease {
    /// When it runs out, given the last heartbeat.
    pub fn expires(&self, last_beat: Option<Timestamp>) -> Timestamp {
        last_beat.map_or(self.since, |beat| beat.max(self.since)) + self.length
    }
}

/// Where in its life a handoff is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a phase lives inside its handoff and is not collected by itself")]
pub enum Phase {
    /// Waiting for its receiver. The run holds the baton.
    Offered {
        /// Not before this: the wait between two attempts.
        not_before: Timestamp,
    },
    /// Taken, not yet accepted.
    Claimed {
        /// By whom.
        lease: Lease,
        /// What of the ledger it was given.
        delivery: Delivery,
    },
    /// Under way.
    Accepted {
        /// By whom.
        lease: Lease,
        /// What it was given.
        delivery: Delivery,
        /// What it understood.
        read_back: ReadBack,
        /// How it stands.
        state: WorkState,
        /// When that was reported; nothing before the first report.
        reported_at: Option<Timestamp>,
    },
    /// Parked without a lease until what it waits for is there.
    Waiting {
        /// For what.
        awaiting: Awaiting,
    },
    /// Over without a result; a person must look.
    DeadLettered {
        /// How it got here.
        closing: Closing,
    },
    /// Over with a result.
    Completed {
        /// The result.
        result: BlobRef,
        /// The token under which it was given: a repeated answer is recognised by it.
        token: Token,
    },
    /// Over without a result, and whoever waited knows.
    Ended {
        /// How.
        closing: Closing,
    },
}

impl Phase {
    /// The phase as an adjective.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Offered { .. } => "offered",
            Self::Claimed { .. } => "claimed",
            Self::Accepted { .. } => "accepted",
            Self::Waiting { .. } => "waiting",
            Self::DeadLettered { .. } => "dead-lettered",
            Self::Completed { .. } => "completed",
            Self::Ended { closing: Closing::Cancelled(_) } => "cancelled",
            Self::Ended { closing: Closing::Declined(_) } => "declined",
            Self::Ended { closing: Closing::Unanswered | Closing::Overdue | Closing::Unresolved(_) } => "expired",
            Self::Ended { .. } => "failed",
        }
    }

    /// The lease, in the phases that have one.
    pub fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Claimed { lease, .. } | Self::Accepted { lease, .. } => Some(lease),
            _ => None,
        }
    }

    /// What of the ledger its holder was given, in the phases that have one.
    pub fn delivery(&self) -> Option<&Delivery> {
        match self {
            Self::Claimed { delivery, .. } | Self::Accepted { delivery, .. } => Some(delivery),
            _ => None,
        }
    }

    /// True when nothing can happen to it any more.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Ended { .. })
    }
}

/// How an effect stands. All attempts of a handoff share the journal (law 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// What it was called with.
    pub arguments: BlobRef,
    /// Under which claim it began.
    pub token: Token,
    /// Who finds out after a crash.
    pub reconcile: Reconciler,
    /// What became of it; nothing while it runs, or when nobody knows.
    pub outcome: Option<EffectOutcome>,
}

/// What came back to a handoff that had delegated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// What it had handed out.
    pub from: Awaiting,
    /// The result.
    pub result: Option<BlobRef>,
    /// Why there is none.
    pub closing: Option<Closing>,
}

/// One handoff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// Its id.
    pub id: HandoffId,
    /// In which branch.
    pub branch: BranchId,
    /// The handoff whose holder sent it; none for the principal or the plan.
    pub from: Option<HandoffId>,
    /// The agent that sent it.
    pub sender: Option<AgentName>,
    /// What becomes of the sender.
    pub mode: Mode,
    /// Who gets it now; a fallback may have taken the first one's place.
    pub to: AgentName,
    /// What sort of handoff.
    pub kind: Kind,
    /// Why the work moves.
    pub reason: Reason,
    /// What the payload is.
    pub contract: Option<ContractId>,
    /// What the result must be.
    pub returns: Option<ContractId>,
    /// The work itself.
    pub payload: BlobRef,
    /// The conditions.
    pub terms: Box<Terms>,
    /// The bounds on it and everything below it.
    pub limits: Limits,
    /// Delegations above it.
    pub depth: u32,
    /// Where in the plan.
    pub place: Option<Place>,
    /// When it was offered first.
    pub offered_at: Timestamp,
    /// It expires if nobody has claimed it by then.
    pub answer_by: Option<Timestamp>,
    /// It expires if it is not finished by then.
    pub finish_by: Option<Timestamp>,
    /// How many items the ledger had when it was offered.
    pub items_before: usize,
    /// Attempts so far that count.
    pub attempts: u32,
    /// Claims so far, whether they count as attempts or not.
    pub claims: u64,
    /// Receivers that it was taken away from.
    pub tried: Vec<AgentName>,
    /// What it and everything below it has spent.
    pub usage: Usage,
    /// What is set aside for child runs, here and below.
    pub reserved: Budget,
    /// Effects, shared by all attempts.
    #[serde(with = "journal")]
    pub effects: BTreeMap<EffectId, Effect>,
    /// What it spawned, by ordinal.
    pub spawned: BTreeMap<u32, HandoffId>,
    /// What it asked, by ordinal.
    pub asked: BTreeMap<u32, InterruptId>,
    /// What it needs to go on after a wait.
    pub continuation: Option<BlobRef>,
    /// What came back from what it delegated, oldest first.
    pub returned: Vec<Returned>,
    /// Where in its life it is.
    pub phase: Phase,
}

impl Handoff {
    /// A handoff that was just offered.
    pub(crate) fn offered(offered: &Offered, now: Timestamp, items_before: usize) -> Self {
        Self {
            id: offered.handoff,
            branch: offered.branch,
            from: offered.from,
            sender: offered.sender.clone(),
            mode: offered.mode,
            to: offered.to.clone(),
            kind: offered.kind,
            reason: offered.reason.clone(),
            contract: offered.contract.clone(),
            returns: offered.returns.clone(),
            payload: offered.payload,
            terms: Box::new(offered.terms.clone()),
            limits: offered.limits,
            depth: offered.depth,
            place: offered.place.clone(),
            offered_at: now,
            answer_by: offered.answer_by,
            finish_by: offered.finish_by,
            items_before,
            attempts: 0,
            claims: 0,
            tried: Vec::new(),
            usage: Usage::default(),
            reserved: Budget::default(),
            effects: BTreeMap::new(),
            spawned: BTreeMap::new(),
            asked: BTreeMap::new(),
            continuation: None,
            returned: Vec::new(),
            phase: Phase::Offered { not_before: now },
        }
    }

    /// It can be claimed from `from` on, and its receiver has as long to answer as at the first time.
    pub(crate) fn offer_again(&mut self, from: Timestamp) {
        self.answer_by = self.terms.answer_within_ms.map(|within| from + within);
        self.phase = Phase::Offered { not_before: from };
    }

    /// Somebody decided to try once more, so its own time starts again; the run's does not.
    pub(crate) fn restart_time(&mut self, from: Timestamp) {
        let own = [self.terms.finish_within_ms, self.limits.time_ms.map(Millis)];
        self.finish_by = own.into_iter().flatten().min().map(|within| from + within);
    }

    /// Closed handoffs shrink to outcome and references: a run of a thousand hops stays small.
    pub(crate) fn shrink(&mut self) {
        *self.terms = Terms::default();
        self.effects.retain(|_, effect| effect.outcome.is_none());
        self.returned = Vec::new();
        self.continuation = None;
    }

    /// The effects that began under an earlier claim and have no outcome.
    pub fn unknown_effects(&self) -> impl Iterator<Item = (&EffectId, &Effect)> {
        let current = self.phase.lease().map(|lease| lease.token);
        self.effects.iter().filter(move |(_, effect)| effect.outcome.is_none() && Some(effect.token) != current)
    }
}

/// The journal of effects as a list: a JSON object has no room for keys of two parts.
mod journal {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{BTreeMap, Effect, EffectId};

    pub(super) fn serialize<S: Serializer>(effects: &BTreeMap<EffectId, Effect>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(effects)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<EffectId, Effect>, D::Error> {
        Ok(Vec::<(EffectId, Effect)>::deserialize(from)?.into_iter().collect())
    }
}
