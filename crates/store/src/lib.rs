//! The ledger of Handclasp: keeps what has happened and what is owed. It decides nothing.
//!
//! A store promises little. [`Store::append`] is the only way into a log: events, their contents, what is
//! owed because of them and the run's line in lists become durable together, or not at all, if the
//! run is still at the version that the caller saw. Beside the runs, [`Store::keep`] keeps definitions:
//! agents, contracts, API keys. Everything else reads, or throws away what can be computed again.
//!
//! [`memory`] is the reference, short enough to be obviously right. [`sqlite`] is the default. Both
//! pass `conformance`, and a differential test races them with random histories.

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod memory;
pub mod sqlite;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, HandoffId, IdempotencyKey, RunId, Tenant, Token};
use handclasp_core::run::{Condition, Owed, Slot, Standing, Summary};
use handclasp_core::time::Timestamp;

pub use self::error::{OpenError, StoreError};

/// Everything that one decision brings about. All of it becomes durable, or none.
#[derive(Debug, Clone)]
pub struct Append {
    /// Whose data.
    pub tenant: Tenant,
    /// Which run.
    pub run: RunId,
    /// Events that the run had when it was decided; 0 opens it.
    pub expected: u64,
    /// Hash of the last of them, as the caller saw it: a rival may have written as many. Not looked at
    /// for an opening.
    pub follows: Digest,
    /// The new events as stored bytes. May be empty, but not before the opening: then the log stays as
    /// it is and the rest takes effect.
    pub events: Vec<Vec<u8>>,
    /// Hash of the last event's stored bytes, after this append.
    pub head: Digest,
    /// Contents that the events name. One that is there already, or was erased, is left as it is.
    pub blobs: Vec<(Digest, Arc<[u8]>)>,
    /// Slots that change: put, or cleared. A lease that is put again under its token keeps the later
    /// of both due times, so that no heartbeat is taken back.
    pub owed: Vec<Owed>,
    /// The run's line in lists, after this append.
    pub summary: Summary,
    /// For an opening: the caller's key, so that the same key finds the same run (law 5).
    pub opening: Option<Opening>,
    /// The run's state as of this append, to start from when it is loaded next. Disposable.
    pub snapshot: Option<Vec<u8>>,
}

/// The caller's key of an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The key.
    pub key: IdempotencyKey,
    /// What it was used for.
    pub content: Digest,
}

/// How an append went. All of these are answers; none is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// Durable; the run is at this version.
    At(u64),
    /// Nothing was written: the opening's key was used before, for this run.
    Opened {
        /// The run that it opened.
        run: RunId,
        /// What it was used for.
        content: Digest,
    },
    /// Nothing was written: the run is at another version, or has come there by another way, or there
    /// is no such run to add nothing to.
    Conflict,
}

/// Asks for a run's log.
#[derive(Debug, Clone)]
pub struct Load {
    /// Whose data.
    pub tenant: Tenant,
    /// Which run.
    pub run: RunId,
    /// Whether to start from a snapshot, if there is one. `false` gives the whole log.
    pub snapshot: bool,
}

/// A run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The state to start from, with the version and head that it stands for.
    pub snapshot: Option<Snapshot>,
    /// The stored events after it, oldest first.
    pub events: Vec<Vec<u8>>,
    /// Events in all.
    pub version: u64,
    /// Hash of the last event's stored bytes, as the store keeps it beside the log.
    pub head: Digest,
}

/// A state that need not be computed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Events up to it.
    pub version: u64,
    /// Hash of the last of them.
    pub head: Digest,
    /// The state; only the engine reads it.
    pub state: Vec<u8>,
}

/// Asks for what is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// Nothing later than this.
    pub now: Timestamp,
    /// Deliveries to these agents, by tenant; none asks for no deliveries.
    pub agents: Vec<(Tenant, AgentName)>,
    /// At most this many rows of deliveries, and as many of the rest.
    pub limit: u32,
}

/// What is due, oldest first, and when to ask again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhatIsDue {
    /// Deliveries to the agents that were asked for.
    pub deliveries: Vec<Dispatch>,
    /// Leases that may have run out, deadlines, silence, child runs: everything else with a time.
    pub others: Vec<Dispatch>,
    /// When the next row comes due that is not due yet, over everything asked for.
    pub next: Option<Timestamp>,
}

/// One thing that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Whose data.
    pub tenant: Tenant,
    /// Which run.
    pub run: RunId,
    /// Which slot.
    pub slot: Slot,
    /// What is owed. The `due` inside a lease is that of the latest heartbeat.
    pub standing: Standing,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Whose data.
    pub tenant: Tenant,
    /// Which handoff.
    pub handoff: HandoffId,
    /// Under which token. A beat for another token than the stored lease's does nothing.
    pub token: Token,
    /// When.
    pub at: Timestamp,
}

/// Asks for what stands open, whatever its time: leases, inbox, dead letters.
#[derive(Debug, Clone, Default)]
pub struct Open {
    /// Whose data; none for everybody's.
    pub tenant: Option<Tenant>,
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only of this kind ([`Standing::kind`]).
    pub kind: Option<&'static str>,
    /// Only what names this agent ([`Standing::agent`]): deliveries and leases. Nothing else does.
    pub agent: Option<AgentName>,
    /// After this row, for paging.
    pub after: Option<(Tenant, RunId, Slot)>,
    /// At most this many.
    pub limit: u32,
}

/// Asks for runs, newest first.
#[derive(Debug, Clone, Default)]
pub struct Find {
    /// Whose data.
    pub tenant: Option<Tenant>,
    /// Only those that stand so.
    pub conditions: Vec<Condition>,
    /// Only of this trace.
    pub trace_id: Option<String>,
    /// Only before this run, for paging.
    pub before: Option<RunId>,
    /// At most this many.
    pub limit: u32,
}

/// Asks for stored events, oldest first.
#[derive(Debug, Clone)]
pub struct Read {
    /// Whose data.
    pub tenant: Tenant,
    /// Which run.
    pub run: RunId,
    /// Only after this version.
    pub after: u64,
    /// At most this many.
    pub limit: u32,
}

/// Asks for the events of a tenant in the one order in which the store took them.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Whose data.
    pub tenant: Tenant,
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only after this place in the order: what the last page's `upto` said, or any [`Fed::seq`].
    pub after: u64,
    /// At most this many.
    pub limit: u32,
}

/// Events that one look at a tenant's feed may pass over, other tenants' among them. At a kilobyte
/// each, a few megabytes: a follower that is far behind holds up no other reader for long.
pub const FEED_ROWS_MAX: u32 = 4_096;

/// A stored event, with its place in the order of all events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fed {
    /// Its place among the events of all tenants. Events are never deleted, so it stays.
    pub seq: u64,
    /// Which run.
    pub run: RunId,
    /// Its number in the run's log.
    pub version: u64,
    /// The stored event.
    pub bytes: Vec<u8>,
}

/// A stretch of the feed. It may be empty although there is more: ask again after `upto`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// What was found, in order.
    pub events: Vec<Fed>,
    /// Everything up to here was looked at. Once it is the newest place ([`Store::fed`]), there is no more.
    pub upto: u64,
}

/// Something that is kept outside of runs: an agent, a contract, an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose data.
    pub tenant: Tenant,
    /// What sort of thing, in a short word of the caller's.
    pub kind: String,
    /// Its name among the tenant's things of that kind.
    pub name: String,
    /// The thing itself; only the caller reads it.
    pub bytes: Arc<[u8]>,
}

/// Asks for what is kept.
#[derive(Debug, Clone)]
pub struct KeptOf {
    /// Whose data; none for everybody's.
    pub tenant: Option<Tenant>,
    /// Of which kind.
    pub kind: &'static str,
    /// After this name, for paging.
    pub after: Option<(Tenant, String)>,
    /// At most this many.
    pub limit: u32,
}

/// What must be there for something to be kept in its place, so that of two writers one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing yet.
    Absent,
    /// Whatever is there, or nothing.
    Anything,
    /// The bytes with this hash.
    Digest(Digest),
}

impl Expected {
    /// Whether this is what was expected.
    pub fn met_by(&self, found: Option<&[u8]>) -> bool {
        match self {
            Self::Absent => found.is_none(),
            Self::Anything => true,
            Self::Digest(digest) => found.is_some_and(|bytes| Digest::of(bytes) == *digest),
        }
    }
}

/// A content that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Here it is.
    Bytes(Arc<[u8]>),
    /// It was erased on purpose; its digest stays in the log.
    Erased,
    /// It was never here.
    Missing,
}

/// A refusal, for the health signals. Not an event; the store keeps the newest ones only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalNote {
    /// Whose request.
    pub tenant: Tenant,
    /// Which run.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// On whose authority.
    pub principal: String,
    /// What was asked.
    pub command: String,
    /// The refusal's code.
    pub code: String,
    /// What it said.
    pub message: String,
    /// The first field at fault, as a JSON pointer.
    pub pointer: Option<String>,
}

/// How many refusals a store keeps. Enough for a day of a badly broken sender, and a few megabytes.
pub const REFUSALS_KEPT: u32 = 10_000;

/// The contract. Methods are called from async code and must not block it.
pub trait Store: Send + Sync + 'static {
    /// Makes one decision durable. Appends take effect in the order of the *calls*, not of the
    /// polls, so that a desk can have several in flight; each is durable before its future ends, and
    /// takes effect even if its future is dropped.
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, StoreError>>;

    /// A run's log; `None` if there is no such run.
    fn load(&self, load: Load) -> BoxFuture<'_, Result<Option<Loaded>, StoreError>>;

    /// What is due, and when to ask again.
    fn due(&self, due: Due) -> BoxFuture<'_, Result<WhatIsDue, StoreError>>;

    /// Moves the stored due time of leases forward: heartbeat plus the lease's length. Not chained and
    /// not necessarily durable at once: losing one costs a grace period, no more.
    fn beat(&self, beats: Vec<Beat>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What stands open, in the order of tenant, run and slot.
    fn open(&self, open: Open) -> BoxFuture<'_, Result<Vec<Dispatch>, StoreError>>;

    /// How many deliveries are queued for each agent of a tenant, due or not. Who has none is not named.
    fn waiting(&self, tenant: &Tenant) -> BoxFuture<'_, Result<BTreeMap<AgentName, u64>, StoreError>>;

    /// Runs, newest first.
    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<(Tenant, Summary)>, StoreError>>;

    /// Stored events as they are.
    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>>;

    /// A tenant's events in the order in which they were appended. An event is not shown before every
    /// earlier place is settled, so a follower misses nothing. Looks at no more than [`FEED_ROWS_MAX`]
    /// events, or at the run's own if one is named.
    fn feed(&self, feed: Feed) -> BoxFuture<'_, Result<FeedPage, StoreError>>;

    /// The newest place in that order, over all tenants; 0 before the first event.
    fn fed(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// One content.
    fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<Content, StoreError>>;

    /// Erases a content and leaves a tombstone; every snapshot of the run goes too. `false` if it
    /// was never here.
    fn erase(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The run that a key opened, and what the key was used for.
    fn opened(&self, tenant: &Tenant, key: &IdempotencyKey) -> BoxFuture<'_, Result<Option<(RunId, Digest)>, StoreError>>;

    /// Keeps refusals, newest first, at most [`REFUSALS_KEPT`].
    fn note_refusals(&self, notes: Vec<RefusalNote>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The refusals that are kept, newest first.
    fn refusals(&self, tenant: &Tenant, limit: u32) -> BoxFuture<'_, Result<Vec<RefusalNote>, StoreError>>;

    /// Replaces everything that can be computed from the log of one run: what is owed, and its line
    /// in lists. Its snapshot is dropped. Does nothing if there is no such run.
    fn rebuild(&self, tenant: &Tenant, summary: Summary, owed: Vec<Owed>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Keeps something under its name, if what is there is what was expected; `false` if it is not,
    /// and nothing was written. Durable before its future ends.
    fn keep(&self, kept: Kept, expected: Expected) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Keeps something no longer; `false` if it was not there.
    fn discard(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// What is kept of a kind, in the order of tenant and name.
    fn kept(&self, of: KeptOf) -> BoxFuture<'_, Result<Vec<Kept>, StoreError>>;

    /// What is kept under one name.
    fn kept_one(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<Option<Arc<[u8]>>, StoreError>>;
}
