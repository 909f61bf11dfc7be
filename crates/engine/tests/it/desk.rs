//! The desk: pending decisions, withheld answers, failed appends, rivals, bounds.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::poll_immediate;
use handclasp_core::blob::{BlobRef, Blobs, Digest};
use handclasp_core::command::{Activity, Command, Completion, EffectId, EffectKey, Reconciler, WorkState};
use handclasp_core::id::Tenant;
use handclasp_core::refusal::Refusal;
use handclasp_core::{Reply, Run};
use handclasp_engine::limits::SNAPSHOT_EVERY;
use handclasp_engine::{EngineError, Rejection};
use handclasp_store::memory::Memory;
use serde_json::json;

use crate::gate::gated;
use crate::stage::{claim, engine, open, opening, request, submit, take};

fn pinned<F: Future>(future: F) -> std::pin::Pin<Box<F>> {
    Box::pin(future)
}

#[tokio::test]
async fn answers_wait_for_the_commit_that_they_rest_on() {
    let (gate, engine) = gated();
    let handoff = open(&engine).await;
    gate.close();
    let mut first = pinned(submit(&engine, handoff.run, claim(handoff, "coder", "a"), Blobs::default()));
    assert!(poll_immediate(&mut first).await.is_none(), "not durable yet");
    // The second claim is refused because of the first one, which may still fail.
    let mut second = pinned(submit(&engine, handoff.run, claim(handoff, "coder", "b"), Blobs::default()));
    assert!(poll_immediate(&mut second).await.is_none(), "a refusal rests on what is pending, too");
    gate.let_one_through().await;
    assert!(matches!(first.await, Ok(Reply::Claimed { .. })));
    assert!(matches!(second.await, Err(Rejection::Refused(Refusal::WrongPhase { phase: "accepted", .. }))));
}

#[tokio::test]
async fn several_commands_of_one_run_are_in_flight_at_once() {
    let (gate, engine) = gated();
    let handoff = open(&engine).await;
    let token = take(&engine, handoff, "coder").await;
    gate.close();
    let progress = |number: u32| {
        let state = WorkState { activity: Activity::WaitingFor(format!("reply {number}")), ..WorkState::default() };
        pinned(submit(&engine, handoff.run, Command::Progress { handoff, token, state }, Blobs::default()))
    };
    let mut all = [progress(10), progress(20), progress(30)];
    for one in &mut all {
        assert!(poll_immediate(one).await.is_none());
    }
    assert_eq!(gate.waiting(), 3, "the desk does not wait for one commit before it decides the next");
    for _ in 0..3 {
        gate.let_one_through().await;
    }
    for one in all {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn a_failed_append_voids_what_was_decided_on_top_of_it() {
    let (gate, engine) = gated();
    let handoff = open(&engine).await;
    gate.close();
    let mut first = pinned(submit(&engine, handoff.run, claim(handoff, "coder", "a"), Blobs::default()));
    assert!(poll_immediate(&mut first).await.is_none());
    let mut second = pinned(submit(&engine, handoff.run, claim(handoff, "coder", "b"), Blobs::default()));
    assert!(poll_immediate(&mut second).await.is_none());
    gate.turn_one_away();
    assert!(matches!(first.await, Err(Rejection::Failed(EngineError::Store(_)))));
    // The first claim never happened, so the second one is decided again, and holds.
    assert!(poll_immediate(&mut second).await.is_none());
    gate.let_one_through().await;
    assert!(matches!(second.await, Ok(Reply::Claimed { attempt: 1, .. })));
    let held = engine.load(&Tenant::local()).values().sum::<u32>();
    assert_eq!(held, 1, "the failed claim holds no place");
}

#[tokio::test]
async fn a_rival_s_commit_is_a_conflict_and_not_a_second_owner() {
    let store = Arc::new(Memory::new());
    let (left, right) = (engine(store.clone(), Arc::default()), engine(store, Arc::default()));
    let handoff = open(&left).await;
    take(&right, handoff, "coder").await;
    // The left desk still has the state before that claim at hand; its append meets the version.
    let refused = submit(&left, handoff.run, claim(handoff, "coder", "b"), Blobs::default()).await;
    assert!(matches!(refused, Err(Rejection::Refused(Refusal::WrongPhase { phase: "accepted", .. }))));
    assert_eq!(left.load(&Tenant::local()).values().sum::<u32>(), 1, "the rival's claim takes the agent's only place here as well");
}

#[tokio::test]
async fn an_opening_key_finds_its_run_and_refuses_other_content() {
    let engine = engine(Arc::new(Memory::new()), Arc::default());
    let mut blobs = Blobs::default();
    let open = opening(&mut blobs);
    let with_key = |open: handclasp_core::command::Open| {
        let mut request = request(handclasp_engine::Engine::new_run_id(), Command::Open(Box::new(open)));
        request.key = Some("order-17".parse().unwrap());
        request
    };
    let first = Box::pin(engine.submit(with_key(open.clone()), blobs.clone())).await.unwrap();
    let second = Box::pin(engine.submit(with_key(open.clone()), blobs.clone())).await.unwrap();
    assert_eq!(first, second);
    let other = handclasp_core::command::Open { title: "another".to_owned(), ..open };
    let refused = Box::pin(engine.submit(with_key(other), blobs)).await;
    assert!(matches!(refused, Err(Rejection::Refused(Refusal::KeyReused { .. }))));
}

#[tokio::test]
async fn a_content_that_is_nowhere_is_refused() {
    let engine = engine(Arc::new(Memory::new()), Arc::default());
    let handoff = open(&engine).await;
    let token = take(&engine, handoff, "coder").await;
    let result = BlobRef { digest: Digest::of(b"nobody has this"), bytes: 15 };
    let command = Command::Complete { handoff, token, completion: Box::new(Completion::of(result)) };
    let refused = submit(&engine, handoff.run, command, Blobs::default()).await;
    assert!(matches!(refused, Err(Rejection::Refused(Refusal::BadField { field: "contents", .. }))));
}

#[tokio::test]
async fn a_result_or_an_effects_arguments_that_are_too_large_are_refused_with_their_bound() {
    let engine = engine(Arc::new(Memory::new()), Arc::default());
    let handoff = open(&engine).await;
    let token = take(&engine, handoff, "coder").await;
    let mut blobs = Blobs::default();
    let large = blobs.json(&json!({ "text": "x".repeat(300_000) }));
    let effect = EffectId { name: "mail".to_owned(), key: EffectKey::Ordinal(0) };
    let commands = [
        ("result", Command::Complete { handoff, token, completion: Box::new(Completion::of(large)) }),
        ("arguments", Command::EffectBegin { handoff, token, effect, arguments: large, reconcile: Reconciler::Human }),
    ];
    for (what, command) in commands {
        match submit(&engine, handoff.run, command, blobs.clone()).await {
            Err(Rejection::Refused(Refusal::TooLarge { field, allowed, .. })) => {
                assert_eq!((field, allowed), (what, handclasp_engine::limits::PAYLOAD_BYTES_MAX));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn refusals_are_kept_for_those_who_look_after_the_house() {
    let store = Arc::new(Memory::new());
    let engine = engine(store, Arc::default());
    let handoff = open(&engine).await;
    let _ = submit(&engine, handoff.run, claim(handoff, "tester", "a"), Blobs::default()).await;
    engine.flush().await.unwrap();
    let notes = engine.store().refusals(&Tenant::local(), 10).await.unwrap();
    assert_eq!((notes[0].code.as_str(), notes[0].command.as_str()), ("HC-003", "claim"));
}

#[tokio::test]
async fn a_long_run_starts_from_its_snapshot_and_is_the_same() {
    let store = Arc::new(Memory::new());
    let first = engine(store.clone(), Arc::default());
    let handoff = open(&first).await;
    let token = take(&first, handoff, "coder").await;
    for step in 0..SNAPSHOT_EVERY + 50 {
        let state = WorkState { activity: Activity::WaitingFor(format!("reply {step}")), ..WorkState::default() };
        submit(&first, handoff.run, Command::Progress { handoff, token, state }, Blobs::default()).await.unwrap();
    }
    let load = handclasp_store::Load { tenant: Tenant::local(), run: handoff.run, snapshot: true };
    let loaded = first.store().load(load).await.unwrap().unwrap();
    assert!(loaded.snapshot.is_some() && (loaded.events.len() as u64) < 100, "{} events after the snapshot", loaded.events.len());
    let second = engine(store, Arc::default());
    let look =
        |engine: handclasp_engine::Engine| async move { engine.inspect(&Tenant::local(), handoff.run, Run::clone).await.unwrap().unwrap() };
    assert_eq!(look(first).await, look(second).await);
}
