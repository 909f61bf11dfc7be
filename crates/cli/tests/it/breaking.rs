//! Things go wrong in the middle, and it goes on from there.

use crate::stage::Stage;

#[test]
fn a_failing_agent_leaves_a_dead_letter_that_can_be_mended_and_sent_again() {
    let stage = Stage::with(&["upper", "picky"]);
    let ran =
        stage.run(&["run", "team.yaml", "--input", "text=bad"]).exits(1).says("dead letter").says("it is bad").says("dead-letters redrive");
    assert_eq!(ran.out, "");
    let letters = stage.json(&["dead-letters", "list"]);
    let id = letters[0]["handoff"].as_str().unwrap();
    assert_eq!((&letters[0]["step"], letters.as_array().unwrap().len()), (&"picky".into(), 1));
    assert_eq!(stage.json(&["dead-letters", "show", id])["content"]["text"], "BAD");
    let stuck = stage.run(&["resume"]).exits(1).says("dead-letters redrive").err;
    assert!(!stuck.contains("going on with") && !stuck.contains("understood"), "nothing is told twice of what stands still: {stuck}");
    stage.run(&["dead-letters", "redrive", id, "--payload", "no-such-file"]).exits(2).says("neither JSON nor a file");
    stage.run(&["dead-letters", "redrive", id, "--payload", "{\"text\": 7}"]).exits(3).says("[HC-008]").says("/text");
    stage.run(&["dead-letters", "redrive", id, "--payload", "{\"text\": \"fine\"}"]).exits(0).says("handclasp resume");
    assert_eq!(stage.run(&["resume"]).exits(0).out, "fine!\n");
    assert_eq!(stage.read("upper.log"), "bad\n", "the first step was not repeated");
    assert_eq!(stage.json(&["dead-letters", "list"]).as_array().unwrap().len(), 0);
}

#[test]
fn after_a_kill_it_goes_on_and_no_guarded_effect_happens_twice() {
    let stage = Stage::with(&["upper", "charge"]);
    let run = stage.start(&["run", "team.yaml"]);
    stage.wait_for("stuck");
    run.kill();
    assert_eq!(stage.json(&["runs"])[0]["condition"], "running");
    assert_eq!(stage.run(&["resume"]).exits(0).says("going on with").out, "HELLO charged\n");
    assert_eq!(stage.read("upper.log"), "hello\n", "finished work was not repeated");
    assert_eq!(stage.read("charges.log"), "charged\n", "the effect happened once");
    stage.run(&["verify"]).exits(0);
    stage.run(&["resume"]).exits(0).says("nothing to resume");
}

#[test]
fn whoever_is_asked_about_an_effect_sees_what_was_about_to_be_done() {
    let stage = Stage::with(&["pay"]);
    let run = stage.start(&["run", "team.yaml"]);
    stage.wait_for("stuck");
    run.kill();
    stage.run(&["resume"]).exits(4).says("Did it happen?");
    let inbox = stage.run(&["inbox"]).exits(0).out;
    assert!(inbox.contains("pay(A-17)") && inbox.contains("\"amount\": 120") && inbox.contains("for order A-17"), "{inbox}");
    let show = stage.run(&["show", &stage.only_run()]).exits(0).out;
    assert!(show.contains("\"amount\": 120"), "{show}");
    let asked = &stage.json(&["inbox"])[0];
    assert_eq!(asked["arguments"]["amount"], 120);
    stage.run(&["resolve", asked["interrupt"].as_str().unwrap(), "happened"]).exits(0).says("\"amount\": 120");
    assert_eq!(stage.run(&["resume"]).exits(0).out, "had been paid\n");
    stage.run(&["verify"]).exits(0);
}

#[test]
fn a_signal_gives_the_work_back_and_says_how_to_go_on() {
    for signal in ["-INT", "-TERM"] {
        let stage = Stage::with(&["upper", "slow"]);
        let run = stage.start(&["run", "team.yaml"]);
        stage.wait_for("stuck");
        run.signal(signal);
        run.ends().exits(130).says("stopping").says("handclasp resume run_");
        let id = stage.only_run();
        let trace = stage.json(&["trace", &id]);
        assert_eq!(trace["handoffs"][1]["attempts"][0]["end"], "given back", "{trace}");
        assert_eq!(stage.run(&["resume", &id]).exits(0).out, "HELLO\n");
    }
}

#[test]
fn a_changed_agent_is_named_and_only_accepted_when_told_so() {
    let stage = Stage::with(&["approve", "upper"]);
    stage.run(&["run", "team.yaml"]).exits(4);
    let changed = stage.read("upper.py").replace("].upper()", "].upper() + \"?\"");
    stage.write("upper.py", &changed);
    let id = stage.json(&["inbox"])[0]["interrupt"].as_str().unwrap().to_owned();
    stage
        .run(&["resume"])
        .exits(3)
        .says(&format!("{}: agent `upper` has changed", stage.only_run()))
        .says("[HC-031]")
        .says("--accept-change");
    stage.run(&["resolve", &id, "approved"]).exits(3).says("agent `upper` has changed");
    stage.run(&["resume", "--accept-change"]).exits(4);
    stage.run(&["resolve", &id, "approved"]).exits(0);
    assert_eq!(stage.run(&["resume"]).exits(0).out, "HELLO?\n");
}

#[test]
fn a_team_file_that_moved_is_asked_for() {
    let stage = Stage::with(&["approve", "upper"]);
    stage.run(&["run", "team.yaml"]).exits(4);
    std::fs::rename(stage.path("team.yaml"), stage.path("other.yaml")).unwrap();
    stage.run(&["resume"]).exits(2).says("--team PATH");
    stage.run(&["resume", "--team", "other.yaml"]).exits(4);
}

#[test]
fn a_run_that_was_cancelled_is_over() {
    let stage = Stage::with(&["approve", "upper"]);
    stage.run(&["run", "team.yaml"]).exits(4);
    let run = stage.only_run();
    stage.run(&["cancel", &run, "--reason", "not needed"]).exits(0);
    assert_eq!(stage.json(&["runs", "--condition", "cancelled"])[0]["reason"], "not needed");
    assert_eq!(stage.json(&["inbox"]).as_array().unwrap().len(), 0);
    stage.run(&["resume", &run]).exits(1).says("not needed");
    stage.run(&["cancel", &run, "--reason", "again"]).exits(3).says("[HC-005]");
}
