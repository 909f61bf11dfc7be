//! Plans: the same happenings lead the same way, and every end has its reason.
//!
//! A plan is written as its steps: `a [ b c ] review(d,e,3) checkpoint(shape,order@1.0.0,back:a)
//! approve(boss,within:5,silence:approved,back:a)`. A step is named like its agent; `a@order@1.0.0`
//! takes that contract, `a!refuse` is refused when its agent is full. Handoffs are numbered in the order in which the plan offers them.

use handclasp_core::offer::{Receiver, Terms};
use handclasp_core::plan::{Approve, Checkpoint, Node, Plan, Review, Step, Unapproved};
use handclasp_core::time::Millis;

use crate::line::Line;
use crate::script::check;
use crate::verbs::when_full;

/// Reads a plan from the words of a line.
pub(crate) fn read(line: &Line<'_>) -> Plan {
    Plan { root: Node::Sequence(nodes(line)) }
}

fn nodes(line: &Line<'_>) -> Vec<Node> {
    let mut nodes = Vec::new();
    while let Some(word) = line.word() {
        match word {
            "[" => nodes.push(Node::Sequence(self::nodes(line))),
            "]" => break,
            _ => nodes.push(node(word)),
        }
    }
    nodes
}

fn node(word: &str) -> Node {
    let Some((pattern, parts)) = word.trim_end_matches(')').split_once('(') else { return Node::Step(step(word)) };
    let parts: Vec<&str> = parts.split(',').collect();
    let option = |name: &str| parts.iter().find_map(|part| part.strip_prefix(name)?.strip_prefix(':'));
    let send_back = option("back").map(|step| step.parse().expect("a step"));
    let name = parts[0].parse().expect("a name");
    match pattern {
        "review" => Node::Review(Review {
            author: step(parts[0]),
            critic: step(parts[1]),
            rounds: parts[2].parse().expect("how many rounds"),
            unapproved: if parts.contains(&"stop") { Unapproved::Stop } else { Unapproved::KeepBest },
        }),
        "checkpoint" => Node::Checkpoint(Checkpoint { name, contract: parts[1].parse().expect("a contract"), send_back }),
        "approve" => Node::Approve(Approve {
            name,
            within_ms: option("within").map(|within| Millis(within.parse().expect("milliseconds"))),
            on_silence: option("silence").map(str::to_owned),
            send_back,
        }),
        other => panic!("what is the pattern `{other}`?"),
    }
}

fn step(word: &str) -> Step {
    let (word, full) = word.split_once('!').unwrap_or((word, "queue"));
    let (name, contract) = word.split_once('@').map_or((word, None), |(name, contract)| (name, Some(contract)));
    Step {
        name: name.parse().expect("a step"),
        to: Receiver::Agent(name.parse().expect("an agent")),
        contract: contract.map(|contract| contract.parse().expect("a contract")),
        terms: Terms { when_full: when_full(full), ..Terms::default() },
    }
}

const TEAM: &str = "
    given agent a accepts=order@1
    given agent b accepts=order@1
    given agent c
    given agent d
    given contract order@1.0.0 needs=order
";

fn check_plan(plan: &str, text: &str) {
    check(&format!("{TEAM}\ngiven plan {plan}\n{text}"));
}

#[test]
fn a_sequence_passes_each_result_to_the_next_step_in_the_commit_that_made_it() {
    check_plan(
        "a b",
        "
        when open                           then handoff 1 and 1 to a and 1 place 0.0/0.0
        given claim 1 accept
        when complete 1 result=half         then events handoff_completed handoff_offered and 2 to b and 2 place 0.0/1.0 and 2 kind route
        given claim 2 accept
        when complete 2 result=whole        then events handoff_completed run_closed and run completed
        ",
    );
}

#[test]
fn a_review_ends_with_the_round_that_is_approved() {
    check_plan(
        "review(a,b,3)",
        "
        given open
        given claim 1 accept
        given complete 1
        when claim 2 accept                 then token 2 and 2 to b
        when complete 2                     then HC-035
        when complete 2 verdict=revise:3    then event item_added and 3 to a and 3 kind return and 3 place 0.0/0.0/0.1 and open 1
        when claim 3 accept                 then carried 1
        given complete 3 result=better discharge=1:mended
        given claim 4 accept
        when complete 4 verdict=approved:9  then event run_closed and run completed
        ",
    );
}

#[test]
fn a_review_without_approval_keeps_the_best_version_or_stops() {
    let rounds = "
        given open
        given claim 1 accept
        given complete 1 result=first
        given claim 2 accept
        given complete 2 verdict=revise:7
        given claim 3 accept
        given complete 3 result=second
        given claim 4 accept
    ";
    let kept = check(&format!("{TEAM}\ngiven plan review(a,b,2) c\n{rounds}\nwhen complete 4 verdict=revise:2 then 5 to c"));
    let best = kept.run().handoffs()[4].payload;
    assert_eq!(best, kept.clone().content("first"), "the version with the higher score");
    let same = check(&format!("{TEAM}\ngiven plan review(a,b,2) c\n{rounds}\nwhen complete 4 verdict=revise:7 then 5 to c"));
    assert_eq!(same.run().handoffs()[4].payload, same.clone().content("second"), "of the same score the later one");
    check_plan("review(a,b,2,stop) c", &format!("{rounds}\nwhen complete 4 verdict=revise:2 then run failed and why within 2 rounds"));
    check(&format!(
        "{TEAM}\ngiven plan review(a,b,2)\n{rounds}
         when complete 4 verdict=revise:2 then run completed and why the review did not approve it"
    ));
}

#[test]
fn a_step_of_a_review_that_hands_on_leaves_the_judgment_to_the_next_one() {
    check_plan(
        "review(a,b,1)",
        "
        given open
        given claim 1 accept
        given complete 1
        given claim 2 accept
        when complete 2 next=c              then next 3 and 3 place 0.0/0.0/1.0
        given claim 3 accept
        when complete 3                     then HC-035
        when complete 3 verdict=approved    then run completed
        ",
    );
}

#[test]
fn a_checkpoint_passes_stops_or_sends_back() {
    check_plan(
        "a checkpoint(shape,order@1.0.0) c",
        "
        given open
        given claim 1 accept
        when complete 1 result=order        then events handoff_completed checkpoint_reached handoff_offered and 2 to c
        ",
    );
    check_plan(
        "a checkpoint(shape,order@1.0.0) c",
        "
        given open
        given claim 1 accept
        when complete 1 result=other        then events handoff_completed checkpoint_reached run_closed and why /order: expected a value
        ",
    );
    check_plan(
        "a checkpoint(shape,order@1.0.0,back:a) c",
        "
        given open
        given claim 1 accept
        when complete 1 result=other        then events handoff_completed item_added checkpoint_reached handoff_offered and 2 to a and 2 place 0.0/0.1
        when claim 2 accept                 then carried 1
        when complete 2 result=order        then 3 to c and 3 place 0.0/2.0 and 3 kind route
        ",
    );
}

#[test]
fn a_person_approves_rejects_sends_back_or_stays_silent() {
    let asked = "
        given open
        given claim 1 accept
        when complete 1 result=draft        then events handoff_completed interrupt_raised and run waiting_for_person
    ";
    let paths = [
        ("approve(boss)", "when resolve 1 approved then events interrupt_resolved handoff_offered and 2 to c"),
        ("approve(boss)", "when resolve 1 rejected then run failed and why `boss` was rejected"),
        ("approve(boss)", "when resolve 1 perhaps then HC-023"),
        ("approve(boss)", "when resolve 1 approved shown=other then HC-022"),
        (
            "approve(boss,back:a)",
            "when resolve 1 rejected text=shorter then events interrupt_resolved item_added handoff_offered and 2 to a and open 1",
        ),
        ("approve(boss,within:5)", "when wake at=5 then run failed and why nobody answered `boss` in time"),
        ("approve(boss,within:5,silence:approved)", "when wake at=5 then 2 to c"),
        ("approve(boss,within:5,silence:rejected,back:a)", "when wake at=5 then 2 to a"),
    ];
    for (approve, then) in paths {
        check_plan(&format!("a {approve} c"), &format!("{asked}\n{then}"));
    }
    check_plan("a approve(boss,silence:perhaps)", "when open then HC-042 plan.approve.on_silence");
}

#[test]
fn feedback_goes_upstream_and_visits_are_numbered() {
    check_plan(
        "a b c",
        "
        given open
        given claim 1 accept
        given complete 1
        given claim 2 accept
        when complete 2 verdict=back:c      then HC-036
        when complete 2 verdict=back:a      then event item_added and 3 to a and 3 place 0.0/0.1 and 3 kind return
        when claim 3 accept                 then carried 1
        given complete 3 discharge=1:clear
        when claim 4 accept                 then token 4 and 4 to b and 4 place 0.0/1.1
        when complete 4                     then 5 to c and 5 place 0.0/2.0 and 5 kind route
        given claim 5 accept
        given complete 5 verdict=back:b
        when claim 6 accept                 then token 6 and 6 to b and 6 place 0.0/1.2
        when complete 6                     then 7 to c and 7 place 0.0/2.1
        ",
    );
}

#[test]
fn a_first_step_may_send_back_to_itself_until_a_limit_ends_it() {
    check_plan(
        "a",
        "
        given open run-limit=handoffs:3
        given claim 1 accept
        when complete 1 verdict=back:a      then 2 to a and 2 place 0.0/0.1
        given claim 2 accept
        when complete 2 verdict=back:a      then 3 to a and 3 place 0.0/0.2
        given claim 3 accept
        when complete 3 verdict=back:a      then 4 is dead-lettered and run stopped and why HC-016
        ",
    );
}

#[test]
fn patterns_nest() {
    check_plan(
        "a [ review(b,c,2) [ d ] ] approve(boss)",
        "
        given open
        given claim 1 accept
        when complete 1                     then 2 to b and 2 place 0.0/1.0/0.0/0.0
        given claim 2 accept
        given complete 2
        given claim 3 accept
        when complete 3 verdict=approved    then 4 to d and 4 place 0.0/1.0/1.0/0.0
        given claim 4 accept
        when complete 4 verdict=back:a      then 5 to a and 5 place 0.0/0.1
        given claim 5 accept
        when complete 5                     then 6 to b and 6 place 0.0/1.1/0.0/0.0
        given claim 6 accept
        given complete 6
        given claim 7 accept
        given complete 7 verdict=approved
        given claim 8 accept
        when complete 8                     then run waiting_for_person
        when resolve 1 approved             then run completed
        ",
    );
}

#[test]
fn a_step_that_ends_without_a_result_stops_the_plan_and_everything_that_was_spawned() {
    check_plan(
        "a b",
        "
        given open item=fact:early,must
        given claim 1 accept
        given offer 1 to=c payload=aside
        given claim 2 accept
        when fail 1 permanently             then 1 is dead-lettered and run running
        when cancel 1                       then event run_closed and 2 is cancelled and run failed and why step `a` cancelled
        ",
    );
    check_plan(
        "a b",
        "
        given open
        given claim 1 accept
        given complete 1 next=c payload=rest
        given claim 2 accept
        when complete 2                     then 3 to b
        given claim 3 accept
        given offer 3 to=c payload=aside
        when complete 3                     then run running
        given claim 4 accept
        when complete 4                     then run completed
        ",
    );
}

#[test]
fn a_step_that_cannot_be_offered_keeps_the_result_that_led_to_it() {
    check_plan(
        "a b@order@1.0.0",
        "
        given open
        given claim 1 accept
        when complete 1 result=other        then events handoff_completed handoff_offered dead_lettered and run stopped and why HC-008
        when redrive 2                      then HC-008
        when redrive 2 payload=order        then 2 is offered
        ",
    );
    check_plan(
        "a nobody",
        "
        given open
        given claim 1 accept
        when complete 1                     then event dead_lettered and why there is no agent `nobody`
        when redrive 2 to=b                 then 2 to b
        given claim 2 accept
        when complete 2                     then run completed
        ",
    );
}
