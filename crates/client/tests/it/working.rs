//! Workers: what they finish, what they give back, and what they let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use handclasp_client::core::command::Reconciler;
use handclasp_client::wire::{Cancel, Claim, Effect, EffectBegin, Fail, Held, PhaseName};
use handclasp_client::{Client, Ending, Guarded, Worker};
use serde_json::json;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::stage::{PATIENCE, echo, hand_over, served};

/// A worker that echoes, so many at once, until it is told to stop.
fn echoing(client: &Client, at_once: usize) -> (oneshot::Sender<()>, tokio::task::JoinHandle<Result<(), handclasp_client::Error>>) {
    let (stop, stopped) = oneshot::channel();
    let worker = Worker::new(client.clone(), echo()).at_once(at_once).holder("here");
    let work = async move {
        let stopped = async { drop(stopped.await) };
        worker.run(stopped, |work| async move { Ok(Ending::Result(work.payload().clone())) }).await
    };
    (stop, tokio::spawn(work))
}

#[tokio::test]
async fn a_worker_reads_back_what_is_asked_for_and_gives_the_result() {
    let client = served().await;
    let (stop, working) = echoing(&client, 4);
    let mut handed = Vec::new();
    for number in 0..20 {
        handed.push(hand_over(&client, &number.to_string()).await);
    }
    for (number, handoff) in handed.into_iter().enumerate() {
        let over = client.get_handoff(handoff, 50_000).await.unwrap();
        assert_eq!((over.phase, over.attempts), (PhaseName::Completed, 1));
        assert_eq!(over.result.unwrap()["text"], number.to_string());
    }
    drop(stop);
    timeout(PATIENCE, working).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_that_stops_while_it_waits_leaves_the_work_to_others() {
    let client = served().await;
    let (stop, working) = echoing(&client, 1);
    while client.get_agent(&echo()).await.unwrap().workers == 0 {
        tokio::task::yield_now().await;
    }
    drop(stop);
    timeout(PATIENCE, working).await.unwrap().unwrap().unwrap();
    let handoff = hand_over(&client, "later").await;
    assert_eq!(client.get_agent(&echo()).await.unwrap().workers, 0);
    assert_eq!(client.get_handoff(handoff, 0).await.unwrap().phase, PhaseName::Offered);
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_it_has() {
    let client = served().await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = Worker::new(client.clone(), echo());
    let inside = (Arc::clone(&begun), Arc::clone(&go_on));
    let working = tokio::spawn(async move {
        let handle = move |_| {
            let (begun, go_on) = inside.clone();
            async move {
                begun.notify_one();
                go_on.notified().await;
                Ok(Ending::Result(json!("late")))
            }
        };
        worker.run(async { drop(stopped.await) }, handle).await
    });
    let handoff = hand_over(&client, "slow").await;
    begun.notified().await;
    drop(stop);
    go_on.notify_one();
    timeout(PATIENCE, working).await.unwrap().unwrap().unwrap();
    assert_eq!(client.get_handoff(handoff, 0).await.unwrap().result, Some(json!("late")));
}

#[tokio::test]
async fn work_that_was_taken_away_is_dropped_at_the_next_heartbeat() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let client = served().await;
    let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let worker = Worker::new(client.clone(), echo());
    let inside = (Arc::clone(&begun), Arc::clone(&dropped));
    let working = tokio::spawn(async move {
        let handle = move |_| {
            let (begun, dropped) = inside.clone();
            async move {
                let _dropped = Dropped(dropped);
                begun.notify_one();
                std::future::pending().await
            }
        };
        worker.run(std::future::pending(), handle).await
    });
    let handoff = hand_over(&client, "in vain").await;
    begun.notified().await;
    client.cancel_handoff(handoff, &Cancel { reason: "enough".to_owned() }).await.unwrap();
    timeout(PATIENCE, dropped.notified()).await.unwrap();
    working.abort();
}

#[tokio::test]
async fn an_effect_that_was_cut_short_is_looked_up_before_it_is_done_again() {
    let client = served().await;
    let handoff = hand_over(&client, "pay").await;
    let claim = Claim { wait_ms: 50_000, ..Claim::default() };
    let first = client.claim(&echo(), &claim).await.unwrap().claims.remove(0);
    let asked = first.briefing.read_back.clone();
    let accept = handclasp_client::wire::Accept {
        token: first.token,
        by: None,
        contract: asked.contract,
        payload: asked.payload,
        items: asked.items,
        criteria: asked.criteria,
        confidence: None,
    };
    client.accept(handoff, &accept).await.unwrap();
    let begin = EffectBegin {
        token: first.token,
        name: "pay".to_owned(),
        key: Some("17".to_owned()),
        ordinal: 0,
        arguments: json!(20),
        reconcile: Reconciler::Agent,
    };
    assert_eq!(client.begin_effect(handoff, &begin).await.unwrap(), Effect { proceed: true, happened: None, result: None });
    let fail: Fail = serde_json::from_value(json!({ "token": first.token, "message": "the lights went out", "retryable": true })).unwrap();
    client.fail(handoff, &fail).await.unwrap();
    // Whoever was thought dead cannot go on under its old token.
    let late = client.heartbeat(handoff, &Held { token: first.token }).await.unwrap_err();
    assert!(late.is_lost(), "{late}");

    let (looked, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let worker = Worker::new(client.clone(), echo());
    let counted = (Arc::clone(&looked), Arc::clone(&done));
    let working = tokio::spawn(async move {
        let handle = move |work: handclasp_client::Work| {
            let (looked, done) = counted.clone();
            async move {
                let look = || async {
                    looked.fetch_add(1, Ordering::Relaxed);
                    Some(json!("receipt 1"))
                };
                let act = || async {
                    done.fetch_add(1, Ordering::Relaxed);
                    Ok(json!("receipt 2"))
                };
                let effect = || Guarded { name: "pay", key: "17", arguments: json!(20) };
                let receipt = work.effect(effect(), look, act).await?;
                let again = work.effect(effect(), look, act).await?;
                Ok(Ending::Result(json!([receipt, again])))
            }
        };
        worker.run(std::future::pending(), handle).await
    });
    let over = client.get_handoff(handoff, 50_000).await.unwrap();
    assert_eq!(over.result, Some(json!(["receipt 1", "receipt 1"])));
    assert_eq!((looked.load(Ordering::Relaxed), done.load(Ordering::Relaxed)), (1, 0));
    working.abort();
}
