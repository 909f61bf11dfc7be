//! What has happened, and what was refused.

use handclasp_core::id::RunId;
use handclasp_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which events.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FindEvents {
    /// Only of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Only after this place: the `id` of the last event that was seen. 0 for the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many; 50 if nothing is said, 500 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Which events to follow.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FollowEvents {
    /// Only of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Only after this place; from now on if nothing is said. The header `Last-Event-ID` goes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventLine {
    /// Its place among all events: where to go on from.
    pub id: u64,
    /// Which run.
    pub run: RunId,
    /// Its number in the run's log.
    pub version: u64,
    /// The event as it is stored: what has happened, when, on whose authority, chained by hash.
    pub event: Value,
}

/// A page of events, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// The events.
    pub events: Vec<EventLine>,
    /// Ask again `after` this place: everything up to it was looked at.
    pub after: u64,
    /// The newest place: there is more as long as `after` is below it.
    pub newest: u64,
}

/// Which refusals.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FindRefusals {
    /// At most so many; 50 if nothing is said, 500 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalLine {
    /// Which run.
    pub run: RunId,
    /// When.
    pub at_ms: Timestamp,
    /// On whose authority.
    pub principal: String,
    /// What was asked.
    pub command: String,
    /// The code.
    pub code: String,
    /// What it said.
    pub detail: String,
    /// The first field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// The newest refusals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusals {
    /// The refusals, newest first.
    pub refusals: Vec<RefusalLine>,
}

/// How the server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// `alive`, or `ready`.
    pub status: String,
    /// The program's version.
    pub version: String,
}

impl Health {
    /// This version's, with that status.
    pub fn of(status: &str) -> Self {
        Self { status: status.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}
