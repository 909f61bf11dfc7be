//! `rebuild`: computes again everything that can be computed from the logs.

use clap::Args;
use handclasp_engine::inspect;
use handclasp_store::sqlite::Access;
use serde_json::json;

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{count, data, json_data};

/// Computes lists, the outbox and snapshots again, from the logs alone.
///
/// Runs whose log cannot be read are named and left as they are. Nothing else may have the store.
#[derive(Debug, Args)]
pub(crate) struct Rebuild {}

impl Rebuild {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.own(Access::Existing)?;
        let mut runs = 0;
        let problems = inspect::rebuild(store.as_ref(), |seen| runs = seen).await?;
        if terminal.json {
            json_data(&json!({ "runs": runs, "problems": problems }))?;
        } else {
            for problem in &problems {
                data(format_args!("{}: {}", problem.run, problem.what))?;
            }
            let what = if problems.is_empty() { " computed again".to_owned() } else { format!(", {} of them left as is", problems.len()) };
            terminal.talk(format_args!("{}{what}", count(runs, "run")));
        }
        Ok(if problems.is_empty() { Exit::DONE } else { Exit::FAILED })
    }
}
