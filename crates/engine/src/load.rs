//! The count of what agents hold, over all runs: what capacity is checked against.
//!
//! It follows the pending decisions, so that two claims never share the last place. A failed append
//! makes the decision void; the run is read again and counted anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use handclasp_core::directory::Load;
use handclasp_core::event::Event;
use handclasp_core::id::{AgentName, Tenant};

use crate::desk::Seat;
use crate::engine::{Engine, lock};
use crate::error::EngineError;

impl Engine {
    /// Brings the engine's count of what agents hold in line with a state that was just read.
    pub(crate) fn count_again(&self, seat: &mut Seat) {
        let Some(run) = seat.uncounted() else { return };
        let tenant = run.tenant.clone();
        let leases: BTreeMap<_, _> =
            run.open_handoffs().filter_map(|handoff| handoff.phase.lease().map(|lease| (handoff.id, lease.by.clone()))).collect();
        // The first time, what the run holds was counted when the engine started.
        let Some(before) = seat.count(leases.clone()) else { return };
        let mut all = lock(&self.inner.load);
        let load = Arc::make_mut(all.entry(tenant).or_default());
        for agent in before.values() {
            load.entry(agent.clone()).and_modify(|held| *held = held.saturating_sub(1));
        }
        for agent in leases.into_values() {
            *load.entry(agent).or_default() += 1;
        }
    }

    /// Reads again what a failure has made void, so that nobody stays counted for what never came about.
    pub(crate) async fn remember(&self) -> Result<(), EngineError> {
        let forgotten = std::mem::take(&mut *lock(&self.inner.forgotten));
        let mut failed = None;
        for desk in forgotten {
            let mut seat = desk.seat.lock().await;
            match desk.load(&mut seat, self.inner.store.as_ref()).await {
                Ok(()) => self.count_again(&mut seat),
                Err(error) => {
                    drop(seat);
                    lock(&self.inner.forgotten).push(desk);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Brings the engine's count of what agents hold up to date with what has just happened.
pub(crate) fn recount(seat: &mut Seat, all: &mut BTreeMap<Tenant, Arc<Load>>, tenant: &Tenant, events: &[Event]) {
    let mut changes: Vec<(AgentName, bool)> = Vec::new();
    for id in events.iter().filter_map(Event::handoff) {
        let Some(run) = &seat.run else { return };
        let now = run.handoff(id).and_then(|handoff| handoff.phase.lease()).map(|lease| lease.by.clone());
        let before = seat.leases.get(&id).cloned();
        if now == before {
            continue;
        }
        if let Some(agent) = before {
            seat.leases.remove(&id);
            seat.beats.remove(&id);
            changes.push((agent, false));
        }
        if let Some(agent) = now {
            seat.leases.insert(id, agent.clone());
            changes.push((agent, true));
        }
    }
    if changes.is_empty() {
        return;
    }
    let load = Arc::make_mut(all.entry(tenant.clone()).or_default());
    for (agent, more) in changes {
        let held = load.entry(agent).or_default();
        *held = if more { *held + 1 } else { held.saturating_sub(1) };
    }
}
