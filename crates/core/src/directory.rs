//! Who can be handed work: agents and contracts as the rules see them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::blob::Digest;
use crate::contract::{Contract, ContractId, ContractRange, ReadBackLevel};
use crate::id::{AgentName, Capability, HandoffId, Role};
use crate::offer::Kind;
use crate::time::{Millis, Timestamp};

/// When whoever hands work to an agent must say why to this one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Justification {
    /// Never.
    #[default]
    Off,
    /// Always.
    Required,
    /// For handoffs of these kinds.
    For(BTreeSet<Kind>),
}

impl Justification {
    /// Whether a handoff of this kind needs one.
    pub fn asks(&self, kind: Kind) -> bool {
        match self {
            Self::Off => false,
            Self::Required => true,
            Self::For(kinds) => kinds.contains(&kind),
        }
    }

    /// Whether none is ever needed.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// What the rules know of an agent. How to reach it is its driver's business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its name.
    pub name: AgentName,
    /// What it can do, and which tools it has.
    #[serde(default)]
    pub capabilities: BTreeSet<Capability>,
    /// Which contracts it understands. Empty: it takes payloads without a contract only.
    #[serde(default)]
    pub accepts: Vec<ContractRange>,
    /// The roles in which it may see items.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
    /// How many handoffs it may hold at once, over all runs.
    pub capacity: u32,
    /// Who takes over when it declines, stays silent or fails for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<AgentName>,
    /// The most that it can say back.
    pub read_back: ReadBackLevel,
    /// When whoever hands work to it must say why.
    #[serde(default, skip_serializing_if = "Justification::is_off")]
    pub justification: Justification,
    /// How long its lease lasts without a heartbeat.
    pub lease_ms: Millis,
    /// Identifies the whole definition, driver settings included; a run pins it.
    pub definition: Digest,
}

/// Every agent and contract that is known now.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    agents: BTreeMap<AgentName, Arc<Agent>>,
    contracts: BTreeMap<ContractId, (Arc<Contract>, Digest)>,
}

impl Directory {
    /// Adds an agent, or replaces it.
    pub fn add_agent(&mut self, agent: Agent) {
        self.agents.insert(agent.name.clone(), Arc::new(agent));
    }

    /// Forgets an agent.
    pub fn remove_agent(&mut self, name: &AgentName) {
        self.agents.remove(name);
    }

    /// Adds a contract, or replaces it.
    pub fn add_contract(&mut self, contract: Contract) {
        let digest = contract.digest();
        self.contracts.insert(contract.id.clone(), (Arc::new(contract), digest));
    }

    /// The agent of that name.
    pub fn agent(&self, name: &AgentName) -> Option<&Arc<Agent>> {
        self.agents.get(name)
    }

    /// All agents, by name.
    pub fn agents(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.agents.values()
    }

    /// The contract of exactly that version, with its digest.
    pub fn contract(&self, id: &ContractId) -> Option<(&Arc<Contract>, Digest)> {
        self.contracts.get(id).map(|(contract, digest)| (contract, *digest))
    }

    /// All contracts, by name and version.
    pub fn contracts(&self) -> impl Iterator<Item = (&Arc<Contract>, Digest)> {
        self.contracts.values().map(|(contract, digest)| (contract, *digest))
    }

    /// The newest version in that range.
    pub fn newest(&self, range: &ContractRange) -> Option<&ContractId> {
        self.contracts.keys().filter(|id| range.takes(id)).max_by(|a, b| a.version.cmp(&b.version))
    }

    /// The agents that have all of these capabilities, by name.
    pub fn capable<'a>(&'a self, wanted: &'a BTreeSet<Capability>) -> impl Iterator<Item = &'a Arc<Agent>> {
        self.agents.values().filter(move |agent| wanted.is_subset(&agent.capabilities))
    }
}

/// The last heartbeat of each held handoff of the run in question. Beats are not events.
pub type Beats = BTreeMap<HandoffId, Timestamp>;

/// How many handoffs each agent holds, over all runs of the tenant.
pub type Load = BTreeMap<AgentName, u32>;
