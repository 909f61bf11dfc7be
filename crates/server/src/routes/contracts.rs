//! Contracts: published for good, looked at, compared.

use handclasp_core::contract::{Checker, ContractId, ContractRange, diff as compare, is_compatible};
use handclasp_core::refusal::Refusal;

use crate::api::Nothing;
use crate::call::Call;
use crate::problem::{Door, Problem};
use crate::wire::{Contracts, Diff, Differences, Publish, Published};

pub(crate) async fn publish(call: Call, said: Publish) -> Result<Published, Problem> {
    let contract = said.clone().contract();
    Checker::new(&contract)
        .map_err(|bad| Problem::malformed(format!("/schema{}", bad.pointer), "a usable JSON Schema 2020-12", bad.problem))?;
    let published = Published { contract: (&contract).into(), digest: contract.digest() };
    let work = async {
        call.house.engine.publish(&call.caller.tenant, contract).await?;
        Ok(published)
    };
    call.once(&("publish", &said), work).await
}

pub(crate) async fn list(call: Call, _: Nothing) -> Result<Contracts, Problem> {
    let registry = call.house.engine.registry(&call.caller.tenant);
    let all = registry.directory.contracts();
    Ok(Contracts { contracts: all.map(|(contract, digest)| Published { contract: contract.as_ref().into(), digest }).collect() })
}

pub(crate) async fn show(call: Call, _: Nothing) -> Result<Published, Problem> {
    let id: ContractId = call.path("contract")?;
    let registry = call.house.engine.registry(&call.caller.tenant);
    let Some((contract, digest)) = registry.directory.contract(&id) else {
        let refused = Problem::refused(&Refusal::UnknownContract(ContractRange::from(&id)));
        return Err(Problem { status: Door::NotFound.status().as_u16(), ..refused });
    };
    Ok(Published { contract: contract.as_ref().into(), digest })
}

pub(crate) async fn diff(_: Call, said: Diff) -> Result<Differences, Problem> {
    let changes = compare(&said.old, &said.new);
    Ok(Differences { compatible: is_compatible(&changes), changes })
}
