//! Guards: limits that count below each handoff and only narrow, and work that goes in circles.

use handclasp_core::encoding::{GENESIS, replay};
use handclasp_core::id::AgentName;
use handclasp_core::refusal::Refusal;

use crate::script::{check, check_on};
use crate::stage::Stage;

const TEAM: &str = "
    given agent a
    given agent b
    given agent c
";

fn check_team(text: &str) -> Stage {
    check(&format!("{TEAM}{text}"))
}

#[test]
fn a_limit_of_the_run_ends_what_would_exceed_it() {
    let used_up = [
        ("handoffs:2", "given offer 1 to=b", "offer 1 to=c ordinal=1", "handoffs is used up: 3 of 2"),
        ("visits:1", "given offer 1 to=b", "offer 1 to=b ordinal=1 payload=other", "visits is used up: 2 of 1"),
        ("depth:0", "", "offer 1 delegate to=b", "depth is used up: 1 of 0"),
        ("steps:1", "", "offer 1 to=b", "steps is used up: 2 of 1"),
        ("steps:2", "", "offer 1 delegate to=b", "steps is used up: 3 of 2"),
        ("steps:1", "", "ask 1 park", "steps is used up: 2 of 1"),
        ("steps:3", "given offer 1 delegate to=b\ngiven claim 2 accept", "offer 2 to=c", "steps is used up: 4 of 3"),
        ("steps:1", "", "child 1 1", "steps is used up: 2 of 1"),
        ("depth:0", "", "child 1 1", "depth is used up: 1 of 0"),
        (
            "tokens:9",
            "given offer 1 delegate to=b\ngiven claim 2 accept\ngiven complete 2 tokens=9\ngiven claim 1 accept",
            "offer 1 to=c",
            "tokens is used up: 9 of 9",
        ),
        (
            "cost:5",
            "given offer 1 delegate to=b\ngiven claim 2 accept\ngiven complete 2 cost=7\ngiven claim 1 accept",
            "offer 1 to=c",
            "cost_micros is used up: 7 of 5",
        ),
        ("tokens:9", "", "child 1 1 reserve=10", "tokens is used up: 10 of 9"),
    ];
    for (limit, before, last, refusal) in used_up {
        check_team(&format!(
            "
            given open to=a run-limit={limit}
            given claim 1 accept
            {before}
            when {last}                     then HC-016 {refusal}
            "
        ));
    }
}

#[test]
fn a_limit_of_a_handoff_counts_what_is_below_it_and_nothing_else() {
    let used_up =
        [("handoffs:1", "handoffs is used up: 2 of 1"), ("visits:1", "visits is used up: 2 of 1"), ("steps:2", "steps is used up: 3 of 2")];
    for (limit, refusal) in used_up {
        check_team(&format!(
            "
            given open to=a
            given claim 1 accept
            given offer 1 to=c
            given offer 1 to=b ordinal=1 limit={limit}
            given claim 3 accept
            when offer 3 to=c payload=one               then handoff 4
            when offer 3 to=c payload=two ordinal=1     then HC-016 {refusal}
            when offer 1 to=c ordinal=2                 then handoff 5
            "
        ));
    }
    check_team(
        "
        given open to=a
        given claim 1 accept
        given offer 1 delegate to=b limit=depth:1
        given claim 2 accept
        given offer 2 delegate to=c
        given claim 3 accept
        when offer 3 delegate to=a payload=other    then HC-016 depth is used up: 2 of 1
        when complete 3 next=a payload=other        then next 4 and 4 is offered
        ",
    );
}

#[test]
fn what_is_spent_below_is_charged_to_everything_above() {
    check_team(
        "
        given open to=a limit=tokens:50
        given claim 1 accept
        given offer 1 delegate to=b limit=tokens:30
        given claim 2 accept
        given offer 2 to=c
        given claim 3 accept
        when complete 3 tokens=30                   then 3 tokens 30 and 2 tokens 30 and 1 tokens 30
        when offer 2 to=c ordinal=1                 then HC-016 tokens is used up: 30 of 30
        given complete 2 tokens=5
        given claim 1 accept
        when offer 1 to=c payload=more              then handoff 4
        given claim 4 accept
        when fail 4 tokens=15                       then 4 is dead-lettered and 1 tokens 50 and event dead_lettered
        ",
    );
}

#[test]
fn limits_only_narrow() {
    let stage = check_team(
        "
        given open to=a limit=tokens:50,depth:2
        given claim 1 accept
        given offer 1 to=b limit=tokens:500,visits:3
        ",
    );
    let limits = stage.run().handoffs()[1].limits;
    assert_eq!((limits.tokens, limits.depth, limits.visits), (Some(50), Some(2), Some(3)));
}

#[test]
fn what_the_result_itself_cost_counts_before_the_work_goes_on() {
    check_team(
        "
        given open to=a run-limit=tokens:100
        given claim 1 accept
        when complete 1 next=b tokens=150           then next 2 and 2 is dead-lettered and why tokens is used up: 150 of 100
        ",
    );
}

#[test]
fn retries_and_fallbacks_need_steps_too() {
    check_team(
        "
        given open to=a run-limit=steps:2 fallback=b
        given claim 1 accept
        when fail 1                                 then events attempt_failed handoff_requeued
        given claim 1 accept
        when fail 1                                 then events attempt_failed dead_lettered and why steps is used up: 3 of 2
        when redrive 1                              then HC-016
        ",
    );
    check_team(
        "
        given open to=a run-limit=steps:1
        given claim 1 accept
        when release 1                              then events handoff_released dead_lettered
        ",
    );
    check_team(
        "
        given open to=a answer=5 run-limit=visits:1 fallback=b
        when wake at=5                              then 1 to b
        ",
    );
    check_team(
        "
        given open to=a
        given claim 1 accept
        given offer 1 to=b ordinal=0
        given offer 1 to=c ordinal=1 answer=5 fallback=b limit=visits:1
        when wake at=5                              then 3 to b
        ",
    );
}

#[test]
fn two_leases_lost_at_once_share_the_steps_that_are_left() {
    check_team(
        "
        given open to=a run-limit=steps:3
        given claim 1 accept
        given offer 1 to=b
        given claim 2 accept
        when wake at=1000                           then events lease_lost handoff_requeued lease_lost dead_lettered
        ",
    );
}

#[test]
fn time_is_a_limit_of_the_run_and_of_a_handoff() {
    check_team(
        "
        given open to=a run-limit=time:50
        when wake at=49                             then nothing
        when wake at=50                             then run failed and why time limit of 50 ms
        ",
    );
    check_team(
        "
        given open to=a limit=time:50
        given claim 1 accept at=10
        given offer 1 to=b finish=500
        when wake at=50                             then 1 is dead-lettered and 2 is dead-lettered and why not finished in time
        ",
    );
}

#[test]
fn back_and_forth_without_news_is_refused_and_names_the_hops() {
    let there_and_back = "
        given open to=a
        given claim 1 accept
        given complete 1 next=b payload=same
        given claim 2 accept
        given complete 2 next=a payload=same
        given claim 3 accept
    ";
    let mut stage = check_team(there_and_back);
    check_on(
        &mut stage.clone(),
        "when complete 3 next=b payload=same then next 4 and 4 is dead-lettered and why b → a → b, with the same payload",
    );
    check_on(&mut stage.clone(), "when complete 3 next=b payload=news then 4 is offered");
    check_on(&mut stage.clone(), "when complete 3 next=b payload=same item=fact:news then 4 is offered");
    check_on(&mut stage.clone(), "when complete 3 next=c payload=same then 4 is offered");
    let Some(Err(Refusal::PingPong(circle))) = stage.perform("offer 3 delegate to=b payload=same") else { panic!("it goes in circles") };
    assert_eq!(circle.hops.iter().map(|hop| hop.number).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(circle.agents.iter().map(AgentName::as_str).collect::<Vec<_>>(), ["b", "a", "b"]);
}

#[test]
fn the_same_delegation_twice_without_news_is_refused_also_after_a_restart() {
    let mut stage = check_team(
        "
        given open to=a
        given claim 1 accept
        given offer 1 delegate to=b payload=same
        given claim 2 accept
        given complete 2
        given claim 1 accept
        ",
    );
    check_on(&mut stage.clone(), "when offer 1 delegate to=b payload=news then handoff 3");
    check_on(&mut stage.clone(), "when offer 1 delegate to=c payload=same then handoff 3");
    let mut restarted = None;
    replay(&mut restarted, GENESIS, stage.log.iter().map(Vec::as_slice)).expect("the log replays");
    stage.run = restarted;
    check_on(&mut stage, "when offer 1 delegate to=b payload=same then HC-017 a → b → a → b");
}

#[test]
fn a_delegation_that_brought_news_may_be_repeated() {
    check_team(
        "
        given open to=a
        given claim 1 accept
        given offer 1 delegate to=b payload=same
        given claim 2 accept
        given complete 2 item=fact:news
        given claim 1 accept
        when offer 1 delegate to=b payload=same     then handoff 3
        ",
    );
}
