//! What a good file becomes: agents, contracts, plan, limits, and the opening of a run.

use std::collections::BTreeMap;
use std::path::Path;

use handclasp_core::blob::{BlobRef, Blobs};
use handclasp_core::command::Open;
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::directory::Justification;
use handclasp_core::id::Role;
use handclasp_core::ledger::ItemKind;
use handclasp_core::offer::{Kind, Receiver, WhenFull};
use handclasp_core::plan::{Node, Unapproved};
use handclasp_core::time::Millis;
use handclasp_team::{InputKind, LaunchKind, Pool, StdinForm, Team};
use serde_json::{Value, json};

use super::{GOOD, parse, repository};

fn team() -> Team {
    parse(GOOD).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn open(team: &Team, pairs: &[(&str, &str)]) -> (Open, Blobs) {
    team.open(&given(pairs), Path::new("/home/ada/here"), "0af7651916cd43dd8448eb211c80319c".to_owned()).expect("the inputs are good")
}

fn content(blobs: &Blobs, of: BlobRef) -> Value {
    serde_json::from_slice(blobs.get(&of.digest).expect("the blob came along")).expect("blobs of an opening are JSON")
}

#[test]
fn agents_know_what_they_take_and_how_they_start() {
    let team = team();
    let directory = team.directory();
    let agent = |name: &str| directory.agent(&name.parse().unwrap()).unwrap().clone();
    assert_eq!(agent("researcher").read_back, ReadBackLevel::Off);
    assert_eq!(agent("writer").read_back, ReadBackLevel::Echo);
    assert_eq!((agent("writer").lease_ms, agent("writer").capacity), (Millis::seconds(45), 1));
    assert_eq!(agent("writer").fallback, Some("editor".parse().unwrap()));
    assert_eq!((agent("editor").lease_ms, agent("editor").capacity), (Millis::seconds(30), 2));

    let launch = |name: &str| team.agents.iter().find(|agent| agent.agent.name.as_str() == name).unwrap().launch.clone();
    assert_eq!(launch("researcher").kind, LaunchKind::Command { stdin: StdinForm::Json });
    assert_eq!(
        (launch("researcher").argv, launch("researcher").env),
        (vec!["git".into(), "log".into()], vec!["PATH".into(), "HOME".into()])
    );
    assert_eq!((launch("writer").kind, launch("writer").timeout_ms), (LaunchKind::Process, Millis::seconds(3_600)));
    assert_eq!((launch("editor").timeout_ms, launch("editor").cwd), (Millis::seconds(600), team.folder.clone()));
}

#[test]
fn an_agent_may_ask_why_it_of_everybody_or_for_some_kinds() {
    let asks = |said: &str| {
        let team =
            parse(&GOOD.replace("    capacity: 2", &format!("    capacity: 2\n{said}"))).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        team.directory().agent(&"editor".parse().unwrap()).unwrap().justification.clone()
    };
    assert_eq!(asks(""), Justification::Off);
    assert_eq!(asks("    justification_for: [all]"), Justification::Required);
    assert_eq!(asks("    justification_for: [delegate, escalate]"), Justification::For([Kind::Delegate, Kind::Escalate].into()));
}

#[test]
fn a_pool_keeps_five_for_five_minutes_unless_it_says_otherwise() {
    let said = GOOD.replace("lease: 45s", "pool: {size: 0, idle: 10s, per_run: true}").replace("capacity: 2", "pool: {ahead: 2}");
    let team = parse(&said).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let pools: Vec<Pool> = team.agents.iter().map(|agent| agent.launch.pool).collect();
    let standard = Pool { size: 5, idle_ms: Millis::seconds(300), ahead: 0, per_run: false };
    let none = Pool { size: 0, idle_ms: Millis::seconds(10), per_run: true, ..standard };
    assert_eq!(pools, [standard, none, Pool { ahead: 2, ..standard }]);
}

#[test]
fn a_step_gets_the_newest_version_that_its_agent_accepts() {
    let team = team();
    let Some(Node::Sequence(patterns)) = team.plan.as_ref().map(|plan| &plan.root) else { panic!("the plan is a sequence") };
    let Node::Step(research) = &patterns[0] else { panic!("first comes a step") };
    assert_eq!(research.to, Receiver::Capability("git".parse().unwrap()));
    assert_eq!(research.contract, Some("span@1.0.0".parse().unwrap()));
    assert_eq!(research.terms.returns, Some("notes@1".parse().unwrap()));
    assert_eq!((research.terms.retry.attempts, research.terms.retry.backoff_ms, research.terms.retry.backoff_max_ms), (5, 500, 60_000));
    let Node::Checkpoint(enough) = &patterns[1] else { panic!("then a checkpoint") };
    assert_eq!((&enough.contract, &enough.send_back), (&"notes@1.1.0".parse().unwrap(), &Some("research".parse().unwrap())));
    let Node::Review(review) = &patterns[2] else { panic!("then a review") };
    assert_eq!((review.rounds, review.unapproved), (4, Unapproved::Stop));
    assert_eq!(review.author.contract, Some("notes@1.0.0".parse().unwrap()), "the writer takes ~1.0 only");
    assert_eq!(review.critic.contract, Some("notes@1.1.0".parse().unwrap()));
    assert_eq!((review.author.terms.finish_within_ms, review.critic.terms.limits.tokens), (Some(Millis::seconds(7_200)), Some(5_000)));
    let Node::Approve(publish) = &patterns[3] else { panic!("then a person") };
    assert_eq!((publish.within_ms, publish.on_silence.as_deref()), (Some(Millis(86_400_000)), Some("rejected")));
}

#[test]
fn a_run_opens_with_every_placeholder_filled_once() {
    let team = team();
    let (open, blobs) = open(&team, &[("from", "v1 {words}"), ("repo", "../there")]);
    assert_eq!(content(&blobs, open.input), json!({ "repo": "/home/ada/here/../there", "from": "v1 {words}", "words": 400 }));
    assert_eq!(content(&blobs, open.task), json!("Write release notes for /home/ada/here/../there from v1 {words}, {braces} and all."));
    assert_eq!(content(&blobs, open.intent.unwrap()), json!("Whoever upgrades knows what will break."));
    assert_eq!(open.title, "release-notes: Write release notes for /home/ada/here/../there from v1 {words}, {braces} and all.");
    let [words, tone] = open.items.as_slice() else { panic!("one constraint, one item") };
    assert_eq!((words.kind, words.must_carry, content(&blobs, words.value)), (ItemKind::Constraint, true, json!("At most 400 words.")));
    assert_eq!((tone.kind, tone.must_carry, tone.confidence), (ItemKind::Risk, true, Some(80)));
    assert_eq!(tone.visible_to.iter().map(Role::as_str).collect::<Vec<_>>(), ["style"]);
    assert_eq!((open.limits.steps, open.limits.cost_micros, open.limits.time_ms), (Some(100), Some(1_500_000), Some(600_000)));
    let Some(Node::Sequence(patterns)) = open.plan.map(|plan| plan.root) else { panic!("the plan is a sequence") };
    let Node::Review(review) = &patterns[2] else { panic!("third comes a review") };
    assert_eq!((review.author.terms.when_full, review.critic.terms.when_full), (WhenFull::Refuse, WhenFull::Queue));
    assert_eq!(review.author.terms.acceptance, ["At most 400 words."]);
    assert_eq!(open.pins, team.pins());
    assert_eq!((open.pins.contracts.len(), open.pins.agents.len(), open.pins.team), (4, 3, Some(team.digest)));
}

#[test]
fn a_default_path_is_the_callers_folder_and_a_long_task_has_a_short_title() {
    let text = GOOD.replace("Write release notes for", &"ä".repeat(300));
    let (open, blobs) = open(&parse(&text).unwrap(), &[("from", "v1")]);
    assert_eq!(content(&blobs, open.input)["repo"], json!("/home/ada/here"));
    assert!(open.title.ends_with("ä…") && open.title.chars().count() == 100 && open.title.len() <= 256, "{}", open.title);
}

#[test]
fn what_is_given_wrong_is_said_at_once() {
    let team = team();
    let mistakes = team.open(&given(&[("form", "v1"), ("words", "many"), ("repo", "")]), Path::new("/"), String::new()).unwrap_err();
    let said: Vec<(String, Option<String>)> = mistakes.iter().map(|mistake| (mistake.to_string(), mistake.hint.clone())).collect();
    let say = |message: &str, hint: Option<&str>| (message.to_owned(), hint.map(str::to_owned));
    assert_eq!(
        said,
        [
            say("unknown input `form`", Some("did you mean `from`?")),
            say("wrong value for the input `repo`: expected a path, found ``", None),
            say("the input `from` is missing: expected text", Some("where the span starts")),
            say("wrong value for the input `words`: expected a whole number of at most 16 digits, found `many`", None),
        ]
    );
    assert_eq!(team.inputs.iter().map(|input| input.kind).collect::<Vec<_>>(), [InputKind::Path, InputKind::String, InputKind::Integer]);
}

#[test]
fn each_type_of_input_takes_its_own() {
    for (kind, text, value) in [
        ("string", "1.10", Some(json!("1.10"))),
        ("integer", "-7", Some(json!(-7))),
        ("integer", "1.5", None),
        ("integer", "9007199254740993", None),
        ("number", "1.5", Some(json!(1.5))),
        ("number", "NaN", None),
        ("boolean", "true", Some(json!(true))),
        ("boolean", "yes", None),
    ] {
        let team = parse(&GOOD.replace("from: {type: string", &format!("from: {{type: {kind}"))).unwrap();
        let opened = team.open(&given(&[("from", text)]), Path::new("/"), String::new());
        let found = opened.ok().map(|(open, blobs)| content(&blobs, open.input)["from"].clone());
        assert_eq!(found, value, "{text} as {kind}");
    }
}

#[test]
fn agents_that_hand_on_freely_start_with_a_first_handoff() {
    let plan = GOOD.find("plan:").unwrap();
    let first = "first: {to: writer, accepts: span@1, returns: notes@1, justification: \"It knows {repo}.\", answer_within: 5m}\n";
    let (open, blobs) = open(&parse(&format!("{}{first}", &GOOD[..plan])).unwrap(), &[("from", "v1")]);
    let first = open.first.expect("there is a first handoff");
    assert_eq!((open.plan, first.payload), (None, open.input));
    assert_eq!(first.contract.map(|range| range.to_string()), Some("span@=1.0.0".to_owned()));
    assert_eq!(first.terms.justification.as_deref(), Some("It knows /home/ada/here."));
    assert_eq!(content(&blobs, first.payload)["words"], json!(400));
}

#[test]
fn a_digest_changes_with_what_is_said_and_not_with_how_it_is_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let read = |text: &str| {
        write("team.yaml", text);
        Team::read(folder.path()).unwrap_or_else(|error| panic!("{error:?}"))
    };
    let definition = |team: &Team, name: &str| team.pins().agents[&name.parse().unwrap()];
    write("writer.py", "one");
    let text = GOOD.replace("notes@2.0.0: {schema: {type: array}}", "notes@2.0.0: {file: notes.json}");
    write("notes.json", "{\"type\": \"array\"}");
    let before = read(&text);
    assert_eq!(before.file.as_deref(), Some(folder.path().join("team.yaml").as_path()));
    assert_eq!(before.pins().team_file.as_deref(), folder.path().join("team.yaml").to_str());

    let same = read(&format!("# a comment\n{}", text.replace("stdin: json", "stdin:   \"json\"")));
    assert_eq!((same.digest, definition(&same, "writer")), (before.digest, definition(&before, "writer")));

    write("writer.py", "two");
    let script = read(&text);
    assert_eq!(script.digest, before.digest);
    assert_ne!(definition(&script, "writer"), definition(&before, "writer"), "the script is part of the definition");
    assert_eq!(definition(&script, "editor"), definition(&before, "editor"));

    write("notes.json", "{\"type\": \"string\"}");
    let contract = read(&text);
    assert_ne!(contract.digest, before.digest, "what the file includes is part of the team");

    let lease = read(&text.replace("lease: 45s", "lease: 46s"));
    assert_ne!(definition(&lease, "writer"), definition(&script, "writer"));
}

#[test]
fn the_teams_of_the_repository_can_be_used() {
    let mut seen = 0;
    for entry in std::fs::read_dir(repository().join("examples")).unwrap() {
        let path = entry.unwrap().path().join("team.yaml");
        if path.exists() {
            let team = Team::read(&path).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
            assert!(team.plan.is_some() || team.first.is_some());
            seen += 1;
        }
    }
    assert!(seen > 0, "there is an example to read");
}
