//! `contracts`: whether two of them go together, and a first one from payloads that were seen.

mod diff;
mod entry;
mod infer;
mod observed;

use clap::{Args, Subcommand};

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;

/// Compares contracts, and drafts one from payloads that were seen.
#[derive(Debug, Args)]
pub(crate) struct Contracts {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Diff(diff::Diff),
    Infer(infer::Infer),
}

impl Contracts {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        match self.verb {
            Verb::Diff(command) => command.execute(place),
            Verb::Infer(command) => command.execute(place).await,
        }
    }
}
