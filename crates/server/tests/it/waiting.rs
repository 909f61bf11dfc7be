//! Long polls: who waits is called when there is something, sent home when the time is up, and when the
//! server closes.

use serde_json::{Value, json};

use crate::stage::{Answer, Stage, text};

/// Lets time pass until the waiting request has its answer.
async fn answered_in_time(stage: &Stage, waiting: impl Future<Output = Answer>) -> Value {
    let time = async {
        loop {
            stage.pass(1);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = waiting => answer.ok(),
        () = time => unreachable!("time has no end"),
    }
}

#[tokio::test]
async fn a_worker_that_waits_is_called() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let waiting = stage.post("/v1/agents/worker/claims", json!({ "wait_ms": 50_000, "accept": true }));
    let offer = async {
        stage.until("/v1/agents/worker", |agent| agent["workers"] == 1).await;
        stage.offer("worker").await
    };
    let (claims, offered) = tokio::join!(waiting, offer);
    assert_eq!(claims.ok()["claims"][0]["handoff"], offered);
}

#[tokio::test]
async fn a_worker_that_waits_in_vain_is_told_so_when_its_time_is_up() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let claims = answered_in_time(&stage, stage.post("/v1/agents/worker/claims", json!({ "wait_ms": 3_000 }))).await;
    assert_eq!(claims, json!({ "claims": [] }));
    let forever = stage.post("/v1/agents/worker/claims", json!({ "wait_ms": u64::MAX }));
    assert_eq!(answered_in_time(&stage, forever).await, json!({ "claims": [] }), "nobody waits longer than proxies do");
}

#[tokio::test]
async fn a_failed_attempt_is_given_out_again_when_its_wait_is_over() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let retry = json!({ "attempts": 2, "backoff_ms": 5_000 });
    stage.post("/v1/runs", json!({ "task": 1, "offer": { "to": "worker", "retry": retry } })).await.ok();
    let held = stage.take("worker").await;
    stage.say(&held, "fail", json!({ "message": "later", "retryable": true })).await.ok();
    assert_eq!(stage.post("/v1/agents/worker/claims", json!({})).await.ok(), json!({ "claims": [] }));
    // Not more time than that: a lease that ran out meanwhile would be a third attempt.
    let time = async {
        stage.until("/v1/agents/worker", |agent| agent["workers"] == 1).await;
        stage.pass(6);
    };
    let (claims, ()) = tokio::join!(stage.post("/v1/agents/worker/claims", json!({ "wait_ms": 50_000 })), time);
    assert_eq!(claims.ok()["claims"][0]["attempt"], 2);
}

#[tokio::test]
async fn whoever_waits_for_an_end_or_an_answer_sees_it_when_it_comes() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let handoff = stage.offer("worker").await;
    let held = stage.take("worker").await;
    let asked = text(&stage.say(&held, "ask", json!({ "shown": "well?" })).await.ok()["interrupt"]);
    let run = text(&stage.get(&format!("/v1/handoffs/{handoff}")).await.ok()["run"]);
    let question_path = format!("/v1/interrupts/{asked}");
    let paths =
        [&question_path, &format!("/v1/handoffs/{handoff}"), &format!("/v1/runs/{run}")].map(|path| format!("{path}?wait_ms=50000"));
    let work = async {
        let question = stage.get(&question_path).await.ok();
        stage.post(&format!("{question_path}/resolve"), json!({ "shown": question["digest"], "choice": "well" })).await.ok();
        stage.say(&held, "complete", json!({ "result": 7 })).await.ok();
    };
    let (question, ended, run, ()) = tokio::join!(stage.get(&paths[0]), stage.get(&paths[1]), stage.get(&paths[2]), work);
    assert_eq!(question.ok()["answer"]["choice"], "well");
    assert_eq!(ended.ok()["result"], 7);
    assert_eq!(run.ok()["result"], 7);
}

#[tokio::test]
async fn whoever_waits_in_vain_sees_how_things_stand() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let handoff = stage.offer("worker").await;
    let seen = answered_in_time(&stage, stage.get(&format!("/v1/handoffs/{handoff}?wait_ms=4000"))).await;
    assert_eq!((&seen["phase"], &seen["over"]), (&json!("offered"), &json!(false)));
}

#[tokio::test]
async fn closing_sends_everybody_home_with_an_answer() {
    let mut stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    stage.register("idle", json!({})).await;
    let handoff = stage.offer("worker").await;
    let claim = stage.post("/v1/agents/idle/claims", json!({ "wait_ms": 50_000 }));
    let path = format!("/v1/handoffs/{handoff}?wait_ms=50000");
    let look = stage.get(&path);
    let close = async {
        stage.until("/v1/agents/idle", |agent| agent["workers"] == 1).await;
        stage.begin_to_close();
    };
    let (claims, seen, ()) = tokio::join!(claim, look, close);
    assert_eq!(claims.ok(), json!({ "claims": [] }));
    assert_eq!(seen.ok()["phase"], "offered");
    stage.close().await;
}

#[tokio::test]
async fn a_worker_that_hangs_up_leaves_its_work_to_the_next() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let hung_up = {
        let waiting = stage.post("/v1/agents/worker/claims", json!({ "wait_ms": 50_000, "accept": true }));
        let seen = stage.until("/v1/agents/worker", |agent| agent["workers"] == 1);
        tokio::select! {
            answer = waiting => panic!("{answer:?}"),
            seen = seen => seen,
        }
    };
    assert_eq!(hung_up["workers"], 1);
    let handoff = stage.offer("worker").await;
    let next = stage.post("/v1/agents/worker/claims", json!({ "wait_ms": 50_000, "accept": true })).await.ok();
    assert_eq!(next["claims"][0]["handoff"], handoff);
}
