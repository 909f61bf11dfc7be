//! What workers send and get: claims, and everything that the holder of a handoff says.

use std::collections::BTreeSet;

use handclasp_briefing::Briefing;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{
    Activity, AgentError, Completion, DeclaredEffect, EffectId, EffectKey, EffectOutcome, Park, Question, ReadBack, Reconciler, Verdict,
    Voice, WorkState,
};
use handclasp_core::contract::{ContractId, ReadBackLevel};
use handclasp_core::id::{HandoffId, InterruptId, ItemId, StepName, Token};
use handclasp_core::ledger::Settlement;
use handclasp_core::limits::Usage;
use handclasp_core::offer::{Kind, Mode};
use handclasp_core::time::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::handoff::OfferIn;
use crate::malformed::Malformed;
use crate::people::Answer;
use crate::run::ItemIn;

/// Asks for an agent's next work.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Claim {
    /// The process or connection that asks, for people: `host:pid` will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// At most so many handoffs; 1 if nothing is said, 64 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
    /// Waits for the first so many milliseconds, never longer than 55,000.
    pub wait_ms: u64,
    /// Accepts at once whatever needs no read-back: one commit instead of two.
    pub accept: bool,
}

/// What was claimed; nothing if nothing came in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claims {
    /// One for each handoff.
    pub claims: Vec<Claimed>,
}

/// One claimed handoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claimed {
    /// Which handoff.
    pub handoff: HandoffId,
    /// The fencing token: send it with everything you do.
    pub token: Token,
    /// The how-manieth attempt.
    pub attempt: u32,
    /// Whether it is accepted already.
    pub accepted: bool,
    /// How long the lease lasts without a heartbeat, in milliseconds.
    pub lease_ms: Millis,
    /// W3C trace context for whatever is done for it.
    pub traceparent: String,
    /// What the agent gets.
    pub briefing: Briefing,
}

/// What was understood. With nothing but the token it says "delivered".
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The token of the claim.
    pub token: Token,
    /// Who says it: the agent itself, or the client for it. Only what the agent says counts as understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Voice>,
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

impl Accept {
    /// The read-back as the rules know it.
    pub fn read_back(self) -> ReadBack {
        let says_something = self.payload.is_some() || self.contract.is_some() || !self.items.is_empty();
        ReadBack {
            by: self.by.unwrap_or(Voice::Client),
            level: if says_something { ReadBackLevel::Echo } else { ReadBackLevel::Off },
            contract: self.contract,
            payload: self.payload,
            items: self.items,
            criteria: self.criteria,
            confidence: self.confidence,
        }
    }
}

/// The token of a claim, and nothing else.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The token of the claim.
    pub token: Token,
}

/// Hands it back at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// The token of the claim.
    pub token: Token,
    /// Why.
    pub reason: String,
}

/// How the work stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The token of the claim.
    pub token: Token,
    /// Waiting for something outside, such as an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Unable to go on until something is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_on: Option<String>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// A line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Progress {
    /// How the work stands, as the rules know it.
    pub fn state(self) -> WorkState {
        let activity = match (self.blocked_on, self.waiting_for) {
            (Some(what), _) => Activity::BlockedOn(what),
            (None, Some(what)) => Activity::WaitingFor(what),
            (None, None) => Activity::Processing,
        };
        WorkState { activity, percent: self.percent, note: self.note }
    }
}

/// What a holder can ask a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// Any answer.
    #[default]
    Question,
    /// Yes or no, bound to exactly what is shown.
    Approval,
}

/// Asks a person something.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The token of the claim.
    pub token: Token,
    /// What is asked: any answer, or yes or no.
    #[serde(default)]
    pub asking: AskKind,
    /// Exactly what is shown.
    pub shown: Value,
    /// The possible answers; free text if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// How long there is to answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// What silence means. Without it, an unanswered question fails the handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_silence: Option<String>,
    /// The how-manieth question of this handoff, from 0; all its attempts share the numbers.
    #[serde(default)]
    pub ordinal: u32,
    /// Gives up the lease until the answer comes; the handoff is claimed again then.
    #[serde(default)]
    pub park: bool,
    /// When parked: what is needed to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation: Option<Value>,
}

impl Ask {
    /// The question, and whether the lease is given up.
    pub fn question(self, blobs: &mut Blobs) -> (Question, u32, Option<Park>) {
        let question = Question {
            asking: match self.asking {
                AskKind::Question => handclasp_core::command::Asking::Question,
                AskKind::Approval => handclasp_core::command::Asking::Approval,
            },
            shown: blobs.json(&self.shown),
            options: self.options,
            within_ms: self.within_ms.map(Millis),
            on_silence: self.on_silence,
        };
        let park = self.park.then(|| Park { continuation: self.continuation.as_ref().map(|kept| blobs.json(kept)) });
        (question, self.ordinal, park)
    }
}

/// The question is open, or has its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Its id.
    pub interrupt: InterruptId,
    /// The answer, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// Which effect: a business key, or else the how-manieth of its name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectBegin {
    /// The token of the claim.
    pub token: Token,
    /// What is done, such as `refund`.
    pub name: String,
    /// A name from the business, such as the order's number. Other arguments under it are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Without a key: the how-manieth of this name in the attempt, from 0.
    #[serde(default)]
    pub ordinal: u32,
    /// What it is called with.
    #[serde(default)]
    pub arguments: Value,
    /// Who finds out after a crash whether it happened.
    #[serde(default)]
    pub reconcile: Reconciler,
}

/// Which effect, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectEnd {
    /// The token of the claim.
    pub token: Token,
    /// What was done.
    pub name: String,
    /// Its business key, as it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Without a key: the how-manieth.
    #[serde(default)]
    pub ordinal: u32,
    /// Whether it happened. If not, it may be tried again.
    pub happened: bool,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// An effect as the rules know it: by its business key, or else by its number.
pub fn effect(name: String, key: Option<String>, ordinal: u32) -> EffectId {
    EffectId { name, key: key.map_or(EffectKey::Ordinal(ordinal), EffectKey::Business) }
}

impl EffectEnd {
    /// What came of it, as the rules know it.
    pub fn outcome(&self, blobs: &mut Blobs) -> EffectOutcome {
        if self.happened {
            EffectOutcome::Happened(self.result.as_ref().map(|result| blobs.json(result)))
        } else {
            EffectOutcome::DidNotHappen
        }
    }
}

/// Whether to do it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// True: do it now, then say how it went. False: it was settled before.
    pub proceed: bool,
    /// Where it was settled before: whether it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<bool>,
    /// And what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// A judgment on the work that was received: exactly one of `approved: true`, `revise` and `send_back`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Judgment {
    /// Good as it is.
    pub approved: bool,
    /// To be done again, with this feedback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revise: Option<Value>,
    /// Back to an earlier step of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_back: Option<StepName>,
    /// With `send_back`: what is to be made clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<Value>,
    /// How good, higher is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u32>,
}

impl Judgment {
    fn verdict(self, blobs: &mut Blobs) -> Result<Verdict, Malformed> {
        match (self.approved, self.revise, self.send_back, self.question) {
            (true, None, None, None) => Ok(Verdict::Approved { score: self.score }),
            (false, Some(feedback), None, None) => Ok(Verdict::Revise { feedback: blobs.json(&feedback), score: self.score }),
            (false, None, Some(to), Some(question)) => Ok(Verdict::SendBack { to, question: blobs.json(&question) }),
            (false, None, Some(_), None) => Err(Malformed::new("/verdict/question", "a question to send back", "nothing")),
            _ => Err(Malformed::new("/verdict", "exactly one of `approved: true`, `revise` and `send_back`", "another mixture")),
        }
    }
}

/// The result, with everything that belongs to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// The token of the claim.
    pub token: Token,
    /// The result.
    #[serde(default)]
    pub result: Value,
    /// New items for the ledger.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemIn>,
    /// Items that were seen to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discharged: Vec<Settlement>,
    /// Items that are given up, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Settlement>,
    /// The side effects that it committed; an empty list says "none".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Vec<DeclaredEffect>>,
    /// What was spent.
    #[serde(default, skip_serializing_if = "Usage::is_zero")]
    pub usage: Usage,
    /// Model and prompt versions, tool calls, alternatives considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Value>,
    /// How sure the agent is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// A judgment on the work it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Judgment>,
    /// Hands on in the same commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<OfferIn>,
}

impl Complete {
    /// The result as the rules know it.
    pub fn completion(self, blobs: &mut Blobs) -> Result<Completion, Malformed> {
        Ok(Completion {
            result: blobs.json(&self.result),
            items: self.items.into_iter().map(|item| item.item(blobs)).collect(),
            discharged: self.discharged,
            dropped: self.dropped,
            effects: self.effects,
            usage: self.usage,
            provenance: self.provenance.map(|said| blobs.json(&serde_json::json!({ "agent": said }))),
            confidence: self.confidence,
            verdict: self.verdict.map(|judgment| judgment.verdict(blobs)).transpose()?,
            next: self.next.map(|next| next.offer(Kind::Route, "/next", blobs)).transpose()?,
        })
    }
}

/// The result is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Completed {
    /// Which handoff.
    pub handoff: HandoffId,
    /// What it was handed on as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<HandoffId>,
    /// Digest of the result that counts: another one than yours if an earlier answer was kept.
    pub result: Digest,
}

/// This attempt did not succeed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// The token of the claim.
    pub token: Token,
    /// A short type, such as `rate_limited`.
    #[serde(default = "failed")]
    pub kind: String,
    /// What happened.
    pub message: String,
    /// Whether trying again can help.
    #[serde(default)]
    pub retryable: bool,
    /// What was being attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempted: Option<String>,
    /// What a retry, or a person, should do differently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What the attempt has spent.
    #[serde(default, skip_serializing_if = "Usage::is_zero")]
    pub usage: Usage,
}

fn failed() -> String {
    "failed".to_owned()
}

impl Fail {
    /// What went wrong as the rules know it, and what was spent.
    pub fn error(self) -> (AgentError, Usage) {
        let Self { kind, message, retryable, attempted, hint, usage, token: _ } = self;
        (AgentError { kind, message, retryable, attempted, hint }, usage)
    }
}

/// How the sender goes on after handing something out in the middle of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MidMode {
    /// It waits, without a lease, and is given the answer in a new claim.
    Delegate,
    /// It goes on; the work gets a branch of its own.
    Spawn,
}

impl From<MidMode> for Mode {
    fn from(mode: MidMode) -> Self {
        match mode {
            MidMode::Delegate => Self::Delegate,
            MidMode::Spawn => Self::Spawn,
        }
    }
}

/// Hands something out in the middle of the work.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOut {
    /// The token of the claim.
    pub token: Token,
    /// How the sender goes on.
    pub mode: MidMode,
    /// What is handed out, to whom.
    pub offer: OfferIn,
    /// For `delegate`: what the sender needs to go on when the answer comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation: Option<Value>,
    /// For `spawn`: the how-manieth of this handoff, from 0; all its attempts share the numbers.
    #[serde(default)]
    pub ordinal: u32,
}
