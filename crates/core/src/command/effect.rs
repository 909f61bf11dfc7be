//! Guarded side effects: how they are named, and what becomes of them.

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;

/// Names an effect within its handoff; all attempts share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EffectId {
    /// What is done, such as `refund`.
    pub name: String,
    /// To what.
    pub key: EffectKey,
}

/// What tells two effects of one name apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKey {
    /// A name from the business, such as the order's number. Other arguments under it are refused.
    Business(String),
    /// The how-manieth of this name in an attempt, from 0.
    Ordinal(u32),
}

impl std::fmt::Display for EffectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.key {
            EffectKey::Business(key) => write!(f, "{}({key})", self.name),
            EffectKey::Ordinal(ordinal) => write!(f, "{}#{ordinal}", self.name),
        }
    }
}

/// Who finds out what became of an effect that was cut short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Reconciler {
    /// A person is asked.
    #[default]
    Human,
    /// The agent can look it up and say so.
    Agent,
}

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectOutcome {
    /// It happened; this came of it.
    Happened(Option<BlobRef>),
    /// It did not happen; it may be tried again.
    DidNotHappen,
}
