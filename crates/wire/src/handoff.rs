//! Offers, and handoffs as they are looked at.

use std::collections::BTreeSet;

use handclasp_core::blob::{BlobRef, Blobs};
use handclasp_core::contract::{ContractId, ContractRange};
use handclasp_core::id::{AgentName, Capability, HandoffId, InterruptId, RunId};
use handclasp_core::limits::{Limits, Retry, Usage};
use handclasp_core::offer::{Kind, Mode, Offer, Reason, Receiver, Terms, WhenFull};
use handclasp_core::time::{Millis, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::malformed::Malformed;

/// Work to be handed to somebody: exactly one of `to` and `capability` says to whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Offer")]
pub struct OfferIn {
    /// The agent that gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<AgentName>,
    /// Or any agent that can do this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// The work itself.
    #[serde(default)]
    pub payload: Value,
    /// What the payload is, such as `refund@1`; checked at both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractRange>,
    /// What the result must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<ContractRange>,
    /// What sort of handoff; `route`, or `delegate` where the sender waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Why the work moves: `task_classification` if nothing is said, or a word of the team's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Why this receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// What must be true of the result; the receiver confirms each one by its number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acceptance: Vec<String>,
    /// What the receiver must be able to do.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub requires: BTreeSet<Capability>,
    /// Tighter bounds than the sender's own.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// How often it is tried, and how fast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// It expires if nobody has claimed it after so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_within_ms: Option<u64>,
    /// It expires if it is not finished after so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_within_ms: Option<u64>,
    /// Who takes over, before the receiver's own fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<AgentName>,
    /// What becomes of it if the receiver is full when it is offered.
    #[serde(default)]
    pub when_full: WhenFull,
}

impl OfferIn {
    /// The offer as the rules know it. `pointer` is where it stands in the request.
    pub fn offer(self, otherwise: Kind, pointer: &str, blobs: &mut Blobs) -> Result<Offer, Malformed> {
        let to = match (self.to, self.capability) {
            (Some(agent), None) => Receiver::Agent(agent),
            (None, Some(capability)) => Receiver::Capability(capability),
            (None, None) => return Err(Malformed::new(format!("{pointer}/to"), "`to` or `capability`", "neither")),
            (Some(_), Some(_)) => return Err(Malformed::new(format!("{pointer}/to"), "one of `to` and `capability`", "both")),
        };
        Ok(Offer {
            to,
            kind: self.kind.unwrap_or(otherwise),
            reason: self.reason.unwrap_or(Reason::TaskClassification),
            contract: self.contract,
            payload: blobs.json(&self.payload),
            terms: Terms {
                acceptance: self.acceptance,
                requires: self.requires,
                justification: self.justification,
                returns: self.returns,
                limits: self.limits,
                retry: self.retry.unwrap_or_default(),
                answer_within_ms: self.answer_within_ms.map(Millis),
                finish_within_ms: self.finish_within_ms.map(Millis),
                fallback: self.fallback,
                when_full: self.when_full,
            },
        })
    }
}

/// A handoff was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offered {
    /// Its id.
    pub handoff: HandoffId,
}

/// Where in its life a handoff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseName {
    /// Waiting for its receiver.
    Offered,
    /// Taken, not yet accepted.
    Claimed,
    /// Under way.
    Accepted,
    /// Parked until what it waits for is there.
    Waiting,
    /// Over without a result; a person must look.
    DeadLettered,
    /// Over with a result.
    Completed,
    /// Over: it was stopped.
    Cancelled,
    /// Over: the receiver would not.
    Declined,
    /// Over: too late.
    Expired,
    /// Over: it did not succeed.
    Failed,
}

/// One handoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Handoff {
    /// Its id.
    pub handoff: HandoffId,
    /// Its run.
    pub run: RunId,
    /// The agent that sent it; none for whoever opened the run, or the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AgentName>,
    /// Who gets it now.
    pub to: AgentName,
    /// What became of the sender.
    pub mode: Mode,
    /// What sort of handoff.
    pub kind: Kind,
    /// Why the work moved.
    pub reason: Reason,
    /// Where in its life it is.
    pub phase: PhaseName,
    /// True when nothing happens any more unless a person does something.
    pub over: bool,
    /// Why there is no result, or what is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What the payload is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// What the result must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<ContractId>,
    /// The payload, by reference.
    pub payload: BlobRef,
    /// Attempts so far.
    pub attempts: u32,
    /// Who holds it, and until when if no heartbeat comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// When it was offered.
    pub offered_at_ms: Timestamp,
    /// It expires if it is not finished by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<Timestamp>,
    /// What it and everything below it has spent.
    pub usage: Usage,
    /// Its open questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<InterruptId>,
}

/// A dead letter is sent once more.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redrive {
    /// Another payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// Another receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<AgentName>,
}

/// Something is stopped.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Why.
    pub reason: String,
}
