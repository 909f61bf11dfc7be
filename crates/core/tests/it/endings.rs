//! Declines, failures, deadlines, dead letters, cancelling: whatever stops has a reason and a place.

use handclasp_core::event::RunOutcome;
use handclasp_core::run::{Slot, Standing};

use crate::script::{check, check_on};
use crate::stage::Stage;

const TEAM: &str = "
    given contract order@1.0.0 needs=order
    given agent a
    given agent b fallback=c
    given agent c
    given agent d accepts=order@1
";

fn check_team(text: &str) -> Stage {
    check(&format!("{TEAM}{text}"))
}

#[test]
fn a_declined_handoff_goes_to_the_fallback_then_back_then_to_a_person() {
    check_team(
        "
        given open to=a
        given claim 1 accept
        given complete 1 next=b fallback=d
        given claim 2
        when decline 2 why=busy             then events handoff_declined handoff_rerouted and 2 to d
        given claim 2
        when decline 2 why=busy             then events handoff_declined handoff_offered handoff_ended and 2 is declined and 3 to a and 3 kind return
        given claim 3
        when decline 3 why=stuck            then events handoff_declined dead_lettered and why declined: stuck
        ",
    );
    check_team(
        "
        given open to=b
        given claim 1
        when decline 1                      then 1 to c
        given claim 1
        when decline 1 why=busy             then events handoff_declined dead_lettered and run stopped and why `c`: declined: busy
        ",
    );
}

#[test]
fn a_retryable_failure_waits_longer_each_time_and_ends_as_a_dead_letter() {
    check_team(
        "
        given open to=a attempts=3 backoff=100
        given claim 1 accept
        when fail 1                         then events attempt_failed handoff_requeued
        when claim 1 accept at=99           then HC-030
        given claim 1 accept at=100
        given fail 1
        when claim 1 accept at=299          then HC-030
        given claim 1 accept at=300
        when fail 1                         then events attempt_failed dead_lettered and run stopped and why it broke
        ",
    );
    check_team(
        "
        given open to=a
        given claim 1 accept
        when fail 1 permanently             then events attempt_failed dead_lettered
        ",
    );
    check_team(
        "
        given open to=b attempts=1
        given claim 1 accept
        when fail 1                         then events attempt_failed handoff_rerouted and 1 to c and 1 attempts 0
        ",
    );
}

#[test]
fn every_time_it_is_offered_it_has_as_long_to_be_claimed() {
    check_team(
        "
        given open to=a answer=100 backoff=10
        given claim 1 accept at=90
        when fail 1                         then 1 answer 200
        when wake at=199                    then nothing
        when wake at=200                    then events dead_lettered and why nobody claimed it in time
        ",
    );
    check_team(
        "
        given open to=b answer=100
        when wake at=100                    then 1 to c and 1 answer 200
        when wake at=200                    then 1 is dead-lettered
        ",
    );
    check_team(
        "
        given open to=a answer=100
        given claim 1 accept
        given offer 1 delegate to=c
        given claim 2 accept
        when complete 2 at=150              then 1 is offered and 1 answer 250
        ",
    );
}

#[test]
fn what_is_overdue_is_overdue_for_the_fallback_too() {
    check_team(
        "
        given open to=b finish=100
        given claim 1 accept
        when wake at=100                    then events dead_lettered and 1 to b and why not finished in time
        ",
    );
}

#[test]
fn a_dead_letter_is_sent_again_with_another_payload_to_another_receiver_and_with_new_deadlines() {
    check_team(
        "
        given open to=d contract=order@1 payload=order answer=50 finish=100
        given claim 1 accept
        given fail 1 permanently
        when redrive 1 payload=other        then HC-008
        when redrive 1 to=a                 then HC-009
        when redrive 1 to=nobody            then HC-010
        when redrive 1 payload=order+more at=1000 then events redriven and 1 is offered and 1 to d and 1 attempts 0 and 1 answer 1050 and 1 finish 1100
        when redrive 1                      then HC-004 what is offered cannot be redriven
        when wake at=1100                   then 1 is dead-lettered
        ",
    );
    check_team(
        "
        given open to=a
        given claim 1 accept
        given fail 1 permanently
        given redrive 1 to=c
        given claim 1 accept
        when complete 1                     then run completed
        ",
    );
}

#[test]
fn cancelling_takes_everything_below_with_it() {
    let stage = check_team(
        "
        given open to=a
        given offer to=d
        given claim 1 accept
        given offer 1 to=b
        given claim 3 accept
        given offer 3 delegate to=c
        given ask 1
        when cancel 1 why=enough            then 1 is cancelled and 3 is cancelled and 4 is cancelled and 2 is offered and event interrupt_withdrawn
        when cancel 1                       then nothing
        when cancel why=all                 then run cancelled and why all and 2 is cancelled
        when cancel                         then HC-005
        ",
    );
    assert_eq!(stage.run().all_owed(), []);
}

#[test]
fn cancelling_a_waiting_handoff_stops_its_child_run() {
    let mut stage = check_team(
        "
        given open to=a
        given claim 1 accept
        given child 1 1
        ",
    );
    let slot = Slot::Child(Stage::child_id(1));
    assert_eq!(stage.run().standing(slot), Some(Standing::OpenChild));
    check_on(&mut stage, "given offer to=b\nwhen cancel 1 then 1 is cancelled and run running");
    assert_eq!(stage.run().standing(slot), Some(Standing::CancelChild));
    check_on(&mut stage, "when child-closed 1 failed tokens=5 then events child_settled");
    assert_eq!(stage.run().standing(slot), None);
    assert_eq!(stage.run().usage.tokens(), 5, "what it spent is charged all the same");
}

#[test]
fn an_overdue_handoff_stops_its_child_run_even_as_a_dead_letter() {
    let mut stage = check_team(
        "
        given open to=a finish=50
        given claim 1 accept
        given child 1 1
        when wake at=50                     then 1 is dead-lettered
        ",
    );
    let slot = Slot::Child(Stage::child_id(1));
    assert_eq!(stage.run().standing(slot), Some(Standing::CancelChild));
    check_on(&mut stage, "when child-closed 1 failed then events child_settled and 1 is dead-lettered");
}

#[test]
fn a_result_is_kept_even_if_it_cannot_be_handed_on() {
    check_team(
        "
        given open to=a
        given claim 1 accept
        when complete 1 next=nobody result=kept then next 2 and 1 is completed and 2 is dead-lettered and run stopped and why HC-010
        when complete 1 next=nobody result=kept then nothing and next 2
        ",
    );
    let mended = [("next=d contract=order@1 payload=other", "HC-008"), ("next=d contract=unheard", "HC-007")];
    for (next, code) in mended {
        check_team(&format!("given open to=a\ngiven claim 1 accept\nwhen complete 1 {next} then {code}"));
    }
}

#[test]
fn the_end_of_a_run_lists_what_nobody_has_seen_to() {
    let stage = check_team(
        "
        given open to=a item=constraint:words item=question:who,must item=question:when,must item=fact:known
        given claim 1 accept
        given offer 1 to=b
        given claim 2 accept
        given complete 2 item=risk:left,must discharge=3:answered
        when complete 1 drop=2:nobody_knows then run completed
        ",
    );
    let last = String::from_utf8(stage.log.last().expect("an end").clone()).expect("JSON");
    assert!(matches!(stage.run().outcome, Some(RunOutcome::Completed { .. })));
    assert!(last.contains(r#""open_items":["itm_"#) && last.matches("itm_").count() == 1 && last.contains("_5\""), "{last}");
    let stopped = check_team(
        "
        given open to=a item=question:who,must
        given claim 1 accept
        given offer 1 to=b
        given claim 2 accept
        given offer 2 to=c
        given claim 3 accept
        given complete 3 discharge=1:done item=question:what,must
        when cancel                         then run cancelled
        ",
    );
    let last = String::from_utf8(stopped.log.last().expect("an end").clone()).expect("JSON");
    assert!(!last.contains("_1\"]") && last.matches("itm_").count() == 2, "who was discharged only in a branch that never joined: {last}");
}
