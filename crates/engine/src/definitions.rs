//! Agents and contracts that are told to a running engine: kept in the store, per tenant.
//!
//! What a team file says is known only to the engine that was started with it; what is registered or
//! published here is there after a restart. Where both name the same agent, the team file counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use handclasp_core::contract::{Contract, check_succession};
use handclasp_core::directory::Agent;
use handclasp_core::id::{AgentName, Tenant};
use handclasp_core::refusal::Refusal;
use handclasp_store::{Expected, Kept, KeptOf};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::Engine;
use crate::error::{EngineError, Rejection};
use crate::limits;
use crate::registry::Registry;

const AGENT: &str = "agent";
const CONTRACT: &str = "contract";

impl Engine {
    /// Takes up what was registered and published before, and the keys, for all tenants.
    pub async fn learn(&self) -> Result<(), EngineError> {
        self.learn_keys().await?;
        let mut known: BTreeMap<Tenant, (Vec<Agent>, Vec<Contract>)> = BTreeMap::new();
        for (tenant, agent) in self.all_kept::<Agent>(AGENT).await? {
            known.entry(tenant).or_default().0.push(agent);
        }
        for (tenant, contract) in self.all_kept::<Contract>(CONTRACT).await? {
            known.entry(tenant).or_default().1.push(contract);
        }
        for (tenant, (agents, contracts)) in known {
            let mut registry = Registry::clone(&self.registry(&tenant));
            for contract in contracts {
                if registry.directory.contract(&contract.id).is_some() {
                    continue;
                }
                let id = contract.id.clone();
                if let Err(error) = registry.add_contract(contract) {
                    // It was usable when it was published; what rests on it is refused by name.
                    tracing::error!(%tenant, contract = %id, %error, "a published contract cannot be used any more");
                }
            }
            for agent in agents {
                if registry.directory.agent(&agent.name).is_none() {
                    registry.directory.add_agent(agent);
                }
            }
            self.set_registry(&tenant, registry);
        }
        Ok(())
    }

    async fn all_kept<T: DeserializeOwned>(&self, kind: &'static str) -> Result<Vec<(Tenant, T)>, EngineError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = self.inner.store.kept(KeptOf { tenant: None, kind, after, limit: limits::POST_BATCH_MAX }).await;
            let page = page.map_err(EngineError::Store)?;
            let Some(last) = page.last() else { return Ok(all) };
            after = Some((last.tenant.clone(), last.name.clone()));
            for kept in page {
                match serde_json::from_slice(&kept.bytes) {
                    Ok(value) => all.push((kept.tenant, value)),
                    Err(error) => tracing::error!(tenant = %kept.tenant, kind, name = kept.name, %error, "a definition cannot be read"),
                }
            }
        }
    }

    /// Says who an agent is, from now on. A team file's agent is the team file's to say.
    pub async fn register(&self, tenant: &Tenant, agent: Agent) -> Result<(), Rejection> {
        let _one = self.inner.defining.lock().await;
        let known = self.registry(tenant).directory.agent(&agent.name).is_some();
        if known && self.inner.store.kept_one(tenant, AGENT, agent.name.as_str()).await?.is_none() {
            let problem = "an agent of that name is in the team file that this engine runs; change it there, or take another name";
            return Err(Refusal::BadField { field: "agent", problem }.into());
        }
        self.keep(tenant, AGENT, agent.name.as_str(), &agent).await?;
        let name = agent.name.clone();
        self.know(tenant, |registry| registry.directory.add_agent(agent));
        // It may have room that it had not.
        self.inner.queue.room(tenant, &[name]);
        Ok(())
    }

    /// Forgets an agent; `false` if it was not registered. What waits for it goes on waiting.
    pub async fn unregister(&self, tenant: &Tenant, name: &AgentName) -> Result<bool, Rejection> {
        let _one = self.inner.defining.lock().await;
        let known = self.inner.store.discard(tenant, AGENT, name.as_str()).await?;
        if known {
            self.know(tenant, |registry| registry.directory.remove_agent(name));
        }
        Ok(known)
    }

    /// Publishes a contract whose schema is known to be usable. A version that is published never
    /// changes, and a compatible version breaks nobody; publishing the same again is no news.
    pub async fn publish(&self, tenant: &Tenant, contract: Contract) -> Result<(), Rejection> {
        let _one = self.inner.defining.lock().await;
        let registry = self.registry(tenant);
        let known = registry.directory.contract(&contract.id).is_some_and(|(_, digest)| digest == contract.digest());
        if known {
            return Ok(());
        }
        check_succession(registry.directory.contracts().map(|(contract, _)| contract.as_ref()), &contract)?;
        let mut next = Registry::clone(&registry);
        let id = contract.id.clone();
        let unusable = Refusal::BadField { field: "schema", problem: "it is no usable JSON Schema 2020-12" };
        next.add_contract(contract.clone()).map_err(|_| unusable)?;
        self.keep(tenant, CONTRACT, &id.to_string(), &contract).await?;
        self.set_registry(tenant, next);
        Ok(())
    }

    async fn keep(&self, tenant: &Tenant, kind: &str, name: &str, value: &impl Serialize) -> Result<(), Rejection> {
        let bytes = serde_json::to_vec(value).expect("definitions serialise");
        let kept = Kept { tenant: tenant.clone(), kind: kind.to_owned(), name: name.to_owned(), bytes: Arc::from(bytes) };
        self.inner.store.keep(kept, Expected::Anything).await?;
        Ok(())
    }

    fn know(&self, tenant: &Tenant, change: impl FnOnce(&mut Registry)) {
        let mut registry = Registry::clone(&self.registry(tenant));
        change(&mut registry);
        self.set_registry(tenant, registry);
    }
}
