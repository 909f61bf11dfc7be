//! Small things to store: a few lines make an append, a lease, a delivery.

use std::sync::Arc;

use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, HandoffId, RunId, Tenant, Token};
use handclasp_core::limits::Usage;
use handclasp_core::run::{Condition, Owed, Slot, Standing, Summary};
use handclasp_core::time::{Millis, Timestamp};
use ulid::Ulid;

use crate::{Append, Opening};

/// A tenant, by name.
pub fn tenant(name: &str) -> Tenant {
    name.parse().expect("the samples use good names")
}

/// An agent, by name.
pub fn agent(name: &str) -> AgentName {
    name.parse().expect("the samples use good names")
}

/// A run; a greater number is a later one.
pub fn run(number: u64) -> RunId {
    RunId(Ulid::from_parts(1_700_000_000_000 + number, u128::from(number)))
}

/// A handoff of a run.
pub fn handoff(run: RunId, number: u32) -> HandoffId {
    HandoffId { run, number }
}

/// The line of a run in lists.
pub fn summary(run: RunId) -> Summary {
    Summary {
        run,
        title: format!("the sample {run}"),
        condition: Condition::Running,
        reason: None,
        trace_id: format!("{:032x}", run.0.random()),
        conversation: None,
        parent: None,
        opened_at: Timestamp(run.0.timestamp_ms()),
        touched_at: Timestamp(run.0.timestamp_ms()),
        version: 0,
        handoffs: 0,
        usage: Usage::default(),
    }
}

/// The head that the samples give a run at a version.
pub fn head(run: RunId, version: u64) -> Digest {
    Digest::of(format!("{run} at {version}").as_bytes())
}

/// An append of these events and nothing else, for the tenant `local`.
pub fn append(run: RunId, expected: u64, events: &[&str]) -> Append {
    let events: Vec<Vec<u8>> = events.iter().map(|event| event.as_bytes().to_vec()).collect();
    let version = expected + events.len() as u64;
    let line = Summary { version, ..summary(run) };
    Append {
        tenant: Tenant::local(),
        run,
        expected,
        follows: head(run, expected),
        events,
        head: head(run, version),
        blobs: Vec::new(),
        owed: Vec::new(),
        summary: line,
        opening: None,
        snapshot: None,
    }
}

/// Bytes with their hash.
pub fn blob(text: &str) -> (Digest, Arc<[u8]>) {
    (Digest::of(text.as_bytes()), text.as_bytes().into())
}

/// A caller's key, used for a content of that name.
pub fn opening(key: &str, content: &str) -> Opening {
    Opening { key: key.parse().expect("the samples use good keys"), content: Digest::of(content.as_bytes()) }
}

/// A slot that is filled.
pub fn put(slot: Slot, standing: Standing) -> Owed {
    Owed { slot, standing: Some(standing) }
}

/// A slot that is empty.
pub fn cleared(slot: Slot) -> Owed {
    Owed { slot, standing: None }
}

/// A delivery to an agent.
pub fn deliver(to: &str, due: u64) -> Standing {
    Standing::Deliver { to: agent(to), due: Timestamp(due) }
}

/// A lease of 100 ms.
pub fn lease(token: u64, due: u64) -> Standing {
    Standing::Lease { by: agent("coder"), holder: "process-1".to_owned(), token: Token(token), due: Timestamp(due), length: Millis(100) }
}

/// A deadline.
pub fn wake(due: u64) -> Standing {
    Standing::Wake { due: Timestamp(due) }
}
