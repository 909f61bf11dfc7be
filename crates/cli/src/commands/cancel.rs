//! `cancel`: stops a run, or one handoff of it.

use clap::Args;
use handclasp_core::blob::Blobs;
use handclasp_core::command::Command;
use serde_json::json;

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::store_file::Definitions;
use crate::terminal::json_data;
use crate::{ids, log};

/// Stops a run, or one handoff with everything below it.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// A run or a handoff (`hnd_…`), by id or the end of one.
    #[arg(value_name = "RUN|HANDOFF")]
    which: String,
    /// Why; it is kept with the run.
    #[arg(long)]
    reason: String,
}

impl Cancel {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.read()?;
        // The end of a handoff's id is the end of a run's id and a number.
        let is_run = self.which.starts_with("run_") || !self.which.contains('_');
        let (run, handoff) = if is_run {
            (ids::run(store.as_ref(), &self.which).await?, None)
        } else {
            let handoff = ids::handoff(store.as_ref(), &self.which).await?;
            (handoff.run, Some(handoff))
        };
        let state = log::state(store.as_ref(), run).await?;
        let command = Command::Cancel { handoff, reason: self.reason };
        place.store.submit(&state, command, Blobs::default(), Definitions::NotNeeded).await?;
        if terminal.json {
            json_data(&json!({ "run": run, "handoff": handoff, "cancelled": true }))?;
        } else {
            terminal.talk(format_args!("{} is cancelled", handoff.map_or_else(|| run.to_string(), |handoff| handoff.to_string())));
        }
        Ok(Exit::DONE)
    }
}
