//! What each request writes, inside a transaction that somebody else begins and commits.
//!
//! Whether an append may be written is asked before anything of it is: a conflict or a used key
//! leaves no trace, and the rest of its group goes on. What can be put into its final form is put so
//! by the caller ([`Ready`]), to keep the one writing thread for writing.

use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, IdempotencyKey, RunId, Tenant};
use handclasp_core::run::{Owed, Slot, Standing, Summary};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{Stored, millis, number, run as run_key, slot as slot_text};
use super::queries;
use crate::{Append, Appended, Beat, REFUSALS_KEPT, RefusalNote};

/// An append with its JSON made and its slots named.
pub(super) struct Ready {
    append: Append,
    summary: String,
    owed: Vec<OwedRow>,
}

impl Ready {
    /// Prepares what can be.
    pub(super) fn new(mut append: Append) -> Self {
        let owed = std::mem::take(&mut append.owed).into_iter().map(OwedRow::new).collect();
        Self { summary: json(&append.summary), owed, append }
    }

    /// About how much memory it takes while it waits.
    pub(super) fn bytes(&self) -> usize {
        let events: usize = self.append.events.iter().map(Vec::len).sum();
        let blobs: usize = self.append.blobs.iter().map(|(_, bytes)| bytes.len()).sum();
        events + blobs + self.append.snapshot.as_ref().map_or(0, Vec::len) + size_of::<Self>()
    }
}

/// A slot's row, or the end of it.
pub(super) struct OwedRow {
    slot: String,
    standing: Option<(Standing, String)>,
}

impl OwedRow {
    /// The row for what is owed.
    pub(super) fn new(owed: Owed) -> Self {
        let standing = owed.standing.map(|standing| {
            let text = json(&standing);
            (standing, text)
        });
        Self { slot: slot_text(owed.slot), standing }
    }

    fn write(&self, connection: &Connection, tenant: &Tenant, run: &[u8; 16]) -> rusqlite::Result<()> {
        let Some((standing, text)) = &self.standing else {
            return once(connection, queries::CLEAR_OWED, params![tenant.as_str(), run, self.slot]).map(drop);
        };
        let (token, length) = match standing {
            Standing::Lease { token, length, .. } => (Some(number(token.0)), Some(millis(length.0))),
            _ => (None, None),
        };
        let due = standing.due().map(|due| millis(due.0));
        let agent = standing.agent().map(AgentName::as_str);
        let row = params![tenant.as_str(), run, self.slot, standing.kind(), agent, due, token, length, text];
        once(connection, queries::PUT_OWED, row).map(drop)
    }
}

/// Writes an append, or nothing.
pub(super) fn append(connection: &Connection, ready: &Ready) -> rusqlite::Result<Appended> {
    let append = &ready.append;
    if let Some(opening) = &append.opening
        && let Some((run, content)) = opened(connection, &append.tenant, &opening.key)?
    {
        return Ok(Appended::Opened { run, content });
    }
    if !move_on(connection, ready)? {
        return Ok(Appended::Conflict);
    }
    let (tenant, run) = (append.tenant.as_str(), run_key(append.run));
    let mut version = append.expected;
    for event in &append.events {
        version += 1;
        once(connection, queries::PUT_EVENT, params![tenant, run, number(version), event])?;
    }
    for (digest, bytes) in &append.blobs {
        once(connection, queries::PUT_BLOB, params![tenant, run, digest.0, number(bytes.len() as u64), &bytes[..]])?;
    }
    for owed in &ready.owed {
        owed.write(connection, &append.tenant, &run)?;
    }
    if let Some(state) = &append.snapshot {
        once(connection, queries::PUT_SNAPSHOT, params![tenant, run, number(version), append.head.0, state])?;
    }
    if let Some(opening) = &append.opening {
        let key = key_digest(&opening.key);
        once(connection, queries::PUT_OPENING_KEY, params![tenant, key, run, opening.content.0])?;
    }
    Ok(Appended::At(version))
}

/// Moves the run's line to its new version, if it is where the caller saw it.
fn move_on(connection: &Connection, ready: &Ready) -> rusqlite::Result<bool> {
    let Append { tenant, run, expected, follows, events, head, summary, .. } = &ready.append;
    let version = expected + events.len() as u64;
    let (run, condition, trace_id) = (run_key(*run), summary.condition.as_str(), &summary.trace_id);
    let line = params![tenant.as_str(), run, number(version), head.0, condition, trace_id, ready.summary, number(*expected), follows.0];
    let opens = *expected == 0 && !events.is_empty();
    let moved = if opens { once(connection, queries::OPEN_RUN, &line[..7])? } else { once(connection, queries::ADVANCE_RUN, line)? };
    Ok(moved == 1)
}

/// The run that a key opened, and what the key was used for.
pub(super) fn opened(connection: &Connection, tenant: &Tenant, key: &IdempotencyKey) -> rusqlite::Result<Option<(RunId, Digest)>> {
    let mut statement = connection.prepare_cached(queries::OPENING_KEY)?;
    let found = statement.query_row(params![tenant.as_str(), key_digest(key)], |row| {
        let (Stored(run), Stored(content)) = (row.get(0)?, row.get(1)?);
        Ok((run, content))
    });
    found.optional()
}

/// Moves leases on.
pub(super) fn beat(connection: &Connection, beats: &[Beat]) -> rusqlite::Result<()> {
    for beat in beats {
        let slot = slot_text(Slot::Handoff(beat.handoff.number));
        let (run, token) = (run_key(beat.handoff.run), number(beat.token.0));
        once(connection, queries::BEAT, params![beat.tenant.as_str(), run, slot, token, millis(beat.at.0)])?;
    }
    Ok(())
}

/// Erases a content and drops the run's snapshot.
pub(super) fn erase(connection: &Connection, tenant: &Tenant, run: RunId, digest: Digest) -> rusqlite::Result<bool> {
    let erased = once(connection, queries::ERASE_BLOB, params![tenant.as_str(), run_key(run), digest.0])?;
    if erased == 1 {
        drop_snapshot(connection, tenant, run)?;
    }
    Ok(erased == 1)
}

/// Adds refusals, and lets the oldest go.
pub(super) fn note_refusals(connection: &Connection, notes: &[RefusalNote]) -> rusqlite::Result<()> {
    for note in notes {
        let RefusalNote { tenant, run, at, principal, command, code, message, pointer } = note;
        let row = params![tenant.as_str(), run_key(*run), millis(at.0), principal, command, code, message, pointer];
        once(connection, queries::PUT_REFUSAL, row)?;
    }
    once(connection, queries::TRIM_REFUSALS, params![REFUSALS_KEPT]).map(drop)
}

/// Writes anew what can be computed from the log.
pub(super) fn rebuild(connection: &Connection, tenant: &Tenant, summary: &Summary, owed: &[OwedRow]) -> rusqlite::Result<()> {
    let run = run_key(summary.run);
    let line = params![tenant.as_str(), run, summary.condition.as_str(), summary.trace_id, json(summary)];
    if once(connection, queries::REBUILD_RUN, line)? == 0 {
        return Ok(());
    }
    drop_snapshot(connection, tenant, summary.run)?;
    once(connection, queries::CLEAR_ALL_OWED, params![tenant.as_str(), run])?;
    owed.iter().try_for_each(|owed| owed.write(connection, tenant, &run))
}

fn drop_snapshot(connection: &Connection, tenant: &Tenant, run: RunId) -> rusqlite::Result<()> {
    once(connection, queries::DROP_SNAPSHOT, params![tenant.as_str(), run_key(run)]).map(drop)
}

/// Runs a statement that answers with nothing but how many rows it changed.
pub(super) fn once(connection: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(values)
}

fn key_digest(key: &IdempotencyKey) -> [u8; 32] {
    Digest::of(key.as_str().as_bytes()).0
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own types serialise")
}
