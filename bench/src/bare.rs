//! The bare store: the `SQLite` store with nothing before it, on records that were made beforehand.
//!
//! The records are those of one run of the engine, written again under other run ids, in the same
//! order and as many at once. What the engine loses against this is what the engine costs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use handclasp_core::id::RunId;
use handclasp_engine::Engine;
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Append, Appended, Store};
use tokio::task::JoinSet;

use crate::desk::runtime;
use crate::figures::Times;

/// Writes the chain again and again, in so many runs at once.
pub(crate) fn appends(path: &Path, chain: &Arc<[Append]>, at_once: usize, length: Duration) -> Times {
    runtime().block_on(async {
        let store = Arc::new(Sqlite::open(path, Access::Create).expect("a new store"));
        let begun = Instant::now();
        let mut lanes = JoinSet::new();
        for _ in 0..at_once {
            lanes.spawn(lane(Arc::clone(&store), Arc::clone(chain), begun + length));
        }
        let mut times = Times::default();
        for lane in lanes.join_all().await {
            times.beside(lane);
        }
        times.within(begun.elapsed())
    })
}

async fn lane(store: Arc<Sqlite>, chain: Arc<[Append]>, until: Instant) -> Times {
    let mut times = Times::default();
    loop {
        let run = Engine::new_run_id();
        for append in chain.iter() {
            if Instant::now() >= until {
                return times;
            }
            let append = of_run(append, run);
            let start = Instant::now();
            let appended = store.append(append).await;
            times.took(start.elapsed());
            assert!(matches!(appended, Ok(Appended::At(_))), "{appended:?}");
        }
    }
}

pub(crate) fn of_run(append: &Append, run: RunId) -> Append {
    let mut append = append.clone();
    append.run = run;
    append.summary.run = run;
    append
}
