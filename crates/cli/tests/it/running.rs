//! A team runs, and what it did can be looked at.

use crate::stage::Stage;

#[test]
fn a_team_runs_and_its_result_is_the_only_thing_on_standard_output() {
    let stage = Stage::with(&["upper", "picky"]);
    let ran = stage.run(&["run", "team.yaml", "--input", "text=good"]).exits(0).says("upper: done").says("understood  yes, says the agent");
    assert_eq!(ran.out, "GOOD!\n");
    let ran = stage.run(&["run", ".", "--quiet"]).exits(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("HELLO!\n", ""));
}

#[test]
fn a_run_as_json_has_its_result_and_its_trace() {
    let stage = Stage::with(&["upper"]);
    let ending = stage.json(&["run", "team.yaml"]);
    assert_eq!((&ending["condition"], &ending["result"]["text"]), (&"completed".into(), &"HELLO".into()));
    let run = ending["run"].as_str().unwrap();
    let trace = stage.json(&["trace", run]);
    let hop = &trace["handoffs"][0];
    assert_eq!((&hop["step"], &hop["outcome"], &hop["sent"]["contract"]), (&"upper".into(), &"completed".into(), &"note@1.0.0".into()));
    assert_eq!((&hop["read_back"]["by"], &hop["read_back"]["understood"]), (&"agent".into(), &true.into()));
    assert_eq!((&hop["delivered"]["must_carry"], &hop["read_back"]["items"]), (&1.into(), &1.into()));
    assert!(hop["delivered"]["briefing_tokens"].as_u64().unwrap() > 20, "{hop}");
    let show = stage.json(&["show", run]);
    assert_eq!((&show["handoffs"][0]["phase"], &show["items"][0]["key"]), (&"completed".into(), &"polite".into()));
    stage.run(&["show", run]).exits(0);
    stage.run(&["trace", run]).exits(0);
}

#[test]
fn a_key_opens_one_run_and_other_inputs_under_it_are_refused() {
    let stage = Stage::with(&["upper"]);
    let run = ["run", "team.yaml", "--key", "monday"];
    let first = stage.json(&run);
    let second = stage.json(&run);
    assert_eq!((&first["run"], &first["result"]), (&second["run"], &second["result"]));
    assert_eq!(stage.read("upper.log"), "hello\n");
    stage.run(&["run", "team.yaml", "--key", "monday", "--input", "text=other"]).exits(3).says("[HC-006]").says("handclasp explain HC-006");
}

#[test]
fn events_are_printed_as_they_are_stored_and_followed_to_the_end() {
    let stage = Stage::with(&["upper"]);
    stage.run(&["run", "team.yaml"]).exits(0);
    let run = stage.only_run();
    let all = stage.run(&["events", &run, "--follow", "--json"]).exits(0).out;
    let lines: Vec<serde_json::Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["event"]["type"], "run_opened");
    assert_eq!(lines.last().unwrap()["event"]["type"], "run_closed");
    let rest = stage.run(&["events", &run, "--after", "1"]).exits(0).out;
    assert_eq!(rest.lines().count(), lines.len() - 1);
}

#[test]
fn the_end_of_an_id_will_do_and_an_ambiguous_one_is_refused() {
    let stage = Stage::with(&["upper"]);
    stage.run(&["run", "team.yaml"]).exits(0);
    stage.run(&["run", "team.yaml"]).exits(0);
    let run = stage.only_run();
    let tail = &run[run.len() - 8..];
    assert_eq!(stage.json(&["show", tail])["summary"]["run"], run.as_str());
    let trace = stage.json(&["show", tail])["summary"]["trace_id"].as_str().unwrap().to_owned();
    assert_eq!(stage.json(&["show", &trace])["summary"]["run"], run.as_str(), "a run is found by its trace as well");
    stage.run(&["show", ""]).exits(2).says("could be 2 runs").says("hint: give more");
    stage.run(&["show", "run_01arz3ndektsv4rrffq69g5fav"]).exits(2).says("there is no run");
    stage.run(&["resolve", "nonsense", "yes"]).exits(2).says("is not an id");
}

#[test]
fn a_broken_team_file_is_refused_with_all_its_mistakes() {
    let stage = Stage::with(&["upper"]);
    let broken = stage.read("team.yaml").replace("to: upper", "to: uper").replace("python3", "python3, 7").replace("task:", "tusk:");
    stage.write("team.yaml", &broken);
    let ran = stage.run(&["check", "team.yaml"]).exits(2).says("did you mean `upper`?").says("did you mean `task`?").says("team.yaml:2:");
    assert_eq!(ran.out, "");
    let ran = stage.run(&["run", "team.yaml", "--json"]).exits(2);
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert!(error["error"]["mistakes"].as_array().unwrap().len() >= 2, "{error}");
    assert!(!stage.path("handclasp.db").exists(), "nothing was opened");
    stage.run(&["run", "nowhere.yaml"]).exits(2).says("failed to read the team file `nowhere.yaml`");
}

#[test]
fn a_good_team_file_is_shown_as_a_picture() {
    let stage = Stage::with(&["upper", "approve", "picky"]);
    let ran = stage.run(&["check", "."]).exits(0);
    assert!(ran.out.contains("├─ upper → upper  note@1.0.0 → note@^1\n├─ a person approves publish\n└─ picky"), "{}", ran.out);
    assert_eq!(stage.json(&["check", "."])["agents"][0]["name"], "upper");
}

#[test]
fn wrong_inputs_are_named_all_at_once() {
    let stage = Stage::with(&["upper"]);
    let ran = stage.run(&["run", ".", "--input", "txet=1", "-i", "other=2"]).exits(2).says("--input txet").says("--input other");
    assert!(ran.err.ends_with("handclasp: the inputs are not what the team takes\n"), "{}", ran.err);
    stage.run(&["run", ".", "--input", "text"]).exits(2).says("is not NAME=VALUE");
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let stage = Stage::with(&["upper"]);
    stage.run(&["run", "team.yaml"]).exits(0);
    let mut events = stage.command(&["events", &stage.only_run()]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = crate::stage::Ran::from(events.stdout(writer).output().unwrap()).exits(0);
    assert_eq!(ran.err, "");
}
