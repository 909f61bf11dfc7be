//! A run as its log tells it: every stored event, and the state that they lead to.
//!
//! Read-only, and independent of any engine: works on a store that another process writes to.

use handclasp_core::Run;
use handclasp_core::encoding::{self, GENESIS, Recorded};
use handclasp_core::id::{RunId, Tenant};
use handclasp_store::{Load, Store};

use crate::failure::Failure;

/// A run with its whole log.
pub(crate) struct Log {
    /// The state after the last event.
    pub(crate) run: Run,
    /// The events, oldest first.
    pub(crate) events: Vec<Recorded>,
}

/// Reads a run's log.
pub(crate) async fn read(store: &dyn Store, run: RunId) -> Result<Log, Failure> {
    let loaded = store.load(Load { tenant: Tenant::local(), run, snapshot: false }).await?;
    let stored = loaded.map(|loaded| loaded.events).unwrap_or_default();
    let what = || format!("read the log of {run}");
    let wrong = |error| Failure::broken(what(), &error).hinted("`handclasp verify` names the first event that is wrong");
    let mut state = None;
    let mut head = GENESIS;
    let mut events = Vec::with_capacity(stored.len());
    for bytes in &stored {
        head = encoding::replay(&mut state, head, std::iter::once(bytes.as_slice())).map_err(wrong)?;
        events.push(encoding::decode(bytes).map_err(wrong)?);
    }
    match state {
        Some(run) => Ok(Log { run, events }),
        None => Err(unknown(run)),
    }
}

/// The state of a run.
pub(crate) async fn state(store: &dyn Store, run: RunId) -> Result<Run, Failure> {
    read(store, run).await.map(|log| log.run)
}

fn unknown(run: RunId) -> Failure {
    Failure::misuse(format!("there is no run `{run}` in this store"), "`handclasp runs` lists the runs of the store")
}
