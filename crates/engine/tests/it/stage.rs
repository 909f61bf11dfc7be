//! A small world for the engine: two agents, one contract, a clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use handclasp_core::Reply;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Command, Completion, Open, Pins, ReadBack, Request};
use handclasp_core::contract::{Contract, ReadBackLevel};
use handclasp_core::directory::{Agent, Directory, Justification};
use handclasp_core::id::{HandoffId, RunId, Tenant, Token};
use handclasp_core::limits::Limits;
use handclasp_core::offer::{Kind, Offer, Reason, Receiver, Terms};
use handclasp_core::time::{Millis, Timestamp};
use handclasp_engine::{Clock, Engine, Registry, Rejection, SystemClock};
use handclasp_store::Store;
use serde_json::json;

/// A clock that moves when it is told to.
#[derive(Debug, Default)]
pub(crate) struct Hands(AtomicU64);

impl Hands {
    pub(crate) fn forward(&self, length: Millis) {
        self.0.fetch_add(length.0, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000 + self.0.load(Ordering::Relaxed))
    }

    fn sleep_until(&self, _moment: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

pub(crate) fn engine(store: Arc<dyn Store>, clock: Arc<Hands>) -> Engine {
    Engine::new(store, clock, registry(ReadBackLevel::Off))
}

/// As [`engine`], for tests in which somebody waits.
pub(crate) fn real_time(store: Arc<dyn Store>, clock: Arc<SystemClock>) -> Engine {
    Engine::new(store, clock, registry(ReadBackLevel::Off))
}

/// As [`engine`], with a contract that must be echoed.
pub(crate) fn echoing(store: Arc<dyn Store>, clock: Arc<Hands>) -> Engine {
    Engine::new(store, clock, registry(ReadBackLevel::Echo))
}

fn registry(read_back: ReadBackLevel) -> Registry {
    let mut directory = Directory::default();
    directory.add_contract(Contract {
        id: "work@1.0.0".parse().unwrap(),
        schema: json!({ "type": "object", "required": ["text"] }),
        read_back,
        justification_required: false,
        effects_declared: false,
        confidence_min: None,
    });
    for name in ["coder", "tester"] {
        directory.add_agent(Agent {
            name: name.parse().unwrap(),
            capabilities: std::collections::BTreeSet::new(),
            accepts: vec!["work@1".parse().unwrap()],
            roles: std::collections::BTreeSet::new(),
            capacity: 1,
            fallback: None,
            read_back: ReadBackLevel::Echo,
            justification: Justification::Off,
            lease_ms: Millis::seconds(30),
            definition: Digest::of(name.as_bytes()),
        });
    }
    Registry::new(directory).unwrap()
}

pub(crate) fn offer(to: &str, blobs: &mut Blobs) -> Offer {
    Offer {
        to: Receiver::Agent(to.parse().unwrap()),
        kind: Kind::Route,
        reason: Reason::TaskClassification,
        contract: Some("work@1".parse().unwrap()),
        payload: blobs.json(&json!({ "text": "do it" })),
        terms: Terms::default(),
    }
}

pub(crate) fn opening(blobs: &mut Blobs) -> Open {
    Open {
        task: blobs.json(&"Do it."),
        title: "a test".to_owned(),
        intent: None,
        items: Vec::new(),
        limits: Limits::default(),
        trace_id: "0".repeat(32),
        conversation: None,
        pins: Pins::default(),
        input: blobs.json(&json!({ "text": "do it" })),
        plan: None,
        first: Some(offer("coder", blobs)),
        parent: None,
    }
}

pub(crate) fn request(run: RunId, command: Command) -> Request {
    Request { tenant: Tenant::local(), principal: "user:test".parse().unwrap(), run, key: None, command }
}

pub(crate) async fn submit(engine: &Engine, run: RunId, command: Command, blobs: Blobs) -> Result<Reply, Rejection> {
    Box::pin(engine.submit(request(run, command), blobs)).await
}

/// Opens a run and gives its first handoff.
pub(crate) async fn open(engine: &Engine) -> HandoffId {
    let mut blobs = Blobs::default();
    let open = opening(&mut blobs);
    match submit(engine, Engine::new_run_id(), Command::Open(Box::new(open)), blobs).await.unwrap() {
        Reply::Opened { first: Some(first), .. } => first,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn claim(handoff: HandoffId, by: &str, holder: &str) -> Command {
    Command::Claim { handoff, by: by.parse().unwrap(), holder: holder.to_owned(), accept: Some(ReadBack::delivered()) }
}

/// Claims and accepts.
pub(crate) async fn take(engine: &Engine, handoff: HandoffId, by: &str) -> Token {
    match submit(engine, handoff.run, claim(handoff, by, "test"), Blobs::default()).await.unwrap() {
        Reply::Claimed { token, .. } => token,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn complete(handoff: HandoffId, token: Token, blobs: &mut Blobs) -> Command {
    let completion = Box::new(Completion::of(blobs.json(&json!({ "text": "done" }))));
    Command::Complete { handoff, token, completion }
}
