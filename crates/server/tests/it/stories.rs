//! Whole stories, told over HTTP by everybody who takes part in them.

use serde_json::{Value, json};

use crate::stage::{Stage, text};

async fn phase(stage: &Stage, handoff: &str) -> String {
    text(&stage.get(&format!("/v1/handoffs/{handoff}")).await.ok()["phase"])
}

fn delegate(to: &str, payload: &str) -> Value {
    json!({ "mode": "delegate", "offer": { "to": to, "payload": payload }, "continuation": { "step": 2 } })
}

#[tokio::test]
async fn what_is_delegated_comes_back_to_the_exact_waiting_handoff() {
    let stage = Stage::new().await;
    stage.register("planner", json!({})).await;
    stage.register("auditor", json!({})).await;
    let outer = stage.offer("planner").await;
    let planner = stage.take("planner").await;
    let audited = text(&stage.say(&planner, "hand-out", delegate("auditor", "look")).await.ok()["handoff"]);
    let waiting = stage.get(&format!("/v1/handoffs/{outer}")).await.ok();
    assert_eq!((&waiting["phase"], &waiting["why"]), (&json!("waiting"), &json!(format!("waits for `{audited}`"))));
    stage.say(&planner, "complete", json!({ "result": "too early" })).await.refused(409, "HC-012");

    let auditor = stage.take("auditor").await;
    assert_eq!((auditor.claim["briefing"]["from"].as_str(), &auditor.claim["briefing"]["mode"]), (Some("planner"), &json!("delegate")));
    stage.say(&auditor, "complete", json!({ "result": "all is well" })).await.ok();
    let again = stage.take("planner").await;
    assert_eq!(again.handoff, outer);
    let briefing = &again.claim["briefing"];
    assert_eq!((&briefing["returned"][0]["result"], &briefing["continuation"]["step"]), (&json!("all is well"), &json!(2)));
    stage.say(&again, "complete", json!({ "result": "done" })).await.ok();
    assert_eq!(phase(&stage, &outer).await, "completed");
}

#[tokio::test]
async fn what_is_spawned_has_a_life_of_its_own() {
    let stage = Stage::new().await;
    stage.register("lead", json!({})).await;
    stage.register("scout", json!({})).await;
    let first = stage.offer("lead").await;
    let lead = stage.take("lead").await;
    let spawn = |ordinal: u32| json!({ "mode": "spawn", "ordinal": ordinal, "offer": { "to": "scout", "payload": ordinal } });
    let one = text(&stage.say(&lead, "hand-out", spawn(0)).await.ok()["handoff"]);
    let two = text(&stage.say(&lead, "hand-out", spawn(1)).await.ok()["handoff"]);
    assert_ne!(one, two);
    assert_eq!(text(&stage.say(&lead, "hand-out", spawn(1)).await.ok()["handoff"]), two, "numbers are shared by all attempts");
    stage.say(&lead, "complete", json!({ "result": "mine" })).await.ok();
    let run = text(&stage.get(&format!("/v1/handoffs/{first}")).await.ok()["run"]);
    assert_eq!(stage.get(&format!("/v1/runs/{run}")).await.ok()["over"], false, "two branches are under way");
    for _ in 0..2 {
        let scout = stage.take("scout").await;
        stage.say(&scout, "complete", json!({ "result": "seen" })).await.ok();
    }
    assert_eq!(stage.get(&format!("/v1/runs/{run}")).await.ok()["over"], true);
}

#[tokio::test]
async fn work_is_handed_on_in_the_commit_that_ends_it() {
    let stage = Stage::new().await;
    stage.register("writer", json!({})).await;
    stage.register("editor", json!({})).await;
    stage.offer("writer").await;
    let writer = stage.take("writer").await;
    // Law 1: a result is never refused because the next step cannot start.
    let completed = stage.say(&writer, "complete", json!({ "result": 1, "next": { "to": "nobody" } })).await.ok();
    assert_eq!(phase(&stage, &writer.handoff).await, "completed");
    let next = stage.get(&format!("/v1/handoffs/{}", text(&completed["next"]))).await.ok();
    assert_eq!(next["phase"], "dead_lettered", "{next}");
    assert!(text(&next["why"]).contains("nobody"), "{next}");
    stage.offer("writer").await;
    let writer = stage.take("writer").await;
    let completed = stage.say(&writer, "complete", json!({ "result": 1, "next": { "to": "editor", "payload": "text" } })).await.ok();
    let editor = stage.take("editor").await;
    assert_eq!((&completed["next"], editor.claim["briefing"]["from"].as_str()), (&json!(editor.handoff), Some("writer")));
    stage.say(&writer, "heartbeat", json!({})).await.refused(409, "HC-004");
}

#[tokio::test]
async fn a_question_is_answered_once_and_the_first_answer_counts() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    stage.offer("worker").await;
    let held = stage.take("worker").await;
    let ask = json!({ "asking": "approval", "shown": { "refund": 42 }, "park": true, "continuation": "half-way" });
    let asked = stage.say(&held, "ask", ask).await.ok();
    assert!(asked["answer"].is_null());
    assert_eq!(stage.get("/v1/agents/worker").await.ok()["holds"], 0, "parked: the lease is given up");
    let inbox = stage.get("/v1/inbox").await.ok();
    let question = &inbox["questions"][0];
    assert_eq!(
        (&question["interrupt"], &question["shown"]["refund"], &question["from"]),
        (&asked["interrupt"], &json!(42), &json!("worker"))
    );
    let resolve = format!("/v1/interrupts/{}/resolve", text(&asked["interrupt"]));
    let answer = |choice: &str, shown: &Value| json!({ "shown": shown, "choice": choice, "text": "as agreed" });
    let other = json!(format!("sha256:{}", "0".repeat(64)));
    stage.post(&resolve, answer("approved", &other)).await.refused(409, "HC-022");
    stage.post(&resolve, answer("perhaps", &question["digest"])).await.refused(422, "HC-023");
    let first = stage.post(&resolve, answer("approved", &question["digest"])).await.ok();
    assert_eq!((&first["answer"]["choice"], &first["answer"]["text"]), (&json!("approved"), &json!("as agreed")));
    assert_eq!(stage.post(&resolve, answer("rejected", &question["digest"])).await.ok(), first, "a second answer gets the first");

    let again = stage.take("worker").await;
    let briefing = &again.claim["briefing"];
    assert_eq!((&briefing["answers"][0]["choice"], &briefing["continuation"]), (&json!("approved"), &json!("half-way")));
    stage.say(&again, "complete", json!({ "result": 1 })).await.ok();
    assert_eq!(stage.post(&resolve, answer("rejected", &question["digest"])).await.ok(), first, "and so does a late one");
}

#[tokio::test]
async fn silence_means_what_was_said_or_fails_the_handoff() {
    let stage = Stage::new().await;
    stage.register("worker", json!({ "lease_ms": 3_600_000 })).await;
    for (on_silence, phase_after) in [(Some("no"), "accepted"), (None, "dead_lettered")] {
        let handoff = stage.offer("worker").await;
        let held = stage.take("worker").await;
        let mut ask = json!({ "shown": "well?", "options": ["yes", "no"], "within_ms": 60_000 });
        if let Some(choice) = on_silence {
            ask["on_silence"] = json!(choice);
        }
        let asked = text(&stage.say(&held, "ask", ask).await.ok()["interrupt"]);
        stage.pass(61);
        let question = stage.until(&format!("/v1/interrupts/{asked}"), |question| question["state"] != "open").await;
        assert_eq!(question["answer"]["choice"].as_str(), on_silence, "{question}");
        assert_eq!(phase(&stage, &handoff).await, phase_after);
    }
}

#[tokio::test]
async fn an_effect_that_was_cut_short_is_never_repeated_blindly() {
    let mut stage = Stage::new().await;
    stage.register("payer", json!({ "lease_ms": 5_000 })).await;
    let begin = |reconcile: &str| json!({ "name": "refund", "key": "1042", "arguments": { "cents": 4200 }, "reconcile": reconcile });
    let end = |happened: bool| json!({ "name": "refund", "key": "1042", "happened": happened, "result": { "receipt": "r-77" } });
    stage.offer("payer").await;
    let first = stage.take("payer").await;
    stage.say(&first, "effects/finish", end(true)).await.refused(409, "HC-026");
    assert_eq!(stage.say(&first, "effects/begin", begin("agent")).await.ok()["proceed"], true);
    stage.crash().await;
    stage.pass(60);
    stage.until("/v1/agents/payer", |agent| agent["waiting"] == 1).await;
    stage.pass(60);
    let second = stage.take("payer").await;
    assert_eq!(second.claim["attempt"], 2);
    stage.say(&first, "effects/finish", end(true)).await.refused(409, "HC-012");
    stage.say(&second, "effects/begin", begin("agent")).await.refused(409, "HC-024");
    let mut other = begin("agent");
    other["key"] = json!("1043");
    stage.say(&second, "effects/begin", other).await.refused(409, "HC-024");
    stage.say(&second, "effects/reconcile", end(true)).await.ok();
    let known = stage.say(&second, "effects/begin", begin("agent")).await.ok();
    assert_eq!((&known["proceed"], &known["happened"], &known["result"]["receipt"]), (&json!(false), &json!(true), &json!("r-77")));
    let mut differs = begin("agent");
    differs["arguments"]["cents"] = json!(1);
    stage.say(&second, "effects/begin", differs).await.refused(409, "HC-027");
}

#[tokio::test]
async fn a_person_says_what_became_of_an_effect_that_the_agent_cannot_look_up() {
    let stage = Stage::new().await;
    stage.register("payer", json!({ "lease_ms": 5_000 })).await;
    stage.offer("payer").await;
    let first = stage.take("payer").await;
    let begin = json!({ "name": "refund", "arguments": { "cents": 4200 } });
    stage.say(&first, "effects/begin", begin.clone()).await.ok();
    stage.pass(60);
    let inbox = stage.until("/v1/inbox", |inbox| inbox["questions"][0].is_object()).await;
    let question = &inbox["questions"][0];
    assert_eq!(question["asking"], "reconciliation");
    assert_eq!((&question["shown"]["effect"], &question["arguments"]["cents"]), (&json!("refund#0"), &json!(4200)), "{question}");
    let path = format!("/v1/interrupts/{}/resolve", text(&question["interrupt"]));
    stage.post(&path, json!({ "shown": question["digest"], "choice": "did_not_happen" })).await.ok();
    stage.pass(60);
    let second = stage.take("payer").await;
    assert_eq!(stage.say(&second, "effects/begin", begin).await.ok()["proceed"], true, "it did not happen: this is the first time");
}

#[tokio::test]
async fn lost_work_is_seen_and_sent_again_one_or_many_or_changed() {
    let stage = Stage::new().await;
    stage.register("worker", json!({})).await;
    stage.register("spare", json!({})).await;
    let retry = json!({ "attempts": 1 });
    for (message, hint) in [("poison: page 3", "skip page 3"), ("poison: page 9", "skip page 9"), ("quota", "wait")] {
        stage.post("/v1/runs", json!({ "task": 1, "offer": { "to": "worker", "payload": message, "retry": retry } })).await.ok();
        let held = stage.take("worker").await;
        stage.say(&held, "fail", json!({ "kind": "bad_input", "message": message, "retryable": true, "hint": hint })).await.ok();
    }
    let late = json!({ "task": 1, "offer": { "to": "worker", "answer_within_ms": 1_000 } });
    stage.post("/v1/runs", late).await.ok();
    stage.pass(2);
    let dead = stage.until("/v1/dead-letters", |dead| dead["dead_letters"].as_array().unwrap().len() == 4).await;
    let letter = &dead["dead_letters"][0];
    assert!(text(&letter["why"]).contains("poison: page 3"), "{letter}");
    assert_eq!((&letter["hint"], &letter["attempts"]), (&json!("skip page 3"), &json!(1)));

    let redriven = stage.post("/v1/dead-letters/redrive", json!({ "why_contains": "poison", "to": "spare" })).await.ok();
    assert_eq!((redriven["redriven"].as_array().unwrap().len(), &redriven["more"]), (2, &json!(false)));
    assert_eq!(stage.take("spare").await.claim["briefing"]["payload"], "poison: page 3");
    let quota = text(&dead["dead_letters"][2]["handoff"]);
    stage.post(&format!("/v1/handoffs/{quota}/redrive"), json!({ "payload": "smaller" })).await.ok();
    assert_eq!(stage.take("worker").await.claim["briefing"]["payload"], "smaller");
    assert_eq!(stage.get("/v1/dead-letters").await.ok()["dead_letters"].as_array().unwrap().len(), 1);
    stage.post(&format!("/v1/handoffs/{quota}/redrive"), json!({})).await.refused(409, "HC-004");
}

#[tokio::test]
async fn a_read_back_with_a_gap_is_refused_until_everything_is_named() {
    let stage = Stage::new().await;
    let contract = json!({ "contract": "refund@1.0.0", "schema": { "type": "object" }, "read_back": "echo", "confidence_min": 60 });
    stage.post("/v1/contracts", contract).await.ok();
    stage.register("worker", json!({ "accepts": ["refund@1"], "read_back": "echo" })).await;
    let offer = json!({ "to": "worker", "contract": "refund@1", "payload": {}, "acceptance": ["the receipt is named"] });
    let items = json!([{ "kind": "constraint", "key": "max", "value": "100 EUR", "must_carry": true }]);
    stage.post("/v1/runs", json!({ "task": 1, "items": items, "offer": offer })).await.ok();
    let held = stage.take_if("worker", json!({ "accept": true })).await;
    assert_eq!(held.claim["accepted"], false, "the contract asks for more than can be said before reading");
    stage.say(&held, "complete", json!({ "result": 1 })).await.refused(409, "HC-004");
    let asked = held.claim["briefing"]["read_back"].clone();
    assert_eq!((&asked["level"], asked["items"].as_array().unwrap().len()), (&json!("echo"), 1));
    let echo = |items: &Value| json!({ "by": "agent", "contract": asked["contract"], "payload": asked["payload"], "items": items, "criteria": asked["criteria"], "confidence": 80 });
    let gap = stage.say(&held, "accept", echo(&json!([]))).await.refused(422, "HC-013");
    assert!(text(&gap["detail"]).contains(&text(&asked["items"][0])), "{gap}");
    let mut unsure = echo(&asked["items"]);
    unsure["confidence"] = json!(30);
    stage.say(&held, "accept", unsure).await.refused(422, "HC-014");
    stage.say(&held, "accept", echo(&asked["items"])).await.ok();
    stage.say(&held, "complete", json!({ "result": 1 })).await.ok();
}

#[tokio::test]
async fn a_worker_that_falls_silent_loses_its_lease_and_its_say() {
    let stage = Stage::new().await;
    stage.register("worker", json!({ "lease_ms": 5_000 })).await;
    let handoff = stage.offer("worker").await;
    let first = stage.take("worker").await;
    for _ in 0..5 {
        stage.pass(4);
        stage.say(&first, "heartbeat", json!({})).await.ok();
    }
    assert_eq!(phase(&stage, &handoff).await, "accepted", "heartbeats keep the lease");
    stage.pass(30);
    stage.until(&format!("/v1/handoffs/{handoff}"), |seen| seen["phase"] == "offered").await;
    stage.pass(30);
    let second = stage.take("worker").await;
    assert_eq!((&second.claim["attempt"], second.token == first.token), (&json!(2), false));
    for (verb, more) in [
        ("heartbeat", json!({})),
        ("progress", json!({})),
        ("effects/begin", json!({ "name": "x" })),
        ("complete", json!({ "result": "late" })),
        ("fail", json!({ "message": "late" })),
        ("release", json!({})),
    ] {
        stage.say(&first, verb, more).await.refused(409, "HC-012");
    }
    stage.say(&second, "complete", json!({ "result": "in time" })).await.ok();
    assert_eq!(stage.get(&format!("/v1/handoffs/{handoff}")).await.ok()["result"], "in time");
}
