//! The engine over the real store, driven as its doors drive it: through `submit` and nothing else.
//!
//! A *hop* is a claim with its accept, then a result that hands on: two commits. A lane does one hop
//! after the other, as an agent would that needs no time; the lanes of a row work at once.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use handclasp_core::Reply;
use handclasp_core::blob::{BlobRef, Blobs};
use handclasp_core::command::Command;
use handclasp_core::id::{HandoffId, RunId, Token};
use handclasp_core::offer::{By, Mode};
use handclasp_engine::{Engine, Registry, SystemClock};
use handclasp_store::Store;
use handclasp_store::sqlite::{Access, Sqlite};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::disk::Disk;
use crate::figures::Times;
use crate::work::{self, PAYLOAD_BYTES};

/// Hops of a run before the next one is opened: an ordinary run of a busy team.
pub(crate) const HOPS: u32 = 50;

/// Hops of each branch where one run has many.
const HOPS_OF_BRANCH: u32 = 16;

/// Runs of the row of one command at a time are renewed after so many handoffs.
const OFFERS_OF_RUN: u32 = 100;

/// What was measured of hops.
#[derive(Debug, Default)]
pub(crate) struct Hops {
    pub(crate) commits: Times,
    pub(crate) hops: Times,
}

impl Hops {
    fn of(lanes: Vec<Self>, altogether: Duration) -> Self {
        let mut all = Self::default();
        for lane in lanes {
            all.commits.beside(lane.commits);
            all.hops.beside(lane.hops);
        }
        Self { commits: all.commits.within(altogether), hops: all.hops.within(altogether) }
    }
}

/// Where everything runs: as many threads as cores, as in the shipped program.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads")
}

pub(crate) fn engine(store: Arc<dyn Store>) -> Engine {
    let registry = Registry::new(work::directory()).expect("a contract that compiles");
    Engine::new(store, Arc::new(SystemClock), registry)
}

pub(crate) fn over_sqlite(path: &Path) -> Engine {
    engine(Arc::new(Sqlite::open(path, Access::Create).expect("a new store")))
}

/// One run of so many hops, from its opening to its end, over any store.
pub(crate) fn one_run(store: Arc<dyn Store>, hops: u32) {
    runtime().block_on(async {
        let engine = engine(store);
        let mut lane = Lane::new(&engine);
        let (first, payload) = lane.open().await;
        lane.walk(first, payload, hops, &mut || false).await;
    });
}

/// Hops in so many runs at once.
pub(crate) fn hops(path: &Path, at_once: usize, length: Duration) -> Hops {
    runtime().block_on(async {
        let engine = over_sqlite(path);
        let begun = Instant::now();
        let mut lanes = JoinSet::new();
        for _ in 0..at_once {
            let mut lane = Lane::new(&engine);
            lanes.spawn(async move {
                while begun.elapsed() < length {
                    lane.run(&mut || begun.elapsed() >= length).await;
                }
                lane.measured
            });
        }
        let lanes = lanes.join_all().await;
        Hops::of(lanes, begun.elapsed())
    })
}

/// Hops in so many branches of one run at once; then of another run, and so on.
pub(crate) fn branches(path: &Path, at_once: usize, length: Duration) -> Hops {
    runtime().block_on(async {
        let engine = over_sqlite(path);
        let begun = Instant::now();
        let mut measured = Vec::new();
        while begun.elapsed() < length {
            let mut opener = Lane::new(&engine);
            let (anchor, payload) = opener.open().await;
            let mut lanes = JoinSet::new();
            for _ in 0..at_once {
                let mut lane = Lane::new(&engine);
                lanes.spawn(async move {
                    let (handoff, payload) = lane.offer(anchor.run).await;
                    lane.walk(handoff, payload, HOPS_OF_BRANCH, &mut || begun.elapsed() >= length).await;
                    lane.measured
                });
            }
            measured.extend(lanes.join_all().await);
            // The first handoff has kept the run open until all branches were through.
            opener.walk(anchor, payload, 0, &mut || false).await;
        }
        Hops::of(measured, begun.elapsed())
    })
}

/// From an offer to its acceptance, one after the other; and between them, what the disk takes for one
/// record: whatever else the machine is doing meanwhile slows both.
pub(crate) fn offer_to_accepted(place: &Path, length: Duration) -> (Times, Times) {
    let mut disk = Disk::new(&place.join("disk"));
    let engine = over_sqlite(&place.join("accepted.db"));
    let task = async move {
        let mut times = Times::default();
        let begun = Instant::now();
        while begun.elapsed() < length {
            let mut lane = Lane::new(&engine);
            let (anchor, anchored) = lane.open().await;
            for _ in 0..OFFERS_OF_RUN {
                let (blobs, payload) = lane.payload();
                let start = Instant::now();
                let handoff = lane.offer_of(anchor.run, blobs, payload).await;
                let token = lane.claim(handoff, 0, payload).await;
                times.took(start.elapsed());
                lane.complete(handoff, token, None).await;
                disk.append();
            }
            lane.walk(anchor, anchored, 0, &mut || false).await;
        }
        (times.one_by_one(), disk.times())
    };
    runtime().block_on(async { tokio::spawn(task).await.expect("a lane that ends") })
}

/// One agent after the other, in one run after the other.
pub(crate) struct Lane {
    engine: Engine,
    number: u64,
    measured: Hops,
}

impl Lane {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), number: 0, measured: Hops::default() }
    }

    /// One run of [`HOPS`] hops, or fewer if there is no more time.
    async fn run(&mut self, over: &mut (impl FnMut() -> bool + Send)) {
        let (first, payload) = self.open().await;
        self.walk(first, payload, HOPS, over).await;
    }

    /// So many hops from that handoff on, and the last result.
    async fn walk(&mut self, first: HandoffId, payload: BlobRef, hops: u32, over: &mut (impl FnMut() -> bool + Send)) {
        let (mut handoff, mut payload) = (first, payload);
        for hop in 0..hops {
            if over() {
                return;
            }
            let start = Instant::now();
            let token = self.claim(handoff, hop, payload).await;
            (handoff, payload) = self.complete(handoff, token, Some(hop + 1)).await;
            self.measured.hops.took(start.elapsed());
        }
        let token = self.claim(handoff, hops, payload).await;
        self.complete(handoff, token, None).await;
    }

    fn payload(&mut self) -> (Blobs, BlobRef) {
        self.number += 1;
        work::payload(self.number, PAYLOAD_BYTES)
    }

    async fn open(&mut self) -> (HandoffId, BlobRef) {
        let (blobs, payload) = self.payload();
        let reply = self.submit(Engine::new_run_id(), work::opening(payload, Vec::new()), blobs).await;
        let Reply::Opened { first: Some(first), .. } = reply else { panic!("opened without a first handoff: {reply:?}") };
        (first, payload)
    }

    async fn offer(&mut self, run: RunId) -> (HandoffId, BlobRef) {
        let (blobs, payload) = self.payload();
        (self.offer_of(run, blobs, payload).await, payload)
    }

    async fn offer_of(&mut self, run: RunId, blobs: Blobs, payload: BlobRef) -> HandoffId {
        let offer = Box::new(work::offer(0, payload));
        let command = Command::Offer { by: By::Principal, mode: Mode::Spawn, offer, continuation: None, ordinal: 0 };
        let reply = self.submit(run, command, blobs).await;
        let Reply::Offered { handoff } = reply else { panic!("an offer was answered with {reply:?}") };
        handoff
    }

    async fn claim(&mut self, handoff: HandoffId, by: u32, payload: BlobRef) -> Token {
        let reply = self.submit(handoff.run, work::claim(handoff, by, payload), Blobs::default()).await;
        let Reply::Claimed { token, .. } = reply else { panic!("a claim was answered with {reply:?}") };
        token
    }

    async fn complete(&mut self, handoff: HandoffId, token: Token, next: Option<u32>) -> (HandoffId, BlobRef) {
        let (blobs, payload) = self.payload();
        let reply = self.submit(handoff.run, work::complete(handoff, token, payload, next), blobs).await;
        let Reply::Completed { next, .. } = reply else { panic!("a result was answered with {reply:?}") };
        (next.unwrap_or(handoff), payload)
    }

    async fn submit(&mut self, run: RunId, command: Command, blobs: Blobs) -> Reply {
        let request = work::request(run, command);
        let start = Instant::now();
        let reply = self.engine.submit(request, blobs).await;
        self.measured.commits.took(start.elapsed());
        reply.expect("nothing that is measured is refused")
    }
}
