//! What an engine takes up that an earlier one left.

use std::sync::Arc;

use handclasp_core::command::Command;
use handclasp_core::id::{AgentName, HandoffId, RunId, Tenant, Token};
use handclasp_core::run::{Slot, Standing};
use handclasp_store::{Beat, Dispatch, Open};

use crate::engine::{Engine, ignore_refusal, lock};
use crate::error::EngineError;
use crate::limits;

impl Engine {
    /// Takes up what an earlier engine left: counts who holds what, gives back what that engine's own
    /// agents held, and grants everybody else one more lease.
    pub async fn recover(&self) -> Result<Vec<(Tenant, RunId)>, EngineError> {
        // All of it is counted first: giving one back may end others of the same run.
        let mut after = None;
        while let Some(leases) = self.leases_after(&mut after).await? {
            for (tenant, _, by, ..) in leases {
                *Arc::make_mut(lock(&self.inner.load).entry(tenant).or_default()).entry(by).or_default() += 1;
            }
        }
        let mut given_back = Vec::new();
        let mut after = None;
        while let Some(leases) = self.leases_after(&mut after).await? {
            for (tenant, handoff, _, holder, token) in leases {
                if holder.starts_with("engine:") && holder != self.inner.instance {
                    self.system(&tenant, handoff.run, Command::Release { handoff, token }).await.or_else(ignore_refusal)?;
                    given_back.push((tenant, handoff.run));
                } else {
                    self.grant(tenant, handoff, token).await?;
                }
            }
        }
        given_back.dedup();
        Ok(given_back)
    }

    /// A page of leases; `None` after the last one.
    async fn leases_after(&self, after: &mut Option<(Tenant, RunId, Slot)>) -> Result<Option<Vec<Leased>>, EngineError> {
        let page = Open { kind: Some("lease"), after: after.clone(), limit: limits::POST_BATCH_MAX, ..Open::default() };
        let rows = self.inner.store.open(page).await.map_err(EngineError::Store)?;
        let Some(last) = rows.last() else { return Ok(None) };
        *after = Some((last.tenant.clone(), last.run, last.slot));
        let leased = |row: Dispatch| match (row.standing, row.slot) {
            (Standing::Lease { by, holder, token, .. }, Slot::Handoff(number)) => {
                Some((row.tenant, HandoffId { run: row.run, number }, by, holder, token))
            }
            _ => None,
        };
        Ok(Some(rows.into_iter().filter_map(leased).collect()))
    }

    /// A holder that is not ours may have sent signs of life that nobody was there to hear.
    async fn grant(&self, tenant: Tenant, handoff: HandoffId, token: Token) -> Result<(), EngineError> {
        let at = self.now();
        self.inner.store.beat(vec![Beat { tenant: tenant.clone(), handoff, token, at }]).await.map_err(EngineError::Store)?;
        self.desk(&tenant, handoff.run).seat.lock().await.beats.insert(handoff, at);
        Ok(())
    }
}

/// What is held, by whom, by which process, under which token.
type Leased = (Tenant, HandoffId, AgentName, String, Token);
