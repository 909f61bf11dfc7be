//! Why this receiver: asked by its contract or by the agent itself, and answered by more than a word.

use handclasp_core::offer::Terms;

use crate::script::check;

const TEAM: &str = "
    given contract refund@1.0.0 justified
    given agent sender fallback=chief
    given agent open accepts=refund@1
    given agent billing asks=why can=pay accepts=refund@1
    given agent chief asks=escalate,delegate can=decide
    given open to=sender
    given claim 1 accept
";

fn check_team(text: &str) {
    check(&format!("{TEAM}{text}"));
}

#[test]
fn whoever_asks_for_a_justification_is_named() {
    check_team(
        "
        when offer 1 to=open contract=refund    then HC-015 `refund@1.0.0` requires a justification of at least 10 bytes
        when offer 1 to=billing                 then HC-015 `billing` requires a justification of at least 10 bytes
        when offer 1 to=@pay                    then HC-015 `billing`
        when offer to=billing                   then HC-015
        when offer 1 to=billing because=it_alone_can_pay     then handoff 2
        when offer 1 to=open ordinal=1          then handoff 3
        ",
    );
    check("given agent billing asks=why\n when open to=billing then HC-015\n when open to=billing because=it_alone_can_pay then handoff 1");
}

#[test]
fn a_word_is_no_reason_and_a_short_sentence_in_any_script_is() {
    check_team(
        "
        when offer 1 to=billing because=n/a                  then HC-015
        when offer 1 to=billing because=123456789            then HC-015
        when offer 1 to=billing because=1234567890           then handoff 2
        when offer 1 to=billing ordinal=1 because=只有财务能付款   then handoff 3
        ",
    );
    let said = |text: &str| Terms { justification: Some(text.to_owned()), ..Terms::default() };
    assert!(!said("    ok    ").are_justified() && !said("\n\u{a0}\t          ").are_justified() && !Terms::default().are_justified());
}

#[test]
fn an_agent_may_ask_for_some_kinds_only_and_whoever_waits_delegates() {
    check_team(
        "
        when offer 1 to=chief                                    then handoff 2
        when offer 1 to=chief kind=escalate ordinal=1            then HC-015 `chief`
        when offer 1 delegate to=chief kind=route                then HC-015 `chief`
        when complete 1 next=chief kind=escalate                 then HC-015 `chief`
        when complete 1 next=chief kind=escalate because=the_amount_is_above_my_limit then next 3
        ",
    );
}

#[test]
fn saying_that_the_plan_wants_it_is_no_justification() {
    check_team("when offer 1 to=billing reason=plan then HC-015");
}

#[test]
fn a_step_of_the_plan_is_justified_by_the_plan() {
    check(
        "
        given contract refund@1.0.0 justified
        given agent a
        given agent billing asks=why accepts=refund@1
        given agent other asks=why
        given plan a billing@refund@1.0.0
        given open
        given claim 1 accept
        when complete 1                         then 2 is offered and 2 to billing
        given claim 2 accept
        when complete 2 next=other              then HC-015 `other`
        when complete 2                         then run completed
        ",
    );
}

#[test]
fn what_comes_back_falls_back_or_is_sent_again_by_a_person_needs_no_words() {
    check(
        "
        given agent first asks=why
        given agent second
        given agent third asks=why
        given agent fourth fallback=third
        given open to=first because=it_knows_the_customer
        given claim 1 accept
        given complete 1 next=second
        given claim 2
        when decline 2                          then events handoff_declined handoff_offered handoff_ended and 3 to first
        given claim 3 accept
        given complete 3 next=fourth payload=other
        given claim 4
        when decline 4                          then 4 to third
        given claim 4 accept
        given fail 4 permanently
        when redrive 4 to=first                 then 4 is offered
        ",
    );
}

#[test]
fn a_full_agents_fallback_gets_nothing_that_it_would_have_refused() {
    check(
        "
        given agent full capacity=1 fallback=strict
        given agent strict asks=why
        given busy full 1
        given open to=full full=fallback because=it_alone_can_pay
        when offer to=full full=fallback        then 2 to full and instead of nobody
        when offer to=full full=fallback because=it_alone_can_pay then 3 to strict and instead of full
        ",
    );
}
