//! What only people can do: answers, and dead letters.

use handclasp_core::blob::Digest;
use handclasp_core::command::Asking;
use handclasp_core::id::{AgentName, HandoffId, InterruptId, RunId};
use handclasp_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The choice; empty for free text alone.
    pub choice: String,
    /// More than the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Value>,
}

/// Answers a question.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// The digest of what was shown to whoever answers, as the question gives it.
    pub shown: Digest,
    /// The choice, or `approved` / `rejected`, or `happened` / `did_not_happen`; empty for free text alone.
    #[serde(default)]
    pub choice: String,
    /// More than the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Value>,
}

/// How a question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionState {
    /// Nobody has answered.
    Open,
    /// Somebody has, or silence was taken for it.
    Resolved,
    /// It is of no interest any more.
    Withdrawn,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// Its id.
    pub interrupt: InterruptId,
    /// Which run.
    pub run: RunId,
    /// Which handoff asks; none for a step of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<HandoffId>,
    /// The agent that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AgentName>,
    /// What sort of question.
    pub asking: Asking,
    /// Exactly what is shown; none if it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Value>,
    /// Its digest: send it with the answer.
    pub digest: Digest,
    /// What the effect was called with, where a person is asked whether it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// The possible answers; empty for free text.
    pub options: Vec<String>,
    /// Since when.
    pub asked_at_ms: Timestamp,
    /// By when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_by_ms: Option<Timestamp>,
    /// What silence means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_silence: Option<String>,
    /// How it stands.
    pub state: QuestionState,
    /// The answer that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// Open questions, by run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inbox {
    /// The questions.
    pub questions: Vec<Question>,
    /// For the next page: `after` this one. None on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<InterruptId>,
}

/// Which questions.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FindQuestions {
    /// Only of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Only those after this one: the last of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<InterruptId>,
    /// At most so many; 50 if nothing is said, 500 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The answer that counts: another one than yours if somebody was faster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resolved {
    /// Which question.
    pub interrupt: InterruptId,
    /// Its answer.
    pub answer: Answer,
}

/// Work that ended without a result, at which a person must look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    /// Which handoff.
    pub handoff: HandoffId,
    /// The agent that it was for.
    pub to: AgentName,
    /// Why it ended.
    pub why: String,
    /// What to do about it, where the agent said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Attempts that were made.
    pub attempts: u32,
    /// When it was offered.
    pub offered_at_ms: Timestamp,
}

/// Dead letters, by run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetters {
    /// The dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// For the next page: `after` this one. None on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<HandoffId>,
}

/// Which dead letters.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FindDeadLetters {
    /// Only of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Only for this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// Only those after this one: the last of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<HandoffId>,
    /// At most so many; 50 if nothing is said, 500 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Sends many dead letters once more.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RedriveMany {
    /// Only of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Only for this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// Only those whose reason contains this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_contains: Option<String>,
    /// To another receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<AgentName>,
    /// At most so many; 500 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What became of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Redriven {
    /// Sent once more.
    pub redriven: Vec<HandoffId>,
    /// Refused, each with its reason.
    pub refused: Vec<NotRedriven>,
    /// True when there are more than were looked at.
    pub more: bool,
}

/// A dead letter that was not sent once more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotRedriven {
    /// Which handoff.
    pub handoff: HandoffId,
    /// The refusal's code.
    pub code: String,
    /// What it says.
    pub detail: String,
}
