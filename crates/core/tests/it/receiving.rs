//! What must fit before work is handed over, and what a receiver must say back before it starts.

use handclasp_core::refusal::Refusal;

use crate::script::{check, check_on};
use crate::stage::Stage;

const TEAM: &str = "
    given contract order@1.0.0 needs=order,amount
    given contract order@1.2.0 needs=order
    given contract order@2.0.0 needs=order
    given contract reasoned@1.0.0 justified
    given contract careful@1.0.0 echo confidence=70
    given contract declared@1.0.0 effects
    given agent a
    given agent old accepts=order@=1.0.0
    given agent new accepts=order@1,reasoned@1,careful@1 can=mend,read
    given agent command silent accepts=careful@1,order@1 can=mend
";

fn check_team(text: &str) -> Stage {
    check(&format!("{TEAM}{text}"))
}

#[test]
fn an_offer_is_refused_before_anybody_gets_it() {
    let refused = [
        ("to=nobody", "HC-010 there is no agent `nobody`"),
        ("to=@fly", "HC-034 no agent can do `fly`"),
        ("to=a requires=mend", "HC-011 `a` lacks `mend`"),
        ("to=new requires=mend,fly,swim", "HC-011 `new` lacks `fly`, `swim`"),
        ("to=new contract=unheard", "HC-007 there is no contract `unheard`"),
        ("to=new contract=order@3", "HC-007 there is no contract `order@^3`"),
        ("to=a contract=order@1 payload=order", "HC-009 `a` does not accept `order@1.2.0`; it accepts no contract"),
        ("to=old contract=order@2 payload=order", "HC-009 `old` does not accept `order@2.0.0`; it accepts `order@=1.0.0`"),
        ("to=new contract=order@1 payload=other", "HC-008 the payload breaks `order@1.2.0`: /order: expected a value"),
        ("to=new contract=reasoned", "HC-015 `reasoned@1.0.0` requires a justification"),
        ("to=command contract=careful", "HC-038 `careful@1.0.0` asks for a read-back that `command` cannot give"),
        ("to=a returns=unheard", "HC-007"),
    ];
    for (offer, refusal) in refused {
        check_team(&format!("when open {offer} then {refusal}"));
        check_team(&format!("given open to=a\ngiven claim 1 accept\nwhen offer 1 {offer} then {refusal}"));
    }
}

#[test]
fn a_broken_payload_names_every_field() {
    let mut stage = check_team("given open to=a");
    let Some(Err(refusal @ Refusal::ContractBroken { .. })) = stage.perform("offer to=old contract=order@1 payload=other") else {
        panic!("the payload holds neither field")
    };
    let pointers: Vec<&str> = refusal.violations().iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(pointers, ["/order", "/amount"]);
    assert_eq!(refusal.violations()[0].hint, "add the field `order`");
}

#[test]
fn an_offer_is_pinned_to_the_newest_version_that_the_receiver_accepts() {
    let stage = check_team(
        "
        given open to=new contract=order@1 payload=order
        given offer to=old contract=order payload=order+amount
        given offer to=@mend contract=order@1 payload=order requires=read
        ",
    );
    let contracts: Vec<String> = stage.run().handoffs().iter().map(|handoff| handoff.contract.as_ref().expect("one").to_string()).collect();
    assert_eq!(contracts, ["order@1.2.0", "order@1.0.0", "order@1.2.0"]);
}

#[test]
fn of_the_capable_the_first_that_speaks_the_contract_and_has_room_is_taken() {
    check_team(
        "
        when open to=@mend contract=order@1 payload=order       then 1 to command
        given busy command 9
        when offer to=@mend contract=order@1 payload=order      then 2 to new
        given busy new 9
        when offer to=@mend contract=order@1 payload=order      then 3 to command
        when offer to=@mend contract=reasoned because=it_is_able then 4 to new
        ",
    );
}

#[test]
fn what_has_changed_since_the_opening_stops_with_its_name() {
    let mut stage = check_team("given open to=new contract=order@1 payload=order");
    check_on(
        &mut stage.clone(),
        "
        given agent new accepts=order@1 definition=second
        when claim 1 accept                     then HC-031 agent `new` has changed
        when accept-change team=second          then events pins_changed
        when claim 1 accept                     then token 1
        ",
    );
    check_on(
        &mut stage,
        "
        given contract order@1.2.0 needs=else
        when claim 1 accept                     then HC-031 contract `order@1.2.0` has changed
        when accept-change                      then events pins_changed
        when claim 1 accept                     then HC-008 /else: expected a value
        ",
    );
}

#[test]
fn a_claim_is_for_the_receiver_when_it_has_room_and_the_wait_is_over() {
    check_team(
        "
        given agent narrow capacity=1
        given open to=narrow backoff=100
        given offer to=narrow
        when claim 1 by=a                       then HC-003 the handoff is with `narrow`
        given claim 1 accept
        when claim 2                            then HC-029 `narrow` holds 1 handoffs
        given fail 1
        when claim 1 at=99                      then HC-030 until 100 ms
        when claim 1 at=100                     then token 2 and 1 attempts 2
        given decline 1
        given busy narrow 1
        when claim 2                            then HC-029
        ",
    );
}

#[test]
fn an_echo_names_the_contract_the_payload_all_that_must_be_carried_and_every_criterion() {
    let mut stage = check_team(
        "
        given open to=new contract=careful accept=short,polite item=constraint:words item=fact:known item=question:who,must
        given claim 1
        ",
    );
    let complete = "echo items=1,3 criteria=0,1 confidence=80";
    let gaps = [
        ("confidence=80", "HC-013 it says less than the contract asks for; another contract; another payload; items not named: `itm_"),
        ("echo criteria=0,1 items=1 confidence=80", "HC-013 items not named"),
        ("echo criteria=1 items=1,3 confidence=80", "HC-013 acceptance criteria not confirmed: `0`"),
        ("echo criteria=0,1 items=1,3 confidence=80 contract=order@1.0.0", "HC-013 another contract"),
        ("echo criteria=0,1 items=1,3 confidence=80 payload=other", "HC-013 another payload"),
        ("echo criteria=0,1 items=1,3 confidence=69", "HC-014 a confidence of 70 %, the read-back says 69 %"),
        ("echo criteria=0,1 items=1,3", "HC-014 says nothing"),
    ];
    for (read_back, refusal) in gaps {
        check_on(&mut stage, &format!("when accept 1 {read_back} then {refusal}"));
        check_on(&mut stage.clone(), &format!("given release 1\nwhen claim 1 accept {read_back} then {refusal}"));
    }
    let Some(Err(Refusal::ReadBackGap(gap))) = stage.perform("accept 1 echo confidence=80") else { panic!("items are missing") };
    assert_eq!(gap.items.iter().map(|item| item.number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(gap.criteria, [0, 1]);
    check_on(&mut stage, &format!("when accept 1 {complete} then events handoff_accepted and 1 is accepted"));
    check_on(&mut stage, &format!("when accept 1 {complete} then nothing"));
    check_on(&mut stage, "when accept 1 echo items=1,2,3 criteria=0,1 confidence=80 then HC-004");
}

#[test]
fn a_receiver_that_says_more_than_asked_is_held_to_it() {
    check_team(
        "
        given open to=a item=constraint:words
        given claim 1
        when accept 1 echo                      then HC-013 items not named
        when accept 1 echo items=1              then 1 is accepted
        ",
    );
}

#[test]
fn a_result_holds_its_contract_and_declares_its_effects() {
    check_team(
        "
        given open to=a returns=order@1
        given claim 1 accept
        when complete 1 result=other            then HC-008 the result breaks `order@1.2.0`: /order
        when complete 1 result=order            then result order
        ",
    );
    check_team(
        "
        given open to=a returns=declared
        given claim 1 accept
        when complete 1                         then HC-028 `declared@1.0.0` requires
        when complete 1 did=mail                then result result
        ",
    );
}
