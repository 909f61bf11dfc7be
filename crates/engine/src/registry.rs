//! Agents and contracts as they are now, with the contracts compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use handclasp_core::blob::Digest;
use handclasp_core::command::Pins;
use handclasp_core::contract::{BadSchema, Checker, Contract, ContractId, Verdicts};
use handclasp_core::directory::Directory;

/// A directory and a checker for each of its contracts.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Who and what is known.
    pub directory: Directory,
    checkers: BTreeMap<ContractId, Arc<Checker>>,
}

impl Registry {
    /// Compiles the contracts of a directory.
    pub fn new(directory: Directory) -> Result<Self, BadSchema> {
        let mut checkers = BTreeMap::new();
        for (contract, _) in directory.contracts() {
            checkers.insert(contract.id.clone(), Arc::new(Checker::new(contract)?));
        }
        Ok(Self { directory, checkers })
    }

    /// Adds a contract.
    pub fn add_contract(&mut self, contract: Contract) -> Result<(), BadSchema> {
        self.checkers.insert(contract.id.clone(), Arc::new(Checker::new(&contract)?));
        self.directory.add_contract(contract);
        Ok(())
    }

    /// Whether everything that a run relies on is known here, as it was when the run was opened.
    pub fn holds(&self, pins: &Pins) -> bool {
        let agents = pins.agents.iter().all(|(name, pinned)| self.directory.agent(name).is_some_and(|agent| agent.definition == *pinned));
        let contracts = pins.contracts.iter().all(|(id, pinned)| self.directory.contract(id).is_some_and(|(_, digest)| digest == *pinned));
        agents && contracts
    }

    /// The digest of a contract that is known.
    pub(crate) fn digest(&self, contract: &ContractId) -> Option<Digest> {
        self.checkers.get(contract).map(|checker| checker.contract_digest())
    }

    /// Holds a content against a contract. A content that is no JSON breaks every contract.
    pub(crate) fn check(&self, contract: &ContractId, content: Digest, bytes: &Arc<[u8]>, verdicts: &mut Verdicts) {
        let Some(checker) = self.checkers.get(contract) else { return };
        let violations = match serde_json::from_slice(bytes) {
            Ok(value) => checker.check(&value),
            Err(error) => vec![handclasp_core::contract::Violation {
                pointer: String::new(),
                expected: "JSON".to_owned(),
                found: format!("something else ({error})"),
                hint: "send JSON".to_owned(),
            }],
        };
        verdicts.insert(checker.contract_digest(), content, violations);
    }
}
