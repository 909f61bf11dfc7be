//! The hands of Handclasp: drivers that run agents as processes.
//!
//! A driver starts a program, gives it the briefing, passes on what it says, and notices when it
//! crashes, hangs or talks garbage. It knows no rule: everything goes through the [`Turn`] that the
//! engine gave it. The protocol is described in `docs/agent-protocol.md`.

mod command;
mod idle;
mod instance;
mod launch;
mod lines;
mod process;
mod session;
mod shelf;
mod tail;
mod warm;
mod wire;

use std::sync::Arc;

use handclasp_core::id::AgentName;
use handclasp_engine::Driver;
use handclasp_engine::post::Drivers;

pub use self::launch::{Form, Launch, LaunchKind, Pool};

/// A driver for each agent. Called inside a Tokio runtime it starts what is to be started ahead.
pub fn drivers(agents: impl Iterator<Item = (AgentName, Launch)>) -> Drivers {
    agents
        .map(|(name, launch)| {
            let driver: Arc<dyn Driver> = match launch.kind {
                LaunchKind::Process => Arc::new(process::Process::new(name.clone(), launch)),
                LaunchKind::Command { stdin } => Arc::new(command::AnyCommand::new(launch, stdin)),
            };
            (name, driver)
        })
        .collect()
}
