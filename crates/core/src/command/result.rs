//! What an attempt ends with: a result with everything that belongs to it, or an error.

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;
use crate::id::StepName;
use crate::ledger::{NewItem, Settlement};
use crate::limits::Usage;
use crate::offer::Offer;

/// A side effect that a result declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
