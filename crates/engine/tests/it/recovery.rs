//! What an engine takes up that an earlier one left.

use std::sync::Arc;

use handclasp_core::Reply;
use handclasp_core::blob::Blobs;
use handclasp_core::command::Command;
use handclasp_core::id::Tenant;
use handclasp_core::time::Millis;
use handclasp_store::memory::Memory;
use handclasp_store::{Due, Store};

use crate::stage::{Hands, claim, engine, open, submit};

async fn attend(engine: &handclasp_engine::Engine, store: &dyn Store) {
    let due = store.due(Due { now: engine.now(), agents: Vec::new(), limit: 100 }).await.unwrap();
    for row in due.others {
        Box::pin(engine.attend_to(&row)).await.unwrap();
    }
}

#[tokio::test]
async fn what_its_own_agents_held_is_given_back_at_once_and_costs_no_attempt() {
    let store = Arc::new(Memory::new());
    let first = engine(store.clone(), Arc::default());
    let handoff = open(&first).await;
    submit(&first, handoff.run, claim(handoff, "coder", "engine:the-first"), Blobs::default()).await.unwrap();
    drop(first);
    let second = engine(store, Arc::default());
    let given_back = second.recover().await.unwrap();
    assert_eq!(given_back, [(Tenant::local(), handoff.run)]);
    let reply = submit(&second, handoff.run, claim(handoff, "coder", "x"), Blobs::default()).await.unwrap();
    assert!(matches!(reply, Reply::Claimed { attempt: 1, .. }), "{reply:?}");
    assert_eq!(second.load(&Tenant::local()).values().sum::<u32>(), 1);
}

#[tokio::test]
async fn others_get_one_more_lease() {
    let store = Arc::new(Memory::new());
    let clock: Arc<Hands> = Arc::default();
    let first = engine(store.clone(), clock.clone());
    let handoff = open(&first).await;
    submit(&first, handoff.run, claim(handoff, "coder", "worker 7"), Blobs::default()).await.unwrap();
    clock.forward(Millis::seconds(29));
    drop(first);
    let second = engine(store.clone(), clock.clone());
    assert_eq!(second.recover().await.unwrap(), []);
    let leased = |engine: handclasp_engine::Engine| async move {
        let look = |run: &handclasp_core::Run| run.handoff(handoff).unwrap().phase.lease().is_some();
        engine.inspect(&Tenant::local(), handoff.run, look).await.unwrap().unwrap()
    };
    clock.forward(Millis::seconds(29));
    attend(&second, store.as_ref()).await;
    assert!(leased(second.clone()).await, "the restart granted a grace period");
    clock.forward(Millis::seconds(2));
    attend(&second, store.as_ref()).await;
    assert!(!leased(second.clone()).await, "and it is over");
}

#[tokio::test]
async fn a_heartbeat_moves_the_lease_and_is_no_event() {
    let store = Arc::new(Memory::new());
    let clock: Arc<Hands> = Arc::default();
    let engine = engine(store.clone(), clock.clone());
    let handoff = open(&engine).await;
    let Ok(Reply::Claimed { token, .. }) = submit(&engine, handoff.run, claim(handoff, "coder", "w"), Blobs::default()).await else {
        panic!("not claimed")
    };
    let version = |engine: handclasp_engine::Engine| async move {
        engine.inspect(&Tenant::local(), handoff.run, |run| run.version).await.unwrap().unwrap()
    };
    let before = version(engine.clone()).await;
    for _ in 0..5 {
        clock.forward(Millis::seconds(20));
        submit(&engine, handoff.run, Command::Heartbeat { handoff, token }, Blobs::default()).await.unwrap();
        attend(&engine, store.as_ref()).await;
    }
    assert_eq!(version(engine.clone()).await, before, "a hundred seconds of a thirty-second lease, and no event");
    clock.forward(Millis::seconds(31));
    attend(&engine, store.as_ref()).await;
    assert!(version(engine).await > before, "silence is an event");
}
