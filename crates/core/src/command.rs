//! What somebody wants to happen. Commands are asked, events are true.
//!
//! Every command reaches the rules through one `submit`, wherever it came from: a person, an agent,
//! a timer or the plan. Contents are named by hash; the bytes travel beside the command.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::blob::{BlobRef, Digest};
use crate::contract::{ContractId, ReadBackLevel};
use crate::id::{AgentName, HandoffId, IdempotencyKey, InterruptId, ItemId, Principal, RunId, StepName, Tenant, Token};
use crate::ledger::{NewItem, Settlement};
use crate::limits::{Budget, Limits, Usage};
use crate::offer::{By, Mode, Offer};
use crate::plan::Plan;
use crate::time::Millis;

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
        /// What it is called with.
        arguments: Digest,
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

/// How a run is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The task, verbatim. It reaches every receiver unchanged (law 8).
    pub task: BlobRef,
    /// A line that names the run in lists.
    pub title: String,
    /// What the user is after, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<BlobRef>,
    /// What is known from the start, constraints above all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<NewItem>,
    /// Bounds on everything in the run.
    #[serde(default)]
    pub limits: Limits,
    /// W3C trace id of the caller, or one that the engine made. 32 hex digits.
    pub trace_id: String,
    /// The caller's own conversation id (`thread_id`, `session_id`, `context_id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The definitions it was opened with.
    #[serde(default)]
    pub pins: Pins,
    /// What the first step gets.
    pub input: BlobRef,
    /// How the team works together; none when agents hand on freely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Without a plan: the first handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Offer>,
    /// The run and handoff that wait for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
}

/// Who waits for a child run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    /// The waiting handoff, in its run.
    pub handoff: HandoffId,
    /// What was set aside.
    pub reserve: Budget,
}

/// Digests of the definitions that a run relies on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pins {
    /// The team file with everything that it includes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Digest>,
    /// Where that file lies, so that the run can be resumed without naming it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_file: Option<String>,
    /// Contracts by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contracts: BTreeMap<ContractId, Digest>,
    /// Agents by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<AgentName, Digest>,
}

/// Who made a read-back. Only what the agent itself says counts as understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voice {
    /// The agent itself.
    Agent,
    /// A client library, for the agent.
    Client,
    /// The driver that runs the agent.
    Driver,
}

/// What a receiver says it understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBack {
    /// Who says it.
    pub by: Voice,
    /// How much is said.
    pub level: ReadBackLevel,
    /// The contract that it works to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// The payload that it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Digest>,
    /// The must-carry items that it got.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub items: BTreeSet<ItemId>,
    /// The acceptance criteria that it confirms, by number from 0.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub criteria: BTreeSet<u32>,
    /// How sure it is to succeed, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}

impl ReadBack {
    /// A driver's word that the briefing was handed over: delivered, not understood.
    pub fn delivered() -> Self {
        Self {
            by: Voice::Driver,
            level: ReadBackLevel::Off,
            contract: None,
            payload: None,
            items: BTreeSet::new(),
            criteria: BTreeSet::new(),
            confidence: None,
        }
    }
}

/// How accepted work stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkState {
    /// What the agent is doing.
    #[serde(default)]
    pub activity: Activity,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// A line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What an agent is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Working.
    #[default]
    Processing,
    /// Waiting for something outside, such as an API.
    WaitingFor(String),
    /// Unable to go on until something is removed.
    BlockedOn(String),
}

/// Whether a person is asked to say something or to allow something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asking {
    /// Any answer.
    Question,
    /// Yes or no, bound to exactly what was shown.
    Approval,
    /// Did this effect happen?
    Reconciliation,
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What sort of question.
    pub asking: Asking,
    /// Exactly what is shown.
    pub shown: BlobRef,
    /// The possible answers; empty for free text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// How long there is to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<Millis>,
    /// What silence means. Without it an unanswered question fails the handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_silence: Option<String>,
}

/// Gives up the lease while a question is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Park {
    /// What the agent needs to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation: Option<BlobRef>,
}

/// The choice that says that an effect happened.
pub const HAPPENED: &str = "happened";
/// The choice that says that it did not.
pub const DID_NOT_HAPPEN: &str = "did_not_happen";

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The choice, or `approved` / `rejected`, or `happened` / `did_not_happen`; empty for free text alone.
    pub choice: String,
    /// More than the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<BlobRef>,
}

/// Names an effect within its handoff; all attempts share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EffectId {
    /// What is done, such as `refund`.
    pub name: String,
    /// To what.
    pub key: EffectKey,
}

/// What tells two effects of one name apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKey {
    /// A name from the business, such as the order's number. Other arguments under it are refused.
    Business(String),
    /// The how-manieth of this name in an attempt, from 0.
    Ordinal(u32),
}

impl std::fmt::Display for EffectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.key {
            EffectKey::Business(key) => write!(f, "{}({key})", self.name),
            EffectKey::Ordinal(ordinal) => write!(f, "{}#{ordinal}", self.name),
        }
    }
}

/// Who finds out what became of an effect that was cut short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconciler {
    /// A person is asked.
    #[default]
    Human,
    /// The agent can look it up and say so.
    Agent,
}

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectOutcome {
    /// It happened; this came of it.
    Happened(Option<BlobRef>),
    /// It did not happen; it may be tried again.
    DidNotHappen,
}

/// A side effect that a result declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredEffect {
    /// What was done.
    pub name: String,
    /// To what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What a reviewer, or any downstream agent, says about the work it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Good as it is.
    Approved {
        /// How good, higher is better.
        score: Option<u32>,
    },
    /// To be done again, with this feedback.
    Revise {
        /// What to change.
        feedback: BlobRef,
        /// How good, higher is better.
        score: Option<u32>,
    },
    /// Back to an earlier step, with a question.
    SendBack {
        /// Which step.
        to: StepName,
        /// What is to be made clear.
        question: BlobRef,
    },
}

/// A result with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The result.
    pub result: BlobRef,
    /// New items for the ledger.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<NewItem>,
    /// Items that were seen to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discharged: Vec<Settlement>,
    /// Items that are given up, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Settlement>,
    /// The side effects that it committed. `None` says nothing about them, which a contract may refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Vec<DeclaredEffect>>,
    /// What was spent.
    #[serde(default, skip_serializing_if = "Usage::is_zero")]
    pub usage: Usage,
    /// Model and prompt versions, tool calls, alternatives considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<BlobRef>,
    /// How sure the agent is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// A judgment on the work it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Hands on in the same commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Offer>,
}

impl Completion {
    /// A result and nothing else.
    pub fn of(result: BlobRef) -> Self {
        Self {
            result,
            items: Vec::new(),
            discharged: Vec::new(),
            dropped: Vec::new(),
            effects: None,
            usage: Usage::default(),
            provenance: None,
            confidence: None,
            verdict: None,
            next: None,
        }
    }
}

/// What went wrong, in the words of whoever met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentError {
    /// A short type, such as `rate_limited`.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
    /// What was being attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempted: Option<String>,
    /// What a retry, or a person, should do differently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
