//! A store whose commits wait at a gate: what the desk does meanwhile can be looked at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, IdempotencyKey, RunId, Tenant};
use handclasp_core::run::{Owed, Summary};
use handclasp_store::memory::Memory;
use handclasp_store::{
    Append, Appended, Beat, Content, Dispatch, Due, Expected, Feed, FeedPage, Find, Kept, KeptOf, Load, Loaded, Open, Read, RefusalNote,
    Store, StoreError, WhatIsDue,
};
use tokio::sync::{Notify, oneshot};

type Answer = oneshot::Sender<Result<Appended, StoreError>>;

/// The reference store behind a gate.
#[derive(Default)]
pub(crate) struct Gate {
    inner: Memory,
    closed: Mutex<bool>,
    waiting: Mutex<VecDeque<(Append, Answer)>>,
    /// The run whose log is kept back, and who says when that is over.
    kept_back: Mutex<Option<(RunId, Arc<Notify>)>>,
    /// Whether nobody is told what is due.
    silent: Mutex<bool>,
}

impl Gate {
    pub(crate) fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.lock().unwrap().len()
    }

    /// Keeps the log of a run back until the returned bell is rung.
    pub(crate) fn keep_back(&self, run: RunId) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        *self.kept_back.lock().unwrap() = Some((run, Arc::clone(&bell)));
        bell
    }

    /// Whoever asks from now on what is due is never told, or is told as ever.
    pub(crate) fn silence(&self, silent: bool) {
        *self.silent.lock().unwrap() = silent;
    }

    /// Lets the oldest waiting commit through.
    pub(crate) async fn let_one_through(&self) {
        let (append, answer) = self.waiting.lock().unwrap().pop_front().expect("something waits");
        let _ = answer.send(self.inner.append(append).await);
    }

    /// Lets the oldest waiting commit fail without having happened.
    pub(crate) fn turn_one_away(&self) {
        let (_, answer) = self.waiting.lock().unwrap().pop_front().expect("something waits");
        let _ = answer.send(Err(StoreError::Unavailable("turned away".into())));
    }
}

impl Store for Gate {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, StoreError>> {
        if !*self.closed.lock().unwrap() {
            return self.inner.append(append);
        }
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap().push_back((append, answer));
        Box::pin(async { answered.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the gate is gone".into()))) })
    }

    fn load(&self, load: Load) -> BoxFuture<'_, Result<Option<Loaded>, StoreError>> {
        let kept_back = self.kept_back.lock().unwrap().clone().filter(|(run, _)| *run == load.run);
        Box::pin(async move {
            if let Some((_, bell)) = kept_back {
                bell.notified().await;
            }
            self.inner.load(load).await
        })
    }

    fn due(&self, due: Due) -> BoxFuture<'_, Result<WhatIsDue, StoreError>> {
        if *self.silent.lock().unwrap() { Box::pin(std::future::pending()) } else { self.inner.due(due) }
    }

    fn beat(&self, beats: Vec<Beat>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.beat(beats)
    }

    fn open(&self, open: Open) -> BoxFuture<'_, Result<Vec<Dispatch>, StoreError>> {
        self.inner.open(open)
    }

    fn waiting(&self, tenant: &Tenant) -> BoxFuture<'_, Result<BTreeMap<AgentName, u64>, StoreError>> {
        self.inner.waiting(tenant)
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<(Tenant, Summary)>, StoreError>> {
        self.inner.find(find)
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        self.inner.read(read)
    }

    fn feed(&self, feed: Feed) -> BoxFuture<'_, Result<FeedPage, StoreError>> {
        self.inner.feed(feed)
    }

    fn fed(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.inner.fed()
    }

    fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<Content, StoreError>> {
        self.inner.content(tenant, run, digest)
    }

    fn erase(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.inner.erase(tenant, run, digest)
    }

    fn opened(&self, tenant: &Tenant, key: &IdempotencyKey) -> BoxFuture<'_, Result<Option<(RunId, Digest)>, StoreError>> {
        self.inner.opened(tenant, key)
    }

    fn note_refusals(&self, notes: Vec<RefusalNote>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.note_refusals(notes)
    }

    fn refusals(&self, tenant: &Tenant, limit: u32) -> BoxFuture<'_, Result<Vec<RefusalNote>, StoreError>> {
        self.inner.refusals(tenant, limit)
    }

    fn rebuild(&self, tenant: &Tenant, summary: Summary, owed: Vec<Owed>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.rebuild(tenant, summary, owed)
    }

    fn keep(&self, kept: Kept, expected: Expected) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.inner.keep(kept, expected)
    }

    fn discard(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.inner.discard(tenant, kind, name)
    }

    fn kept(&self, of: KeptOf) -> BoxFuture<'_, Result<Vec<Kept>, StoreError>> {
        self.inner.kept(of)
    }

    fn kept_one(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<Option<Arc<[u8]>>, StoreError>> {
        self.inner.kept_one(tenant, kind, name)
    }
}

/// A gate for the store and the engine behind it.
pub(crate) fn gated() -> (Arc<Gate>, handclasp_engine::Engine) {
    let gate = Arc::new(Gate::default());
    let store: Arc<dyn Store> = gate.clone();
    (gate, crate::stage::engine(store, Arc::default()))
}
