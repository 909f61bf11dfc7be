//! What has happened: past tense, self-contained, for ever.
//!
//! Events are the only thing that is kept. Every version ever written has a golden file that must
//! still decode (`tests/golden/events`); [`crate::encoding`] converts old ones.

mod ending;
mod offered;

use serde::{Deserialize, Serialize};

pub use self::ending::{Awaiting, Closing, RunOutcome};
pub use self::offered::Offered;

use crate::blob::{BlobRef, Digest};
use crate::command::{
    AgentError, Answer, DeclaredEffect, EffectId, EffectOutcome, Open, Pins, Question, ReadBack, Reconciler, Verdict, WorkState,
};
use crate::contract::Check;
use crate::id::{AgentName, BranchId, HandoffId, InterruptId, ItemId, Principal, RunId, Tenant, Token};
use crate::ledger::{Delivery, Ending, NewItem};
use crate::limits::{Budget, Usage};
use crate::plan::Place;
use crate::time::{Millis, Timestamp};

/// What has happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The run exists.
    RunOpened {
        /// Its id.
        run: RunId,
        /// Whose it is.
        tenant: Tenant,
        /// Who opened it.
        principal: Principal,
        /// How it was opened. Items and the first offer follow as events of their own.
        open: Box<Open>,
        /// Whether the input holds the plan's contracts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<Check>,
    },
    /// A line of work exists.
    BranchOpened {
        /// Which.
        branch: BranchId,
        /// The branch it left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<BranchId>,
    },
    /// A line of work has ended.
    BranchClosed {
        /// Which.
        branch: BranchId,
        /// Whether what it settled counts for its parent.
        joined: bool,
    },
    /// Work was offered.
    HandoffOffered(Box<Offered>),
    /// Somebody took it.
    HandoffClaimed {
        /// Which handoff.
        handoff: HandoffId,
        /// Who.
        by: AgentName,
        /// The process or connection that holds the lease.
        holder: String,
        /// The new fencing token.
        token: Token,
        /// The lease runs this long without a heartbeat.
        lease_ms: Millis,
        /// The how-manieth attempt.
        attempt: u32,
        /// What of the ledger it was given, and what not.
        delivery: Delivery,
    },
    /// The receiver said what it understood, and started.
    HandoffAccepted {
        /// Which handoff.
        handoff: HandoffId,
        /// What it understood.
        read_back: ReadBack,
    },
    /// The receiver would not.
    HandoffDeclined {
        /// Which handoff.
        handoff: HandoffId,
        /// Why.
        reason: String,
    },
    /// The holder gave it back without an attempt being counted.
    HandoffReleased {
        /// Which handoff.
        handoff: HandoffId,
    },
    /// The holder was not heard of for longer than its lease.
    LeaseLost {
        /// Which handoff.
        handoff: HandoffId,
        /// The token that is worth nothing from now on.
        token: Token,
        /// The last sign of life, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_beat: Option<Timestamp>,
        /// How it is known.
        reason: String,
    },
    /// The state of the work changed.
    ProgressReported {
        /// Which handoff.
        handoff: HandoffId,
        /// How it stands.
        state: WorkState,
    },
    /// An attempt failed.
    AttemptFailed {
        /// Which handoff.
        handoff: HandoffId,
        /// The how-manieth attempt.
        attempt: u32,
        /// What went wrong.
        error: AgentError,
        /// What it spent.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
    },
    /// It is offered once more, to the same receiver.
    HandoffRequeued {
        /// Which handoff.
        handoff: HandoffId,
        /// Not before this.
        not_before: Timestamp,
    },
    /// It is offered to another receiver, on the same terms.
    HandoffRerouted {
        /// Which handoff.
        handoff: HandoffId,
        /// To whom.
        to: AgentName,
        /// Why not to the one before.
        why: Closing,
    },
    /// The holder waits for others, without a lease.
    HandoffParked {
        /// Which handoff.
        handoff: HandoffId,
        /// What it waits for.
        awaiting: Awaiting,
        /// What it needs to go on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continuation: Option<BlobRef>,
    },
    /// What a parked handoff waited for is there; it can be claimed again.
    HandoffReturned {
        /// Which handoff.
        handoff: HandoffId,
    },
    /// It is done.
    HandoffCompleted {
        /// Which handoff.
        handoff: HandoffId,
        /// The result.
        result: BlobRef,
        /// Whether the result holds the contracts that the plan needs next.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<Check>,
        /// The side effects that it declares.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effects: Option<Vec<DeclaredEffect>>,
        /// What was spent.
        #[serde(default, skip_serializing_if = "Usage::is_zero")]
        usage: Usage,
        /// Model and prompt versions, tool calls, alternatives considered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provenance: Option<BlobRef>,
        /// How sure the agent is, in percent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confidence: Option<u8>,
        /// A judgment on the work it got.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
    },
    /// It is over without a result, and somebody who waits for it decides what to do.
    HandoffEnded {
        /// Which handoff.
        handoff: HandoffId,
        /// How it ended.
        closing: Closing,
    },
    /// It is over without a result and nobody is left to decide: a person must look.
    DeadLettered {
        /// Which handoff.
        handoff: HandoffId,
        /// How it got here.
        closing: Closing,
    },
    /// A dead letter was sent once more.
    Redriven {
        /// Which handoff.
        handoff: HandoffId,
        /// To whom.
        to: AgentName,
        /// With which payload.
        payload: BlobRef,
    },
    /// An answer differs from the one that was kept. The first one counts.
    DivergenceNoted {
        /// Which handoff.
        handoff: HandoffId,
        /// What was done twice, such as `complete` or `effect refund#0`.
        what: String,
        /// What the first one was.
        kept: Digest,
        /// What the later one was.
        ignored: Digest,
    },
    /// Something was added to the ledger.
    ItemAdded {
        /// Its id.
        item: ItemId,
        /// In which branch.
        branch: BranchId,
        /// By which handoff; none for the run's opening.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<HandoffId>,
        /// What it says.
        content: NewItem,
    },
    /// An item needs no carrying any more in a branch.
    ItemEnded {
        /// Which item.
        item: ItemId,
        /// In which branch.
        branch: BranchId,
        /// How.
        ending: Ending,
        /// By which handoff.
        source: HandoffId,
        /// Why.
        why: String,
    },
    /// A person is asked.
    InterruptRaised {
        /// Its id.
        interrupt: InterruptId,
        /// Which handoff asks; none for a step of the plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handoff: Option<HandoffId>,
        /// Where in the plan, for a step of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
        /// The effect in question, for a reconciliation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<EffectId>,
        /// The how-manieth question of the handoff.
        ordinal: u32,
        /// What is asked.
        question: Question,
        /// By when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer_by: Option<Timestamp>,
    },
    /// A person has answered, or silence was taken for an answer.
    InterruptResolved {
        /// Which interrupt.
        interrupt: InterruptId,
        /// The answer.
        answer: Answer,
        /// Who answered; none for silence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Principal>,
    },
    /// A question is of no interest any more.
    InterruptWithdrawn {
        /// Which interrupt.
        interrupt: InterruptId,
        /// Why.
        reason: String,
    },
    /// An effect is about to happen.
    EffectBegan {
        /// In which handoff.
        handoff: HandoffId,
        /// Which effect.
        effect: EffectId,
        /// Under which token.
        token: Token,
        /// What it is called with. Of format 1 there is only the digest: such a content has no bytes.
        arguments: BlobRef,
        /// Who finds out after a crash whether it happened.
        reconcile: Reconciler,
    },
    /// It is known what became of an effect.
    EffectSettled {
        /// In which handoff.
        handoff: HandoffId,
        /// Which effect.
        effect: EffectId,
        /// What became of it.
        outcome: EffectOutcome,
        /// True when it was found out afterwards.
        reconciled: bool,
    },
    /// The plan looked at what a step made.
    CheckpointReached {
        /// Where in the plan.
        place: Place,
        /// What was checked.
        payload: BlobRef,
        /// Against what, and what is wrong.
        check: Check,
    },
    /// Budget was set aside for a child run.
    ChildReserved {
        /// Which child.
        child: RunId,
        /// Who waits for it.
        handoff: HandoffId,
        /// What was set aside.
        reserve: Budget,
        /// How it is to be opened.
        open: Box<Open>,
    },
    /// A child run has ended and its budget is settled.
    ChildSettled {
        /// Which child.
        child: RunId,
        /// What it spent.
        usage: Usage,
        /// Its result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<BlobRef>,
        /// Why it has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<AgentError>,
    },
    /// The run relies on other definitions from now on.
    PinsChanged {
        /// On which.
        pins: Pins,
    },
    /// The run is over.
    RunClosed {
        /// How.
        outcome: RunOutcome,
        /// The items that nobody has seen to. They are on record, not lost.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        open_items: Vec<ItemId>,
    },
}

impl Event {
    /// The handoff that an event is about, if it is about one.
    pub fn handoff(&self) -> Option<HandoffId> {
        match self {
            Self::HandoffOffered(offered) => Some(offered.handoff),
            Self::HandoffClaimed { handoff, .. }
            | Self::HandoffAccepted { handoff, .. }
            | Self::HandoffDeclined { handoff, .. }
            | Self::HandoffReleased { handoff }
            | Self::LeaseLost { handoff, .. }
            | Self::ProgressReported { handoff, .. }
            | Self::AttemptFailed { handoff, .. }
            | Self::HandoffRequeued { handoff, .. }
            | Self::HandoffRerouted { handoff, .. }
            | Self::HandoffParked { handoff, .. }
            | Self::HandoffReturned { handoff }
            | Self::HandoffCompleted { handoff, .. }
            | Self::HandoffEnded { handoff, .. }
            | Self::DeadLettered { handoff, .. }
            | Self::Redriven { handoff, .. }
            | Self::DivergenceNoted { handoff, .. }
            | Self::EffectBegan { handoff, .. }
            | Self::EffectSettled { handoff, .. }
            | Self::ChildReserved { handoff, .. } => Some(*handoff),
            Self::ItemEnded { source, .. } => Some(*source),
            Self::InterruptRaised { handoff, .. } => *handoff,
            Self::ItemAdded { source, .. } => *source,
            Self::RunOpened { .. }
            | Self::BranchOpened { .. }
            | Self::BranchClosed { .. }
            | Self::InterruptResolved { .. }
            | Self::InterruptWithdrawn { .. }
            | Self::CheckpointReached { .. }
            | Self::ChildSettled { .. }
            | Self::PinsChanged { .. }
            | Self::RunClosed { .. } => None,
        }
    }
}
