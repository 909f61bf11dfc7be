//! The reference store: ordered maps behind one lock.
//!
//! It says what the contract means in as few words as possible, and is what the other stores are
//! raced against. Everything takes effect when the method is called; the futures are ready. Nothing
//! survives the process, nothing is fast on purpose, and every list is found by walking a map.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::ready;
use std::sync::{Mutex, MutexGuard};

use futures_util::future::BoxFuture;
use handclasp_core::blob::Digest;
use handclasp_core::id::{IdempotencyKey, RunId, Tenant};
use handclasp_core::run::{Owed, Slot, Standing, Summary};
use handclasp_core::time::Timestamp;

use crate::{
    Append, Appended, Beat, Content, Dispatch, Due, Find, Load, Loaded, Open, REFUSALS_KEPT, Read, RefusalNote, Snapshot, Store,
    StoreError, WhatIsDue,
};

/// A store that lives as long as the process.
#[derive(Debug, Default)]
pub struct Memory {
    kept: Mutex<Kept>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("nothing panics while it holds the lock")
    }
}

#[derive(Debug, Default)]
struct Kept {
    runs: BTreeMap<(Tenant, RunId), Log>,
    outbox: BTreeMap<(Tenant, RunId, Slot), Standing>,
    blobs: BTreeMap<(Tenant, RunId, Digest), Content>,
    opening_keys: BTreeMap<(Tenant, IdempotencyKey), (RunId, Digest)>,
    /// Oldest first.
    refusals: VecDeque<RefusalNote>,
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

impl Kept {
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
            .take(open.limit as usize)
            .map(|(row, standing)| dispatch(row, standing))
            .collect()
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
        done(self.kept().append(append))
    }

    fn load(&self, load: Load) -> BoxFuture<'_, Result<Option<Loaded>, StoreError>> {
        done(self.kept().load(&load))
    }

    fn due(&self, due: Due) -> BoxFuture<'_, Result<WhatIsDue, StoreError>> {
        done(self.kept().due(&due))
    }

    fn beat(&self, beats: Vec<Beat>) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut kept = self.kept();
        for beat in &beats {
            kept.beat(beat);
        }
        done(())
    }

    fn open(&self, open: Open) -> BoxFuture<'_, Result<Vec<Dispatch>, StoreError>> {
        done(self.kept().open(&open))
    }

    fn find(&self, find: Find) -> BoxFuture<'_, Result<Vec<(Tenant, Summary)>, StoreError>> {
        done(self.kept().find(&find))
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        done(self.kept().read(&read))
    }

    fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<Content, StoreError>> {
        done(self.kept().content(tenant, run, digest))
    }

    fn erase(&self, tenant: &Tenant, run: RunId, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>> {
        done(self.kept().erase(tenant, run, digest))
    }

    fn opened(&self, tenant: &Tenant, key: &IdempotencyKey) -> BoxFuture<'_, Result<Option<(RunId, Digest)>, StoreError>> {
        done(self.kept().opening_keys.get(&(tenant.clone(), key.clone())).copied())
    }

    fn note_refusals(&self, notes: Vec<RefusalNote>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.kept().note_refusals(notes);
        done(())
    }

    fn refusals(&self, tenant: &Tenant, limit: u32) -> BoxFuture<'_, Result<Vec<RefusalNote>, StoreError>> {
        done(self.kept().refusals(tenant, limit))
    }

    fn rebuild(&self, tenant: &Tenant, summary: Summary, owed: Vec<Owed>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.kept().rebuild(tenant, summary, owed);
        done(())
    }
}
