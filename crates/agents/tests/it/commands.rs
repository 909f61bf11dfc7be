//! Any command as an agent.

use handclasp_agents::{Form, LaunchKind};
use handclasp_core::event::Event;
use handclasp_core::time::Millis;
use serde_json::json;

use crate::house::House;

fn command(form: Form, script: &'static str) -> House {
    let mut house = House::python(script);
    house.argv = vec!["sh", "agent"];
    house.kind = LaunchKind::Command { stdin: form };
    house
}

#[test]
fn an_object_with_a_result_is_the_response() {
    let ended = command(Form::Json, r#"grep -q '"payload":{"text":"one two three"}' && echo '{"result": {"text": "seen"}}'"#).run();
    assert_eq!(ended.result, Some(json!({ "text": "seen" })));
}

#[test]
fn markdown_carries_task_and_constraints() {
    let script = r#"
page=$(cat)
case "$page" in *"Count the words."*"At most three words."*) echo '{"result": {"text": "both"}}';; esac
"#;
    let ended = command(Form::Markdown, script).run();
    assert_eq!(ended.result, Some(json!({ "text": "both" })));
}

#[test]
fn exit_code_75_is_tried_again() {
    let mut house = command(Form::Markdown, "test -e seen && echo '{\"result\": {\"text\": \"second\"}}' && exit 0; touch seen; exit 75");
    house.attempts = 2;
    let ended = house.run();
    assert_eq!(ended.result, Some(json!({ "text": "second" })));
    assert_eq!(ended.count(|event| matches!(event, Event::AttemptFailed { .. })), 1);
}

#[test]
fn any_other_exit_code_is_final_and_stderr_is_the_message() {
    let mut house = command(Form::Markdown, "echo 'no paper' >&2; exit 3");
    house.attempts = 3;
    let ended = house.run();
    let (kind, message) = ended.error();
    assert_eq!(kind, "exited");
    assert!(message.contains("exit code 3") && message.contains("no paper"), "{message}");
    assert_eq!(ended.count(|event| matches!(event, Event::AttemptFailed { .. })), 1);
}

#[test]
fn a_command_that_hangs_is_ended_with_everything_it_started() {
    let mut house = command(Form::Markdown, "sleep 3600 & sleep 3600");
    house.timeout = Millis(300);
    assert_eq!(house.run().error().0, "timed_out");
}

#[test]
fn plain_text_is_the_result_and_must_hold_its_contract() {
    let (kind, message) = command(Form::Markdown, "echo three").run().error();
    assert_eq!(kind, "refused");
    assert!(message.contains("HC-008"), "{message}");
}
