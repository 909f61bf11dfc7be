//! What an engine takes up that an earlier one left.

use std::sync::Arc;

use handclasp_core::command::Command;
use handclasp_core::id::{HandoffId, RunId, Tenant};
use handclasp_core::run::{Slot, Standing};
use handclasp_store::{Beat, Open};

use crate::engine::{Engine, ignore_refusal, lock};
use crate::error::EngineError;
use crate::limits;

impl Engine {
    /// Takes up what an earlier engine left: counts who holds what, gives back what that engine's own
    /// agents held, and grants everybody else one more lease.
    pub async fn recover(&self) -> Result<Vec<(Tenant, RunId)>, EngineError> {
        let mut after = None;
        let mut given_back = Vec::new();
        loop {
            let page = Open { kind: Some("lease"), after, limit: limits::POST_BATCH_MAX, ..Open::default() };
            let leases = self.inner.store.open(page).await.map_err(EngineError::Store)?;
            let Some(last) = leases.last() else { break };
            after = Some((last.tenant.clone(), last.run, last.slot));
            for row in leases {
                let Standing::Lease { by, holder, token, .. } = &row.standing else { continue };
                let Slot::Handoff(number) = row.slot else { continue };
                let handoff = HandoffId { run: row.run, number };
                *Arc::make_mut(lock(&self.inner.load).entry(row.tenant.clone()).or_default()).entry(by.clone()).or_default() += 1;
                if holder.starts_with("engine:") && *holder != self.inner.instance {
                    self.system(&row.tenant, row.run, Command::Release { handoff, token: *token }).await.or_else(ignore_refusal)?;
                    given_back.push((row.tenant.clone(), row.run));
                } else {
                    let at = self.now();
                    self.inner
                        .store
                        .beat(vec![Beat { tenant: row.tenant.clone(), handoff, token: *token, at }])
                        .await
                        .map_err(EngineError::Store)?;
                    self.desk(&row.tenant, row.run).seat.lock().await.beats.insert(handoff, at);
                }
            }
        }
        given_back.dedup();
        Ok(given_back)
    }
}
