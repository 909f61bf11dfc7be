//! What the engine asks of a store, taken down: so the bare store is measured on the same records.

use std::collections::BTreeMap;
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

use crate::desk;

/// The appends of one run of the engine of so many hops, from its opening to its end.
pub(crate) fn chain(hops: u32) -> Arc<[Append]> {
    let recorder = Arc::new(Recorder::default());
    desk::one_run(Arc::clone(&recorder) as Arc<dyn Store>, hops);
    let taken = std::mem::take(&mut *recorder.appends.lock().expect("nothing panics while it holds the lock"));
    taken.into()
}

/// The store in memory, with every append noted.
#[derive(Default)]
struct Recorder {
    store: Memory,
    appends: Mutex<Vec<Append>>,
}

type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

impl Store for Recorder {
    fn append(&self, append: Append) -> Answer<'static, Appended> {
        self.appends.lock().expect("nothing panics while it holds the lock").push(append.clone());
        self.store.append(append)
    }

    fn load(&self, load: Load) -> Answer<'_, Option<Loaded>> {
        self.store.load(load)
    }

    fn due(&self, due: Due) -> Answer<'_, WhatIsDue> {
        self.store.due(due)
    }

    fn beat(&self, beats: Vec<Beat>) -> Answer<'_, ()> {
        self.store.beat(beats)
    }

    fn open(&self, open: Open) -> Answer<'_, Vec<Dispatch>> {
        self.store.open(open)
    }

    fn waiting(&self, tenant: &Tenant) -> Answer<'_, BTreeMap<AgentName, u64>> {
        self.store.waiting(tenant)
    }

    fn find(&self, find: Find) -> Answer<'_, Vec<(Tenant, Summary)>> {
        self.store.find(find)
    }

    fn read(&self, read: Read) -> Answer<'_, Vec<Vec<u8>>> {
        self.store.read(read)
    }

    fn feed(&self, feed: Feed) -> Answer<'_, FeedPage> {
        self.store.feed(feed)
    }

    fn fed(&self) -> Answer<'_, u64> {
        self.store.fed()
    }

    fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> Answer<'_, Content> {
        self.store.content(tenant, run, digest)
    }

    fn erase(&self, tenant: &Tenant, run: RunId, digest: Digest) -> Answer<'_, bool> {
        self.store.erase(tenant, run, digest)
    }

    fn opened(&self, tenant: &Tenant, key: &IdempotencyKey) -> Answer<'_, Option<(RunId, Digest)>> {
        self.store.opened(tenant, key)
    }

    fn note_refusals(&self, notes: Vec<RefusalNote>) -> Answer<'_, ()> {
        self.store.note_refusals(notes)
    }

    fn refusals(&self, tenant: &Tenant, limit: u32) -> Answer<'_, Vec<RefusalNote>> {
        self.store.refusals(tenant, limit)
    }

    fn rebuild(&self, tenant: &Tenant, summary: Summary, owed: Vec<Owed>) -> Answer<'_, ()> {
        self.store.rebuild(tenant, summary, owed)
    }

    fn keep(&self, kept: Kept, expected: Expected) -> Answer<'_, bool> {
        self.store.keep(kept, expected)
    }

    fn discard(&self, tenant: &Tenant, kind: &str, name: &str) -> Answer<'_, bool> {
        self.store.discard(tenant, kind, name)
    }

    fn kept(&self, of: KeptOf) -> Answer<'_, Vec<Kept>> {
        self.store.kept(of)
    }

    fn kept_one(&self, tenant: &Tenant, kind: &str, name: &str) -> Answer<'_, Option<Arc<[u8]>>> {
        self.store.kept_one(tenant, kind, name)
    }
}
