//! `demo`: what Handclasp is for, shown in ten seconds; and the hidden command that its workers are.

use std::path::PathBuf;

use clap::Args;

use super::Place;
use crate::demo;
use crate::exit::Exit;
use crate::failure::Failure;

/// Shows what happens when a worker dies in the middle of its work.
///
/// Needs nothing but this program: a server on a free local port with a throw-away store, a sender, and
/// two workers for one agent. One of them dies while it does something that must not happen twice, by
/// your `kill -9` or by this command's own; the other one takes over and finishes, and the log proves
/// it.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Kills a worker by itself instead of asking you to. So it does anyway where nobody watches.
    #[arg(long)]
    kill: bool,
}

impl Demo {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        demo::play(place.terminal, self.kill).await
    }
}

/// One of the demo's workers.
#[derive(Debug, Args)]
pub(crate) struct DemoWorker {
    /// Where the server is.
    url: String,
    /// The file with the refunds.
    refunds: PathBuf,
}

impl DemoWorker {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        demo::worker::work(&self.url, self.refunds).await
    }
}
