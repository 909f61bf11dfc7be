//! Delegating and spawning: the answer comes back to exactly who waits, and nothing is spawned twice.

use handclasp_core::encoding::{GENESIS, replay};
use handclasp_core::event::RunOutcome;

use crate::script::{check, check_on};

const TEAM: &str = "
    given agent a
    given agent b
    given agent c
    given open to=a
    given claim 1 accept
";

#[test]
fn a_result_returns_to_the_waiting_handoff_even_after_a_restart() {
    let mut stage = check(&format!(
        "{TEAM}
        when offer 1 delegate to=b          then events handoff_offered handoff_parked and 1 is waiting and 2 to b
        when complete 1                     then HC-012
        given claim 2 accept
        "
    ));
    let mut restarted = None;
    replay(&mut restarted, GENESIS, stage.log.iter().map(Vec::as_slice)).expect("the log replays");
    stage.run = restarted;
    check_on(
        &mut stage,
        "
        when complete 2 result=found        then events handoff_completed handoff_returned and 1 is offered and 1 to a
        when claim 1 accept                 then token 3 and 1 attempts 1
        ",
    );
    let returned = &stage.run().handoffs()[0].returned;
    assert_eq!(returned[0].result, Some(stage.clone().content("found")));
    assert_eq!(returned[0].closing, None);
}

#[test]
fn a_delegate_that_hands_on_is_replaced_in_front_of_whoever_waits() {
    check(&format!(
        "{TEAM}
        given offer 1 delegate to=b
        given claim 2 accept
        when complete 2 next=c              then events handoff_offered handoff_completed and 1 is waiting and 3 to c
        given claim 3 accept
        when complete 3                     then events handoff_completed handoff_returned and 1 is offered
        "
    ));
}

#[test]
fn a_delegate_that_does_not_succeed_tells_whoever_waits() {
    let ends = [
        ("given claim 2\nwhen decline 2 why=no", "declined: no"),
        ("given claim 2 accept\nwhen fail 2 permanently", "failed: it broke (broken)"),
        ("when cancel 2 why=enough", "cancelled: enough"),
        ("when wake at=40", "nobody claimed it in time"),
        ("given claim 2 accept\nwhen wake at=60", "it was not finished in time"),
    ];
    for (end, reason) in ends {
        let stage = check(&format!(
            "{TEAM}
            given offer 1 delegate to=b answer=40 finish=60
            {end}                           then event handoff_ended and event handoff_returned and 1 is offered
            when claim 1 accept             then 1 is accepted
            "
        ));
        let returned = &stage.run().handoffs()[0].returned[0];
        assert_eq!(returned.closing.as_ref().map(ToString::to_string).as_deref(), Some(reason));
    }
}

#[test]
fn delegations_inside_each_other_return_one_by_one() {
    check(&format!(
        "{TEAM}
        given offer 1 delegate to=b
        given claim 2 accept
        given offer 2 delegate to=c
        when complete 2                     then HC-012
        given claim 3 accept
        when complete 3                     then 2 is offered and 1 is waiting
        given claim 2 accept
        when complete 2                     then 1 is offered
        "
    ));
}

#[test]
fn an_overdue_sender_takes_what_it_delegated_with_it() {
    check(&format!(
        "{TEAM}
        given offer 1 to=b finish=50
        given claim 2 accept
        given offer 2 delegate to=c
        given claim 3 accept
        when wake at=50                     then events handoff_ended dead_lettered and 2 is dead-lettered and 3 is cancelled
        "
    ));
}

#[test]
fn what_was_spawned_is_found_again_by_its_ordinal() {
    check(&format!(
        "{TEAM}
        when offer 1 to=b payload=left      then events branch_opened handoff_offered and handoff 2
        when offer 1 to=b payload=left      then nothing and handoff 2
        when offer 1 to=c payload=right     then events divergence_noted and handoff 2
        when offer 1 to=c payload=right ordinal=1 then handoff 3
        given lose 1
        given claim 1 accept
        when offer 1 to=b payload=left      then nothing and handoff 2
        "
    ));
}

#[test]
fn a_run_ends_when_everything_that_was_spawned_has() {
    check(&format!(
        "{TEAM}
        given offer 1 to=b
        when complete 1                     then events handoff_completed branch_closed and run running
        given claim 2 accept
        when complete 2                     then events handoff_completed branch_closed run_closed and run completed
        "
    ));
}

#[test]
fn a_transfer_by_offer_is_refused_with_the_way_to_do_it() {
    check(&format!("{TEAM}\nwhen offer 1 transfer to=b then HC-042 use `complete` with `next`"));
}

#[test]
fn work_from_the_principal_gets_a_branch_of_its_own_with_the_tasks_constraints() {
    check(
        "
        given agent a
        given agent b
        given open to=a item=constraint:words
        given offer to=b
        when claim 2 accept                 then carried 1
        given complete 2 item=question:who,must
        given claim 1 accept
        when complete 1                     then run completed and open 1 2
        ",
    );
    check(
        "
        given agent a
        given open
        given offer to=a
        given claim 1 accept
        when complete 1                     then events handoff_completed branch_closed run_closed
        ",
    );
}

#[test]
fn the_runs_result_is_not_that_of_the_last_delegate() {
    for end in ["complete 2 result=part", "fail 2 permanently"] {
        let stage = check(&format!(
            "{TEAM}
            given offer 1 delegate to=b
            given claim 2 accept
            given {end}
            given claim 1 accept
            when complete 1 result=whole    then run completed
            "
        ));
        let result = Some(stage.clone().content("whole"));
        assert_eq!(stage.run().outcome, Some(RunOutcome::Completed { result, approved: true }));
    }
}
