//! A server with an empty store, and what the tests hand to each other.

use std::sync::Arc;
use std::time::Duration;

use handclasp_client::Client;
use handclasp_client::core::contract::ReadBackLevel;
use handclasp_client::core::id::{AgentName, HandoffId, Tenant};
use handclasp_client::core::limits::{Limits, Retry};
use handclasp_client::wire::{OfferIn, OpenRun, Publish, Register};
use handclasp_engine::post::{Drivers, Post};
use handclasp_engine::{Engine, Registry, SystemClock};
use handclasp_server::Options;
use handclasp_store::memory::Memory;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Longer than anything here takes, even on a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A client of a server of its own, which knows the agent `echo` and the contract `note@1.0.0`.
pub(crate) async fn served() -> Client {
    let engine = Engine::new(Arc::new(Memory::new()), Arc::new(SystemClock), Registry::default());
    engine.recover().await.unwrap();
    let (bound, url) = oneshot::channel();
    let options = Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() };
    let post = Post::new(engine.clone(), Tenant::local(), Drivers::new());
    tokio::spawn(post.run(std::future::pending()));
    tokio::spawn({
        let engine = engine.clone();
        async move { engine.call_workers().await }
    });
    tokio::spawn(handclasp_server::serve(engine, options, |at| bound.send(at.url.clone()).unwrap(), std::future::pending()));
    let client = Client::new(&url.await.unwrap()).unwrap();
    let note = Publish {
        contract: "note@1.0.0".parse().unwrap(),
        schema: json!({ "type": "object", "required": ["text"] }),
        read_back: ReadBackLevel::Echo,
        justification_required: false,
        effects_declared: false,
        confidence_min: None,
    };
    client.publish_contract(&note).await.unwrap();
    let register = Register { accepts: vec!["note@1".parse().unwrap()], lease_ms: Some(300), ..Register::default() };
    client.register_agent(&echo(), &register).await.unwrap();
    client
}

pub(crate) fn echo() -> AgentName {
    "echo".parse().unwrap()
}

/// Work for `echo`, in a run of its own.
pub(crate) async fn hand_over(client: &Client, text: &str) -> HandoffId {
    let offer = OfferIn {
        to: Some(echo()),
        payload: json!({ "text": text }),
        contract: Some("note@1".parse().unwrap()),
        retry: Some(Retry { backoff_ms: 0, ..Retry::default() }),
        ..OfferIn::default()
    };
    let task: Value = "Say it again.".into();
    let limits = Limits::default();
    let run = OpenRun { task, title: None, intent: None, items: vec![], limits, conversation: None, offer: Some(offer) };
    client.open_run(&run).await.unwrap().handoff.unwrap()
}
