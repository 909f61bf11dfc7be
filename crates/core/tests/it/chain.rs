//! The log as it is stored: what breaks the chain is named, and newer formats are refused by name.

use std::error::Error;

use handclasp_core::Run;
use handclasp_core::encoding::{GENESIS, Unreadable, decode, replay};

use crate::script::check;

fn log() -> Vec<Vec<u8>> {
    let stage = check(
        "
        given agent a
        given open to=a item=constraint:words
        given claim 1 accept key=once
        given progress 1 note=half
        given complete 1
        ",
    );
    stage.log
}

fn problem(log: &[Vec<u8>]) -> String {
    let mut run: Option<Run> = None;
    let problem = replay(&mut run, GENESIS, log.iter().map(Vec::as_slice)).expect_err("this log is broken");
    match problem.source() {
        Some(source) => format!("{problem}: {source}"),
        None => problem.to_string(),
    }
}

#[test]
fn an_altered_event_is_noticed_by_the_one_after_it() {
    let mut log = log();
    let altered = String::from_utf8(log[6].clone()).expect("JSON").replace("half", "done");
    log[6] = altered.into_bytes();
    assert_eq!(problem(&log), "event 8 does not follow from the one before it: its bytes, or the ones before, were altered");
}

#[test]
fn an_altered_last_event_moves_the_head() {
    let mut log = log();
    let (mut before, mut after) = (None, None);
    let head = replay(&mut before, GENESIS, log.iter().map(Vec::as_slice)).expect("it is whole");
    let last = log.len() - 1;
    log[last] = String::from_utf8(log[last].clone()).expect("JSON").replace(r#""approved":true"#, r#""approved":false"#).into_bytes();
    let moved = replay(&mut after, GENESIS, log.iter().map(Vec::as_slice)).expect("nothing follows it");
    assert_ne!(head, moved);
}

#[test]
fn missing_and_reordered_events_are_named() {
    let mut missing = log();
    missing.remove(3);
    assert_eq!(problem(&missing), "event 4 is missing (found 5)");
    let mut reordered = log();
    reordered.swap(4, 5);
    assert_eq!(problem(&reordered), "event 5 is missing (found 6)");
    let mut beheaded = log();
    beheaded.remove(0);
    assert_eq!(problem(&beheaded), "event 1 is missing (found 2)");
}

#[test]
fn another_runs_event_does_not_fit_in() {
    let other = check("given agent b\ngiven open to=b item=constraint:words\ngiven claim 1\ngiven release 1");
    let mut log = log();
    log[4] = other.log[4].clone();
    assert_eq!(problem(&log), "event 5 does not follow from the one before it: its bytes, or the ones before, were altered");
}

#[test]
fn a_newer_format_and_garbage_are_refused_by_name() {
    let log = log();
    let newer = String::from_utf8(log[2].clone()).expect("JSON").replacen(r#""v":2"#, r#""v":7"#, 1);
    let refused = decode(newer.as_bytes()).expect_err("it is newer");
    assert_eq!(refused.to_string(), "event 3 has format 7; this program reads formats up to 2");
    assert!(matches!(refused, Unreadable::Newer { version: 3, found: 7 }));
    let unheard = String::from_utf8(log[2].clone()).expect("JSON").replace("item_added", "item_dreamt");
    assert!(matches!(decode(unheard.as_bytes()), Err(Unreadable::Malformed(_))));
    for odd in [&b"\0not JSON"[..], b"3", b"{}", br#"{"v":1,"event":"effect_began"}"#, br#"{"v":1,"event":{"type":"effect_began"}}"#] {
        assert!(matches!(decode(odd), Err(Unreadable::Malformed(_))), "{}", String::from_utf8_lossy(odd));
    }
}

#[test]
fn what_cannot_have_happened_is_corrupt_even_if_the_chain_is_whole() {
    let first = log().swap_remove(1);
    let alone = String::from_utf8(first).expect("JSON").replace(r#""version":2"#, r#""version":1"#);
    let head = decode(alone.as_bytes()).expect("an event").prev;
    let mut run: Option<Run> = None;
    let problem = replay(&mut run, head, std::iter::once(alone.as_bytes())).expect_err("a log begins with its opening");
    assert!(matches!(&problem, Unreadable::Corrupt(corrupt) if corrupt.why == "a log begins with `run_opened`"), "{problem:?}");
}

#[test]
fn a_key_stands_on_the_first_event_of_its_commit_with_the_reply() {
    let recorded: Vec<_> = log().iter().map(|bytes| decode(bytes).expect("an event")).collect();
    let keyed: Vec<u64> = recorded.iter().filter(|event| event.key.is_some()).map(|event| event.version).collect();
    assert_eq!(keyed, [5]);
    assert_eq!(recorded.iter().map(|event| event.commit).collect::<Vec<_>>(), [1, 1, 1, 1, 5, 5, 7, 8, 8, 8]);
}
