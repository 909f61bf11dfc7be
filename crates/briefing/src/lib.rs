//! What one receiver actually gets: assembled from the run, counted in tokens, rendered for a prompt.
//!
//! Pure, and decides nothing. Which items a receiver gets was decided when it claimed, and is in the
//! log; here they are put together with their contents. The engine brings the contents.

mod assemble;
mod markdown;
mod tokens;

use std::collections::BTreeSet;

use handclasp_core::blob::Digest;
use handclasp_core::contract::{ContractId, ReadBackLevel};
use handclasp_core::id::{AgentName, HandoffId, InterruptId, ItemId, RunId};
use handclasp_core::ledger::ItemKind;
use handclasp_core::limits::Limits;
use handclasp_core::offer::{Kind, Mode, Reason};
use handclasp_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::assemble::{assemble, needed};
pub use self::markdown::markdown;
pub use self::tokens::tokens;

/// Everything that one receiver gets for one handoff. Serialises to the `params` of `work` in the
/// agent protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Briefing {
    /// Which run.
    pub run: RunId,
    /// Which handoff.
    pub handoff: HandoffId,
    /// Who gets it.
    pub agent: AgentName,
    /// The how-manieth attempt.
    pub attempt: u32,
    /// What sort of handoff.
    pub kind: Kind,
    /// What became of the sender.
    pub mode: Mode,
    /// Why the work moved.
    pub reason: Reason,
    /// The agent that sent it.
    pub from: Option<AgentName>,
    /// The original task, verbatim.
    pub task: Value,
    /// What the user is after, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Value>,
    /// The work itself.
    pub payload: Value,
    /// What the payload is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// What the result must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<ContractId>,
    /// What must be true of the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acceptance: Vec<String>,
    /// Why this receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// The items of the ledger that it gets.
    pub items: Vec<Item>,
    /// How many open items its roles may not see.
    #[serde(default)]
    pub withheld: usize,
    /// What came back from what it had delegated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<Returned>,
    /// What it had kept for itself before it waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation: Option<Value>,
    /// Answers to what it had asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answered>,
    /// The bounds that hold for it.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// It expires if it is not finished by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<Timestamp>,
    /// What a read-back has to name.
    pub read_back: Asked,
}

/// An item with its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "BriefedItem"))]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// What it says.
    pub kind: ItemKind,
    /// What it is about.
    pub key: String,
    /// The content.
    pub value: Value,
    /// Whether it must reach every later receiver until somebody discharges it.
    pub must_carry: bool,
    /// The how-manieth of its key.
    pub version: u32,
    /// The agent that brought it; none for the run's opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<AgentName>,
    /// How sure its source is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// True when something that it was concluded from has changed since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

/// What came back from something that was delegated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Returned {
    /// The handoff that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<HandoffId>,
    /// Or the child run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An answer to a question of this handoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Answered {
    /// Which question.
    pub interrupt: InterruptId,
    /// The choice.
    pub choice: String,
    /// More than the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Value>,
}

/// What a read-back has to name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ReadBackAsked"))]
pub struct Asked {
    /// How much.
    pub level: ReadBackLevel,
    /// The contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// The payload's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Digest>,
    /// The must-carry items.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub items: BTreeSet<ItemId>,
    /// The acceptance criteria, by number from 0.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub criteria: BTreeSet<u32>,
}
