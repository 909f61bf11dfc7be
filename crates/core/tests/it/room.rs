//! Offers to agents that are full: they wait, are refused, or go to a fallback, as the terms say.

use crate::script::check;

const TEAM: &str = "
    given agent sender capacity=1
    given agent full capacity=1 fallback=own
    given agent own capacity=1
    given agent named capacity=1
    given busy full 1
";

fn check_full(text: &str) {
    check(&format!("{TEAM}{text}"));
}

#[test]
fn an_offer_to_a_full_agent_waits_unless_its_terms_say_otherwise() {
    check_full(
        "
        given open to=sender
        given claim 1 accept
        when offer 1 to=full                    then events branch_opened handoff_offered and 2 to full and instead of nobody
        when offer 1 to=full full=refuse ordinal=1     then HC-029 `full` holds 1 handoffs
        when offer 1 to=full full=fallback ordinal=1   then 3 to own and instead of full
        when offer to=full full=refuse          then HC-029
        when claim 2                            then HC-029
        given busy full 0
        when offer 1 to=full full=refuse ordinal=2     then 4 to full and instead of nobody
        when offer 1 to=full full=fallback ordinal=3   then 5 to full and instead of nobody
        ",
    );
}

#[test]
fn an_opening_that_is_to_be_refused_opens_nothing() {
    check_full("when open to=full full=refuse then HC-029");
    check_full("when open to=full full=fallback then 1 to own and instead of full");
}

#[test]
fn the_fallback_that_the_terms_name_comes_first_and_each_needs_room() {
    let busy = |agents: &str, then: &str| {
        check_full(&format!("{agents}\n when open to=full full=fallback fallback=named then {then}"));
    };
    busy("", "1 to named and instead of full");
    busy("given busy named 1", "1 to own and instead of full");
    busy("given busy named 1\n given busy own 1", "1 to full and instead of nobody and 1 is offered");
}

#[test]
fn a_fallback_gets_only_what_it_could_have_been_offered() {
    let team = "
        given contract order@1.0.0 needs=order echo
        given contract order@1.1.0 needs=order
        given agent receiver capacity=1 accepts=order@=1.0.0 can=mend fallback=other
        given busy receiver 1
    ";
    let passed_over = ["accepts=order@1.1.0 can=mend", "accepts=order@1", "accepts=order@1 can=mend silent"];
    for other in passed_over {
        check(&format!(
            "{team} given agent other {other}
            when open to=receiver contract=order@1 requires=mend full=fallback then 1 to receiver and instead of nobody"
        ));
    }
    check(&format!(
        "{team} given agent other accepts=order@1 can=mend
        when open to=receiver contract=order@1 requires=mend full=fallback then 1 to other and instead of receiver
        when claim 1 accept echo contract=order@1.0.0 then token 1"
    ));
    check(&format!(
        "{team} given agent other accepts=order@1 can=mend
        given open to=other run-limit=visits:1
        when offer to=receiver full=fallback then 2 to receiver and instead of nobody"
    ));
}

#[test]
fn a_capability_is_full_when_everybody_who_has_it_is() {
    let team = "
        given agent a capacity=1 can=mend
        given agent b capacity=2 can=mend fallback=c
        given agent c
        given busy a 1
        given busy b 1
    ";
    check(&format!("{team} when open to=@mend full=refuse then 1 to b and instead of nobody"));
    check(&format!("{team} given busy b 2\n when open to=@mend full=refuse then HC-029 `a` holds 1 handoffs"));
    check(&format!("{team} given busy b 2\n when open to=@mend full=fallback fallback=c then 1 to c and instead of a"));
    check(&format!("{team} given busy b 2\n when open to=@mend then 1 to a and instead of nobody"));
}

#[test]
fn a_result_that_hands_on_to_a_full_agent_is_refused_and_its_sender_decides() {
    check_full(
        "
        given open to=sender
        given claim 1 accept
        when complete 1 next=full full=refuse   then HC-029
        when complete 1 next=full full=fallback then next 2 and 2 to own and instead of full
        ",
    );
    check_full(
        "
        given open to=sender
        given claim 1 accept
        when offer 1 delegate to=full full=refuse  then HC-029
        when heartbeat 1                        then done
        when complete 1                         then run completed
        ",
    );
}

#[test]
fn whoever_passes_its_work_on_has_room_again() {
    check_full(
        "
        given open to=sender
        given claim 1 accept
        when offer 1 spawn to=sender full=refuse payload=other      then HC-029
        when offer 1 delegate to=sender full=refuse payload=other   then events handoff_offered handoff_parked
        given claim 2 accept
        when complete 2 next=sender full=refuse payload=third       then next 3
        ",
    );
}

#[test]
fn a_step_of_a_plan_that_is_refused_is_a_dead_letter_and_a_redrive_waits() {
    check_full(
        "
        given plan sender full!refuse
        given open
        given claim 1 accept
        when complete 1                 then result result and 2 is dead-lettered and why `full` holds 1 handoffs
        when redrive 2                  then 2 is offered
        when claim 2                    then HC-029
        ",
    );
    check_full(
        "
        given plan full!fallback
        when open                       then 1 to own and instead of full
        given claim 1 accept
        when complete 1                 then run completed
        ",
    );
    check_full(
        "
        given plan sender sender!refuse
        given open
        given claim 1 accept
        when complete 1                 then 2 is offered
        ",
    );
}

#[test]
fn whoever_was_passed_over_can_still_take_over_later() {
    check_full(
        "
        given agent own capacity=1 fallback=full
        given open to=full full=fallback
        given claim 1
        when decline 1                  then events handoff_declined handoff_rerouted and 1 to full
        ",
    );
}
