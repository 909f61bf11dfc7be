//! A person is asked, and answers.

use crate::stage::{Stage, wait_until};

/// The only open question.
fn asked(stage: &Stage) -> String {
    stage.json(&["inbox"])[0]["interrupt"].as_str().unwrap().to_owned()
}

#[test]
fn an_approval_stops_the_run_until_somebody_has_answered() {
    let stage = Stage::with(&["upper", "approve", "picky"]);
    let ran = stage.run(&["run", "team.yaml"]).exits(4).says("handclasp inbox").says("approved|rejected").says("handclasp resume");
    assert_eq!(ran.out, "");
    let inbox = stage.run(&["inbox"]).exits(0).out;
    assert!(inbox.contains("HELLO") && inbox.contains("sha256:"), "{inbox}");
    stage.run(&["resume"]).exits(4);
    let id = asked(&stage);
    stage.run(&["resolve", &id, "maybe"]).exits(3).says("[HC-023]");
    stage.run(&["resolve", &id, "--text", "fine"]).exits(2).says("one of: approved, rejected");
    let other = format!("sha256:{}", "0".repeat(64));
    stage.run(&["resolve", &id, "approved", "--shown", &other]).exits(3).says("[HC-022]");
    stage.run(&["resolve", &id[id.len() - 6..], "approved"]).exits(0).says("HELLO").says("handclasp resume");
    stage.run(&["resolve", &id, "rejected"]).exits(0).says("somebody was faster");
    assert_eq!(stage.run(&["resume"]).exits(0).out, "HELLO!\n");
    let trace = stage.run(&["trace", &stage.only_run()]).exits(0).out;
    assert!(trace.contains("asks a person") && trace.contains(" says approved"), "a trace names who decided what: {trace}");
}

#[test]
fn a_run_that_waits_goes_on_when_another_process_answers() {
    let stage = Stage::with(&["approve", "upper"]);
    let run = stage.start(&["run", "team.yaml", "--wait"]);
    wait_until("the question", || stage.path("handclasp.db").exists() && stage.run(&["inbox", "--json"]).out.contains("int_"));
    stage.run(&["run", "team.yaml"]).exits(5).says("in use by another process").says("hint:");
    stage.run(&["resolve", &asked(&stage), "maybe"]).exits(3).says("[HC-023]");
    let answer = stage.json(&["resolve", &asked(&stage), "approved"]);
    assert_eq!((&answer["choice"], &answer["yours"]), (&"approved".into(), &true.into()));
    assert_eq!(run.ends().exits(0).out, "HELLO\n");
}

#[test]
fn an_agent_that_asks_gets_its_answer_after_the_run_was_resumed() {
    let stage = Stage::with(&["ask"]);
    stage.run(&["run", "team.yaml"]).exits(4).says("red|blue");
    stage.run(&["resolve", &asked(&stage), "blue"]).exits(0);
    assert_eq!(stage.run(&["resume"]).exits(0).out, "blue\n");
}
