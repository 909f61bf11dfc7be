//! Agents that speak the protocol: a warm process for each run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use handclasp_core::command::AgentError;
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::limits::Usage;
use handclasp_engine::{Driver, Turn};

use crate::instance::Instance;
use crate::launch::Launch;
use crate::session;

/// Runs one agent as a process that speaks the protocol.
pub(crate) struct Process {
    launch: Launch,
    /// Processes that wait for their run's next handoff.
    warm: Mutex<BTreeMap<(Tenant, RunId), Vec<Instance>>>,
}

impl Process {
    pub(crate) fn new(launch: Launch) -> Self {
        Self { launch, warm: Mutex::new(BTreeMap::new()) }
    }

    fn warm(&self, key: &(Tenant, RunId)) -> Option<Instance> {
        let mut all = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.get_mut(key)?;
        while let Some(mut instance) = waiting.pop() {
            if instance.is_alive() {
                return Some(instance);
            }
        }
        None
    }

    fn keep(&self, key: (Tenant, RunId), instance: Instance) {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().push(instance);
    }

    async fn end_all(instances: Vec<Instance>) {
        for mut instance in instances {
            instance.ended().await;
        }
    }
}

impl Driver for Process {
    fn work(&self, turn: Turn) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let key = (turn.tenant().clone(), turn.handoff().run);
            let instance = match self.warm(&key) {
                Some(instance) => instance,
                None => match Instance::start(&self.launch) {
                    Ok(instance) => instance,
                    Err(error) => return not_started(&turn, &self.launch, &error).await,
                },
            };
            if let Some(instance) = session::work(turn, instance, self.launch.timeout).await {
                self.keep(key, instance);
            }
        })
    }

    fn run_ended(&self, tenant: &Tenant, run: RunId) -> BoxFuture<'_, ()> {
        let key = (tenant.clone(), run);
        Box::pin(async move {
            let instances = self.warm.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            Self::end_all(instances.unwrap_or_default()).await;
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let all = std::mem::take(&mut *self.warm.lock().unwrap_or_else(PoisonError::into_inner));
            Self::end_all(all.into_values().flatten().collect()).await;
        })
    }
}

/// A program that cannot be started now will not be startable in a second either.
pub(crate) async fn not_started(turn: &Turn, launch: &Launch, error: &std::io::Error) {
    let error = AgentError {
        kind: "not_started".to_owned(),
        message: format!("`{}` cannot be started in `{}`: {error}", launch.program(), launch.cwd.display()),
        retryable: false,
        attempted: Some(launch.argv.join(" ")),
        hint: Some("check the program's name and that it is installed and executable".to_owned()),
    };
    if let Err(error) = turn.fail(error, Usage::default()).await {
        tracing::warn!(handoff = %turn.handoff(), %error, "failed to record that an agent cannot be started");
    }
}
