//! `trace`: what was sent, delivered and understood, handoff by handoff.

use clap::Args;

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{columns, data, json_data};
use crate::{ids, log, trace};

/// Shows what was sent, delivered and understood.
///
/// Handoff by handoff: the payload, the items of the ledger, the size of the briefing in tokens, the
/// read-back and by whom, how long it waited and worked, every attempt, what it cost, and what came
/// of it. Only what the agent itself reads back counts as understood. Then what people were asked, and
/// what they answered.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// Which run, by id, the end of one, or its trace id.
    run: String,
}

impl Trace {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.read()?;
        let run = ids::run(store.as_ref(), &self.run).await?;
        let log = log::read(store.as_ref(), run).await?;
        let trace = trace::collect(store.as_ref(), &log).await?;
        if terminal.json {
            json_data(&trace)?;
        } else {
            data(trace::text(&trace, columns()))?;
        }
        Ok(Exit::DONE)
    }
}
