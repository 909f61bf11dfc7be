//! Agents that do what the protocol says.

use handclasp_core::command::Voice;
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::event::{Event, RunOutcome};
use serde_json::json;

use crate::house::House;

/// The loop that all of them share: `answer(briefing)` gives the result.
macro_rules! agent {
    ($body:literal) => {
        concat!(
            r#"
import json, sys
def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def read():
    line = sys.stdin.readline()
    return json.loads(line) if line else sys.exit()
def call(method, **params):
    send(id=method, method=method, params=params)
    while True:
        message = read()
        if message.get("id") == method and "method" not in message:
            return message
def echo(briefing):
    asked = briefing["read_back"]
    return call("accept", contract=asked["contract"], payload=asked["payload"], items=asked["items"], criteria=asked.get("criteria", []))
while True:
    message = read()
    if message.get("method") == "work":
        briefing = message["params"]
"#,
            $body,
            r#"
        send(id=message["id"], result=result)
    elif message.get("method") == "mend":
        send(id=message["id"], result={"result": {"text": "mended " + message["params"]["violations"][0]["pointer"]}})
"#
        )
    };
}

#[test]
fn a_silent_agent_is_accepted_for_and_counts_as_delivered() {
    let ended = House::python(agent!(
        r#"
        print("a word on stderr", file=sys.stderr, flush=True)
        result = {"result": {"text": briefing["payload"]["text"].upper()}, "usage": {"tokens_in": 7}}
"#
    ))
    .run();
    assert_eq!(ended.result, Some(json!({ "text": "ONE TWO THREE" })));
    assert_eq!(ended.run.usage.tokens_in, 7);
    assert!(matches!(ended.run.outcome, Some(RunOutcome::Completed { approved: true, .. })));
    assert_eq!(ended.count(|event| matches!(event, Event::HandoffAccepted { read_back, .. } if read_back.by == Voice::Driver)), 1);
}

#[test]
fn an_echo_counts_as_understood_and_a_gap_is_refused_first() {
    let mut house = House::python(agent!(
        r#"
        refused = call("accept", contract="work@1.0.0", payload=briefing["read_back"]["payload"], items=[])
        assert refused["error"]["data"]["code"] == "HC-013", refused
        assert "result" in echo(briefing)
        result = {"result": {"text": refused["error"]["data"]["code"]}}
"#
    ));
    house.read_back = ReadBackLevel::Echo;
    let ended = house.run();
    assert_eq!(ended.result, Some(json!({ "text": "HC-013" })));
    assert_eq!(ended.count(|event| matches!(event, Event::HandoffAccepted { read_back, .. } if read_back.by == Voice::Agent)), 1);
}

#[test]
fn a_broken_result_comes_back_to_be_mended() {
    let ended = House::python(agent!(
        r#"
        result = {"result": {"text": 5}}
"#
    ))
    .run();
    assert_eq!(ended.result, Some(json!({ "text": "mended /text" })));
}

#[test]
fn effects_questions_and_content_go_through_the_engine() {
    let mut house = House::python(agent!(
        r#"
        first = call("effect/begin", name="mail", arguments={"to": "a"})["result"]
        call("effect/finish", name="mail", happened=True, result="sent")
        second = call("effect/begin", name="mail", arguments={"to": "b"})["result"]
        call("effect/finish", name="mail", happened=False)
        item = briefing["items"][0]
        value = call("context/get", item=item["id"])["result"]["value"]
        answer = call("ask", asking="approval", shown={"send": 1})["result"]
        send(method="progress", params={"percent": 50, "note": "half"})
        result = {"result": {"text": " ".join([str(first["proceed"]), str(second["proceed"]), value, answer["choice"]])}}
"#
    ));
    house.answer = Some("approved");
    let ended = house.run();
    assert_eq!(ended.result, Some(json!({ "text": "True True At most three words. approved" })));
    assert_eq!(ended.count(|event| matches!(event, Event::EffectBegan { .. })), 2);
    assert_eq!(ended.count(|event| matches!(event, Event::ProgressReported { .. })), 1);
}

#[test]
fn a_second_attempt_finds_the_effects_of_the_first() {
    let mut house = House::python(agent!(
        r#"
        known = call("effect/begin", name="mail", arguments={"n": briefing["attempt"]})["result"]
        if known["proceed"]:
            call("effect/finish", name="mail", happened=True, result="sent once")
            sys.exit(1)
        result = {"result": {"text": known["result"]}}
"#
    ));
    house.attempts = 2;
    let ended = house.run();
    assert_eq!(ended.result, Some(json!({ "text": "sent once" })));
    assert_eq!(ended.count(|event| matches!(event, Event::EffectBegan { .. })), 1);
    assert_eq!(ended.count(|event| matches!(event, Event::DivergenceNoted { .. })), 1, "the second attempt called it with other arguments");
}

#[test]
fn a_delegation_comes_back_to_the_one_that_waits_with_what_it_had_kept() {
    let ended = House::python(agent!(
        r#"
        if briefing["agent"] == "other":
            result = {"result": {"text": "from the other"}}
        elif "returned" in briefing:
            result = {"result": {"text": briefing["returned"][0]["result"]["text"] + ", " + briefing["continuation"]}}
        else:
            result = {"delegate": {"to": "other", "contract": "work@1", "payload": {"text": "help"}}, "continuation": "kept"}
"#
    ))
    .run();
    assert_eq!(ended.result, Some(json!({ "text": "from the other, kept" })));
    assert_eq!(ended.run.handoffs().len(), 2);
}

#[test]
fn a_result_can_hand_on_in_the_same_commit() {
    let ended = House::python(agent!(
        r#"
        if briefing["agent"] == "other":
            result = {"result": {"text": briefing["from"]}}
        else:
            result = {"result": {"text": "x"}, "next": {"to": "other", "contract": "work@1", "payload": {"text": "go on"}}}
"#
    ))
    .run();
    assert_eq!(ended.result, Some(json!({ "text": "worker" })));
}

#[test]
fn whoever_hands_on_says_what_becomes_of_it_if_the_receiver_is_full() {
    // The worker has room for one handoff, and holds it.
    let ended = House::python(agent!(
        r#"
        if briefing["agent"] == "other":
            result = {"result": {"text": "done in its place"}}
        else:
            more = {"to": "worker", "contract": "work@1", "payload": {"text": "more"}, "fallback": "other"}
            code = call("spawn", when_full="refuse", **more)["error"]["data"]["code"]
            call("spawn", when_full="fallback", **more)
            result = {"result": {"text": code}}
"#
    ))
    .run();
    let offered = |event: &Event| matches!(event, Event::HandoffOffered(offered) if offered.to.as_str() == "other" && offered.instead_of.as_ref().is_some_and(|full| full.as_str() == "worker"));
    assert_eq!((ended.count(offered), ended.run.handoffs().len()), (1, 2), "{:#?}", ended.events);
    let code = handclasp_core::blob::Digest::of_json(&json!({ "text": "HC-029" }));
    assert_eq!(ended.count(|event| matches!(event, Event::HandoffCompleted { result, .. } if result.digest == code)), 1);
}

#[test]
fn a_parked_question_is_answered_in_the_next_briefing() {
    let mut house = House::python(agent!(
        r#"
        if "answers" in briefing:
            result = {"result": {"text": briefing["answers"][0]["choice"] + " " + briefing["continuation"]}}
        else:
            result = {"park": {"asking": "question", "shown": "which?", "options": ["red", "blue"]}, "continuation": "kept"}
"#
    ));
    house.answer = Some("blue");
    let ended = house.run();
    assert_eq!(ended.result, Some(json!({ "text": "blue kept" })));
}

#[test]
fn the_environment_is_empty_but_for_what_is_named() {
    // Cargo sets the second of these for every test.
    let ended = House::python(agent!(
        r#"
        import os
        result = {"result": {"text": ",".join(name for name in ("PATH", "CARGO_MANIFEST_DIR") if name in os.environ)}}
"#
    ))
    .run();
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert_eq!(ended.result, Some(json!({ "text": "PATH" })));
}
