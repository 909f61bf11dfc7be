//! The specification as a table: every phase against every command, with a valid token and nothing
//! exceeded. Review `tests/golden/decisions.txt`, not the matches in the rules.

use std::collections::BTreeSet;
use std::fmt::Write;

use handclasp_core::command::Command;

use crate::golden;
use crate::line::Line;
use crate::script::{check, event_name};
use crate::stage::Stage;

/// A phase, how a handoff gets there, and which handoff it is.
const PHASES: &[(&str, u32, &[&str])] = &[
    ("no such run", 1, &[]),
    ("no such handoff", 9, &["open to=a"]),
    ("offered", 1, &["open to=a"]),
    ("claimed", 1, &["open to=a", "claim 1"]),
    ("accepted", 1, &["open to=a", "claim 1 accept"]),
    ("accepted, with an open question", 1, &["open to=a", "claim 1 accept", "ask 1"]),
    ("accepted, with an effect under way", 1, &["open to=a", "claim 1 accept", "begin 1 refund#0"]),
    ("accepted, with an unknown effect", 1, &["open to=a", "claim 1 accept", "begin 1 refund#0 lookup", "lose 1", "claim 1 accept"]),
    ("waiting for a handoff", 1, &["open to=a", "claim 1 accept", "offer 1 delegate to=b"]),
    ("waiting for answers", 1, &["open to=a", "claim 1 accept", "ask 1 park"]),
    ("waiting for a run", 1, &["open to=a", "claim 1 accept", "child 1 1"]),
    ("dead-lettered", 1, &["open to=a", "claim 1 accept", "fail 1 permanently"]),
    ("completed", 1, &["open to=a", "claim 1 accept", "offer 1 to=b", "complete 1"]),
    ("ended: declined", 2, &["open to=a", "claim 1 accept", "offer 1 delegate to=b", "claim 2", "decline 2"]),
    ("ended: failed", 2, &["open to=a", "claim 1 accept", "offer 1 delegate to=b", "claim 2 accept", "fail 2 permanently"]),
    ("ended: lease lost", 2, &["open to=a", "claim 1 accept", "offer 1 delegate to=b attempts=1", "claim 2", "lose 2"]),
    ("ended: unanswered", 2, &["open to=a", "claim 1 accept", "offer 1 delegate to=b answer=5", "wake at=5"]),
    ("ended: overdue", 2, &["open to=a", "claim 1 accept", "offer 1 delegate to=b finish=5", "claim 2 accept", "wake at=5"]),
    (
        "ended: question unanswered",
        2,
        &["open to=a", "claim 1 accept", "offer 1 delegate to=b", "claim 2 accept", "ask 2 within=5", "wake at=5"],
    ),
    ("ended: cancelled", 2, &["open to=a", "claim 1 accept", "offer 1 delegate to=b", "cancel 2"]),
    (
        "ended: could not be offered again",
        2,
        &["open to=a", "claim 1 accept", "offer 1 delegate to=b limit=steps:1", "claim 2 accept", "fail 2"],
    ),
    ("run closed", 1, &["open to=a", "claim 1 accept", "complete 1"]),
];

/// The commands; `H` stands for the handoff in question. The agent `d` is always full.
const COMMANDS: &[&str] = &[
    "open to=a",
    "offer to=c",
    "offer H spawn to=c",
    "offer H delegate to=c",
    "offer H transfer to=c",
    "offer H to=d full=refuse",
    "claim H",
    "claim H accept",
    "claim H by=c",
    "accept H",
    "accept H confidence=90",
    "decline H",
    "release H",
    "heartbeat H",
    "progress H note=halfway",
    "ask H ordinal=1",
    "ask H ordinal=1 park",
    "resolve 1 yes",
    "begin H mail#0",
    "begin H refund#0",
    "finish H refund#0",
    "reconcile H refund#0",
    "complete H",
    "complete H next=c",
    "complete H next=nobody",
    "complete H next=d full=refuse",
    "fail H",
    "fail H permanently",
    "redrive H",
    "redrive H to=c payload=mended",
    "cancel H",
    "cancel",
    "lose H",
    "wake",
    "child H 2",
    "child-closed 1 result=found",
    "accept-change team=other",
];

/// The command's name. No `_`: a new command has to be given rows in the table.
fn name(command: &Command) -> &'static str {
    match command {
        Command::Open(_) => "open",
        Command::Offer { .. } => "offer",
        Command::Claim { .. } => "claim",
        Command::Accept { .. } => "accept",
        Command::Decline { .. } => "decline",
        Command::Release { .. } => "release",
        Command::Heartbeat { .. } => "heartbeat",
        Command::Progress { .. } => "progress",
        Command::Ask { .. } => "ask",
        Command::Resolve { .. } => "resolve",
        Command::EffectBegin { .. } => "begin",
        Command::EffectFinish { .. } => "finish",
        Command::EffectReconcile { .. } => "reconcile",
        Command::Complete { .. } => "complete",
        Command::Fail { .. } => "fail",
        Command::Redrive { .. } => "redrive",
        Command::Cancel { .. } => "cancel",
        Command::LoseLease { .. } => "lose",
        Command::Wake => "wake",
        Command::OpenChild { .. } => "child",
        Command::ChildClosed { .. } => "child-closed",
        Command::AcceptChange { .. } => "accept-change",
    }
}

#[test]
fn every_phase_answers_every_command_as_the_table_says() {
    let mut table = String::from("What each command brings about in each phase: events, or the refusal.\n");
    let mut named = BTreeSet::new();
    for (phase, handoff, way) in PHASES {
        write!(table, "\n{phase}\n").expect("a string takes everything");
        let stage = in_phase(way);
        for command in COMMANDS {
            let line = command.replace('H', &handoff.to_string());
            named.insert(name(&stage.clone().command(&Line::read(&line))));
            writeln!(table, "  {:30}{}", command, answer(&mut stage.clone(), &line)).expect("a string takes everything");
        }
    }
    let verbs: BTreeSet<&str> = COMMANDS.iter().map(|command| command.split(' ').next().expect("a verb")).collect();
    assert_eq!(named, verbs, "every command has its rows");
    golden::compare("decisions.txt", &table);
}

fn in_phase(way: &[&str]) -> Stage {
    let mut stage = check("given agent a\ngiven agent b\ngiven agent c\ngiven agent d capacity=0");
    for line in way {
        if let Some(Err(refusal)) = stage.perform(line) {
            panic!("`{line}` was refused: {refusal}");
        }
    }
    stage
}

fn answer(stage: &mut Stage, line: &str) -> String {
    match stage.perform(line).expect("these are commands") {
        Ok(outcome) if outcome.events.is_empty() => "nothing new".to_owned(),
        Ok(outcome) => outcome.events.iter().map(event_name).collect::<Vec<_>>().join(", "),
        Err(refusal) => format!("{} {}", refusal.code(), without_run(&refusal.to_string())),
    }
}

/// Ids without the run's part, which is the same everywhere.
fn without_run(text: &str) -> String {
    let run = Stage::run_id().to_string();
    text.replace(&run["run_".len()..], "…")
}

#[test]
fn ids_that_were_never_given_out_are_refused_by_every_command() {
    let stage = in_phase(&["open to=a", "claim 1 accept", "ask 1"]);
    for number in [0, 2, u32::MAX] {
        for command in COMMANDS.iter().filter(|command| command.contains('H')) {
            let line = command.replace('H', &number.to_string());
            let answer = answer(&mut stage.clone(), &line);
            assert!(answer.starts_with("HC-002"), "`{line}`: {answer}");
        }
        let resolved = answer(&mut stage.clone(), &format!("resolve {number} yes"));
        assert!(resolved.starts_with("HC-021"), "{resolved}");
    }
}
