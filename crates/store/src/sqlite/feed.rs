//! All events of a tenant in one order: for followers that go on where they stopped.
//!
//! The order is that of the rows, which one connection appends and nobody deletes. A tenant's feed is a
//! walk along it that passes over other tenants' rows; a run's feed is a walk along its log, from the
//! first event behind the place that was asked for.

use handclasp_core::id::RunId;
use rusqlite::{Connection, Row, params};

use super::columns::{Stored, number, run as run_key};
use super::read::{all, one};
use super::{failure, queries};
use crate::{FEED_ROWS_MAX, Fed, Feed, FeedPage, StoreError};

/// A stretch of the feed.
pub(super) fn feed(connection: &Connection, feed: &Feed) -> Result<FeedPage, StoreError> {
    let newest = newest(connection)?;
    if feed.after >= newest {
        return Ok(FeedPage { events: Vec::new(), upto: feed.after });
    }
    let looked_to = if feed.run.is_some() { newest } else { newest.min(feed.after + u64::from(FEED_ROWS_MAX)) };
    let events = match feed.run {
        Some(run) => of_run(connection, feed, run)?,
        None => of_tenant(connection, feed, looked_to)?,
    };
    let is_full = events.len() == feed.limit as usize;
    let upto = if is_full { events.last().map_or(feed.after, |last| last.seq) } else { looked_to };
    Ok(FeedPage { events, upto })
}

/// The newest place of all.
pub(super) fn newest(connection: &Connection) -> Result<u64, StoreError> {
    let newest = one(connection, queries::NEWEST_EVENT, params![], |row| row.get::<_, Option<i64>>(0))?;
    Ok(newest.flatten().map_or(0, i64::cast_unsigned))
}

fn of_tenant(connection: &Connection, feed: &Feed, to: u64) -> Result<Vec<Fed>, StoreError> {
    let stretch = params![feed.tenant.as_str(), number(feed.after), number(to), feed.limit];
    all(connection, queries::FEED, stretch, fed)
}

fn of_run(connection: &Connection, feed: &Feed, run: RunId) -> Result<Vec<Fed>, StoreError> {
    let seen = seen_of(connection, feed, run)?;
    all(connection, queries::FEED_OF_RUN, params![feed.tenant.as_str(), run_key(run), number(seen), feed.limit], fed)
}

/// How many of a run's events lie before the place that was asked for. Its log is in the order of
/// places, so they are found by halving, without a walk over all that was seen before.
fn seen_of(connection: &Connection, feed: &Feed, run: RunId) -> Result<u64, StoreError> {
    let line = one(connection, queries::RUN, params![feed.tenant.as_str(), run_key(run)], |row| row.get::<_, i64>(0))?;
    let (mut seen, mut unseen) = (0, line.map_or(0, i64::cast_unsigned) + 1);
    while unseen - seen > 1 {
        let middle = u64::midpoint(seen, unseen);
        if place(connection, feed, run, middle)? > feed.after {
            unseen = middle;
        } else {
            seen = middle;
        }
    }
    Ok(seen)
}

fn place(connection: &Connection, feed: &Feed, run: RunId, version: u64) -> Result<u64, StoreError> {
    let found = one(connection, queries::PLACE, params![feed.tenant.as_str(), run_key(run), number(version)], |row| row.get(0))?;
    let missing = || failure::corrupt(format!("the log of `{run}`"), format!("event {version} is not there"));
    found.map(i64::cast_unsigned).ok_or_else(missing)
}

fn fed(row: &Row<'_>) -> rusqlite::Result<Fed> {
    let Stored(run) = row.get(1)?;
    Ok(Fed { seq: row.get::<_, i64>(0)?.cast_unsigned(), run, version: row.get::<_, i64>(2)?.cast_unsigned(), bytes: row.get(3)? })
}
