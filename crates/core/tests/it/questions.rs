//! Questions and approvals: by id, once, bound to what was shown (law 3).

use crate::script::check;

const TEAM: &str = "
    given agent a lease=1000
    given agent b
    given open to=a
    given claim 1 accept
";

fn check_questions(text: &str) {
    check(&format!("{TEAM}{text}"));
}

#[test]
fn the_first_answer_counts_and_whoever_is_late_is_told_which_it_was() {
    check_questions(
        "
        when ask 1 options=yes,no           then events interrupt_raised and question 1
        when ask 1 options=yes,no           then nothing and question 1
        when resolve 9 yes                  then HC-021
        when resolve 1 yes shown=other      then HC-022 bound to other content
        when resolve 1 perhaps              then HC-023 one of the answers: yes, no
        when resolve 1 yes                  then answer yes
        when resolve 1 no                   then nothing and answer yes
        when ask 1 options=yes,no           then nothing and answer yes
        given complete 1
        when resolve 1 no                   then nothing and answer yes
        ",
    );
}

#[test]
fn an_approval_is_yes_or_no_and_free_text_is_not_nothing() {
    check_questions(
        "
        given ask 1 approval
        when resolve 1 perhaps              then HC-023 one of the answers: approved, rejected
        when resolve 1 approved             then answer approved
        given ask 1 ordinal=1
        when resolve 2                      then HC-042 answer
        when resolve 2 text=words           then events interrupt_resolved
        ",
    );
}

#[test]
fn a_later_attempt_gets_the_same_question_and_its_answer() {
    check_questions(
        "
        given ask 1 ordinal=0 shown=delete
        given ask 1 ordinal=1 shown=send
        given resolve 2 yes
        when lose 1                         then events lease_lost handoff_parked
        when resolve 1 no shown=delete      then 1 is offered
        given claim 1 accept
        when ask 1 ordinal=0 shown=delete   then nothing and answer no
        when ask 1 ordinal=1 shown=post     then events interrupt_raised and question 3
        when ask 1 ordinal=1 shown=mail     then events interrupt_withdrawn interrupt_raised and question 4
        when resolve 3 yes                  then HC-004 withdrawn
        ",
    );
}

#[test]
fn a_parked_question_gives_the_lease_up_and_goes_on_with_the_answer() {
    check_questions(
        "
        given ask 1 ordinal=0
        when ask 1 ordinal=1 park           then events interrupt_raised handoff_parked and 1 is waiting and run waiting_for_person
        when wake at=5000                   then nothing
        when resolve 1 yes                  then events interrupt_resolved
        when resolve 2 yes                  then events interrupt_resolved handoff_returned and 1 attempts 0
        when claim 1 accept                 then token 2 and 1 attempts 1
        when ask 1 ordinal=1 park           then nothing and answer yes
        ",
    );
}

#[test]
fn silence_is_an_answer_or_the_end() {
    check_questions(
        "
        given ask 1 within=50 silence=no options=yes,no
        when wake at=49                     then nothing
        when wake at=50                     then events interrupt_resolved
        when ask 1 options=yes,no           then answer no
        ",
    );
    check_questions(
        "
        given ask 1 within=50 silence=no ordinal=0
        given ask 1 within=50 silence=no ordinal=1 park
        when wake at=50                     then events interrupt_resolved interrupt_resolved handoff_returned
        ",
    );
    check_questions(
        "
        given ask 1 within=50 park
        when wake at=50                     then events interrupt_withdrawn dead_lettered and why nobody answered
        ",
    );
    check_questions("when ask 1 silence=perhaps options=yes,no then HC-023");
}

#[test]
fn nothing_is_left_open_behind_a_result_or_a_wait() {
    check_questions(
        "
        given ask 1
        when complete 1                     then HC-039
        when offer 1 delegate to=b          then HC-039
        when child 1 1                      then HC-039
        when offer 1 to=b                   then handoff 2
        when fail 1 permanently             then events attempt_failed interrupt_withdrawn dead_lettered
        ",
    );
}

#[test]
fn giving_back_with_an_open_question_waits_for_the_answer_and_counts_once() {
    check_questions(
        "
        given lose 1
        given claim 1 accept
        given ask 1
        when release 1                      then events handoff_released handoff_parked and 1 attempts 1
        when resolve 1 yes                  then 1 is offered and 1 attempts 1
        when claim 1 accept                 then 1 attempts 2
        ",
    );
}
