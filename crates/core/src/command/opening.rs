//! How a run is opened, and the definitions that it relies on from then on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::blob::{BlobRef, Digest};
use crate::contract::ContractId;
use crate::id::{AgentName, HandoffId};
use crate::ledger::NewItem;
use crate::limits::{Budget, Limits};
use crate::offer::Offer;
use crate::plan::Plan;

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
