//! Leases, fencing tokens and idempotency keys: what a holder may do, and doing it twice.

use handclasp_core::encoding::{GENESIS, replay};

use crate::script::{check, check_on};

const TEAM: &str = "
    given agent a lease=100
    given agent b
";

#[test]
fn an_old_token_is_worth_nothing() {
    let mut stage = check(&format!(
        "{TEAM}
        given open to=a
        given claim 1 accept
        given begin 1 mail#0
        given finish 1 mail#0
        given lose 1
        "
    ));
    let held = [
        "heartbeat 1",
        "progress 1",
        "ask 1",
        "begin 1 refund#0",
        "finish 1 refund#0",
        "reconcile 1 refund#0",
        "complete 1",
        "fail 1",
        "release 1",
        "decline 1",
        "accept 1",
        "lose 1",
        "offer 1 delegate to=b",
        "child 1 1",
    ];
    for command in held {
        check_on(&mut stage.clone(), &format!("when {command} token=1 then HC-012 with nobody"));
    }
    check_on(&mut stage, "when claim 1 accept then token 2");
    for command in held {
        check_on(&mut stage.clone(), &format!("when {command} token=1 then HC-012 with `a`"));
    }
}

#[test]
fn a_lease_lasts_as_long_as_heartbeats_come() {
    check(&format!(
        "{TEAM}
        given open to=a backoff=50
        given claim 1 accept at=10
        when wake at=109                    then nothing
        given beat 1 at=109
        when wake at=110                    then nothing
        when wake at=208                    then nothing
        when wake at=209                    then events lease_lost handoff_requeued and 1 is offered and 1 attempts 1
        when claim 1 accept at=258          then HC-030
        when claim 1 accept at=259          then token 2 and 1 attempts 2
        "
    ));
}

#[test]
fn a_claim_that_is_never_accepted_counts_as_an_attempt() {
    check(&format!(
        "{TEAM}
        given open to=a attempts=2
        given claim 1
        when wake at=100                    then 1 is offered
        given claim 1
        when wake at=200                    then 1 is dead-lettered and why lost its lease on the last attempt
        "
    ));
}

#[test]
fn giving_back_counts_no_attempt() {
    check(&format!(
        "{TEAM}
        given open to=a attempts=1
        given claim 1 accept
        when release 1                      then 1 is offered and 1 attempts 0
        given claim 1 accept
        when fail 1                         then 1 is dead-lettered
        "
    ));
}

#[test]
fn progress_is_an_event_only_when_it_is_news() {
    check(&format!(
        "{TEAM}
        given open to=a
        given claim 1 accept
        when progress 1 percent=20 at=1000  then events progress_reported
        when progress 1 percent=20 at=9000  then nothing
        when progress 1 percent=21 at=9000  then events progress_reported
        when progress 1 percent=22 at=9499  then nothing
        when progress 1 percent=23 at=9500  then events progress_reported
        when progress 1 percent=101         then HC-032 state.percent
        when heartbeat 1                    then nothing
        "
    ));
}

#[test]
fn the_same_key_gives_the_same_outcome_also_after_a_restart() {
    let mut stage = check(&format!(
        "{TEAM}
        given open to=a key=opening
        when claim 1 accept key=k1          then token 1
        when claim 1 accept key=k1          then nothing and token 1
        when claim 1 key=k1                 then HC-006
        when complete 1 next=b key=k2       then next 2
        when complete 1 next=b key=k2       then nothing and next 2
        when complete 1 next=a key=k2       then HC-006 for other content
        "
    ));
    let mut restarted = None;
    replay(&mut restarted, GENESIS, stage.log.iter().map(Vec::as_slice)).expect("the log replays");
    stage.run = restarted;
    check_on(
        &mut stage,
        "
        when claim 1 accept key=k1          then nothing and token 1
        when complete 1 next=a key=k2       then HC-006
        when complete 1 next=b key=k2 tenant=other then HC-033
        ",
    );
}

#[test]
fn a_refusal_is_not_stored_under_its_key() {
    check(&format!(
        "{TEAM}
        given open to=a
        when complete 1 key=k               then HC-012
        given claim 1 accept
        when complete 1 key=k               then result result
        when complete 1 key=k               then nothing and result result
        "
    ));
}

#[test]
fn another_answer_under_the_same_token_is_noted_and_the_first_one_counts() {
    check(&format!(
        "{TEAM}
        given open to=a
        given offer to=b
        given claim 1 accept
        given complete 1 result=first
        when complete 1 result=first        then nothing and result first
        when complete 1 result=second       then events divergence_noted and result first
        when complete 1 token=7             then HC-004
        "
    ));
    check(&format!(
        "{TEAM}
        given open to=a
        given claim 1 accept
        given complete 1 next=b
        given claim 2 accept
        given complete 2
        when complete 1                     then nothing and next 2
        "
    ));
}

#[test]
fn somebody_elses_tenant_is_refused_before_anything_else() {
    check(&format!(
        "{TEAM}
        given open to=a
        when claim 1 tenant=other           then HC-033
        when claim 9 tenant=other           then HC-033
        "
    ));
}
