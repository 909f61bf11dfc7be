//! Agents: registered, looked at, forgotten.

use std::collections::BTreeMap;

use handclasp_core::directory::{self, Load};
use handclasp_core::id::AgentName;
use handclasp_core::refusal::Refusal;

use crate::api::Nothing;
use crate::call::Call;
use crate::problem::{Door, Problem};
use crate::wire::{Agent, Agents, Register};

pub(crate) async fn register(call: Call, said: Register) -> Result<Agent, Problem> {
    let name = call.agent()?;
    call.must_be(&name)?;
    if said.capacity == Some(0) {
        return Err(Problem::malformed("/capacity", "at least 1", "0"));
    }
    if said.lease_ms.is_some_and(|lease| lease < LEASE_MS_MIN) {
        return Err(Problem::malformed("/lease_ms", format!("at least {LEASE_MS_MIN}"), said.lease_ms.unwrap_or(0).to_string()));
    }
    let work = async {
        call.house.engine.register(&call.caller.tenant, said.clone().agent(name.clone())).await?;
        one(&call, &name).await
    };
    call.once(&("register", &name, &said), work).await
}

/// A shorter lease would be lost to a busy network, not to a dead worker.
const LEASE_MS_MIN: u64 = 100;

pub(crate) async fn remove(call: Call, _: Nothing) -> Result<Nothing, Problem> {
    let name = call.agent()?;
    call.must_be(&name)?;
    let work = async {
        let known = call.house.engine.unregister(&call.caller.tenant, &name).await?;
        if known { Ok(Nothing {}) } else { Err(unknown(&name)) }
    };
    call.once(&("remove", &name), work).await
}

pub(crate) async fn show(call: Call, _: Nothing) -> Result<Agent, Problem> {
    one(&call, &call.agent()?).await
}

async fn one(call: &Call, name: &AgentName) -> Result<Agent, Problem> {
    let registry = call.house.engine.registry(&call.caller.tenant);
    let agent = registry.directory.agent(name).ok_or_else(|| unknown(name))?;
    let waiting = call.house.engine.store().waiting(&call.caller.tenant).await?;
    let load = call.house.engine.load(&call.caller.tenant);
    Ok(view(call, agent, &load, &waiting))
}

/// In a path, an agent that is not there is a page that is not there.
fn unknown(name: &AgentName) -> Problem {
    let refused = Problem::refused(&Refusal::UnknownAgent(name.clone()));
    Problem { status: Door::NotFound.status().as_u16(), ..refused }
}

pub(crate) async fn list(call: Call, _: Nothing) -> Result<Agents, Problem> {
    let registry = call.house.engine.registry(&call.caller.tenant);
    let waiting = call.house.engine.store().waiting(&call.caller.tenant).await?;
    let load = call.house.engine.load(&call.caller.tenant);
    Ok(Agents { agents: registry.directory.agents().map(|agent| view(&call, agent, &load, &waiting)).collect() })
}

fn view(call: &Call, agent: &directory::Agent, load: &Load, waiting: &BTreeMap<AgentName, u64>) -> Agent {
    Agent {
        agent: agent.name.clone(),
        capabilities: agent.capabilities.clone(),
        accepts: agent.accepts.clone(),
        roles: agent.roles.clone(),
        capacity: agent.capacity,
        fallback: agent.fallback.clone(),
        read_back: agent.read_back,
        justification: agent.justification.clone(),
        lease_ms: agent.lease_ms,
        holds: load.get(&agent.name).copied().unwrap_or(0),
        waiting: waiting.get(&agent.name).copied().unwrap_or(0),
        workers: u32::try_from(call.house.engine.workers(&call.caller.tenant, &agent.name)).unwrap_or(u32::MAX),
    }
}
