//! Law 5 at the door: the same key gives the same outcome, and another content under it is refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Held, Stage, text};

/// Sends it twice, then something else under the same key.
async fn honours(stage: &Stage, path: &str, body: Value, other: Value) -> Value {
    let key = format!("key of {path}");
    let first = stage.keyed(&key, path, body.clone()).await.ok();
    assert_eq!(stage.keyed(&key, path, body).await.ok(), first, "{path} did not give its first answer");
    stage.keyed(&key, path, other).await.refused(409, "HC-006");
    first
}

async fn says(stage: &Stage, held: &Held, verb: &str, body: Value, other: Value) -> Value {
    honours(stage, &held.path(verb), held.with(body), held.with(other)).await
}

async fn events(stage: &Stage) -> usize {
    stage.get("/v1/events?limit=500").await.ok()["events"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_run_is_opened_once_per_key_and_keeps_the_trace_that_it_was_given() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let body = json!({ "task": 1, "offer": { "to": "worker", "payload": 1 } });
    let first = honours(&stage, "/v1/runs", body.clone(), json!({ "task": 2 })).await;
    assert!(first["trace_id"].as_str().is_some_and(|trace| trace.len() == 32));
    let again = stage.keyed("key of /v1/runs", "/v1/runs", body).await.ok();
    assert_eq!(again["trace_id"], first["trace_id"], "also without a traceparent");
    assert_eq!(stage.get("/v1/runs").await.ok()["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_verb_of_a_holder_has_one_outcome_per_key() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    stage.register("other", json!({})).await;
    stage.offer("worker").await;
    let held = stage.take_if("worker", json!({})).await;
    says(&stage, &held, "accept", json!({}), json!({ "confidence": 7 })).await;
    says(&stage, &held, "progress", json!({ "waiting_for": "a" }), json!({ "waiting_for": "b" })).await;
    let asked = says(&stage, &held, "ask", json!({ "shown": 1 }), json!({ "shown": 2 })).await;
    let question = stage.get(&format!("/v1/interrupts/{}", text(&asked["interrupt"]))).await.ok();
    let resolve = |choice: &str| json!({ "shown": question["digest"], "choice": choice });
    let path = format!("/v1/interrupts/{}/resolve", text(&asked["interrupt"]));
    honours(&stage, &path, resolve("yes"), resolve("no")).await;
    let effect = |more: Value| {
        let mut effect = json!({ "name": "pay", "key": "1" });
        effect.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        effect
    };
    says(&stage, &held, "effects/begin", effect(json!({ "arguments": 1 })), effect(json!({ "arguments": 2 }))).await;
    says(&stage, &held, "effects/finish", effect(json!({ "happened": true })), effect(json!({ "happened": false }))).await;
    let spawn = |to: &str| json!({ "mode": "spawn", "offer": { "to": to } });
    let spawned = says(&stage, &held, "hand-out", spawn("other"), spawn("worker")).await;
    assert!(text(&spawned["handoff"]).starts_with("hnd_"));
}

#[tokio::test]
async fn ends_have_one_outcome_per_key() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    stage.offer("worker").await;
    let held = stage.take_if("worker", json!({})).await;
    says(&stage, &held, "decline", json!({ "reason": "no" }), json!({ "reason": "never" })).await;

    stage.offer("worker").await;
    let held = stage.take("worker").await;
    says(&stage, &held, "fail", json!({ "message": "no" }), json!({ "message": "other" })).await;
    honours(&stage, &held.path("redrive"), json!({}), json!({ "payload": 2 })).await;
    let held = stage.take("worker").await;
    says(&stage, &held, "complete", json!({ "result": 1 }), json!({ "result": 2 })).await;

    let handoff = stage.offer("worker").await;
    honours(&stage, &format!("/v1/handoffs/{handoff}/cancel"), json!({ "reason": "a" }), json!({ "reason": "b" })).await;
    let run = text(&stage.post("/v1/runs", json!({ "task": 1 })).await.ok()["run"]);
    honours(&stage, &format!("/v1/runs/{run}/handoffs"), json!({ "to": "worker" }), json!({ "to": "worker", "payload": 1 })).await;
    honours(&stage, &format!("/v1/runs/{run}/cancel"), json!({ "reason": "a" }), json!({ "reason": "b" })).await;
}

#[tokio::test]
async fn a_claim_that_was_not_heard_is_heard_the_second_time() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    stage.offer("worker").await;
    stage.offer("worker").await;
    let claim = json!({ "accept": true, "holder": "h" });
    let first = honours(&stage, "/v1/agents/worker/claims", claim, json!({ "accept": true, "holder": "other" })).await;
    assert_eq!(first["claims"].as_array().unwrap().len(), 1);
    assert_eq!(stage.get("/v1/agents/worker").await.ok()["holds"], 1);
}

#[tokio::test]
async fn agents_and_contracts_keep_the_first_answer_even_if_somebody_has_changed_them_since() {
    let mut stage = Stage::new().await;
    let put = |stage: &Stage, key: &'static str, body: Value| {
        Answer::of(stage.call(Method::PUT, "/v1/agents/worker").header("Idempotency-Key", key).json(&body))
    };
    let first = put(&stage, "a", json!({ "capacity": 1 })).await.ok();
    put(&stage, "b", json!({ "capacity": 2 })).await.ok();
    stage.crash().await;
    assert_eq!(put(&stage, "a", json!({ "capacity": 1 })).await.ok(), first);
    assert_eq!(stage.get("/v1/agents/worker").await.ok()["capacity"], 2, "the repeated request changed nothing");
    put(&stage, "a", json!({ "capacity": 3 })).await.refused(409, "HC-006");
    let remove = || Answer::of(stage.call(Method::DELETE, "/v1/agents/worker").header("Idempotency-Key", "c"));
    remove().await.ok();
    assert_eq!(remove().await.status, 204);

    let contract = |version: &str, schema: Value| json!({ "contract": format!("a@{version}"), "schema": schema });
    honours(&stage, "/v1/contracts", contract("1.0.0", json!({})), contract("1.0.1", json!({}))).await;
    // A refusal is not kept: the mended request may use the key.
    stage.keyed("mended", "/v1/contracts", contract("1.0.0", json!({ "type": "object" }))).await.refused(422, "HC-043");
    stage.keyed("mended", "/v1/contracts", contract("3.0.0", json!({ "type": "object" }))).await.ok();
}

#[tokio::test]
async fn many_are_redriven_once_per_key_also_within_one_run_and_over_a_crash() {
    let mut stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let run = text(&stage.post("/v1/runs", json!({ "task": 1 })).await.ok()["run"]);
    for number in 0..4 {
        stage.post(&format!("/v1/runs/{run}/handoffs"), json!({ "to": "worker", "payload": number })).await.ok();
        let held = stage.take("worker").await;
        stage.say(&held, "fail", json!({ "message": "no" })).await.ok();
    }
    let redrive = |limit: u32| json!({ "agent": "worker", "limit": limit });
    let first = stage.keyed("k", "/v1/dead-letters/redrive", redrive(3)).await.ok();
    assert_eq!((first["redriven"].as_array().unwrap().len(), &first["more"]), (3, &json!(true)), "{first}");
    let before = events(&stage).await;
    stage.crash().await;
    assert_eq!(stage.keyed("k", "/v1/dead-letters/redrive", redrive(3)).await.ok(), first);
    assert_eq!(events(&stage).await, before, "the second time changes nothing");
    stage.keyed("k", "/v1/dead-letters/redrive", redrive(4)).await.refused(409, "HC-006");
    assert_eq!(stage.get("/v1/dead-letters").await.ok()["dead_letters"].as_array().unwrap().len(), 1);
}
