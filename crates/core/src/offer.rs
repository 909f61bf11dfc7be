//! What a sender says when it hands work on: the typed envelope of a handoff.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;
use crate::contract::ContractRange;
use crate::id::{AgentName, Capability, HandoffId, NotAnId, Token};
use crate::limits::{Limits, Retry};
use crate::time::Millis;

/// What becomes of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Mode {
    /// The sender leaves; the receiver owns the branch.
    Transfer,
    /// The sender waits, without a lease, and gets the return addressed to it.
    Delegate,
    /// The sender goes on; the work gets a branch of its own.
    Spawn,
}

/// What sort of handoff this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Kind {
    /// On to the next agent.
    Route,
    /// Down to somebody who answers.
    Delegate,
    /// Back to where it came from.
    Return,
    /// Up, or aside, because it cannot go on as planned.
    Escalate,
    /// Once more.
    Retry,
}

/// Why the work moves. Open: a team may use its own words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The task is of the receiver's kind.
    TaskClassification,
    /// The sender lacks a capability.
    MissingCapability,
    /// The task is too complex for the sender.
    ComplexityThreshold,
    /// Somebody has to approve.
    ApprovalRequired,
    /// Something went wrong.
    ErrorRecovery,
    /// It took too long.
    Timeout,
    /// It cost too much.
    CostLimit,
    /// The plan says so.
    Plan,
    /// The team's own word.
    Other(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TaskClassification => "task_classification",
            Self::MissingCapability => "missing_capability",
            Self::ComplexityThreshold => "complexity_threshold",
            Self::ApprovalRequired => "approval_required",
            Self::ErrorRecovery => "error_recovery",
            Self::Timeout => "timeout",
            Self::CostLimit => "cost_limit",
            Self::Plan => "plan",
            Self::Other(word) => word,
        })
    }
}

impl FromStr for Reason {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Ok(match text {
            "task_classification" => Self::TaskClassification,
            "missing_capability" => Self::MissingCapability,
            "complexity_threshold" => Self::ComplexityThreshold,
            "approval_required" => Self::ApprovalRequired,
            "error_recovery" => Self::ErrorRecovery,
            "timeout" => Self::Timeout,
            "cost_limit" => Self::CostLimit,
            "plan" => Self::Plan,
            other if !other.is_empty() && other.len() <= 64 && !other.contains(char::is_control) => Self::Other(other.to_owned()),
            other => {
                let found = other.chars().take(80).collect();
                return Err(NotAnId { found, expected: "a reason (1 to 64 visible characters)" });
            }
        })
    }
}

crate::text_form!(Reason, "^.{1,64}$");

/// Whom the work is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    /// This agent.
    Agent(AgentName),
    /// Any agent that can do this; the first by name with room is taken.
    Capability(Capability),
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(name) => write!(f, "{name}"),
            Self::Capability(capability) => write!(f, "any agent with `{capability}`"),
        }
    }
}

/// What becomes of an offer whose receiver holds as many handoffs as it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum WhenFull {
    /// It waits until the receiver has room.
    #[default]
    Queue,
    /// It is refused, and the sender decides.
    Refuse,
    /// A fallback with room gets it; if there is none, it waits.
    Fallback,
}

/// The conditions under which work is handed on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// What must be true of the result; the receiver confirms each one by its number when it accepts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acceptance: Vec<String>,
    /// What the receiver must be able to do.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub requires: BTreeSet<Capability>,
    /// Why this receiver. A contract or the receiver may require it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// What the result must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<ContractRange>,
    /// Tighter bounds than the sender's own.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// How often it is tried.
    #[serde(skip_serializing_if = "is_default")]
    pub retry: Retry,
    /// It expires if nobody has claimed it by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_within_ms: Option<Millis>,
    /// It expires if it is not finished by then, counted from the offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_within_ms: Option<Millis>,
    /// Who takes over, before the receiver's own fallback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<AgentName>,
    /// What becomes of it if the receiver is full when it is offered.
    #[serde(skip_serializing_if = "is_default")]
    pub when_full: WhenFull,
}

/// Less is a word and no reason: `ok`, `n/a`, `see task`. In bytes, since a script with few characters to a
/// word spends more bytes on each.
pub const JUSTIFICATION_BYTES_MIN: usize = 10;

impl Terms {
    /// Whether they say why this receiver, in more than a word.
    pub fn are_justified(&self) -> bool {
        self.justification.as_ref().is_some_and(|said| said.trim().len() >= JUSTIFICATION_BYTES_MIN)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An offer as a sender makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Whom it is for.
    pub to: Receiver,
    /// What sort of handoff.
    pub kind: Kind,
    /// Why the work moves.
    pub reason: Reason,
    /// What the payload is; pinned to a version when it is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractRange>,
    /// The work itself.
    pub payload: BlobRef,
    /// The conditions.
    #[serde(default)]
    pub terms: Terms,
}

/// Who hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The principal that opened the run: the work gets a branch of its own.
    Principal,
    /// The holder of a handoff.
    Holder {
        /// What it holds.
        handoff: HandoffId,
        /// The token of its claim.
        token: Token,
    },
}
