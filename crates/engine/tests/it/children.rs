//! Runs inside runs: opened, told, settled, and cancelled with whoever waits.

use std::sync::Arc;

use handclasp_core::Run;
use handclasp_core::blob::Blobs;
use handclasp_core::command::Command;
use handclasp_core::event::RunOutcome;
use handclasp_core::handoff::Phase;
use handclasp_core::id::{HandoffId, RunId, Tenant};
use handclasp_core::limits::Budget;
use handclasp_engine::Engine;
use handclasp_store::memory::Memory;
use handclasp_store::{Due, Store};

use crate::stage::{complete, engine, open, opening, submit, take};

async fn attend(engine: &Engine, store: &dyn Store) {
    let due = store.due(Due { now: engine.now(), agents: Vec::new(), limit: 100 }).await.unwrap();
    for row in due.others {
        Box::pin(engine.attend_to(&row)).await.unwrap();
    }
}

async fn parked(engine: &Engine) -> (HandoffId, RunId) {
    let handoff = open(engine).await;
    let token = take(engine, handoff, "coder").await;
    let mut blobs = Blobs::default();
    let mut open = opening(&mut blobs);
    if let Some(first) = &mut open.first {
        first.to = handclasp_core::offer::Receiver::Agent("tester".parse().unwrap());
    }
    let child = Engine::new_run_id();
    let reserve = Budget { tokens: 100, cost_micros: 0 };
    let command = Command::OpenChild { handoff, token, child, reserve, continuation: None, open: Box::new(open) };
    submit(engine, handoff.run, command, blobs).await.unwrap();
    (handoff, child)
}

async fn look(engine: &Engine, run: RunId) -> Run {
    engine.inspect(&Tenant::local(), run, Run::clone).await.unwrap().expect("the run is there")
}

#[tokio::test]
async fn the_result_of_a_child_comes_back_to_the_one_that_waits() {
    let store = Arc::new(Memory::new());
    let engine = engine(store.clone(), Arc::default());
    let (handoff, child) = parked(&engine).await;
    attend(&engine, store.as_ref()).await;
    let first = look(&engine, child).await.handoffs()[0].id;
    let token = take(&engine, first, "tester").await;
    let mut blobs = Blobs::default();
    let command = complete(first, token, &mut blobs);
    submit(&engine, child, command, blobs).await.unwrap();
    attend(&engine, store.as_ref()).await;
    let parent = look(&engine, handoff.run).await;
    let waiting = parent.handoff(handoff).unwrap();
    assert!(matches!(waiting.phase, Phase::Offered { .. }));
    assert!(waiting.returned[0].result.is_some(), "{:?}", waiting.returned);
    assert_eq!(parent.reserved, Budget::default(), "the budget is settled");
    let content = engine.content(&Tenant::local(), handoff.run, waiting.returned[0].result.unwrap().digest).await.unwrap();
    assert!(matches!(content, handclasp_store::Content::Bytes(_)), "the result came along");
}

#[tokio::test]
async fn cancelling_the_one_that_waits_cancels_the_child() {
    let store = Arc::new(Memory::new());
    let engine = engine(store.clone(), Arc::default());
    let (handoff, child) = parked(&engine).await;
    attend(&engine, store.as_ref()).await;
    let cancel = Command::Cancel { handoff: None, reason: "changed my mind".to_owned() };
    submit(&engine, handoff.run, cancel, Blobs::default()).await.unwrap();
    attend(&engine, store.as_ref()).await;
    assert!(matches!(look(&engine, child).await.outcome, Some(RunOutcome::Cancelled { .. })));
    attend(&engine, store.as_ref()).await;
    let parent = look(&engine, handoff.run).await;
    assert!(parent.children().values().all(|child| child.settled), "its budget is settled all the same");
}
