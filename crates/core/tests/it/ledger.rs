//! The ledger across branches: inherited, settled locally, joined, returned, never lost (law 7).

use crate::script::check;

const TEAM: &str = "
    given agent a roles=blue
    given agent b
    given agent c roles=red
";

fn check_team(text: &str) {
    check(&format!("{TEAM}{text}"));
}

#[test]
fn branches_inherit_settle_for_themselves_and_join() {
    check_team(
        "
        given open to=a item=constraint:words item=question:who,must item=question:when,must
        given claim 1 accept
        given offer 1 to=b
        when claim 2 accept                 then carried 1 2 3
        given offer 2 to=c
        when complete 2 discharge=2:asked item=question:where,must then event branch_closed and open 1 3 4
        when claim 3 accept                 then carried 1 3 4
        when complete 3 discharge=3:asked   then open 1 4
        ",
    );
}

#[test]
fn what_a_late_grandchild_settles_counts_all_the_way_up() {
    check_team(
        "
        given open to=a item=question:who,must
        given claim 1 accept
        given offer 1 to=b
        given claim 2 accept
        given offer 2 to=c
        given claim 3 accept
        given complete 2
        when complete 3 discharge=1:asked item=fact:late,must then open 2
        ",
    );
}

#[test]
fn a_branch_that_fails_settles_nothing_and_its_items_return() {
    check_team(
        "
        given open to=a item=question:who,must
        given claim 1 accept
        given offer 1 to=b
        given claim 2 accept
        given offer 2 delegate to=c
        given claim 3 accept
        given complete 3 discharge=1:asked item=question:found,must
        when cancel 2                       then event branch_closed and open 1 2
        ",
    );
}

#[test]
fn an_item_that_a_role_may_not_see_is_withheld_and_stays_open() {
    check_team(
        "
        given open to=b item=fact:secret,must,for:red item=fact:open
        when claim 1 accept                 then carried 2 and withheld 1
        when complete 1 next=c discharge=1:seen then HC-018
        when complete 1 next=c item=fact:secret then HC-042 may not see
        given complete 1 next=c
        when claim 2 accept                 then carried 1 2
        when complete 2 discharge=1:seen    then open 2
        ",
    );
}

#[test]
fn only_what_was_carried_can_be_ended_once_and_with_a_reason() {
    check_team(
        "
        given open to=a item=constraint:words item=question:who,must
        given claim 1 accept
        when complete 1 discharge=9:done    then HC-018
        when complete 1 discharge=2:        then HC-020
        when complete 1 discharge=1:done    then HC-019
        when complete 1 discharge=2:a discharge=2:b then HC-018
        when complete 1 discharge=2:a drop=2:b then HC-018
        when complete 1 drop=1:not_possible discharge=2:done then run completed
        ",
    );
}

#[test]
fn a_later_item_of_the_same_key_takes_the_place_but_never_a_constraints() {
    check_team(
        "
        given open to=a item=constraint:words item=question:who,must item=fact:base item=decision:plan,from:3
        given claim 1 accept
        when complete 1 next=b item=fact:words          then HC-019
        when complete 1 next=b item=fact:new item=fact:new then HC-042 items.key
        when complete 1 next=b item=fact:new,from:99    then HC-018
        given complete 1 next=b item=fact:who item=fact:base,says:other
        when claim 2 accept                             then carried 1 4 5 6
        when complete 2 drop=1:replaced item=constraint:words then open 4 5 6 7
        ",
    );
    let stage = check(&format!(
        "{TEAM}
        given open to=a item=fact:base item=decision:plan,from:1 item=risk:late,from:2 item=fact:other
        given claim 1 accept
        given complete 1 next=b item=fact:base,says:changed
        "
    ));
    let outdated: Vec<u32> = stage.run().ledger.items().iter().filter(|item| item.stale).map(|item| item.id.number).collect();
    assert_eq!(outdated, [2, 3], "what was concluded from it, and what was concluded from that");
    let base = stage.run().ledger.items().last().expect("the new one");
    assert_eq!((base.version, base.supersedes.map(|id| id.number)), (2, Some(1)));
}

#[test]
fn what_had_to_be_carried_still_has_to_be_under_its_new_value() {
    let stage = check(&format!(
        "{TEAM}
        given open to=a item=question:who,must
        given claim 1 accept
        given complete 1 next=b item=fact:who
        when claim 2 accept                 then carried 2
        "
    ));
    assert!(stage.run().ledger.items()[1].content.must_carry);
}

#[test]
fn an_opening_refers_only_to_what_it_says_itself() {
    check_team("when open to=a item=fact:base,from:2 item=fact:later then HC-018");
    check_team("when open to=a item=fact:base,from:1 then HC-018");
    check_team("when open to=a item=fact:base item=constraint:base then HC-042");
}
