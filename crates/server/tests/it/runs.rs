//! Runs and what they know, from outside: opened, looked at, paged through, stopped.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage, text};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn a_run_is_opened_worked_on_and_shows_its_result() {
    let stage = Stage::new().await;
    stage.register("billing", json!({ "capabilities": ["refund"] })).await;
    let task = json!({ "what": "Refund order 1042.", "nested": [1, { "a": null }] });
    let opened = stage
        .post(
            "/v1/runs",
            json!({ "task": task, "intent": "a happy customer", "thread_id": "t-1", "limits": { "steps": 9 },
                "items": [{ "kind": "constraint", "key": "max", "value": "100 EUR", "must_carry": true }],
                "offer": { "capability": "refund", "payload": { "order": "1042" }, "acceptance": ["the receipt is named"] } }),
        )
        .await
        .ok();
    let run = stage.get(&format!("/v1/runs/{}", text(&opened["run"]))).await.ok();
    assert_eq!((&run["task"], &run["conversation"], &run["limits"]["steps"]), (&task, &json!("t-1"), &json!(9)));
    assert_eq!((&run["condition"], &run["over"], &run["latest"][0]["phase"]), (&json!("running"), &json!(false), &json!("offered")));

    let held = stage.take("billing").await;
    let briefing = &held.claim["briefing"];
    assert_eq!(
        (&briefing["task"], &briefing["intent"], &briefing["payload"]["order"]),
        (&task, &json!("a happy customer"), &json!("1042"))
    );
    assert_eq!((&briefing["items"][0]["value"], &briefing["acceptance"][0]), (&json!("100 EUR"), &json!("the receipt is named")));
    let shown = stage.get(&format!("/v1/handoffs/{}/briefing", held.handoff)).await.ok();
    assert_eq!(&shown, briefing);

    let done = json!({ "result": { "refunded": true }, "usage": { "tokens_in": 10 },
        "items": [{ "kind": "fact", "key": "receipt", "value": "r-77" }] });
    stage.say(&held, "complete", done).await.ok();
    let run = stage.get(&format!("/v1/runs/{}", text(&opened["run"]))).await.ok();
    assert_eq!((&run["condition"], &run["over"], &run["result"]), (&json!("completed"), &json!(true), &json!({ "refunded": true })));
    assert_eq!(run["usage"]["tokens_in"], 10);
    let handoff = stage.get(&format!("/v1/handoffs/{}", held.handoff)).await.ok();
    assert_eq!((&handoff["phase"], &handoff["result"]["refunded"]), (&json!("completed"), &json!(true)));
}

#[tokio::test]
async fn the_callers_trace_goes_in_and_comes_out_at_every_attempt() {
    let stage = Stage::new().await;
    stage.register("billing", json!({})).await;
    let open = |traceparent: &str| {
        let request = stage.call(Method::POST, "/v1/runs").header("traceparent", traceparent);
        Answer::of(request.json(&json!({ "task": 1, "offer": { "to": "billing", "retry": { "backoff_ms": 0 } } })))
    };
    let opened = open(&format!("00-{TRACE}-00f067aa0ba902b7-01")).await.ok();
    assert_eq!(opened["trace_id"], TRACE);
    let first = stage.take("billing").await;
    stage.say(&first, "fail", json!({ "message": "later", "retryable": true })).await.ok();
    let second = stage.take("billing").await;
    let spans = [&first, &second].map(|held| text(&held.claim["traceparent"]));
    assert!(spans.iter().all(|span| span.starts_with(&format!("00-{TRACE}-")) && span.len() == 55), "{spans:?}");
    assert_ne!(spans[0], spans[1], "each attempt is a span of its own");

    let runs = stage.get(&format!("/v1/runs?trace_id={TRACE}")).await.ok();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
    for none in ["00-zz-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
        let minted = text(&open(none).await.ok()["trace_id"]);
        assert!(minted.len() == 32 && minted != TRACE, "{minted}");
    }
}

#[tokio::test]
async fn runs_are_paged_newest_first_and_found_by_how_they_stand() {
    let stage = Stage::new().await;
    let mut opened = Vec::new();
    for number in 0..7 {
        opened.push(text(&stage.post("/v1/runs", json!({ "task": number })).await.ok()["run"]));
    }
    stage.post(&format!("/v1/runs/{}/cancel", opened[3]), json!({ "reason": "enough" })).await.ok();
    let seen = pages(&stage, "/v1/runs?limit=3", "runs", "before", "run").await;
    opened.reverse();
    assert_eq!(seen, opened);
    let cancelled = stage.get("/v1/runs?condition=cancelled").await.ok();
    assert_eq!((&cancelled["runs"][0]["run"], cancelled["runs"].as_array().unwrap().len()), (&json!(opened[3]), 1));
    assert!(text(&cancelled["runs"][0]["why"]).contains("enough"));
}

/// Follows a list to its last page; gives the ids.
pub(crate) async fn pages(stage: &Stage, first: &str, list: &str, cursor: &str, id: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut path = first.to_owned();
    for _ in 0..50 {
        let page = stage.get(&path).await.ok();
        seen.extend(page[list].as_array().unwrap().iter().map(|row| text(&row[id])));
        let Some(next) = page[cursor].as_str() else { return seen };
        path = format!("{first}&{cursor}={next}");
    }
    panic!("{first} has no last page")
}

#[tokio::test]
async fn items_questions_and_dead_letters_are_paged_to_their_end() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let items: Vec<Value> = (0..7).map(|n| json!({ "kind": "fact", "key": format!("k{n}"), "value": n })).collect();
    let run = text(&stage.post("/v1/runs", json!({ "task": 1, "items": items })).await.ok()["run"]);
    let seen = pages(&stage, &format!("/v1/runs/{run}/items?limit=3"), "items", "after", "key").await;
    assert_eq!(seen, (0..7).map(|n| format!("k{n}")).collect::<Vec<_>>());

    let mut handoffs = Vec::new();
    for number in 0..5 {
        handoffs.push(stage.offer("worker").await);
        let held = stage.take("worker").await;
        stage.say(&held, "ask", json!({ "shown": number })).await.ok();
    }
    let asked = pages(&stage, "/v1/inbox?limit=2", "questions", "after", "handoff").await;
    assert_eq!(asked, handoffs);
    let mut failed = Vec::new();
    for _ in 0..5 {
        failed.push(stage.offer("worker").await);
        let held = stage.take("worker").await;
        stage.say(&held, "fail", json!({ "message": "no" })).await.ok();
    }
    assert_eq!(pages(&stage, "/v1/dead-letters?limit=2", "dead_letters", "after", "handoff").await, failed);
    assert!(pages(&stage, "/v1/dead-letters?agent=other&limit=2", "dead_letters", "after", "handoff").await.is_empty());
}

#[tokio::test]
async fn contents_are_stored_once_by_hash_and_named_by_it() {
    let stage = Stage::new().await;
    let run = text(&stage.post("/v1/runs", json!({ "task": 1 })).await.ok()["run"]);
    let path = format!("/v1/runs/{run}/contents");
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let store = || Answer::of(stage.call(Method::POST, &path).body(bytes.clone()));
    let stored = store().await.ok();
    assert_eq!(store().await.ok(), stored);
    let answer = stage.call(Method::GET, &format!("{path}/{}", text(&stored["digest"]))).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn what_is_stopped_stays_stopped_and_says_why() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    let handoff = stage.offer("worker").await;
    let held = stage.take("worker").await;
    stage.post(&format!("/v1/handoffs/{handoff}/cancel"), json!({ "reason": "changed my mind" })).await.ok();
    let seen = stage.get(&format!("/v1/handoffs/{handoff}")).await.ok();
    assert_eq!((&seen["phase"], &seen["over"]), (&json!("cancelled"), &json!(true)));
    assert!(text(&seen["why"]).contains("changed my mind"));
    let late = stage.say(&held, "complete", json!({ "result": 1 })).await;
    assert_eq!(late.status, 409, "{}", late.body);
    let refusals = stage.get("/v1/refusals").await.ok();
    assert_eq!(refusals["refusals"][0]["command"], "complete", "{refusals}");
}
