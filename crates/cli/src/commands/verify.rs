//! `verify`: whether the log proves itself.

use clap::Args;
use handclasp_engine::inspect;

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids;
use crate::terminal::{count, data, json_data};

/// Checks that nothing in the store was altered.
///
/// Every event names the hash of the one before it, every content is kept under its own. Names the
/// first event that is wrong, and tells contents that were erased on purpose from altered ones.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Only this run, by id, the end of one, or its trace id.
    run: Option<String>,
}

impl Verify {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.read()?;
        let only = match &self.run {
            Some(text) => Some(ids::run(store.as_ref(), text).await?),
            None => None,
        };
        let verified = inspect::verify(store.as_ref(), only, |_| ()).await?;
        if terminal.json {
            json_data(&verified)?;
        } else {
            for problem in &verified.problems {
                let event = problem.event.map_or_else(String::new, |event| format!(", event {event}"));
                data(format_args!("{}{event}: {}", problem.run, problem.what))?;
            }
            let (runs, events, contents, erased) = (verified.runs, verified.events, verified.contents, verified.erased);
            let found = match verified.problems.len() {
                0 => "nothing is altered".to_owned(),
                several => count(several, "problem"),
            };
            let (runs, events, contents) = (count(runs, "run"), count(events, "event"), count(contents, "content"));
            terminal.talk(format_args!("{runs}, {events}, {contents}, {erased} erased: {found}"));
        }
        Ok(if verified.problems.is_empty() { Exit::DONE } else { Exit::FAILED })
    }
}
