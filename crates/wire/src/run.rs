//! Runs: how they are opened, and how they stand.

use handclasp_core::blob::Blobs;
use handclasp_core::id::{AgentName, HandoffId, InterruptId, ItemId, Role, RunId};
use handclasp_core::ledger::{ItemKind, NewItem};
use handclasp_core::limits::{Limits, Usage};
use handclasp_core::run::Condition;
use handclasp_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

use crate::handoff::OfferIn;

/// A run to be opened.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenRun {
    /// The task, verbatim. It reaches every receiver unchanged.
    pub task: Value,
    /// A line that names the run in lists; made from the task if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the user is after, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Value>,
    /// What is known from the start, constraints above all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemIn>,
    /// Bounds on everything in the run.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Your own conversation id (`thread_id`, `session_id` and `context_id` are taken for it too).
    #[serde(default, alias = "thread_id", alias = "session_id", alias = "context_id", skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The first handoff. Without one the run waits for an offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<OfferIn>,
}

/// An item for the run's ledger.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewItem")]
pub struct ItemIn {
    /// What it says.
    pub kind: ItemKind,
    /// What it is about. A later item of the same key supersedes this one.
    pub key: String,
    /// The content.
    pub value: Value,
    /// Whether it must reach every later receiver until somebody discharges it.
    #[serde(default)]
    pub must_carry: bool,
    /// How sure its source is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// The roles that may see it; everybody if there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub visible_to: BTreeSet<Role>,
    /// What it was concluded from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub derived_from: BTreeSet<ItemId>,
}

impl ItemIn {
    /// The item as the rules know it.
    pub fn item(self, blobs: &mut Blobs) -> NewItem {
        NewItem {
            kind: self.kind,
            key: self.key,
            value: blobs.json(&self.value),
            must_carry: self.must_carry,
            confidence: self.confidence,
            visible_to: self.visible_to,
            derived_from: self.derived_from,
            inferred: false,
        }
    }
}

/// A run was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opened {
    /// Its id.
    pub run: RunId,
    /// The first handoff, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<HandoffId>,
    /// W3C trace id: yours, if you sent a `traceparent`.
    pub trace_id: String,
}

/// Which runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FindRuns {
    /// Only those that stand so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Only those of this W3C trace id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Only those opened before this one: the last of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<RunId>,
    /// At most so many; 50 if nothing is said, 500 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of runs, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Runs {
    /// The runs.
    pub runs: Vec<RunLine>,
    /// For the next page: `before` this one. None on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RunId>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunLine {
    /// Which run.
    pub run: RunId,
    /// Its title.
    pub title: String,
    /// How it stands.
    pub condition: Condition,
    /// Why nothing moves, or how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// W3C trace id.
    pub trace_id: String,
    /// The caller's own conversation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// When it was opened.
    pub opened_at_ms: Timestamp,
    /// When something happened last.
    pub touched_at_ms: Timestamp,
    /// Events so far.
    pub version: u64,
    /// Handoffs so far.
    pub handoffs: u32,
    /// What was spent.
    pub usage: Usage,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunView {
    /// Its line in lists.
    #[serde(flatten)]
    pub line: RunLine,
    /// True when it has ended.
    pub over: bool,
    /// The task, verbatim.
    pub task: Value,
    /// The result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// False when a review used up its rounds and the best version was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// Its bounds.
    pub limits: Limits,
    /// Its newest handoffs, oldest first.
    pub latest: Vec<HandoffLine>,
    /// Questions that nobody has answered.
    pub questions: Vec<InterruptId>,
}

/// A handoff in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HandoffLine {
    /// Which handoff.
    pub handoff: HandoffId,
    /// Who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AgentName>,
    /// Who gets it.
    pub to: AgentName,
    /// Where in its life it is.
    pub phase: crate::PhaseName,
    /// Attempts so far.
    pub attempts: u32,
}
