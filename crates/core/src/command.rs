//! What somebody wants to happen. Commands are asked, events are true.
//!
//! Every command reaches the rules through one `submit`, wherever it came from: a person, an agent,
//! a timer or the plan. Contents are named by hash; the bytes travel beside the command.

mod effect;
mod opening;
mod question;
mod result;
mod work;

use serde::{Deserialize, Serialize};

pub use self::effect::{EffectId, EffectKey, EffectOutcome, Reconciler};
pub use self::opening::{Open, ParentLink, Pins};
pub use self::question::{Answer, Asking, DID_NOT_HAPPEN, HAPPENED, Park, Question};
pub use self::result::{AgentError, Completion, DeclaredEffect, Verdict};
pub use self::work::{Activity, ReadBack, Voice, WorkState};

use crate::blob::{BlobRef, Digest};
use crate::id::{AgentName, HandoffId, IdempotencyKey, InterruptId, Principal, RunId, Tenant, Token};
use crate::limits::{Budget, Usage};
use crate::offer::{By, Mode, Offer};

/// A command with everything that says whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whose data.
    pub tenant: Tenant,
    /// On whose authority.
    pub principal: Principal,
    /// The run it is for; for `open`, the id that the engine minted.
    pub run: RunId,
    /// The caller's own key: repeating it gives the first outcome (law 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdempotencyKey>,
    /// What is wanted.
    pub command: Command,
}

/// What can be asked of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Opens a run.
    Open(Box<Open>),
    /// Hands work to somebody.
    Offer {
        /// Who hands on.
        by: By,
        /// What becomes of the sender.
        mode: Mode,
        /// What is handed on, to whom, on which terms.
        offer: Box<Offer>,
        /// For `delegate`: what the sender needs to go on when the answer comes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continuation: Option<BlobRef>,
        /// For `spawn`: the how-manieth of this handoff, shared by all its attempts, so that a second
        /// attempt finds what the first one spawned instead of spawning it again.
        #[serde(default)]
        ordinal: u32,
    },
    /// Takes an offered handoff, with a lease and a new fencing token.
    Claim {
        /// Which handoff.
        handoff: HandoffId,
        /// Who takes it.
        by: AgentName,
        /// The process or connection that holds the lease.
        holder: String,
        /// Accepts in the same commit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accept: Option<ReadBack>,
    },
    /// Says what was understood, and starts.
    Accept {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// What was understood.
        read_back: ReadBack,
    },
    /// Hands it back at once, with a reason.
    Decline {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// Why.
        reason: String,
    },
    /// Gives it back unfinished without counting an attempt, as at a shutdown.
    Release {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
    },
    /// Says "still here". Changes the lease, not the log.
    Heartbeat {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
    },
    /// Says how the work stands.
    Progress {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// How it stands.
        state: WorkState,
    },
    /// Asks a person something.
    Ask {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// What is asked.
        question: Question,
        /// The how-manieth question of this handoff, shared by all its attempts.
        ordinal: u32,
        /// Gives up the lease until the answer comes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        park: Option<Park>,
    },
    /// Answers a question or an approval, by its id and only once (law 3).
    Resolve {
        /// Which interrupt.
        interrupt: InterruptId,
        /// The digest of what was shown to whoever answers.
        shown: Digest,
        /// The answer.
        answer: Answer,
    },
    /// Announces an effect before it happens (law 6).
    EffectBegin {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// Which effect.
        effect: EffectId,
        /// What it is called with: kept, so that a person can see what was about to be done.
        arguments: BlobRef,
        /// Who finds out after a crash whether it happened.
        #[serde(default)]
        reconcile: Reconciler,
    },
    /// Records that an effect happened, with its result.
    EffectFinish {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// Which effect.
        effect: EffectId,
        /// What came of it.
        outcome: EffectOutcome,
    },
    /// Says what became of an effect that began and was never heard of again.
    EffectReconcile {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// Which effect.
        effect: EffectId,
        /// What became of it.
        outcome: EffectOutcome,
    },
    /// Gives the result, and optionally hands on in the same commit.
    Complete {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// The result and all that belongs to it.
        completion: Box<Completion>,
    },
    /// Says that this attempt did not succeed.
    Fail {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// What went wrong.
        error: AgentError,
        /// What the attempt has spent.
        #[serde(default)]
        usage: Usage,
    },
    /// Sends a dead letter once more.
    Redrive {
        /// Which handoff.
        handoff: HandoffId,
        /// Another payload.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<BlobRef>,
        /// Another receiver.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<AgentName>,
    },
    /// Stops a handoff and everything below it, or the whole run.
    Cancel {
        /// Which handoff; none for the run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handoff: Option<HandoffId>,
        /// Why.
        reason: String,
    },
    /// Says that the holder of a lease is known to be gone, without waiting for the lease to run out.
    LoseLease {
        /// Which handoff.
        handoff: HandoffId,
        /// The token of the lease.
        token: Token,
        /// How it is known.
        reason: String,
    },
    /// Time has passed: looks for leases, deadlines and backoffs that are due.
    Wake,
    /// Opens a child run and waits for it.
    OpenChild {
        /// Which handoff waits.
        handoff: HandoffId,
        /// The token of the claim.
        token: Token,
        /// The child's id, minted by the engine.
        child: RunId,
        /// What is set aside for it.
        reserve: Budget,
        /// What the sender needs to go on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continuation: Option<BlobRef>,
        /// How the child is opened.
        open: Box<Open>,
    },
    /// A child run has ended: settles its budget and wakes who waits.
    ChildClosed {
        /// Which child.
        child: RunId,
        /// What it spent.
        usage: Usage,
        /// Its result, if it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<BlobRef>,
        /// Why it ended without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<AgentError>,
    },
    /// Goes on with other definitions than the run was opened with.
    AcceptChange {
        /// The definitions from now on.
        pins: Pins,
    },
}
