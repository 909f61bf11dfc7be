//! Agents that speak the protocol: a process for each turn, warm where there is one.
//!
//! Which process a turn gets is decided by [`crate::warm`], what is said in it by [`crate::session`].
//! Here the two meet: a process that has ended while it waited is replaced before the agent is asked
//! for anything, so that no attempt is lost over it.

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use handclasp_core::command::AgentError;
use handclasp_core::id::{AgentName, RunId, Tenant};
use handclasp_core::limits::Usage;
use handclasp_engine::{Driver, Turn};

use crate::instance::Instance;
use crate::launch::Launch;
use crate::session::{self, Left};
use crate::warm::{Place, Warm};

/// Runs one agent as processes that speak the protocol.
pub(crate) struct Process {
    launch: Launch,
    warm: Arc<Warm>,
}

impl Process {
    pub(crate) fn new(agent: AgentName, launch: Launch) -> Self {
        let warm = Arc::new(Warm::new(agent, launch.clone()));
        // Without a runtime nothing can be started yet; the first turn will do it.
        if tokio::runtime::Handle::try_current().is_ok() {
            warm.stock();
        }
        Self { launch, warm }
    }

    async fn turn(&self, turn: Turn) {
        let place = Arc::new(self.warm.place(turn.tenant(), turn.handoff().run));
        let mut left = self.attempt(&turn, place.process().await, &place).await;
        if matches!(left, Left::NotAsked) {
            tracing::info!(agent = %turn.agent(), handoff = %turn.handoff(), "a process ended before its turn; another one is started");
            left = self.attempt(&turn, Instance::start(&self.launch), &place).await;
        }
        if let Left::Warm(instance) = left {
            place.give_back(instance).await;
        }
    }

    async fn attempt(&self, turn: &Turn, instance: io::Result<Instance>, place: &Arc<Place>) -> Left {
        match instance {
            Ok(instance) => session::work(turn.clone(), instance, self.launch.timeout, Arc::clone(place)).await,
            Err(error) => {
                not_started(turn, &self.launch, &error).await;
                Left::Gone
            }
        }
    }
}

impl Driver for Process {
    fn work(&self, turn: Turn) -> BoxFuture<'_, ()> {
        Box::pin(self.turn(turn))
    }

    fn run_ended(&self, tenant: &Tenant, run: RunId) -> BoxFuture<'_, ()> {
        let tenant = tenant.clone();
        Box::pin(async move { self.warm.run_ended(&tenant, run).await })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.warm.stop())
    }
}

/// A program that cannot be started now will not be startable in a second either.
pub(crate) async fn not_started(turn: &Turn, launch: &Launch, error: &io::Error) {
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
