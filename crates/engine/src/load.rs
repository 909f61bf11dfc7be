//! The count of what agents hold, over all runs: what capacity is checked against.
//!
//! A place is taken when a claim is decided, so that two claims never share the last one, and is free
//! again only when its end is durable: too many counted for a moment keep somebody waiting, too few
//! would let an agent hold more than it may. When a write fails, what the run holds stays counted
//! until its log has been read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use handclasp_core::directory::Load;
use handclasp_core::event::Event;
use handclasp_core::id::AgentName;

use crate::desk::{Desk, Seat};
use crate::engine::{Engine, lock};
use crate::error::EngineError;

/// Counts the places that these events take, and returns whose places they will free.
pub(crate) fn take(seat: &mut Seat, load: &mut Arc<Load>, events: &[Event]) -> Vec<AgentName> {
    let mut freed = Vec::new();
    for id in events.iter().filter_map(Event::handoff) {
        let Some(run) = &seat.run else { break };
        let now = run.handoff(id).and_then(|handoff| handoff.phase.lease()).map(|lease| lease.by.clone());
        let before = seat.leases.get(&id).cloned();
        if now == before {
            continue;
        }
        if let Some(agent) = before {
            seat.leases.remove(&id);
            freed.push(agent);
        }
        if let Some(agent) = now {
            // Not before: if the end of a lease turns out void, its holder has been heard of all the same.
            seat.beats.remove(&id);
            seat.leases.insert(id, agent.clone());
            *Arc::make_mut(load).entry(agent).or_default() += 1;
        }
    }
    freed
}

fn free<'a>(load: &mut Arc<Load>, agents: impl Iterator<Item = &'a AgentName>) {
    for agent in agents {
        if let Some(held) = Arc::make_mut(load).get_mut(agent) {
            *held = held.saturating_sub(1);
        }
    }
}

impl Engine {
    /// A decision is durable, and the places that it frees are free. If it was made void meanwhile, the
    /// log is about to be read again, and the places are counted then.
    pub(crate) fn is_written(&self, desk: &Arc<Desk>, generation: u64, version: u64, freed: &[AgentName]) {
        if desk.reached(generation, version) && !freed.is_empty() {
            desk.left(freed);
            free(lock(&self.inner.load).entry(desk.tenant.clone()).or_default(), freed.iter());
            self.inner.queue.room(&desk.tenant, freed);
        }
    }

    /// Voids what a desk has decided since it last heard from the store.
    pub(crate) fn forget(&self, desk: &Arc<Desk>, generation: u64) {
        if desk.void(generation) {
            lock(&self.inner.forgotten).push(Arc::clone(desk));
        }
    }

    /// Brings the count in line with a state that was just read.
    pub(crate) fn count_again(&self, seat: &mut Seat, desk: &Desk) {
        let Some(run) = seat.uncounted() else { return };
        let leases: BTreeMap<_, _> =
            run.open_handoffs().filter_map(|handoff| handoff.phase.lease().map(|lease| (handoff.id, lease.by.clone()))).collect();
        // The first time, what the run holds was counted when the engine started.
        let Some(before) = seat.count(leases.clone()) else { return };
        let leaving = desk.nobody_leaves();
        let mut all = lock(&self.inner.load);
        let load = all.entry(desk.tenant.clone()).or_default();
        free(load, before.values().chain(&leaving));
        for agent in leases.into_values() {
            *Arc::make_mut(load).entry(agent).or_default() += 1;
        }
    }

    /// Reads again what a failure has made void, so that nobody stays counted for what never came about.
    pub(crate) async fn remember(&self) -> Result<(), EngineError> {
        let forgotten = std::mem::take(&mut *lock(&self.inner.forgotten));
        let mut failed = None;
        for desk in forgotten {
            let mut seat = desk.seat.lock().await;
            match desk.load(&mut seat, self.inner.store.as_ref()).await {
                Ok(()) => self.count_again(&mut seat, &desk),
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
