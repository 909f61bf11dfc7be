//! Runs inside runs: a budget is set aside, settled, and whoever waits goes on.

use handclasp_core::event::Awaiting;

use crate::script::{check, check_on};
use crate::stage::Stage;

const TEAM: &str = "
    given agent a
    given agent b
";

#[test]
fn a_child_runs_on_what_was_set_aside_and_returns_the_rest() {
    let mut stage = check(&format!(
        "{TEAM}
        given open to=a run-limit=tokens:100,depth:3 limit=tokens:80
        given claim 1 accept
        given offer 1 to=b
        given claim 2 accept
        when child 2 1 reserve=81           then HC-016 tokens is used up: 81 of 80
        when child 2 1 reserve=50           then events child_reserved handoff_parked and 2 is waiting
        when child 1 2 reserve=40           then HC-016 tokens is used up: 90 of 80
        when child 1 1 reserve=10           then HC-041
        when offer 1 to=b ordinal=1         then handoff 3
        "
    ));
    let child = &stage.run().children()[&Stage::child_id(1)];
    assert_eq!(child.open.limits.tokens, Some(50), "the child gets what was set aside and no more");
    assert_eq!(child.open.limits.depth, Some(2), "one delegation less");
    assert_eq!(child.open.parent.map(|parent| parent.handoff), Some(Stage::handoff_id(2)));
    check_on(
        &mut stage,
        "
        when child-closed 9                             then HC-001
        when child-closed 1 tokens=20 result=found      then events child_settled handoff_returned and 2 is offered and 1 tokens 20
        when child-closed 1 tokens=20 result=found      then nothing
        when child 1 2 reserve=60                       then events child_reserved handoff_parked
        ",
    );
    let returned = &stage.run().handoffs()[1].returned[0];
    assert_eq!((returned.from, returned.result), (Awaiting::Run(Stage::child_id(1)), Some(stage.clone().content("found"))));
}

#[test]
fn a_child_that_failed_tells_whoever_waits() {
    let stage = check(&format!(
        "{TEAM}
        given open to=a
        given claim 1 accept
        given child 1 1
        when child-closed 1 failed          then 1 is offered
        "
    ));
    let closing = stage.run().handoffs()[0].returned[0].closing.as_ref().map(ToString::to_string);
    assert_eq!(closing.as_deref(), Some("failed: it broke (broken)"));
}

#[test]
fn a_child_is_settled_even_after_the_run_has_ended() {
    let stage = check(&format!(
        "{TEAM}
        given open to=a
        given claim 1 accept
        given child 1 1 reserve=30
        given cancel
        when child-closed 1 tokens=7 result=late then events child_settled and run cancelled
        "
    ));
    assert_eq!(stage.run().usage.tokens(), 7);
    assert_eq!(stage.run().reserved.tokens, 0);
    assert_eq!(stage.run().all_owed(), []);
}

#[test]
fn a_child_has_no_more_time_than_who_waits_for_it() {
    let stage = check(&format!(
        "{TEAM}
        given open to=a finish=500 run-limit=time:900
        given claim 1 accept at=100
        given child 1 1
        "
    ));
    assert_eq!(stage.run().children()[&Stage::child_id(1)].open.limits.time_ms, Some(400));
}
