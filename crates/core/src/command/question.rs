//! Questions to people, and their answers.

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;
use crate::time::Millis;

/// Whether a person is asked to say something or to allow something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
