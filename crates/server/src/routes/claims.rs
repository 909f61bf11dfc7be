//! An agent's next work, with what it needs to know.

use handclasp_core::command::{ReadBack, Voice};
use handclasp_core::time::Millis;
use handclasp_engine::{Ask, Given};

use crate::call::Call;
use crate::limits;
use crate::problem::Problem;
use crate::trace::traceparent;
use crate::wire::{Claim, Claimed, Claims};

pub(crate) async fn claim(call: Call, said: Claim) -> Result<Claims, Problem> {
    let agent = call.agent()?;
    call.must_be(&agent)?;
    let accept = said.accept.then(|| ReadBack { by: Voice::Client, ..ReadBack::delivered() });
    let ask = Ask {
        tenant: call.caller.tenant.clone(),
        principal: call.caller.principal.clone(),
        agent,
        holder: said.holder.unwrap_or_else(|| call.caller.principal.to_string()),
        key: call.key()?,
        most: said.most.unwrap_or(1).max(1),
        wait: Millis(said.wait_ms).min(limits::WAIT_MAX),
        accept,
    };
    let given = call.house.engine.claim(&ask, call.house.closing.clone()).await?;
    let mut claims = Vec::with_capacity(given.len());
    for one in given {
        claims.extend(told(&call, one).await?);
    }
    Ok(Claims { claims })
}

/// What a worker is told of what it was given; nothing if it was taken away in the meantime.
async fn told(call: &Call, given: Given) -> Result<Option<Claimed>, Problem> {
    let (engine, tenant) = (&call.house.engine, &call.caller.tenant);
    let look = |run: &handclasp_core::Run| {
        let lease = run.handoff(given.handoff).and_then(|handoff| handoff.phase.lease()).filter(|lease| lease.token == given.token)?;
        Some((lease.length, traceparent(&run.trace_id, given.handoff, given.attempt)))
    };
    let Some((lease_ms, traceparent)) = engine.inspect(tenant, given.handoff.run, look).await?.flatten() else { return Ok(None) };
    let Some(briefing) = engine.briefing(tenant, given.handoff).await? else { return Ok(None) };
    let Given { handoff, token, attempt, accepted } = given;
    Ok(Some(Claimed { handoff, token, attempt, accepted, lease_ms, traceparent, briefing }))
}
