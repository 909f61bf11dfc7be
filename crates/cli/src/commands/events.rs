//! `events`: the log of a run, event by event.

use std::time::Duration;

use clap::Args;
use handclasp_core::encoding::{self, Recorded};
use handclasp_core::event::Event;
use handclasp_core::id::{RunId, Tenant};
use handclasp_store::{Read, Store};
use serde_json::Value;

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids;
use crate::terminal::{Terminal, data, moment, preview};

/// Events that are read in one go.
const PAGE: u32 = 500;

/// How long to wait before looking again. A reader has no way to be told by another process.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// As much of an event as fits beside its type.
const EVENT_CHARS: usize = 140;

/// Prints the log of a run.
///
/// With `--json` each line is one event, byte for byte as it is stored: the SHA-256 of a line is what
/// the next one names as `prev`.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Which run, by id, the end of one, or its trace id.
    run: String,
    /// Waits for more until the run is over.
    #[arg(long, short)]
    follow: bool,
    /// Only events after this one.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    after: u64,
}

impl Events {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let store = place.store.read()?;
        let run = ids::run(store.as_ref(), &self.run).await?;
        let mut after = self.after;
        loop {
            let page = print(place.terminal, store.as_ref(), run, &mut after).await?;
            match page {
                Page::Full => {}
                Page::Last if self.follow => tokio::time::sleep(LOOK_AGAIN).await,
                Page::Last | Page::Closing => return Ok(Exit::DONE),
            }
        }
    }
}

/// What was printed.
enum Page {
    /// There may be more.
    Full,
    /// All that there is.
    Last,
    /// All that there will ever be.
    Closing,
}

async fn print(terminal: Terminal, store: &dyn Store, run: RunId, after: &mut u64) -> Result<Page, Failure> {
    let stored = store.read(Read { tenant: Tenant::local(), run, after: *after, limit: PAGE }).await?;
    let mut closing = false;
    for bytes in &stored {
        let wrong = |error| Failure::broken(format!("read the log of {run}"), &error);
        let recorded = encoding::decode(bytes).map_err(wrong)?;
        *after = recorded.version;
        closing = matches!(recorded.event, Event::RunClosed { .. });
        let line = if terminal.json { String::from_utf8_lossy(bytes).into_owned() } else { text(&recorded) };
        data(line)?;
    }
    Ok(if closing {
        Page::Closing
    } else if stored.len() == PAGE as usize {
        Page::Full
    } else {
        Page::Last
    })
}

fn text(recorded: &Recorded) -> String {
    let mut event = serde_json::to_value(&recorded.event).unwrap_or_default();
    let kind = event.as_object_mut().and_then(|fields| fields.shift_remove("type"));
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let at = moment(recorded.at_ms);
    format!("{:>5}  {at}  {kind:<20} {}", recorded.version, preview(&event.to_string(), EVENT_CHARS))
}
