//! How handoffs and runs wait and end.

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;
use crate::command::AgentError;
use crate::id::{HandoffId, InterruptId, RunId};
use crate::refusal::Refusal;

/// What a parked handoff waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaiting {
    /// The return of what it delegated.
    Handoff(HandoffId),
    /// The end of a child run.
    Run(RunId),
    /// The answers to all of its open questions.
    Answers,
}

/// How a handoff ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The receiver would not.
    Declined(String),
    /// The last attempt failed, or one failed for good.
    Failed(AgentError),
    /// Every attempt lost its lease; the last reason.
    LeaseLost(String),
    /// Nobody claimed it in time.
    Unanswered,
    /// It was not finished in time.
    Overdue,
    /// Nobody answered its question in time, and silence has no meaning.
    Unresolved(InterruptId),
    /// It was stopped.
    Cancelled(String),
    /// It could not be offered as the plan or the sender wanted: the refusal's code and text.
    NotOffered {
        /// The refusal's code.
        code: String,
        /// What it says.
        message: String,
    },
}

impl Closing {
    /// A refusal met where nobody can be told "no": it is kept as the reason.
    pub fn not_offered(refusal: &Refusal) -> Self {
        Self::NotOffered { code: refusal.code().to_owned(), message: refusal.to_string() }
    }
}

impl std::fmt::Display for Closing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Declined(reason) => write!(f, "declined: {reason}"),
            Self::Failed(error) => write!(f, "failed: {} ({})", error.message, error.kind),
            Self::LeaseLost(reason) => write!(f, "lost its lease on the last attempt: {reason}"),
            Self::Unanswered => f.write_str("nobody claimed it in time"),
            Self::Overdue => f.write_str("it was not finished in time"),
            Self::Unresolved(interrupt) => write!(f, "nobody answered {interrupt} in time"),
            Self::Cancelled(reason) => write!(f, "cancelled: {reason}"),
            Self::NotOffered { code, message } => write!(f, "could not be handed on: {message} [{code}]"),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// With a result.
    Completed {
        /// The result.
        result: Option<BlobRef>,
        /// False when a review used up its rounds and the best version was kept.
        approved: bool,
    },
    /// Without one.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was stopped.
    Cancelled {
        /// Why.
        reason: String,
    },
}
