//! Requests that cannot be read: each is told where, what was expected and what was found.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Stage};

const RUN: &str = "run_01m7wy5ked8vb11r2q540r8vcy";
const HANDOFF: &str = "hnd_01m7wy5ked8vb11r2q540r8vcy_1";

#[tokio::test]
async fn a_wrong_field_is_named_by_its_place() {
    let stage = Stage::new().await;
    let item = json!({ "kind": "fact", "key": "k", "value": 1 });
    let complete = format!("/v1/handoffs/{HANDOFF}/complete");
    let cases = [
        ("/v1/runs", json!({}), "/task"),
        ("/v1/runs", json!({ "task": 1, "title": 7 }), "/title"),
        ("/v1/runs", json!({ "task": 1, "offer": { "to": "a", "limits": { "steps": "x" } } }), "/offer/limits/steps"),
        ("/v1/runs", json!({ "task": 1, "offer": { "to": "a", "limits": { "stepz": 1 } } }), "/offer/limits/stepz"),
        ("/v1/runs", json!({ "task": 1, "items": [item, { "kind": "rumour", "key": "k", "value": 1 }] }), "/items/1/kind"),
        ("/v1/runs", json!({ "task": 1, "items": [item, { "kind": "fact", "key": "k" }] }), "/items/1/value"),
        ("/v1/runs", json!({ "task": 1, "offer": { "to": "not a name" } }), "/offer/to"),
        ("/v1/runs", json!({ "task": 1, "offer": { "to": "x", "capability": "y" } }), "/offer/to"),
        ("/v1/runs", json!({ "task": 1, "offer": {} }), "/offer/to"),
        ("/v1/runs", json!({ "task": 1, "offer": { "to": "x", "contract": "refund@one" } }), "/offer/contract"),
        ("/v1/runs", json!({ "task": 1, "a/b~c": 2 }), "/a~1b~0c"),
        ("/v1/agents/x/claims", json!({ "wait_ms": -1 }), "/wait_ms"),
        ("/v1/agents/x/claims", json!({ "most": 1.5 }), "/most"),
        (&complete, json!({ "token": "7" }), "/token"),
        (&complete, json!({ "token": 1, "verdict": { "send_back": "draft" } }), "/verdict/question"),
        (&complete, json!({ "token": 1, "verdict": {} }), "/verdict"),
        (&complete, json!({ "token": 1, "next": { "payload": 1 } }), "/next/to"),
        (&complete, json!({ "token": 1, "usage": { "tokens_in": -5 } }), "/usage/tokens_in"),
        (&complete, json!({ "token": 1, "discharged": [{ "item": "itm_1", "why": "" }] }), "/discharged/0/item"),
        ("/v1/contracts", json!({ "contract": "refund", "schema": {} }), "/contract"),
        ("/v1/contracts", json!({ "contract": "refund@1.0.0", "schema": { "type": "objekt" } }), "/schema/type"),
        ("/v1/contracts", json!({ "contract": "refund@1.0.0", "schema": {}, "confidence_min": 300 }), "/confidence_min"),
        ("/v1/dead-letters/redrive", json!({ "limit": "all" }), "/limit"),
    ];
    for (path, body, pointer) in cases {
        let problem = stage.post(path, body.clone()).await.unreadable(pointer);
        for field in ["expected", "found"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "no `{field}` for {body}: {problem}");
        }
    }
    for (body, pointer) in [
        (json!({ "capacity": 0 }), "/capacity"),
        (json!({ "lease_ms": 5 }), "/lease_ms"),
        (json!({ "accepts": ["refund@1", "@"] }), "/accepts/1"),
        (json!({ "roles": "admin" }), "/roles"),
    ] {
        stage.put("/v1/agents/x", body).await.unreadable(pointer);
    }
}

#[tokio::test]
async fn what_is_expected_and_found_is_said_in_words() {
    let stage = Stage::new().await;
    let problem = stage.post("/v1/runs", json!({ "task": 1, "offer": { "to": "a", "limits": { "steps": "x" } } })).await.body;
    assert_eq!((problem["expected"].as_str(), problem["found"].as_str()), (Some("u64"), Some("string \"x\"")));
    let problem = stage.post("/v1/runs", json!({ "task": 1, "offer": { "to": "not a name" } })).await.body;
    assert_eq!(problem["found"], "`not a name`");
    assert_eq!(problem["expected"], "an agent name (1 to 64 of a-z A-Z 0-9 - _ . /)");
    let problem = stage.post("/v1/runs", json!({ "tusk": 1 })).await.body;
    assert!(problem["expected"].as_str().unwrap().contains("`task`"), "{problem}");
}

#[tokio::test]
async fn a_body_that_is_no_json_of_the_right_type_is_refused() {
    let stage = Stage::new().await;
    let send = |kind: Option<&'static str>, body: Vec<u8>| {
        let request = stage.call(Method::POST, "/v1/runs").body(body);
        Answer::of(if let Some(kind) = kind { request.header("Content-Type", kind) } else { request })
    };
    let good = || br#"{"task":1}"#.to_vec();
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx")] {
        send(kind, good()).await.refused(415, "HC-108");
    }
    for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.team+json"] {
        send(Some(kind), good()).await.ok();
    }
    let json = Some("application/json");
    let not_utf8 = b"{\"task\":\"\xff\xfe\"}".to_vec();
    let deep = [b"{\"task\":".to_vec(), vec![b'['; 100_000]].concat();
    for body in [Vec::new(), b"{".to_vec(), b"null".to_vec(), b"{\"task\":1} {}".to_vec(), not_utf8, deep] {
        send(json, body).await.refused(400, "HC-104");
    }
    send(json, b"[null, null]".to_vec()).await.unreadable("");
    let too_large = format!("{{\"task\":\"{}\"}}", "x".repeat(5 * 1024 * 1024));
    let problem = send(json, too_large.into_bytes()).await.refused(413, "HC-107");
    assert!(problem["hint"].as_str().unwrap().contains("digest"), "{problem}");
}

#[tokio::test]
async fn a_content_over_the_bound_is_refused_before_it_is_stored() {
    let stage = Stage::new().await;
    let run = stage.post("/v1/runs", json!({ "task": 1 })).await.ok()["run"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{run}/contents");
    let send = |bytes: usize| Answer::of(stage.call(Method::POST, &path).body(vec![7; bytes]));
    let most = handclasp_server::limits::CONTENT_BYTES_MAX;
    assert_eq!(send(most).await.ok()["bytes"], most);
    send(most + 1).await.refused(413, "HC-107");
}

#[tokio::test]
async fn a_path_that_names_nothing_says_what_it_should_have_named() {
    let stage = Stage::new().await;
    let digest = format!("sha256:{}", "0".repeat(64));
    let run = stage.post("/v1/runs", json!({ "task": 1 })).await.ok()["run"].as_str().unwrap().to_owned();
    let cases = [
        (Method::GET, "/v1/runs/nope".to_owned(), 400, "HC-104"),
        (Method::GET, format!("/v1/runs/{HANDOFF}"), 400, "HC-104"),
        (Method::GET, "/v1/runs/%FF".to_owned(), 400, "HC-104"),
        (Method::GET, format!("/v1/runs/{RUN}"), 404, "HC-001"),
        (Method::GET, format!("/v1/runs/{RUN}/items"), 404, "HC-001"),
        (Method::GET, format!("/v1/handoffs/{HANDOFF}"), 404, "HC-002"),
        (Method::GET, format!("/v1/handoffs/{HANDOFF}?wait_ms=50000"), 404, "HC-002"),
        (Method::GET, format!("/v1/handoffs/{HANDOFF}/briefing"), 404, "HC-002"),
        (Method::GET, "/v1/handoffs/hnd_x_1".to_owned(), 400, "HC-104"),
        (Method::GET, "/v1/interrupts/int_01m7wy5ked8vb11r2q540r8vcy_1".to_owned(), 404, "HC-021"),
        (Method::GET, "/v1/agents/nobody".to_owned(), 404, "HC-010"),
        (Method::GET, "/v1/agents/no%20name".to_owned(), 400, "HC-104"),
        (Method::DELETE, "/v1/agents/nobody".to_owned(), 404, "HC-010"),
        (Method::GET, "/v1/contracts/refund@1.0.0".to_owned(), 404, "HC-007"),
        (Method::GET, "/v1/contracts/refund@1".to_owned(), 400, "HC-104"),
        (Method::GET, format!("/v1/runs/{run}/contents/sha256:12"), 400, "HC-104"),
        (Method::GET, format!("/v1/runs/{run}/contents/{digest}"), 404, "HC-109"),
        (Method::GET, format!("/v1/runs/{RUN}/contents/{digest}"), 404, "HC-109"),
        (Method::POST, format!("/v1/runs/{RUN}/contents"), 404, "HC-001"),
        (Method::GET, "/errors/HC-999".to_owned(), 404, "HC-109"),
        (Method::GET, "/v2/runs".to_owned(), 404, "HC-105"),
        (Method::GET, "/v1/runs?limit=many".to_owned(), 400, "HC-104"),
        (Method::GET, "/v1/runs?limit=-1".to_owned(), 400, "HC-104"),
        (Method::GET, "/v1/runs?colour=red".to_owned(), 400, "HC-104"),
        (Method::GET, "/v1/runs?condition=happy".to_owned(), 400, "HC-104"),
        (Method::GET, "/v1/events?after=x".to_owned(), 400, "HC-104"),
        (Method::GET, "/v1/events/stream?after=x".to_owned(), 400, "HC-104"),
    ];
    for (method, path, status, code) in cases {
        Answer::of(stage.call(method, &path)).await.refused(status, code);
    }
    stage.post("/v1/agents/nobody/claims", json!({})).await.refused(422, "HC-010");
    stage.post(&format!("/v1/handoffs/{HANDOFF}/complete"), json!({ "token": 1 })).await.refused(404, "HC-001");
    stage.post(&format!("/v1/runs/{RUN}/cancel"), json!({ "reason": "why not" })).await.refused(404, "HC-001");
}

#[tokio::test]
async fn a_method_that_is_not_there_is_told_which_are() {
    let stage = Stage::new().await;
    let answer = Answer::of(stage.call(Method::PATCH, "/v1/runs")).await;
    let allowed = answer.headers["allow"].to_str().unwrap().to_owned();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    answer.refused(405, "HC-106");
}

#[tokio::test]
async fn headers_are_read_as_strictly_as_bodies() {
    let stage = Stage::new().await;
    let keyed = |key: &str| {
        let request = stage.call(Method::POST, "/v1/runs").header("Idempotency-Key", key);
        Answer::of(request.json(&json!({ "task": 1 })))
    };
    keyed("").await.refused(400, "HC-104");
    keyed(&"k".repeat(201)).await.refused(400, "HC-104");
    keyed(&"k".repeat(200)).await.ok();
    let follow = stage.call(Method::GET, "/v1/events/stream").header("Last-Event-ID", "evt-7");
    Answer::of(follow).await.unreadable("Last-Event-ID");
}

#[tokio::test]
async fn every_code_that_a_problem_names_has_a_page_where_it_says() {
    let stage = Stage::new().await;
    let problem: Value = stage.post("/v1/runs", json!({})).await.refused(400, "HC-104");
    let page = stage.get(problem["type"].as_str().unwrap()).await;
    assert_eq!(page.headers["content-type"], "text/markdown; charset=utf-8");
    assert!(page.ok().as_str().unwrap().contains("HC-104"));
}
