//! Who can be handed work, and what payloads must be: said over HTTP, kept over a restart.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, text};

fn refund(version: &str, required: &[&str]) -> Value {
    let properties: serde_json::Map<_, _> = required.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    json!({ "contract": format!("refund@{version}"), "schema": { "type": "object", "properties": properties, "required": required } })
}

#[tokio::test]
async fn an_agent_is_registered_looked_at_and_forgotten() {
    let mut stage = Stage::new().await;
    let said = json!({ "capabilities": ["refund"], "accepts": ["refund@1"], "roles": ["finance"], "capacity": 2, "lease_ms": 5000, "read_back": "off" });
    let agent = stage.put("/v1/agents/eu/billing".replace("eu/", "eu%2F").as_str(), said.clone()).await.ok();
    assert_eq!((&agent["agent"], &agent["capacity"], &agent["lease_ms"]), (&json!("eu/billing"), &json!(2), &json!(5000)));
    assert_eq!((&agent["holds"], &agent["waiting"], &agent["workers"]), (&json!(0), &json!(0), &json!(0)));
    stage.post("/v1/runs", json!({ "task": 1, "offer": { "to": "eu/billing" } })).await.ok();
    stage.post("/v1/runs", json!({ "task": 1, "offer": { "to": "eu/billing" } })).await.ok();
    stage.take("eu%2Fbilling").await;
    let agent = stage.get("/v1/agents/eu%2Fbilling").await.ok();
    assert_eq!((&agent["holds"], &agent["waiting"]), (&json!(1), &json!(1)));

    stage.crash().await;
    let agents = stage.get("/v1/agents").await.ok();
    assert_eq!((&agents["agents"][0]["agent"], &agents["agents"][0]["holds"]), (&json!("eu/billing"), &json!(1)));
    Answer::of(stage.call(Method::DELETE, "/v1/agents/eu%2Fbilling")).await.ok();
    stage.get("/v1/agents/eu%2Fbilling").await.refused(404, "HC-010");
    stage.post("/v1/agents/eu%2Fbilling/claims", json!({})).await.refused(422, "HC-010");
    // What waits goes on waiting, and is there for whoever comes under that name.
    stage.put("/v1/agents/eu%2Fbilling", said).await.ok();
    stage.take("eu%2Fbilling").await;
}

#[tokio::test]
async fn a_contract_never_changes_and_breaks_nobody_under_a_compatible_version() {
    let mut stage = Stage::new().await;
    let first = stage.post("/v1/contracts", refund("1.0.0", &["order"])).await.ok();
    assert_eq!(stage.post("/v1/contracts", refund("1.0.0", &["order"])).await.ok(), first, "publishing the same again is no news");
    stage.post("/v1/contracts", refund("1.0.0", &["order", "cents"])).await.refused(422, "HC-043");
    let breaks = stage.post("/v1/contracts", refund("1.1.0", &["order", "cents"])).await.refused(422, "HC-044");
    assert!(text(&breaks["detail"]).contains("cents"), "{breaks}");
    stage.post("/v1/contracts", refund("2.0.0", &["order", "cents"])).await.ok();
    stage.crash().await;
    assert_eq!(stage.get("/v1/contracts/refund@1.0.0").await.ok(), first);
    assert_eq!(stage.get("/v1/contracts").await.ok()["contracts"].as_array().unwrap().len(), 2);
    let schema = |version| refund("1.0.0", version)["schema"].clone();
    let diff = stage.post("/v1/contracts/diff", json!({ "old": schema(&["order"]), "new": schema(&["order", "cents"]) })).await.ok();
    assert_eq!(diff["compatible"], false);
    assert!(!diff["changes"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_payload_is_held_against_its_contract_before_anybody_gets_it_and_a_result_before_it_counts() {
    let stage = Stage::new().await;
    stage.post("/v1/contracts", refund("1.0.0", &["order"])).await.ok();
    stage.post("/v1/contracts", refund("2.0.0", &["order", "cents"])).await.ok();
    stage.register("billing", json!({ "accepts": ["refund@1"] })).await;
    let offer =
        |contract: &str, payload: Value| json!({ "task": 1, "offer": { "to": "billing", "contract": contract, "payload": payload } });

    let broken = stage.post("/v1/runs", offer("refund@1", json!({ "order": 7 }))).await.refused(422, "HC-008");
    assert_eq!((&broken["pointer"], &broken["errors"][0]["pointer"]), (&json!("/order"), &json!("/order")));
    for field in ["expected", "found", "hint"] {
        assert!(!text(&broken["errors"][0][field]).is_empty(), "{broken}");
    }
    let other = stage.post("/v1/runs", offer("refund@2", json!({ "order": "1", "cents": "1" }))).await.refused(422, "HC-009");
    assert!(text(&other["detail"]).contains("it accepts `refund@^1`"), "{other}");
    stage.post("/v1/runs", offer("refund@3", json!({}))).await.refused(422, "HC-007");
    assert!(stage.get("/v1/runs").await.ok()["runs"].as_array().unwrap().is_empty(), "nothing was opened");

    let mut good = offer("refund@1", json!({ "order": "1042" }));
    good["offer"]["returns"] = json!("refund@2");
    stage.post("/v1/runs", good).await.ok();
    let held = stage.take("billing").await;
    let broken = stage.say(&held, "complete", json!({ "result": { "order": "1042" } })).await.refused(422, "HC-008");
    assert_eq!(broken["errors"].as_array().unwrap().len(), 1, "{broken}");
    stage.say(&held, "complete", json!({ "result": { "order": "1042", "cents": "4200" } })).await.ok();
}

#[tokio::test]
async fn an_agent_gets_no_more_than_it_may_hold_and_is_called_when_it_has_room() {
    let stage = Stage::new().await;
    stage.register("worker", json!({ "capacity": 2 })).await;
    for _ in 0..3 {
        stage.offer("worker").await;
    }
    let claims = stage.post("/v1/agents/worker/claims", json!({ "most": 64, "accept": true })).await.ok();
    let claims = claims["claims"].as_array().unwrap();
    assert_eq!(claims.len(), 2);
    let waiting = stage.post("/v1/agents/worker/claims", json!({ "wait_ms": 50_000 }));
    let finish = async {
        stage.until("/v1/agents/worker", |agent| agent["workers"] == 1).await;
        let path = format!("/v1/handoffs/{}/complete", text(&claims[0]["handoff"]));
        stage.post(&path, json!({ "token": claims[0]["token"] })).await.ok();
    };
    let (third, ()) = tokio::join!(waiting, finish);
    assert_eq!(third.ok()["claims"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_one_cannot_do_is_refused_with_what_is_missing() {
    let stage = Stage::new().await;
    stage.register("worker", json!({ "capabilities": ["a"] })).await;
    let offer = |offer: Value| stage.post("/v1/runs", json!({ "task": 1, "offer": offer }));
    offer(json!({ "to": "nobody" })).await.refused(422, "HC-010");
    offer(json!({ "capability": "b" })).await.refused(422, "HC-034");
    let lacks = offer(json!({ "to": "worker", "requires": ["a", "b"] })).await.refused(422, "HC-011");
    assert!(text(&lacks["detail"]).contains("`b`") && !text(&lacks["detail"]).contains("`a`"), "{lacks}");
}
