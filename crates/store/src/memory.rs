//! The reference store: ordered maps behind one lock.
//!
//! It says what the contract means in as few words as possible, and is what the other stores are
//! raced against. Everything takes effect when the method is called; the futures are ready. Nothing
//! survives the process, nothing is fast on purpose, and every list is found by walking a map.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::BoxFuture;
use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, IdempotencyKey, RunId, Tenant};
use handclasp_core::run::{Owed, Slot, Standing, Summary};
use handclasp_core::time::Timestamp;

use crate::{
    Append, Appended, Beat, Content, Dispatch, Due, Expected, FEED_ROWS_MAX, Fed, Feed, FeedPage, Find, Kept, KeptOf, Load, Loaded, Open,
    REFUSALS_KEPT, Read, RefusalNote, Snapshot, Store, StoreError, WhatIsDue,
};

/// A store that lives as long as the process.
#[derive(Debug, Default)]
pub struct Memory {
    shelves: Mutex<Shelves>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().expect("nothing panics while it holds the lock")
    }
}

#[derive(Debug, Default)]
struct Shelves {
    runs: BTreeMap<(Tenant, RunId), Log>,
    /// The events of all runs in the order in which they came. The first one's place is 1.
    order: Vec<(Tenant, RunId, u64)>,
    outbox: BTreeMap<(Tenant, RunId, Slot), Standing>,
    blobs: BTreeMap<(Tenant, RunId, Digest), Content>,
    opening_keys: BTreeMap<(Tenant, IdempotencyKey), (RunId, Digest)>,
    /// Oldest first.
    refusals: VecDeque<RefusalNote>,
    /// By kind, tenant and name.
    kept: BTreeMap<(String, Tenant, String), Arc<[u8]>>,
}

#[derive(Debug)]
struct Log {
    events: Vec<Vec<u8>>,
    head: Digest,
    summary: Summary,
    snapshot: Option<Snapshot>,
}

impl Log {
    fn version(&self) -> u64 {
        self.events.len() as u64
    }

    fn after(&self, version: u64) -> impl Iterator<Item = &Vec<u8>> {
        self.events.iter().skip(usize::try_from(version).unwrap_or(usize::MAX))
    }
}

impl Shelves {
    fn append(&mut self, append: Append) -> Appended {
        let Append { tenant, run, expected, follows, events, head, blobs, owed, summary, opening, snapshot } = append;
        let known = opening.as_ref().and_then(|opening| self.opening_keys.get(&(tenant.clone(), opening.key.clone())));
        if let Some(&(run, content)) = known {
            return Appended::Opened { run, content };
        }
        let line = (tenant.clone(), run);
        let opens = expected == 0 && !events.is_empty();
        if self.runs.get(&line).map_or(!opens, |log| (log.version(), log.head) != (expected, follows)) {
            return Appended::Conflict;
        }
        let places = (expected + 1..).take(events.len());
        self.order.extend(places.map(|version| (tenant.clone(), run, version)));
        let log = self.runs.entry(line).or_insert_with(|| Log { events: Vec::new(), head, summary: summary.clone(), snapshot: None });
        log.events.extend(events);
        log.head = head;
        log.summary = summary;
        let version = log.version();
        if let Some(state) = snapshot {
            log.snapshot = Some(Snapshot { version, head, state });
        }
        if let Some(opening) = opening {
            self.opening_keys.insert((tenant.clone(), opening.key), (run, opening.content));
        }
        for (digest, bytes) in blobs {
            self.blobs.entry((tenant.clone(), run, digest)).or_insert(Content::Bytes(bytes));
        }
        for owed in owed {
            self.owe(&tenant, run, owed);
        }
        Appended::At(version)
    }

    fn owe(&mut self, tenant: &Tenant, run: RunId, owed: Owed) {
        let row = (tenant.clone(), run, owed.slot);
        let Some(mut standing) = owed.standing else {
            self.outbox.remove(&row);
            return;
        };
        if let (Standing::Lease { token, due, .. }, Some(Standing::Lease { token: kept, due: kept_due, .. })) =
            (&mut standing, self.outbox.get(&row))
            && token == kept
        {
            *due = (*due).max(*kept_due);
        }
        self.outbox.insert(row, standing);
    }

    fn load(&self, load: &Load) -> Option<Loaded> {
        let log = self.runs.get(&(load.tenant.clone(), load.run))?;
        let snapshot = log.snapshot.clone().filter(|_| load.snapshot);
        let from = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        Some(Loaded { snapshot, events: log.after(from).cloned().collect(), version: log.version(), head: log.head })
    }

    fn due(&self, due: &Due) -> WhatIsDue {
        let agents: BTreeSet<_> = due.agents.iter().cloned().collect();
        let (mut deliveries, mut others, mut next) = (Vec::new(), Vec::new(), None::<Timestamp>);
        for (row, standing) in &self.outbox {
            let Some(at) = standing.due() else { continue };
            let list = match standing {
                Standing::Deliver { to, .. } if !agents.contains(&(row.0.clone(), to.clone())) => continue,
                Standing::Deliver { .. } => &mut deliveries,
                _ => &mut others,
            };
            if at > due.now {
                next = Some(next.map_or(at, |next| next.min(at)));
            } else {
                list.push((at, dispatch(row, standing)));
            }
        }
        WhatIsDue { deliveries: oldest(deliveries, due.limit), others: oldest(others, due.limit), next }
    }

    fn beat(&mut self, beat: &Beat) {
        let row = (beat.tenant.clone(), beat.handoff.run, Slot::Handoff(beat.handoff.number));
        if let Some(Standing::Lease { token, due, length, .. }) = self.outbox.get_mut(&row)
            && *token == beat.token
        {
            *due = (*due).max(beat.at + *length);
        }
    }

    fn open(&self, open: &Open) -> Vec<Dispatch> {
        self.outbox
            .iter()
            .filter(|(row, _)| open.after.as_ref().is_none_or(|after| *row > after))
            .filter(|((tenant, run, _), _)| is_or_any(open.tenant.as_ref(), tenant) && is_or_any(open.run.as_ref(), run))
            .filter(|(_, standing)| is_or_any(open.kind.as_ref(), &standing.kind()))
            .filter(|(_, standing)| open.agent.is_none() || open.agent.as_ref() == standing.agent())
            .take(open.limit as usize)
            .map(|(row, standing)| dispatch(row, standing))
            .collect()
    }

    fn waiting(&self, tenant: &Tenant) -> BTreeMap<AgentName, u64> {
        let mut waiting = BTreeMap::new();
        for ((of, ..), standing) in &self.outbox {
            if let Standing::Deliver { to, .. } = standing
                && of == tenant
            {
                *waiting.entry(to.clone()).or_default() += 1;
            }
        }
        waiting
    }

    fn find(&self, find: &Find) -> Vec<(Tenant, Summary)> {
        let mut found: Vec<_> = self
            .runs
            .iter()
            .filter(|((tenant, run), _)| is_or_any(find.tenant.as_ref(), tenant) && find.before.is_none_or(|before| *run < before))
            .filter(|(_, log)| find.conditions.is_empty() || find.conditions.contains(&log.summary.condition))
            .filter(|(_, log)| is_or_any(find.trace_id.as_ref(), &log.summary.trace_id))
            .map(|((tenant, _), log)| (tenant.clone(), log.summary.clone()))
            .collect();
        found.sort_by_key(|(_, summary)| std::cmp::Reverse(summary.run));
        found.truncate(find.limit as usize);
        found
    }

    fn read(&self, read: &Read) -> Vec<Vec<u8>> {
        let log = self.runs.get(&(read.tenant.clone(), read.run));
        log.map_or_else(Vec::new, |log| log.after(read.after).take(read.limit as usize).cloned().collect())
    }

    fn fed(&self) -> u64 {
        self.order.len() as u64
    }

    fn feed(&self, feed: &Feed) -> FeedPage {
        let reach = if feed.run.is_some() { u64::MAX } else { u64::from(FEED_ROWS_MAX) };
        let looked_to = self.fed().min(feed.after.saturating_add(reach)).max(feed.after);
        let places = (1..).zip(&self.order).filter(|(seq, _)| *seq > feed.after && *seq <= looked_to);
        let ours = places.filter(|(_, (tenant, run, _))| *tenant == feed.tenant && is_or_any(feed.run.as_ref(), run));
        let events: Vec<Fed> = ours.map(|(seq, place)| self.event_at(seq, place)).take(feed.limit as usize).collect();
        let is_full = events.len() == feed.limit as usize;
        let upto = if is_full { events.last().map_or(feed.after, |last| last.seq) } else { looked_to };
        FeedPage { events, upto }
    }

    fn event_at(&self, seq: u64, (tenant, run, version): &(Tenant, RunId, u64)) -> Fed {
        let log = &self.runs[&(tenant.clone(), *run)];
        let bytes = log.after(version - 1).next().cloned().expect("what has a place is in its log");
        Fed { seq, run: *run, version: *version, bytes }
    }

    fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> Content {
        self.blobs.get(&(tenant.clone(), run, digest)).cloned().unwrap_or(Content::Missing)
    }

    fn erase(&mut self, tenant: &Tenant, run: RunId, digest: Digest) -> bool {
        let Some(content) = self.blobs.get_mut(&(tenant.clone(), run, digest)) else { return false };
        *content = Content::Erased;
        if let Some(log) = self.runs.get_mut(&(tenant.clone(), run)) {
            log.snapshot = None;
        }
        true
    }

    fn note_refusals(&mut self, notes: Vec<RefusalNote>) {
        self.refusals.extend(notes);
        let surplus = self.refusals.len().saturating_sub(REFUSALS_KEPT as usize);
        self.refusals.drain(..surplus);
    }

    fn refusals(&self, tenant: &Tenant, limit: u32) -> Vec<RefusalNote> {
        self.refusals.iter().rev().filter(|note| note.tenant == *tenant).take(limit as usize).cloned().collect()
    }

    fn rebuild(&mut self, tenant: &Tenant, summary: Summary, owed: Vec<Owed>) {
        let run = summary.run;
        let Some(log) = self.runs.get_mut(&(tenant.clone(), run)) else { return };
        log.summary = summary;
        log.snapshot = None;
        self.outbox.retain(|row, _| (&row.0, row.1) != (tenant, run));
        for owed in owed {
            self.owe(tenant, run, owed);
        }
    }

    fn keep(&mut self, kept: Kept, expected: Expected) -> bool {
        let name = (kept.kind, kept.tenant, kept.name);
        let keeps = expected.met_by(self.kept.get(&name).map(|bytes| &**bytes));
        if keeps {
            self.kept.insert(name, kept.bytes);
        }
        keeps
    }

    fn kept(&self, of: &KeptOf) -> Vec<Kept> {
        self.kept
            .iter()
            .filter(|((kind, tenant, _), _)| kind == of.kind && is_or_any(of.tenant.as_ref(), tenant))
            .filter(|((_, tenant, name), _)| of.after.as_ref().is_none_or(|after| (tenant, name) > (&after.0, &after.1)))
            .take(of.limit as usize)
            .map(|((kind, tenant, name), bytes)| Kept {
                tenant: tenant.clone(),
                kind: kind.clone(),
                name: name.clone(),
                bytes: bytes.clone(),
            })
            .collect()
    }
}

fn is_or_any<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

fn dispatch((tenant, run, slot): &(Tenant, RunId, Slot), standing: &Standing) -> Dispatch {
    Dispatch { tenant: tenant.clone(), run: *run, slot: *slot, standing: standing.clone() }
}

/// The first of these by time; rows of one moment stay in the order of their keys.
fn oldest(mut rows: Vec<(Timestamp, Dispatch)>, limit: u32) -> Vec<Dispatch> {
    rows.sort_by_key(|(at, _)| *at);
    rows.truncate(limit as usize);
    rows.into_iter().map(|(_, dispatch)| dispatch).collect()
}

fn done<T: Send + 'static>(answer: T) -> BoxFuture<'static, Result<T, StoreError>> {
    Box::pin(ready(Ok(answer)))
}

impl Store for Memory {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, StoreError>> {
        done(self.shelves().append(append))
    }

    fn load(&self, load: Load) -> BoxFuture<'_, Result<Option<Loaded>, StoreError>> {
        done(self.shelves().load(&load))
    }

    fn due(&self, due: Due) -> BoxFuture<'_, Result<WhatIsDue, StoreError>> {
        done(self.shelves().due(&due))
    }

    fn beat(&self, beats: Vec<Beat>) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut shelves = self.shelves();
        for beat in &beats {
            shelves.beat(beat);
        }
        done(())
    }

    fn open(&self, open: Open) -> BoxFuture<'_, Result<Vec<Dispatch>, StoreError>> {
        done(self.shelves().open(&open))
    }

    fn waiting(&self, tenant: &Tenant) -> BoxFuture<'_, Result<BTreeMap<AgentName, u64>, StoreError>> {
        done(self.shelves().waiting(tenant))
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<(Tenant, Summary)>, StoreError>> {
        done(self.shelves().find(&find))
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        done(self.shelves().read(&read))
    }

    fn feed(&self, feed: Feed) -> BoxFuture<'_, Result<FeedPage, StoreError>> {
        done(self.shelves().feed(&feed))
    }

    fn fed(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        done(self.shelves().fed())
    }

    fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<Content, StoreError>> {
        done(self.shelves().content(tenant, run, digest))
    }

    fn erase(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>> {
        done(self.shelves().erase(tenant, run, digest))
    }

    fn opened(&self, tenant: &Tenant, key: &IdempotencyKey) -> BoxFuture<'_, Result<Option<(RunId, Digest)>, StoreError>> {
        done(self.shelves().opening_keys.get(&(tenant.clone(), key.clone())).copied())
    }

    fn note_refusals(&self, notes: Vec<RefusalNote>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.shelves().note_refusals(notes);
        done(())
    }

    fn refusals(&self, tenant: &Tenant, limit: u32) -> BoxFuture<'_, Result<Vec<RefusalNote>, StoreError>> {
        done(self.shelves().refusals(tenant, limit))
    }

    fn rebuild(&self, tenant: &Tenant, summary: Summary, owed: Vec<Owed>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.shelves().rebuild(tenant, summary, owed);
        done(())
    }

    fn keep(&self, kept: Kept, expected: Expected) -> BoxFuture<'_, Result<bool, StoreError>> {
        done(self.shelves().keep(kept, expected))
    }

    fn discard(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<bool, StoreError>> {
        done(self.shelves().kept.remove(&(kind.to_owned(), tenant.clone(), name.to_owned())).is_some())
    }

    fn kept(&self, of: KeptOf) -> BoxFuture<'_, Result<Vec<Kept>, StoreError>> {
        done(self.shelves().kept(&of))
    }

    fn kept_one(&self, tenant: &Tenant, kind: &str, name: &str) -> BoxFuture<'_, Result<Option<Arc<[u8]>>, StoreError>> {
        done(self.shelves().kept.get(&(kind.to_owned(), tenant.clone(), name.to_owned())).cloned())
    }
}
