//! The cast: who and what a team file knows by name, for everything that refers to it.
//!
//! Owns references: agents, contracts, capabilities and roles that do not exist are reported here,
//! with what may have been meant. Whether a step fits its agent is judged in [`crate::step`].

use std::collections::BTreeSet;
use std::sync::Arc;

use handclasp_core::contract::{Contract, ContractId, ContractRange};
use handclasp_core::directory::{Agent, Directory};
use handclasp_core::id::{AgentName, Capability, Role};

use crate::agent::TeamAgent;
use crate::document::{Node, shortened};
use crate::mistake::{Mistakes, Problem, names, suggestion};

pub(crate) struct Cast<'a> {
    pub(crate) directory: Directory,
    pub(crate) inputs: Vec<&'a str>,
    agents: Option<&'a Node>,
    contracts: Option<&'a Node>,
    /// Agents with a mistake of their own: nothing is concluded from what they seem to be.
    doubtful: BTreeSet<AgentName>,
}

/// Agents and contracts as the rules look them up.
pub(crate) fn directory(agents: &[TeamAgent], contracts: &[Contract]) -> Directory {
    let mut directory = Directory::default();
    for TeamAgent { agent, .. } in agents {
        directory.add_agent(agent.clone());
    }
    for contract in contracts {
        directory.add_contract(contract.clone());
    }
    directory
}

impl<'a> Cast<'a> {
    pub(crate) fn new(root: &'a Node, agents: &[TeamAgent], contracts: &[Contract], mistakes: &Mistakes) -> Self {
        let definitions = root.get("agents");
        let faulty = definitions.map(Node::entries).unwrap_or_default().iter().filter(|entry| mistakes.within(&entry.value));
        Self {
            directory: directory(agents, contracts),
            inputs: root.get("inputs").map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.as_str()).collect(),
            agents: definitions,
            contracts: root.get("contracts"),
            doubtful: faulty.filter_map(|entry| entry.key.parse().ok()).collect(),
        }
    }

    /// The agents that a verdict can be built on.
    pub(crate) fn is_sound(&self, agent: &Agent) -> bool {
        !self.doubtful.contains(&agent.name)
    }

    /// The agent that is named here.
    pub(crate) fn agent(&self, node: &Node, mistakes: &mut Mistakes) -> Option<&Arc<Agent>> {
        let name: AgentName = node.parsed()?;
        let agent = self.directory.agent(&name);
        if agent.is_none() {
            let known = self.directory.agents().map(|agent| agent.name.as_str());
            mistakes.add(node.spot, Problem::new(format!("unknown agent `{name}`")).hint(suggestion(name.as_str(), "agents", known)));
        }
        agent
    }

    /// The agents that can do all of this. `doing` is what their choice hangs on, at `node`.
    pub(crate) fn capable(
        &self,
        node: &Node,
        doing: &Capability,
        requires: &BTreeSet<Capability>,
        mistakes: &mut Mistakes,
    ) -> Vec<&Arc<Agent>> {
        let mut wanted = requires.clone();
        wanted.insert(doing.clone());
        let capable: Vec<_> = self.directory.agents().filter(|agent| wanted.is_subset(&agent.capabilities)).collect();
        if capable.is_empty() && self.doubtful.is_empty() {
            let known: BTreeSet<&str> = self.directory.agents().flat_map(|agent| &agent.capabilities).map(Capability::as_str).collect();
            let wanted: Vec<&Capability> = wanted.iter().collect();
            let plural = if wanted.len() == 1 { "capability" } else { "capabilities" };
            let problem = Problem::new(format!("no agent has the {plural} {}", names(&wanted)));
            mistakes.add(node.spot, problem.hint(suggestion(doing.as_str(), "capabilities", known)));
        }
        capable
    }

    /// The range of contracts that is named here, if the file has one in it.
    pub(crate) fn range(&self, node: &Node, mistakes: &mut Mistakes) -> Option<ContractRange> {
        if mistakes.within(node) {
            return None;
        }
        let range: ContractRange = node.parsed()?;
        if self.directory.newest(&range).is_some() {
            return Some(range);
        }
        if !self.is_misnamed(&range.name) {
            mistakes.add(node.spot, self.unknown_contract(&range, node.text().unwrap_or_default()));
        }
        None
    }

    fn unknown_contract(&self, range: &ContractRange, written: &str) -> Problem {
        let known = || self.directory.contracts().map(|(contract, _)| &contract.id);
        let versions: Vec<&ContractId> = known().filter(|id| id.name == range.name).collect();
        if versions.is_empty() {
            let hint = suggestion(&range.name, "contracts", known().map(|id| id.name.as_str()).collect::<BTreeSet<_>>());
            Problem::new(format!("unknown contract `{}`", shortened(written))).hint(hint)
        } else {
            let problem = Problem::new(format!("no version of `{}` is in `{}`", range.name, shortened(written)));
            problem.hint(format!("the file has {}", names(&versions)))
        }
    }

    /// Whether a contract of this name is in the file under a key that is not right.
    pub(crate) fn is_misnamed(&self, name: &str) -> bool {
        let entries = self.contracts.map(Node::entries).unwrap_or_default();
        entries.iter().any(|entry| entry.key.parse::<ContractId>().is_err() && entry.key.split('@').next() == Some(name))
    }

    /// Reports what the agents of the file accept although it is not there.
    pub(crate) fn check_accepts(&self, mistakes: &mut Mistakes) {
        for entry in self.agents.map(Node::entries).unwrap_or_default() {
            for range in entry.value.get("accepts").map(Node::elements).unwrap_or_default() {
                self.range(range, mistakes);
            }
        }
    }

    /// Where an agent names its fallback.
    pub(crate) fn fallback_of(&self, agent: &AgentName) -> Option<&'a Node> {
        self.agents?.get(agent.as_str())?.get("fallback")
    }

    /// The roles that are named here.
    pub(crate) fn roles(&self, node: &Node, mistakes: &mut Mistakes) -> BTreeSet<Role> {
        let known: BTreeSet<&Role> = self.directory.agents().flat_map(|agent| &agent.roles).collect();
        for element in node.elements() {
            if let Some(role) = element.parsed::<Role>().filter(|role| !known.contains(role) && self.doubtful.is_empty()) {
                let problem = Problem::new(format!("no agent has the role `{role}`"));
                mistakes.add(element.spot, problem.hint(suggestion(role.as_str(), "roles", known.iter().map(|role| role.as_str()))));
            }
        }
        node.all_parsed()
    }
}
