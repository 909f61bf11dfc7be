//! The warm processes of one agent: a turn takes its process here and gives it back.
//!
//! Which process suits a turn is decided by [`crate::shelf`]; how one waits is told in
//! [`crate::idle`]. Here processes are started, handed over and let go. No lock is held while one is
//! waited for.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use handclasp_core::id::{AgentName, RunId, Tenant};
use tokio::sync::Notify;

use crate::idle::Idle;
use crate::instance::Instance;
use crate::launch::{Launch, Pool};
use crate::shelf::{Owner, Shelf, Source};

/// The warm processes of one agent.
pub(crate) struct Warm {
    agent: AgentName,
    launch: Launch,
    shelf: Mutex<Shelf>,
    /// Rings when a turn that was about to give its process back has done so, or will not.
    closed: Notify,
}

/// A turn's place among the processes of its agent: it has one, will have one, or has given it back.
pub(crate) struct Place {
    warm: Arc<Warm>,
    owner: Owner,
    closes: AtomicBool,
}

impl Warm {
    pub(crate) fn new(agent: AgentName, launch: Launch) -> Self {
        Self { agent, launch, shelf: Mutex::default(), closed: Notify::new() }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a turn of this run.
    pub(crate) fn place(self: &Arc<Self>, tenant: &Tenant, run: RunId) -> Place {
        let owner = Owner { tenant: tenant.clone(), run: self.launch.pool.per_run.then_some(run) };
        self.shelf().begin_turn(&owner);
        Place { warm: Arc::clone(self), owner, closes: AtomicBool::new(false) }
    }

    /// Starts what has to be started ahead. One that has died is not replaced before the next turn: a
    /// program that cannot live is not started over and over.
    pub(crate) fn stock(&self) {
        let Pool { size, ahead, .. } = self.launch.pool;
        let mut kept = self.shelf();
        while kept.lacks(ahead, size) {
            match Instance::start(&self.launch) {
                Ok(instance) => kept.stock(Idle::new(self.agent.clone(), instance, None)),
                Err(error) => {
                    tracing::warn!(agent = %self.agent, program = self.launch.program(), %error, "failed to start an agent ahead");
                    return;
                }
            }
        }
    }

    /// Lets go of what is kept for a run that is over, or stands still.
    pub(crate) async fn run_ended(&self, tenant: &Tenant, run: RunId) {
        let owner = Owner { tenant: tenant.clone(), run: Some(run) };
        let leaving = self.shelf().let_go(&owner);
        join_all(leaving.into_iter().map(Idle::end)).await;
    }

    /// Lets go of everything.
    pub(crate) async fn stop(&self) {
        let leaving = self.shelf().close();
        join_all(leaving.into_iter().map(Idle::end)).await;
    }
}

impl Place {
    /// A process for the turn: one that waits, or a new one.
    pub(crate) async fn process(&self) -> io::Result<Instance> {
        let waiting = self.waiting().await;
        if self.warm.launch.pool.ahead > 0 {
            let warm = Arc::clone(&self.warm);
            // The turn need not wait for that.
            tokio::spawn(async move { warm.stock() });
        }
        waiting.map_or_else(|| Instance::start(&self.warm.launch), Ok)
    }

    async fn waiting(&self) -> Option<Instance> {
        loop {
            let mut closed = std::pin::pin!(self.warm.closed.notified());
            // From here on nothing is missed.
            closed.as_mut().enable();
            let source = self.warm.shelf().source(&self.owner);
            match source {
                Source::Waiting(coming) => {
                    if let Ok(instance) = coming.await {
                        return Some(instance);
                    }
                }
                // A result is known to the world a moment before its process is free. Whoever comes
                // in that moment, such as the next step of the run, needs no process of its own.
                Source::Soon => closed.await,
                Source::New => return None,
            }
        }
    }

    /// Says that the process is about to be free, or not after all.
    pub(crate) fn closes(&self, closes: bool) {
        if self.closes.swap(closes, Ordering::Relaxed) != closes {
            self.warm.shelf().turn_closes(&self.owner, closes);
            if !closes {
                self.warm.closed.notify_waiters();
            }
        }
    }

    /// Gives the process back after the turn. It waits for the next one, or ends.
    pub(crate) async fn give_back(&self, instance: Instance) {
        let Pool { size, idle, .. } = self.warm.launch.pool;
        let idle = Idle::new(self.warm.agent.clone(), instance, Some(Duration::from_millis(idle.0)));
        let surplus = self.warm.shelf().keep(self.owner.clone(), idle, size);
        self.closes(false);
        if let Some(surplus) = surplus {
            surplus.end().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.closes(false);
        self.warm.shelf().end_turn(&self.owner);
    }
}

#[cfg(test)]
mod tests {
    use handclasp_core::time::Millis;
    use handclasp_engine::Engine;

    use super::*;
    use crate::launch::LaunchKind;

    fn cats(per_run: bool) -> Arc<Warm> {
        let pool = Pool { size: 5, ahead: 0, idle: Millis::seconds(300), per_run };
        let launch = Launch {
            kind: LaunchKind::Process,
            argv: vec!["cat".to_owned()],
            cwd: std::env::temp_dir(),
            env: Vec::new(),
            timeout: Millis::seconds(10),
            pool,
        };
        Arc::new(Warm::new("cat".parse().unwrap(), launch))
    }

    /// Whether the next turn gets a process that has waited.
    async fn finds_one(warm: &Arc<Warm>, tenant: &Tenant, run: RunId) -> bool {
        warm.place(tenant, run).process().await.unwrap().is_untried()
    }

    #[tokio::test]
    async fn a_process_whose_run_ended_during_its_turn_is_not_kept() {
        let (warm, tenant, run) = (cats(true), Tenant::local(), Engine::new_run_id());
        for ends in [false, true] {
            let place = warm.place(&tenant, run);
            let instance = place.process().await.unwrap();
            if ends {
                warm.run_ended(&tenant, run).await;
            }
            place.give_back(instance).await;
            assert_eq!(finds_one(&warm, &tenant, run).await, !ends);
        }
    }

    #[tokio::test]
    async fn a_process_that_has_worked_for_a_tenant_works_for_no_other() {
        let (warm, run) = (cats(false), Engine::new_run_id());
        let (here, there): (Tenant, Tenant) = ("here".parse().unwrap(), "there".parse().unwrap());
        let place = warm.place(&here, run);
        place.give_back(place.process().await.unwrap()).await;
        assert!(!finds_one(&warm, &there, run).await);
        assert!(finds_one(&warm, &here, Engine::new_run_id()).await);
    }
}
