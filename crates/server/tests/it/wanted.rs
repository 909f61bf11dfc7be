//! What teams ask for most and get nowhere, held to at the door: each with a server that is killed at
//! the worst moment.

use serde_json::{Value, json};

use crate::stage::{Held, Stage, text};

async fn hand_down(stage: &Stage, from: &Held, to: &str) -> Held {
    stage.say(from, "hand-out", json!({ "mode": "delegate", "offer": { "to": to }, "continuation": to })).await.ok();
    stage.take(to).await
}

/// Two approvals three delegations down; the server dies between the answers and the resumption.
#[tokio::test]
async fn what_was_approved_inside_a_delegated_agent_happens_and_happens_once() {
    let mut stage = Stage::new().await;
    for name in ["a", "b", "c"] {
        stage.register(name, json!({})).await;
    }
    stage.offer("a").await;
    let a = stage.take("a").await;
    let b = hand_down(&stage, &a, "b").await;
    let c = hand_down(&stage, &b, "c").await;
    let ask = |ordinal: u32| json!({ "asking": "approval", "shown": { "pay": ordinal }, "ordinal": ordinal });
    let mut paths = Vec::new();
    for ordinal in 0..2 {
        let asked = stage.say(&c, "ask", ask(ordinal)).await.ok();
        paths.push(format!("/v1/interrupts/{}", text(&asked["interrupt"])));
    }
    let answer = |question: &Value, choice: &str| json!({ "shown": question["digest"], "choice": choice });
    let questions = [stage.get(&paths[0]).await.ok(), stage.get(&paths[1]).await.ok()];
    stage.post(&format!("{}/resolve", paths[0]), answer(&questions[0], "approved")).await.ok();
    stage.crash().await;

    let second = stage.post(&format!("{}/resolve", paths[0]), answer(&questions[0], "rejected")).await.ok();
    assert_eq!(second["answer"]["choice"], "approved", "the second answer gets the first");
    assert_eq!(stage.get(&paths[1]).await.ok()["state"], "open", "the other one is untouched");
    // The worker has outlived the server: its lease holds, and it asks again for what it did not hear.
    assert_eq!(stage.say(&c, "ask", ask(0)).await.ok()["answer"]["choice"], "approved");
    assert!(stage.say(&c, "ask", ask(1)).await.ok()["answer"].is_null());
    let pay = json!({ "name": "pay", "key": "0" });
    assert_eq!(stage.say(&c, "effects/begin", pay.clone()).await.ok()["proceed"], true);
    stage.say(&c, "effects/finish", json!({ "name": "pay", "key": "0", "happened": true })).await.ok();
    stage.crash().await;
    assert_eq!(stage.say(&c, "effects/begin", pay).await.ok()["proceed"], false);
    stage.post(&format!("{}/resolve", paths[1]), answer(&questions[1], "rejected")).await.ok();
    stage.say(&c, "complete", json!({ "result": "c" })).await.ok();
    for name in ["b", "a"] {
        let held = stage.take(name).await;
        assert_eq!(held.claim["briefing"]["continuation"], if name == "b" { "c" } else { "b" });
        stage.say(&held, "complete", json!({ "result": name })).await.ok();
    }
    assert_eq!(stage.get("/v1/runs").await.ok()["runs"][0]["condition"], "completed");
}

/// The server dies between the end of the sender's turn and the receiver's claim.
#[tokio::test]
async fn a_handoff_is_there_before_anybody_acts_on_it_neither_lost_nor_doubled() {
    let mut stage = Stage::new().await;
    stage.register("sender", json!({})).await;
    stage.register("receiver", json!({})).await;
    stage.offer("sender").await;
    let sender = stage.take("sender").await;
    let complete = json!({ "result": "mine", "next": { "to": "receiver", "payload": "yours" } });
    let completed = stage.say(&sender, "complete", complete.clone()).await.ok();
    stage.crash().await;
    assert_eq!(stage.say(&sender, "complete", complete).await.ok(), completed, "the sender did not hear, and asks again");
    assert_eq!(stage.post("/v1/agents/sender/claims", json!({})).await.ok(), json!({ "claims": [] }), "its turn is not played again");
    let receiver = stage.take("receiver").await;
    assert_eq!(completed["next"], receiver.handoff);
    assert_eq!(stage.post("/v1/agents/receiver/claims", json!({})).await.ok(), json!({ "claims": [] }));
}

/// Dies after every single step of a handoff with an effect: the effect is let through once.
#[tokio::test]
async fn no_effect_happens_twice_whenever_the_server_dies() {
    for dies_after in 0..5 {
        let mut stage = Stage::new().await;
        stage.register("payer", json!({})).await;
        stage.offer("payer").await;
        let mut let_through = 0;
        let held = stage.take_if("payer", json!({ "holder": "w" })).await;
        let steps = [
            ("accept", json!({})),
            ("effects/begin", json!({ "name": "pay", "key": "1" })),
            ("effects/finish", json!({ "name": "pay", "key": "1", "happened": true })),
            ("complete", json!({ "result": 1 })),
        ];
        if dies_after == 0 {
            stage.crash().await;
        }
        for (number, (verb, more)) in steps.into_iter().enumerate() {
            let key = format!("step {number}");
            let said = stage.keyed(&key, &held.path(verb), held.with(more.clone())).await.ok();
            let_through += u32::from(said["proceed"] == true);
            if dies_after == number + 1 {
                stage.crash().await;
                let again = stage.keyed(&key, &held.path(verb), held.with(more)).await.ok();
                // Asked again by whoever began it: the same go-ahead, not another one.
                assert_eq!(again["proceed"], said["proceed"], "after {verb}");
            }
        }
        assert_eq!(let_through, 1);
        assert_eq!(stage.get(&format!("/v1/handoffs/{}", held.handoff)).await.ok()["phase"], "completed");
    }
}

/// Control has one owner and comes back, or it is said why it does not.
#[tokio::test]
async fn a_deadline_turns_silence_into_a_failure_that_the_sender_hears_of() {
    let mut stage = Stage::new().await;
    stage.register("planner", json!({})).await;
    stage.register("silent", json!({})).await;
    let outer = stage.offer("planner").await;
    let planner = stage.take("planner").await;
    let offer = json!({ "to": "silent", "finish_within_ms": 60_000, "retry": { "attempts": 1 } });
    let silent = stage.say(&planner, "hand-out", json!({ "mode": "delegate", "offer": offer, "continuation": "kept" })).await.ok();
    stage.crash().await;
    stage.pass(61);
    stage.until("/v1/agents/planner", |planner| planner["waiting"] == 1).await;
    let back = stage.take("planner").await;
    assert_eq!((&back.handoff, &back.claim["briefing"]["continuation"]), (&outer, &json!("kept")));
    let returned = &back.claim["briefing"]["returned"][0];
    assert_eq!((&returned["handoff"], returned.get("result")), (&silent["handoff"], None));
    assert!(!text(&returned["error"]).is_empty());
    let ended = stage.get(&format!("/v1/handoffs/{}", text(&silent["handoff"]))).await.ok();
    assert_eq!((&ended["phase"], &ended["over"]), (&json!("expired"), &json!(true)));
    stage.say(&back, "complete", json!({ "result": "without the silent one" })).await.ok();
    assert_eq!(stage.get(&format!("/v1/handoffs/{outer}")).await.ok()["phase"], "completed");
}
