//! What a receiver says before and while it works: its read-back, and how the work stands.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::blob::Digest;
use crate::contract::{ContractId, ReadBackLevel};
use crate::id::ItemId;

/// Who made a read-back. Only what the agent itself says counts as understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Voice {
    /// The agent itself.
    Agent,
    /// A client library, for the agent.
    Client,
    /// The driver that runs the agent.
    Driver,
}

/// What a receiver says it understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBack {
    /// Who says it.
    pub by: Voice,
    /// How much is said.
    pub level: ReadBackLevel,
    /// The contract that it works to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// The payload that it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Digest>,
    /// The must-carry items that it got.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub items: BTreeSet<ItemId>,
    /// The acceptance criteria that it confirms, by number from 0.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub criteria: BTreeSet<u32>,
    /// How sure it is to succeed, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}

impl ReadBack {
    /// A driver's word that the briefing was handed over: delivered, not understood.
    pub fn delivered() -> Self {
        Self {
            by: Voice::Driver,
            level: ReadBackLevel::Off,
            contract: None,
            payload: None,
            items: BTreeSet::new(),
            criteria: BTreeSet::new(),
            confidence: None,
        }
    }
}

/// How accepted work stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkState {
    /// What the agent is doing.
    #[serde(default)]
    pub activity: Activity,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// A line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What an agent is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Working.
    #[default]
    Processing,
    /// Waiting for something outside, such as an API.
    WaitingFor(String),
    /// Unable to go on until something is removed.
    BlockedOn(String),
}
