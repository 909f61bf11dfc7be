//! The default store: one SQLite file that any SQLite tool can open.
//!
//! One thread writes and commits in groups; a few connections read beside it. One process at a time
//! writes to a file (a lock of the system says which); any number may read it. Start with
//! `migrations/` for what is kept, then `write` and `read` for what is done with it, `writer` and
//! `reader` for how, `opening` for what is refused at the door.
//!
//! Nothing here decides: no statement knows a phase.

mod columns;
mod failure;
mod feed;
mod kept;
mod migrations;
mod opening;
mod queries;
mod read;
mod reader;
mod write;
mod writer;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, IdempotencyKey, RunId, Tenant};
use handclasp_core::run::{Owed, Summary};
use rusqlite::Connection;

pub use self::opening::Access;

use self::failure::Queue;
use self::opening::Source;
use self::reader::Readers;
use self::write::{OwedRow, Ready};
use self::writer::Writer;
use crate::{
    Append, Appended, Beat, Content, Dispatch, Due, Expected, Feed, FeedPage, Find, Kept, KeptOf, Load, Loaded, Open, OpenError, Read,
    RefusalNote, Store, StoreError, WhatIsDue,
};

/// A store in a file. Dropping it waits until everything that was asked for is written.
#[derive(Debug)]
pub struct Sqlite {
    // In this order they are dropped: the last connection to close is the one that can tidy up, and
    // the lock is given back after it.
    readers: Arc<Readers>,
    writer: Option<Writer>,
    _lock: Option<File>,
}

impl Sqlite {
    /// Opens a store to write to. Blocks while it looks at the file.
    pub fn open(path: impl AsRef<Path>, access: Access) -> Result<Self, OpenError> {
        let (connection, lock) = opening::writable(path.as_ref(), access)?;
        Self::start(path.as_ref(), connection, lock)
    }

    /// Like [`Sqlite::open`], for a store that may never grow beyond so many pages: a full disk,
    /// wherever a test wants one.
    #[cfg(feature = "conformance")]
    pub fn open_with_room_for(pages: u32, path: impl AsRef<Path>, access: Access) -> Result<Self, OpenError> {
        let (connection, lock) = opening::writable(path.as_ref(), access)?;
        let bounded = connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
        bounded.map_err(|error| failure::to_open(path.as_ref(), error))?;
        Self::start(path.as_ref(), connection, lock)
    }

    /// Opens a store to read from, whoever writes to it. Blocks while it looks at the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let readers = Readers::new(Source::alone(path.as_ref())?);
        Ok(Self { readers, writer: None, _lock: None })
    }

    fn start(path: &Path, connection: Connection, lock: File) -> Result<Self, OpenError> {
        let writer = Writer::start(connection).map_err(|error| failure::to_open(path, error))?;
        Ok(Self { readers: Readers::new(Source::beside_the_writer(path)), writer: Some(writer), _lock: Some(lock) })
    }

    fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        Arc::clone(&self.readers).read(read).boxed()
    }

    fn change<T: Send + 'static>(
        &self,
        bytes: usize,
        write: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        match &self.writer {
            Some(writer) => writer.write(bytes, write),
            None => ready(Err(StoreError::ReadOnly(Queue::ReadOnly.into()))).boxed(),
        }
    }
}

impl Store for Sqlite {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, StoreError>> {
        let ready = Ready::new(append);
        self.change(ready.bytes(), move |connection| write::append(connection, &ready))
    }

    fn load(&self, load: Load) -> BoxFuture<'_, Result<Option<Loaded>, StoreError>> {
        self.look(move |connection| read::load(connection, &load))
    }

    fn due(&self, due: Due) -> BoxFuture<'_, Result<WhatIsDue, StoreError>> {
        self.look(move |connection| read::due(connection, &due))
    }

    fn beat(&self, beats: Vec<Beat>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.change(size_of_val(&beats[..]), move |connection| write::beat(connection, &beats))
    }

    fn open(&self, open: Open) -> BoxFuture<'_, Result<Vec<Dispatch>, StoreError>> {
        self.look(move |connection| read::open(connection, &open))
    }

    fn waiting(&self, tenant: &Tenant) -> BoxFuture<'_, Result<BTreeMap<AgentName, u64>, StoreError>> {
        let tenant = tenant.clone();
        self.look(move |connection| read::waiting(connection, &tenant))
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<(Tenant, Summary)>, StoreError>> {
        self.look(move |connection| read::find(connection, &find))
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        self.look(move |connection| read::events(connection, &read))
    }

    fn feed(&self, feed: Feed) -> BoxFuture<'_, Result<FeedPage, StoreError>> {
        self.look(move |connection| feed::feed(connection, &feed))
    }

    fn fed(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.look(feed::newest)
    }

    fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<Content, StoreError>> {
        let tenant = tenant.clone();
        self.look(move |connection| read::content(connection, &tenant, run, digest))
    }

    fn erase(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>> {
        let tenant = tenant.clone();
        let erased = self.change(0, move |connection| write::erase(connection, &tenant, run, digest));
        // What was overwritten in the database is still in the log until that is moved and cut.
        let forgotten = self.writer.as_ref().map(Writer::checkpoint);
        async move {
            let erased = erased.await?;
            if let Some(forgotten) = forgotten {
                forgotten.await?;
            }
            Ok(erased)
        }
        .boxed()
    }

    fn opened(&self, tenant: &Tenant, key: &IdempotencyKey) -> BoxFuture<'_, Result<Option<(RunId, Digest)>, StoreError>> {
        let (tenant, key) = (tenant.clone(), key.clone());
        self.look(move |connection| write::opened(connection, &tenant, &key).map_err(failure::of))
    }

    fn note_refusals(&self, notes: Vec<RefusalNote>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.change(size_of_val(&notes[..]), move |connection| write::note_refusals(connection, &notes))
    }

    fn refusals(&self, tenant: &Tenant, limit: u32) -> BoxFuture<'_, Result<Vec<RefusalNote>, StoreError>> {
        let tenant = tenant.clone();
        self.look(move |connection| read::refusals(connection, &tenant, limit))
    }

    fn rebuild(&self, tenant: &Tenant, summary: Summary, owed: Vec<Owed>) -> BoxFuture<'_, Result<(), StoreError>> {
        let tenant = tenant.clone();
        let owed: Vec<OwedRow> = owed.into_iter().map(OwedRow::new).collect();
        self.change(size_of_val(&owed[..]), move |connection| write::rebuild(connection, &tenant, &summary, &owed))
    }

    fn keep(&self, kept: Kept, expected: Expected) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.change(kept.bytes.len() + size_of_val(&kept), move |connection| kept::keep(connection, &kept, &expected))
    }

    fn discard(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<bool, StoreError>> {
        let (tenant, kind, name) = (tenant.clone(), kind.to_owned(), name.to_owned());
        self.change(0, move |connection| kept::discard(connection, &tenant, &kind, &name))
    }

    fn kept(&self, of: KeptOf) -> BoxFuture<'_, Result<Vec<Kept>, StoreError>> {
        self.look(move |connection| kept::list(connection, &of))
    }

    fn kept_one(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<Option<Arc<[u8]>>, StoreError>> {
        let (tenant, kind, name) = (tenant.clone(), kind.to_owned(), name.to_owned());
        self.look(move |connection| kept::one(connection, &tenant, &kind, &name).map_err(failure::of))
    }
}
