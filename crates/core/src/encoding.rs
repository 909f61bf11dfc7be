//! Events as they are stored: one line of JSON each, chained by hash.
//!
//! A stored event says its format version, its number in the run, the number of the first event of
//! its commit, when, on whose authority, and the SHA-256 of the stored bytes of the event before it
//! (law 12). The first event of a commit also carries the idempotency key and the reply, so that a
//! repeated command finds its first outcome after a restart.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::blob::Digest;
use crate::event::Event;
use crate::id::{IdempotencyKey, Principal};
use crate::run::{Corrupt, Reply, Run};
use crate::time::Timestamp;

/// The format that this program writes. It reads this one and all before it.
pub const FORMAT: u32 = 2;

/// What the first event of a run names as the one before it.
pub const GENESIS: Digest = Digest([0; 32]);

/// One stored event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Format of this record.
    pub v: u32,
    /// Its number in the run, from 1.
    pub version: u64,
    /// The number of the first event of its commit.
    pub commit: u64,
    /// When, in milliseconds since the epoch.
    pub at_ms: Timestamp,
    /// On whose authority.
    pub by: Principal,
    /// The caller's key, on the first event of a commit that had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyUse>,
    /// Hash of the stored bytes of the event before.
    pub prev: Digest,
    /// What has happened.
    pub event: Event,
}

/// A used key, with what it was used for and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// The key.
    pub key: IdempotencyKey,
    /// Digest of the command.
    pub content: Digest,
    /// The reply.
    pub reply: Reply,
}

/// A stored event cannot be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// Written by a newer program.
    #[error("event {version} has format {found}; this program reads formats up to {FORMAT}")]
    Newer {
        /// Which event, if it says so.
        version: u64,
        /// Its format.
        found: u64,
    },
    /// Not an event at all.
    #[error("a stored event is not readable")]
    Malformed(#[source] serde_json::Error),
    /// Readable, but it cannot have happened.
    #[error("the log cannot have happened")]
    Corrupt(#[from] Corrupt),
    /// The chain is broken.
    #[error("event {version} does not follow from the one before it: its bytes, or the ones before, were altered")]
    Altered {
        /// Which event names another predecessor than the one that is there.
        version: u64,
    },
    /// Events are missing or out of order.
    #[error("event {expected} is missing (found {found})")]
    Gap {
        /// Which event should be here.
        expected: u64,
        /// Which one is.
        found: u64,
    },
}

/// Who did what when, for a batch of events of one commit.
#[derive(Debug, Clone)]
pub struct Commit<'a> {
    /// When.
    pub at: Timestamp,
    /// On whose authority.
    pub by: &'a Principal,
    /// The caller's key.
    pub key: Option<KeyUse>,
}

/// Encodes a commit's events, chained to `head`, numbered after `version`. Returns the stored
/// bytes and the new head.
pub fn encode(commit: Commit<'_>, events: &[Event], version: u64, head: Digest) -> (Vec<Vec<u8>>, Digest) {
    let mut key = commit.key;
    let mut prev = head;
    let first = version + 1;
    let mut stored = Vec::with_capacity(events.len());
    for (number, event) in (first..).zip(events) {
        let line = Line { v: FORMAT, version: number, commit: first, at_ms: commit.at, by: commit.by, key: key.take(), prev, event };
        let bytes = serde_json::to_vec(&line).expect("events serialise");
        prev = Digest::of(&bytes);
        stored.push(bytes);
    }
    (stored, prev)
}

/// [`Recorded`] by reference, field by field the same.
#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    version: u64,
    commit: u64,
    at_ms: Timestamp,
    by: &'a Principal,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<KeyUse>,
    prev: Digest,
    event: &'a Event,
}

/// Decodes one stored event, of this format or an older one.
pub fn decode(bytes: &[u8]) -> Result<Recorded, Unreadable> {
    match serde_json::from_slice::<Recorded>(bytes) {
        Ok(recorded) if recorded.v == FORMAT => Ok(recorded),
        first => {
            let value: Value = serde_json::from_slice(bytes).map_err(Unreadable::Malformed)?;
            let found = value.get("v").and_then(Value::as_u64).unwrap_or(0);
            if found > u64::from(FORMAT) {
                let version = value.get("version").and_then(Value::as_u64).unwrap_or(0);
                return Err(Unreadable::Newer { version, found });
            }
            match first {
                Ok(recorded) => Ok(recorded),
                Err(_) => serde_json::from_value(upcast(value, found)).map_err(Unreadable::Malformed),
            }
        }
    }
}

/// Converts a record of an older format into today's. The only place that knows old formats.
fn upcast(mut value: Value, found: u64) -> Value {
    if let (0..2, Some(event)) = (found, value.get_mut("event").and_then(Value::as_object_mut)) {
        arguments_by_digest(event);
    }
    value
}

/// Format 1 kept of an effect's arguments only the digest. What they were is not known any more, and
/// a reference to no bytes says so.
fn arguments_by_digest(event: &mut Map<String, Value>) {
    if event.get("type").is_some_and(|name| name == "effect_began")
        && let Some(digest) = event.remove("arguments")
    {
        event.insert("arguments".to_owned(), json!({ "digest": digest, "bytes": 0 }));
    }
}

/// Replays stored events onto a run, checking numbers and chain. Returns the new head.
pub fn replay<'a>(run: &mut Option<Run>, head: Digest, stored: impl Iterator<Item = &'a [u8]>) -> Result<Digest, Unreadable> {
    let mut prev = head;
    for bytes in stored {
        let recorded = decode(bytes)?;
        let expected = run.as_ref().map_or(0, |run| run.version) + 1;
        if recorded.version != expected {
            return Err(Unreadable::Gap { expected, found: recorded.version });
        }
        if recorded.prev != prev {
            return Err(Unreadable::Altered { version: recorded.version });
        }
        Run::evolve(run, &recorded.event, recorded.at_ms)?;
        if let (Some(run), Some(used)) = (run.as_mut(), recorded.key) {
            run.remember(used.key, used.content, used.reply);
        }
        prev = Digest::of(bytes);
    }
    Ok(prev)
}
