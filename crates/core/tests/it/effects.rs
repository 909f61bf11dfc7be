//! The guard around side effects (law 6): one journal for all attempts, and no blind repetition.

use crate::script::check;

const TEAM: &str = "
    given agent a fallback=b
    given agent b
    given open to=a
    given claim 1 accept
";

fn check_effects(text: &str) {
    check(&format!("{TEAM}{text}"));
}

#[test]
fn an_effect_is_announced_done_once_and_known_from_then_on() {
    check_effects(
        "
        when begin 1 refund#0               then events effect_began and proceed
        when begin 1 refund#0               then HC-025
        when finish 1 refund#1              then HC-026
        when finish 1 refund#0              then events effect_settled
        when finish 1 refund#0              then nothing and known
        when begin 1 refund#0               then nothing and known
        when begin 1 refund#1               then proceed
        given finish 1 refund#1 not
        given lose 1
        given claim 1 accept
        when begin 1 refund#0               then known
        when begin 1 refund#1               then proceed
        ",
    );
}

#[test]
fn an_ordinal_keeps_the_first_outcome_a_business_key_refuses_other_arguments() {
    check_effects(
        "
        given begin 1 refund#0 with=ten
        given finish 1 refund#0
        when begin 1 refund#0 with=eleven   then events divergence_noted and known
        given begin 1 refund(A1) with=ten
        given finish 1 refund(A1)
        when begin 1 refund(A1) with=ten    then known
        when begin 1 refund(A1) with=two    then HC-027 `refund(A1)` was done before with other arguments
        given begin 1 mail(A1) with=ten
        given finish 1 mail(A1) not
        when begin 1 mail(A1) with=two      then proceed
        ",
    );
}

#[test]
fn an_unknown_effect_bars_its_name_whatever_the_arguments() {
    check_effects(
        "
        given begin 1 refund#0 lookup
        given begin 1 mail#0
        given finish 1 mail#0
        given lose 1
        given claim 1 accept
        when begin 1 refund#0               then HC-024 `refund#0`
        when begin 1 refund#1 with=other    then HC-024 `refund#0`
        when begin 1 refund(A1)             then HC-024 `refund#0`
        when begin 1 mail#1                 then proceed
        given finish 1 mail#1
        when complete 1                     then HC-024
        when finish 1 refund#0              then HC-024
        when reconcile 1 refund#0           then events effect_settled
        when reconcile 1 refund#0 not       then nothing and known
        when begin 1 refund#0               then known
        when complete 1                     then run completed
        ",
    );
}

#[test]
fn a_person_is_asked_before_the_next_attempt() {
    check_effects(
        "
        given begin 1 refund#0
        when lose 1                         then events lease_lost interrupt_raised handoff_parked and run waiting_for_person
        when claim 1 accept                 then HC-004
        when resolve 1 perhaps              then HC-023
        when resolve 1 did_not_happen       then events interrupt_resolved effect_settled handoff_returned and 1 attempts 1
        when resolve 1 happened             then nothing and answer did_not_happen
        given claim 1 accept
        when begin 1 refund#0               then proceed
        given finish 1 refund#0
        when complete 1                     then run completed
        ",
    );
    check_effects(
        "
        given begin 1 refund#0
        given fail 1
        when resolve 1 happened             then 1 is offered
        given claim 1 accept
        when begin 1 refund#0               then nothing and known
        ",
    );
}

#[test]
fn a_person_is_shown_the_effect_and_where_its_arguments_are_kept() {
    let mut stage = check(&format!("{TEAM} given begin 1 refund(A1) with=ten"));
    let arguments = stage.content("ten");
    let outcome = stage.perform("lose 1").expect("a command").expect("the token is the present one");
    let asked = outcome.blobs.0.values().next().expect("a question is shown");
    let shown: serde_json::Value = serde_json::from_slice(asked).expect("JSON");
    assert_eq!(shown["effect"], "refund(A1)");
    assert_eq!(shown["arguments"], serde_json::to_value(arguments).expect("JSON"));
}

#[test]
fn an_attempt_that_left_an_unknown_effect_still_counts() {
    check_effects(
        "
        given begin 1 refund#0
        given lose 1
        given resolve 1 did_not_happen
        given claim 1 accept
        given begin 1 refund#0
        when lose 1                         then 1 attempts 2
        when resolve 2 did_not_happen       then 1 attempts 2
        given claim 1 accept
        when lose 1                         then events lease_lost handoff_rerouted and 1 to b
        ",
    );
}

#[test]
fn an_effect_of_this_attempt_is_finished_not_reconciled() {
    check_effects(
        "
        given begin 1 refund#0
        when reconcile 1 refund#0           then HC-025
        when ask 1 park                     then HC-025
        when offer 1 delegate to=b          then HC-025
        ",
    );
}

#[test]
fn nobody_takes_over_while_nobody_knows_what_an_effect_did() {
    check_effects(
        "
        given begin 1 refund#0
        when fail 1 permanently             then events attempt_failed interrupt_raised dead_lettered and 1 to a
        when redrive 1                      then 1 is offered
        given claim 1 accept
        when begin 1 refund#0               then HC-024
        when resolve 1 happened             then events interrupt_resolved effect_settled
        when begin 1 refund#0               then known
        ",
    );
    check_effects(
        "
        given begin 1 refund#0 lookup
        when fail 1 permanently             then events attempt_failed dead_lettered
        given redrive 1
        given claim 1 accept
        given reconcile 1 refund#0
        when fail 1 permanently             then 1 to b
        ",
    );
}

#[test]
fn an_effect_of_a_handoff_that_has_ended_is_still_asked_about_and_the_run_waits() {
    check_effects(
        "
        given offer 1 delegate to=b
        given claim 2 accept
        given begin 2 refund#0 lookup
        when fail 2 permanently             then events attempt_failed interrupt_raised handoff_ended handoff_returned
        given claim 1 accept
        when complete 1                     then run waiting_for_person
        when resolve 1 happened             then events interrupt_resolved effect_settled run_closed and run completed
        ",
    );
    check_effects(
        "
        given begin 1 refund#0
        when cancel 1                       then events interrupt_raised handoff_ended branch_closed and run waiting_for_person
        when cancel                         then events interrupt_withdrawn run_closed and run cancelled
        ",
    );
}

#[test]
fn giving_back_with_an_effect_under_way_asks_first() {
    check_effects(
        "
        given begin 1 refund#0
        when release 1                      then events handoff_released interrupt_raised handoff_parked and 1 attempts 0
        when resolve 1 did_not_happen       then 1 is offered and 1 attempts 0
        when claim 1 accept                 then 1 attempts 1
        ",
    );
}
