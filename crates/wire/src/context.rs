//! What a run knows: the items of its ledger, and contents by hash.

use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, ItemId};
use handclasp_core::ledger::ItemKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One item of a run's ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// Its id.
    pub item: ItemId,
    /// What it says.
    pub kind: ItemKind,
    /// What it is about.
    pub key: String,
    /// The content; none if it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Where the content is.
    pub digest: Digest,
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
    /// False when it has ended everywhere: discharged, dropped or superseded.
    pub open: bool,
    /// True when something that it was concluded from has changed since.
    pub stale: bool,
}

/// A page of items, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Items {
    /// The items.
    pub items: Vec<Item>,
    /// For the next page: `after` this one. None on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ItemId>,
}

/// Which items.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FindItems {
    /// Only those after this one: the last of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ItemId>,
    /// At most so many; 50 if nothing is said, 500 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A content was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stored {
    /// Its hash: where to find it again.
    pub digest: Digest,
    /// How many bytes.
    pub bytes: u64,
}
