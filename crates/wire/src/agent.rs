//! Agents and contracts.

use std::collections::BTreeSet;

use handclasp_core::blob::Digest;
use handclasp_core::contract::{Change, Contract, ContractId, ContractRange, ReadBackLevel};
use handclasp_core::directory::{self, Justification};
use handclasp_core::id::{AgentName, Capability, Role};
use handclasp_core::time::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who an agent is. Registering it again replaces what was said before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Register {
    /// What it can do, and which tools it has.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities: BTreeSet<Capability>,
    /// Which contracts it understands, such as `refund@1`. None: it takes payloads without a contract only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepts: Vec<ContractRange>,
    /// The roles in which it may see items.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<Role>,
    /// How many handoffs it may hold at once, over all its workers; 64 if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Who takes over when it declines, stays silent or fails for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<AgentName>,
    /// The most that it can say back; `echo` if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBackLevel>,
    /// When whoever hands work to it must say why; `off` if nothing is said.
    #[serde(skip_serializing_if = "Justification::is_off")]
    pub justification: Justification,
    /// How long its leases last without a heartbeat, in milliseconds; 30,000 if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
}

/// What an agent's workers may hold at once, where it does not say.
const CAPACITY: u32 = 64;

/// A worker that is silent for so long is taken for dead, where its agent does not say.
const LEASE: Millis = Millis::seconds(30);

impl Register {
    /// The agent as the rules know it.
    pub fn agent(self, name: AgentName) -> directory::Agent {
        let definition = Digest::of_json(&self);
        directory::Agent {
            name,
            capabilities: self.capabilities,
            accepts: self.accepts,
            roles: self.roles,
            capacity: self.capacity.unwrap_or(CAPACITY),
            fallback: self.fallback,
            read_back: self.read_back.unwrap_or(ReadBackLevel::Echo),
            justification: self.justification,
            lease_ms: self.lease_ms.map_or(LEASE, Millis),
            definition,
        }
    }
}

/// One agent: who it is, and how it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agent {
    /// Its name.
    pub agent: AgentName,
    /// What it can do.
    pub capabilities: BTreeSet<Capability>,
    /// Which contracts it understands.
    pub accepts: Vec<ContractRange>,
    /// The roles in which it may see items.
    pub roles: BTreeSet<Role>,
    /// How many handoffs it may hold at once.
    pub capacity: u32,
    /// Who takes over for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<AgentName>,
    /// The most that it can say back.
    pub read_back: ReadBackLevel,
    /// When whoever hands work to it must say why.
    #[serde(default)]
    pub justification: Justification,
    /// How long its leases last without a heartbeat.
    pub lease_ms: Millis,
    /// How many handoffs it holds now.
    pub holds: u32,
    /// How many wait for it.
    pub waiting: u64,
    /// How many of its workers are asking for work at this moment.
    pub workers: u32,
}

/// All agents, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agents {
    /// The agents.
    pub agents: Vec<Agent>,
}

/// A contract to be published. A published version never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Name and full version, such as `refund@1.2.0`.
    pub contract: ContractId,
    /// JSON Schema 2020-12 of the payload.
    pub schema: Value,
    /// How much the receiver must say back.
    #[serde(default)]
    pub read_back: ReadBackLevel,
    /// Whether an offer must say why this receiver.
    #[serde(default)]
    pub justification_required: bool,
    /// Whether a result must list the side effects that it committed.
    #[serde(default)]
    pub effects_declared: bool,
    /// The least confidence, in percent, with which a receiver may accept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence_min: Option<u8>,
}

impl Publish {
    /// The contract as the rules know it.
    pub fn contract(self) -> Contract {
        Contract {
            id: self.contract,
            schema: self.schema,
            read_back: self.read_back,
            justification_required: self.justification_required,
            effects_declared: self.effects_declared,
            confidence_min: self.confidence_min,
        }
    }
}

impl From<&Contract> for Publish {
    fn from(contract: &Contract) -> Self {
        Self {
            contract: contract.id.clone(),
            schema: contract.schema.clone(),
            read_back: contract.read_back,
            justification_required: contract.justification_required,
            effects_declared: contract.effects_declared,
            confidence_min: contract.confidence_min,
        }
    }
}

/// A published contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    /// What it says.
    #[serde(flatten)]
    pub contract: Publish,
    /// Digest of all of it.
    pub digest: Digest,
}

/// All contracts, by name and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contracts {
    /// The contracts.
    pub contracts: Vec<Published>,
}

/// Two schemas to compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diff {
    /// The JSON Schema as it was.
    pub old: Value,
    /// As it would be.
    pub new: Value,
}

/// What changes from one schema to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Differences {
    /// Whether the new one can be published under a compatible version.
    pub compatible: bool,
    /// Each change, and for whom it breaks.
    pub changes: Vec<Change>,
}
