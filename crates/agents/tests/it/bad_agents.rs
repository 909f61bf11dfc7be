//! Agents that crash, hang or talk garbage. Each gets its own clear error, and nothing hangs.

use handclasp_core::contract::ReadBackLevel;
use handclasp_core::event::Event;
use handclasp_core::time::Millis;

use crate::house::House;

fn expect(house: House, kind: &str, words: &str) {
    let (found, message) = house.run().error();
    assert_eq!(found, kind, "{message}");
    assert!(message.contains(words), "`{message}` does not say `{words}`");
}

#[test]
fn not_json() {
    expect(
        House::python("import sys; sys.stdin.readline(); print('Hello, I am an agent', flush=True); sys.stdin.readline()"),
        "garbage",
        "Hello, I am an agent",
    );
}

#[test]
fn wrong_id() {
    let script = r#"
import sys
sys.stdin.readline()
print('{"jsonrpc": "2.0", "id": "w-99", "result": {"result": 1}}', flush=True)
sys.stdin.readline()
"#;
    expect(House::python(script), "wrong_id", "w-99");
}

#[test]
fn neither_result_nor_error() {
    let script = "import sys; sys.stdin.readline(); print('{\"jsonrpc\": \"2.0\", \"id\": \"w-1\"}', flush=True); sys.stdin.readline()";
    expect(House::python(script), "garbage", "either `result` or `error`");
}

#[test]
fn a_hundred_megabytes_in_one_line() {
    let script = "import sys; sys.stdin.readline(); sys.stdout.write('x' * 100_000_000); sys.stdout.flush(); sys.stdin.readline()";
    expect(House::python(script), "line_too_long", "longer than");
}

#[test]
fn exit_in_the_middle_with_last_words() {
    let script = "import sys; sys.stdin.readline(); print('out of luck', file=sys.stderr); sys.exit(7)";
    let house = House::python(script);
    let (kind, message) = house.run().error();
    assert_eq!(kind, "exited");
    assert!(message.contains("exit status: 7") && message.contains("out of luck"), "{message}");
}

#[test]
fn silence_is_ended_by_the_timeout() {
    let mut house = House::python("import sys, time; time.sleep(3600)");
    house.timeout = Millis(300);
    expect(house, "timed_out", "not done within 300 ms");
}

#[test]
fn an_agent_that_is_not_there() {
    let mut house = House::python("");
    house.argv = vec!["no-such-program-anywhere"];
    expect(house, "not_started", "no-such-program-anywhere");
}

#[test]
fn a_result_that_stays_broken_fails_after_two_mends() {
    let script = r#"
import json, sys
for line in sys.stdin:
    print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": {"result": {"text": 5}}}), flush=True)
"#;
    let (kind, message) = House::python(script).run().error();
    assert_eq!(kind, "refused");
    assert!(message.contains("3 times") && message.contains("HC-008") && message.contains("/text"), "{message}");
}

#[test]
fn an_agent_that_cannot_mend_fails_at_once() {
    let script = r#"
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "work":
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"result": {"text": 5}}}), flush=True)
    else:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "unknown"}}), flush=True)
"#;
    expect(House::python(script), "not_mended", "cannot mend");
}

#[test]
fn no_read_back_where_one_is_asked() {
    let script = r#"
import json, sys
for line in sys.stdin:
    print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": {"result": {"text": "x"}}}), flush=True)
"#;
    let mut house = House::python(script);
    house.read_back = ReadBackLevel::Echo;
    expect(house, "refused", "HC-004");
}

#[test]
fn a_decline_says_why() {
    let script = r#"
import json, sys
for line in sys.stdin:
    print(json.dumps({"jsonrpc": "2.0", "method": "decline", "id": 1, "params": {"reason": "not my job"}}), flush=True)
"#;
    let ended = House::python(script).run();
    assert_eq!(ended.count(|event| matches!(event, Event::HandoffDeclined { reason, .. } if reason == "not my job")), 1);
}

#[test]
fn a_retryable_failure_is_tried_again_and_a_permanent_one_is_not() {
    let script = r#"
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    retryable = message["params"]["attempt"] < 2
    error = {"code": -32000, "message": "busy", "data": {"kind": "unavailable", "retryable": retryable}}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}), flush=True)
"#;
    let mut house = House::python(script);
    house.attempts = 5;
    let ended = house.run();
    assert_eq!(ended.error().0, "unavailable");
    assert_eq!(ended.count(|event| matches!(event, Event::AttemptFailed { .. })), 2);
}
