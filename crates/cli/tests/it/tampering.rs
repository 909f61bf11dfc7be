//! Stores that are not what they should be.

use rusqlite::Connection;

use crate::stage::Stage;

fn finished() -> Stage {
    let stage = Stage::with(&["upper"]);
    stage.run(&["run", "team.yaml"]).exits(0);
    stage
}

fn change(stage: &Stage, statement: &str) {
    let connection = Connection::open(stage.path("handclasp.db")).unwrap();
    let changed = connection.execute(statement, ()).unwrap();
    assert!(changed > 0, "`{statement}` changed nothing");
}

#[test]
fn verify_names_the_first_event_that_was_altered() {
    let stage = finished();
    stage.run(&["verify"]).exits(0).says("nothing is altered");
    change(&stage, "UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), 'upper', 'lower') AS BLOB) WHERE version = 4");
    let ran = stage.run(&["verify"]).exits(1);
    assert!(ran.out.contains("event 4:"), "{ran:?}");
    assert_eq!(stage.json(&["verify", &stage.only_run()])["problems"][0]["event"], 4);
}

#[test]
fn what_was_erased_is_not_called_altered() {
    let stage = finished();
    let run = stage.only_run();
    let result = stage.json(&["trace", &run])["handoffs"][0]["result"]["digest"].as_str().unwrap().to_owned();
    let printed = &result["sha256:".len()..][..12];
    assert!(stage.run(&["trace", &run]).exits(0).out.contains(printed), "a trace names it as it can be typed");
    stage.run(&["erase", &run, &printed[..11]]).exits(2).says("is not a digest").says("12 or more");
    stage.run(&["erase", &run, printed]).exits(0);
    let verified = stage.json(&["verify"]);
    assert_eq!((&verified["erased"], &verified["problems"]), (&1.into(), &serde_json::json!([])));
    assert!(stage.run(&["trace", &run]).exits(0).out.contains("{\"erased\":"));
    stage.run(&["erase", &run, &format!("sha256:{}", "0".repeat(64))]).exits(2).says("has no content");
}

#[test]
fn lists_that_were_lost_are_computed_again() {
    let stage = Stage::with(&["approve", "upper"]);
    stage.run(&["run", "team.yaml"]).exits(4);
    change(&stage, "DELETE FROM outbox");
    assert_eq!(stage.json(&["inbox"]).as_array().unwrap().len(), 0);
    stage.run(&["rebuild"]).exits(0).says("1 run computed again");
    assert_eq!(stage.json(&["inbox"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_newer_store_and_a_foreign_database_are_refused_by_name() {
    let stage = finished();
    Connection::open(stage.path("handclasp.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    stage.run(&["runs"]).exits(5).says("at version 99").says("newer handclasp");
    Connection::open(stage.path("foreign.db")).unwrap().execute("CREATE TABLE theirs (a)", ()).unwrap();
    stage.run(&["runs", "--store", "foreign.db"]).exits(5).says("is not a handclasp store");
    stage.run(&["run", "team.yaml", "--store", "foreign.db"]).exits(5).says("is not a handclasp store");
    let ran = stage
        .run(&["runs", "--store", "none.db"])
        .exits(5)
        .says("handclasp: failed to open the store `none.db`\n  caused by: there is no store");
    assert!(ran.err.contains("  hint: `handclasp run TEAM` and `handclasp up` make one"), "{}", ran.err);
    let ran = stage.run(&["runs", "--store", "none.db", "--json"]).exits(5);
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"]["exit"], 5);
}
