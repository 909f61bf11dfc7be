//! A store with weather: the reference store behind a door that holds back, loses and fails.
//!
//! Appends queue in the order of the calls; the world says when the first one is settled, and how.
//! Reads may take several turns or fail. A [`Door`] that is open `at_once` leads to the same contents,
//! for a rival that writes while the engine's own appends are held back.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, IdempotencyKey, RunId, Tenant};
use handclasp_core::run::{Owed, Summary};
use handclasp_store::memory::Memory;
use handclasp_store::{
    Append, Appended, Beat, Content, Dispatch, Due, Expected, Feed, FeedPage, Find, Kept, KeptOf, Load, Loaded, Open, Read, RefusalNote,
    Store, StoreError, WhatIsDue,
};

use crate::dice::Dice;
use crate::faults::Faults;

/// What becomes of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is written, and the caller is told.
    Written,
    /// It is written, and the caller is told that the store did not answer.
    WrittenUnheard,
    /// It is not written, and the caller is told that the store did not answer.
    Unwritten,
    /// There is no room.
    Full,
}

/// An append that was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) run: RunId,
    pub(crate) events: Vec<Vec<u8>>,
}

type Told = Arc<Mutex<Option<Result<Appended, StoreError>>>>;

struct Waiting {
    append: Append,
    told: Told,
}

struct Weather {
    dice: Dice,
    faults: Faults,
    waiting: VecDeque<Waiting>,
    written: Vec<Written>,
}

/// The store that the engine sees.
pub(crate) struct FaultyStore {
    pub(crate) memory: Memory,
    weather: Mutex<Weather>,
}

/// The fault that was simulated.
#[derive(Debug)]
struct Simulated(&'static str);

impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated: {}", self.0)
    }
}

impl std::error::Error for Simulated {}

fn unavailable(why: &'static str) -> StoreError {
    StoreError::Unavailable(Box::new(Simulated(why)))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a future of the reference store says; they are all ready at once.
pub(crate) fn at_once<T>(future: impl Future<Output = Result<T, StoreError>>) -> T {
    future.now_or_never().expect("the reference store answers at once").expect("the reference store never fails")
}

impl FaultyStore {
    pub(crate) fn new(dice: Dice, faults: Faults) -> Self {
        let weather = Weather { dice, faults, waiting: VecDeque::new(), written: Vec::new() };
        Self { memory: Memory::new(), weather: Mutex::new(weather) }
    }

    fn weather(&self) -> MutexGuard<'_, Weather> {
        locked(&self.weather)
    }

    /// From now on nothing fails any more.
    pub(crate) fn clear_up(&self) {
        self.weather().faults = Faults::none();
    }

    /// Appends under way.
    pub(crate) fn under_way(&self) -> usize {
        self.weather().waiting.len()
    }

    /// The run of the first append under way, and how many of that run are under way.
    pub(crate) fn first_under_way(&self) -> Option<(RunId, usize)> {
        let weather = self.weather();
        let run = weather.waiting.front()?.append.run;
        Some((run, weather.waiting.iter().filter(|waiting| waiting.append.run == run).count()))
    }

    /// Settles the first append under way. Returns whether the store took it.
    pub(crate) fn settle(&self, fate: Fate) -> Option<bool> {
        let Waiting { append, told } = self.weather().waiting.pop_front()?;
        let answer = match fate {
            Fate::Written => Ok(self.write(append)),
            Fate::WrittenUnheard => {
                self.write(append);
                Err(unavailable("written, but nobody heard"))
            }
            Fate::Unwritten => Err(unavailable("not written")),
            Fate::Full => Err(StoreError::Full(Box::new(Simulated("no room")))),
        };
        let taken = matches!(answer, Ok(Appended::At(_)));
        *locked(&told) = Some(answer);
        Some(taken)
    }

    /// Loses what is still under way.
    pub(crate) fn lose(&self) -> usize {
        std::mem::take(&mut self.weather().waiting).len()
    }

    /// Writes, if the append follows on what is there.
    fn write(&self, append: Append) -> Appended {
        let (run, events) = (append.run, append.events.clone());
        let appended = at_once(self.memory.append(append));
        if matches!(appended, Appended::At(_)) {
            self.weather().written.push(Written { run, events });
        }
        appended
    }

    /// What was written since the last time.
    pub(crate) fn take_written(&self) -> Vec<Written> {
        std::mem::take(&mut self.weather().written)
    }

    /// The whole log of a run.
    pub(crate) fn log(&self, run: RunId) -> Vec<Vec<u8>> {
        let load = Load { tenant: Tenant::local(), run, snapshot: false };
        at_once(self.memory.load(load)).map_or_else(Vec::new, |loaded| loaded.events)
    }

    /// What is owed for a run.
    pub(crate) fn owed(&self, run: RunId) -> Vec<Dispatch> {
        at_once(self.memory.open(Open { run: Some(run), limit: u32::MAX, ..Open::default() }))
    }

    /// How many turns the next read takes, and whether it fails then.
    fn obstacles(&self) -> (u64, bool) {
        let mut weather = self.weather();
        let (slow, fails) = (weather.faults.read_slow, weather.faults.read_fails);
        let turns = if weather.dice.chance(slow) { 1 + weather.dice.below(4) } else { 0 };
        (turns, weather.dice.chance(fails))
    }
}

/// Ends after being polled so many times.
struct Turns(u64);

impl Future for Turns {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.0.checked_sub(1) {
            None => Poll::Ready(()),
            Some(left) => {
                self.0 = left;
                Poll::Pending
            }
        }
    }
}

struct Answer(Told);

impl Future for Answer {
    type Output = Result<Appended, StoreError>;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        locked(&self.0).take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// A door to the store: through the weather, or at once.
pub(crate) struct Door {
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) at_once: bool,
}

impl Door {
    /// Takes as long as the weather says; fails if it says so.
    async fn reach(&self) -> Result<&Memory, StoreError> {
        if !self.at_once {
            let (turns, fails) = self.store.obstacles();
            Turns(turns).await;
            if fails {
                return Err(unavailable("a read"));
            }
        }
        Ok(&self.store.memory)
    }
}

impl Store for Door {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, StoreError>> {
        if self.at_once {
            return Box::pin(std::future::ready(Ok(self.store.write(append))));
        }
        let told = Told::default();
        self.store.weather().waiting.push_back(Waiting { append, told: Arc::clone(&told) });
        Box::pin(Answer(told))
    }

    fn load(&self, load: Load) -> BoxFuture<'_, Result<Option<Loaded>, StoreError>> {
        Box::pin(async move { self.reach().await?.load(load).await })
    }

    fn due(&self, due: Due) -> BoxFuture<'_, Result<WhatIsDue, StoreError>> {
        Box::pin(async move { self.reach().await?.due(due).await })
    }

    fn beat(&self, beats: Vec<Beat>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.reach().await?.beat(beats).await })
    }

    fn open(&self, open: Open) -> BoxFuture<'_, Result<Vec<Dispatch>, StoreError>> {
        Box::pin(async move { self.reach().await?.open(open).await })
    }

    fn waiting(&self, tenant: &Tenant) -> BoxFuture<'_, Result<BTreeMap<AgentName, u64>, StoreError>> {
        let tenant = tenant.clone();
        Box::pin(async move { self.reach().await?.waiting(&tenant).await })
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<(Tenant, Summary)>, StoreError>> {
        Box::pin(async move { self.reach().await?.find(find).await })
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        Box::pin(async move { self.reach().await?.read(read).await })
    }

    fn feed(&self, feed: Feed) -> BoxFuture<'_, Result<FeedPage, StoreError>> {
        Box::pin(async move { self.reach().await?.feed(feed).await })
    }

    fn fed(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { self.reach().await?.fed().await })
    }

    fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<Content, StoreError>> {
        let tenant = tenant.clone();
        Box::pin(async move { self.reach().await?.content(&tenant, run, digest).await })
    }

    fn erase(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>> {
        let tenant = tenant.clone();
        Box::pin(async move { self.reach().await?.erase(&tenant, run, digest).await })
    }

    fn opened(&self, tenant: &Tenant, key: &IdempotencyKey) -> BoxFuture<'_, Result<Option<(RunId, Digest)>, StoreError>> {
        let (tenant, key) = (tenant.clone(), key.clone());
        Box::pin(async move { self.reach().await?.opened(&tenant, &key).await })
    }

    fn note_refusals(&self, notes: Vec<RefusalNote>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.reach().await?.note_refusals(notes).await })
    }

    fn refusals(&self, tenant: &Tenant, limit: u32) -> BoxFuture<'_, Result<Vec<RefusalNote>, StoreError>> {
        let tenant = tenant.clone();
        Box::pin(async move { self.reach().await?.refusals(&tenant, limit).await })
    }

    fn rebuild(&self, tenant: &Tenant, summary: Summary, owed: Vec<Owed>) -> BoxFuture<'_, Result<(), StoreError>> {
        let tenant = tenant.clone();
        Box::pin(async move { self.reach().await?.rebuild(&tenant, summary, owed).await })
    }

    fn keep(&self, kept: Kept, expected: Expected) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { self.reach().await?.keep(kept, expected).await })
    }

    fn discard(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<bool, StoreError>> {
        let (tenant, kind, name) = (tenant.clone(), kind.to_owned(), name.to_owned());
        Box::pin(async move { self.reach().await?.discard(&tenant, &kind, &name).await })
    }

    fn kept(&self, of: KeptOf) -> BoxFuture<'_, Result<Vec<Kept>, StoreError>> {
        Box::pin(async move { self.reach().await?.kept(of).await })
    }

    fn kept_one(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<Option<Arc<[u8]>>, StoreError>> {
        let (tenant, kind, name) = (tenant.clone(), kind.to_owned(), name.to_owned());
        Box::pin(async move { self.reach().await?.kept_one(&tenant, &kind, &name).await })
    }
}
