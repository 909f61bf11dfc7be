//! What each question of the contract reads.
//!
//! Lists over all tenants ask each tenant in turn: there are few, and every question is then a walk
//! along one index that stops at its limit.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, RunId, Tenant};
use handclasp_core::run::{Standing, Summary};
use handclasp_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use super::columns::{Json, Stored, millis, number, run as run_key, slot as slot_text, timestamp};
use super::{failure, queries};
use crate::{Content, Dispatch, Due, Find, Load, Loaded, Open, Read, RefusalNote, Snapshot, StoreError, WhatIsDue};

/// Longer than any run's key, and so behind all of them.
const BEHIND_ALL_RUNS: [u8; 17] = [0xff; 17];

/// A run's log. Its length is checked against the run's line: a log with a hole is never handed out.
pub(super) fn load(connection: &Connection, load: &Load) -> Result<Option<Loaded>, StoreError> {
    let key = params![load.tenant.as_str(), run_key(load.run)];
    let Some((version, Stored(head))) = one(connection, queries::RUN, key, |row| Ok((row.get(0)?, row.get(1)?)))? else {
        return Ok(None);
    };
    let version = i64::cast_unsigned(version);
    let snapshot = if load.snapshot { one(connection, queries::SNAPSHOT, key, snapshot)? } else { None };
    let from = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
    let read = Read { tenant: load.tenant.clone(), run: load.run, after: from, limit: u32::MAX };
    let events = events(connection, &read)?;
    if from + events.len() as u64 != version {
        let why = format!("{} of the {} events after event {from} are there", events.len(), version.saturating_sub(from));
        return Err(failure::corrupt(format!("the log of `{}`", load.run), why));
    }
    Ok(Some(Loaded { snapshot, events, version, head }))
}

fn snapshot(row: &Row<'_>) -> rusqlite::Result<Snapshot> {
    let Stored(head) = row.get(1)?;
    Ok(Snapshot { version: row.get::<_, i64>(0)?.cast_unsigned(), head, state: row.get(2)? })
}

/// Stored events.
pub(super) fn events(connection: &Connection, read: &Read) -> Result<Vec<Vec<u8>>, StoreError> {
    // No log is longer than what a column can count to.
    let after = number(read.after.min(i64::MAX.cast_unsigned()));
    let range = params![read.tenant.as_str(), run_key(read.run), after, read.limit];
    all(connection, queries::EVENTS, range, |row| row.get(0))
}

/// What is due, and when something is next.
pub(super) fn due(connection: &Connection, due: &Due) -> Result<WhatIsDue, StoreError> {
    let now = millis(due.now.0);
    let mut deliveries = Vec::new();
    let mut next = soonest(connection, queries::NEXT_TIMER, params![now])?;
    for (tenant, agent) in due.agents.iter().collect::<BTreeSet<_>>() {
        let (tenant, agent) = (tenant.as_str(), AgentName::as_str(agent));
        deliveries.extend(all(connection, queries::DELIVERIES, params![tenant, agent, now, due.limit], dispatch)?);
        next = [next, soonest(connection, queries::NEXT_DELIVERY, params![tenant, agent, now])?].into_iter().flatten().min();
    }
    deliveries.sort_by_cached_key(|one| (one.standing.due(), one.tenant.clone(), one.run, one.slot));
    deliveries.truncate(due.limit as usize);
    let others = all(connection, queries::TIMERS, params![now, due.limit], dispatch)?;
    Ok(WhatIsDue { deliveries, others, next })
}

fn soonest(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<Option<Timestamp>, StoreError> {
    let found = one(connection, sql, values, |row| row.get::<_, Option<i64>>(0))?;
    Ok(found.flatten().map(timestamp))
}

/// A row of the outbox. A heartbeat moves its column only; so that is where a lease's time is read.
fn dispatch(row: &Row<'_>) -> rusqlite::Result<Dispatch> {
    let (Stored(tenant), Stored(run), Stored(slot)) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let moved: Option<i64> = row.get(3)?;
    let Json(mut standing) = row.get::<_, Json<Standing>>(4)?;
    if let (Standing::Lease { due, .. }, Some(moved)) = (&mut standing, moved)
        && millis(due.0) != moved
    {
        *due = timestamp(moved);
    }
    Ok(Dispatch { tenant, run, slot, standing })
}

/// What stands open.
pub(super) fn open(connection: &Connection, open: &Open) -> Result<Vec<Dispatch>, StoreError> {
    let mut found = Vec::new();
    for tenant in tenants(connection, open.tenant.as_ref(), queries::TENANTS)? {
        let left = open.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let mut from = (open.run.map_or_else(Vec::new, |run| run_key(run).to_vec()), String::new());
        match &open.after {
            Some((after, ..)) if tenant < *after => continue,
            Some((after, run, slot)) if tenant == *after => from = from.max((run_key(*run).to_vec(), slot_text(*slot))),
            _ => {}
        }
        let to = open.run.map_or_else(|| BEHIND_ALL_RUNS.to_vec(), |run| run_key(run).to_vec());
        let sql = match open.kind {
            Some("inbox" | "dead_letter") => queries::OPEN_FOR_PEOPLE,
            _ => queries::OPEN,
        };
        let agent = open.agent.as_ref().map(AgentName::as_str);
        found.extend(all(connection, sql, params![tenant.as_str(), from.0, from.1, to, open.kind, agent, left], dispatch)?);
    }
    Ok(found)
}

/// Queued deliveries by agent.
pub(super) fn waiting(connection: &Connection, tenant: &Tenant) -> Result<BTreeMap<AgentName, u64>, StoreError> {
    let counts = all(connection, queries::WAITING, params![tenant.as_str()], |row| {
        let Stored(agent) = row.get(0)?;
        Ok((agent, row.get::<_, i64>(1)?.cast_unsigned()))
    });
    Ok(counts?.into_iter().collect())
}

/// The tenant that was asked for, or all of them in order, as this query finds them.
pub(super) fn tenants(connection: &Connection, only: Option<&Tenant>, sql: &str) -> Result<Vec<Tenant>, StoreError> {
    match only {
        Some(tenant) => Ok(vec![tenant.clone()]),
        None => all(connection, sql, params![], |row| row.get(0).map(|Stored(tenant)| tenant)),
    }
}

/// Runs, newest first.
pub(super) fn find(connection: &Connection, find: &Find) -> Result<Vec<(Tenant, Summary)>, StoreError> {
    let mut found = Vec::new();
    for tenant in tenants(connection, find.tenant.as_ref(), queries::TENANTS)? {
        found.extend(find_in(connection, &tenant, find)?);
    }
    found.sort_by_key(|(_, summary)| Reverse(summary.run));
    found.truncate(find.limit as usize);
    Ok(found)
}

fn find_in(connection: &Connection, tenant: &Tenant, find: &Find) -> Result<Vec<(Tenant, Summary)>, StoreError> {
    let tenant = tenant.as_str();
    let before = find.before.map_or_else(|| BEHIND_ALL_RUNS.to_vec(), |run| run_key(run).to_vec());
    let conditions: BTreeSet<&str> = find.conditions.iter().map(|condition| condition.as_str()).collect();
    if let Some(trace_id) = &find.trace_id {
        // A trace has a handful of runs.
        let mut found = all(connection, queries::RUNS_OF_TRACE, params![tenant, trace_id, before], line)?;
        found.retain(|(_, summary)| conditions.is_empty() || conditions.contains(summary.condition.as_str()));
        return Ok(found);
    }
    if conditions.is_empty() {
        return all(connection, queries::NEWEST_RUNS, params![tenant, before, find.limit], line);
    }
    let mut found = Vec::new();
    for condition in conditions {
        found.extend(all(connection, queries::RUNS_IN_CONDITION, params![tenant, condition, before, find.limit], line)?);
    }
    Ok(found)
}

fn line(row: &Row<'_>) -> rusqlite::Result<(Tenant, Summary)> {
    let (Stored(tenant), Json(summary)) = (row.get(0)?, row.get(1)?);
    Ok((tenant, summary))
}

/// One content.
pub(super) fn content(connection: &Connection, tenant: &Tenant, run: RunId, digest: Digest) -> Result<Content, StoreError> {
    let key = params![tenant.as_str(), run_key(run), digest.0];
    let found = one(connection, queries::CONTENT, key, |row| row.get::<_, Option<Arc<[u8]>>>(0))?;
    Ok(match found {
        Some(Some(bytes)) => Content::Bytes(bytes),
        Some(None) => Content::Erased,
        None => Content::Missing,
    })
}

/// The refusals that are kept.
pub(super) fn refusals(connection: &Connection, tenant: &Tenant, limit: u32) -> Result<Vec<RefusalNote>, StoreError> {
    all(connection, queries::REFUSALS, params![tenant.as_str(), limit], |row| {
        let (Stored(tenant), Stored(run)) = (row.get(0)?, row.get(1)?);
        Ok(RefusalNote {
            tenant,
            run,
            at: timestamp(row.get(2)?),
            principal: row.get(3)?,
            command: row.get(4)?,
            code: row.get(5)?,
            message: row.get(6)?,
            pointer: row.get(7)?,
        })
    })
}

/// The row that a statement finds, if any.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failure::of)?;
    statement.query_row(values, row).optional().map_err(failure::of)
}

/// The rows that a statement finds.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failure::of)?;
    let rows = statement.query_map(values, row).map_err(failure::of)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failure::of)
}
