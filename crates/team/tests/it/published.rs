//! The published JSON Schema and the reference page agree with the reader: on every key, on the
//! good files, and on what is no team.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::{GOOD, parse, repository};

fn published() -> Value {
    let text = fs::read_to_string(repository().join("api/team.schema.json")).expect("the schema is in the repository");
    serde_json::from_str(&text).expect("the schema is JSON")
}

/// `GOLDEN=write` writes the file instead of comparing it.
#[test]
fn the_schema_is_what_the_reader_says() {
    let schema = serde_json::to_string_pretty(&handclasp_team::schema()).unwrap() + "\n";
    let path = repository().join("api/team.schema.json");
    if std::env::var_os("GOLDEN").is_some_and(|wish| wish == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &schema).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == schema, "`api/team.schema.json` is out of date; run the tests of this crate with GOLDEN=write");
}

/// Every object of the schema, by its name, with its keys.
fn objects(schema: &Value) -> BTreeMap<String, Vec<String>> {
    let keys = |object: &Value| object["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut all: BTreeMap<_, _> = schema["$defs"].as_object().unwrap().iter().map(|(name, object)| (name.clone(), keys(object))).collect();
    all.insert("team_file".to_owned(), keys(schema));
    all
}

/// Where in the good file an object of each name can be given one more key.
const PLACES: &[(&str, &str, &str)] = &[
    ("team_file", "team: release-notes\n", "team: release-notes\nKEY: x\n"),
    ("input", "default: 400}", "default: 400, KEY: x}"),
    ("constraint", "words.\"}\nitems", "words.\", KEY: x}\nitems"),
    ("item", "confidence: 80}", "confidence: 80, KEY: x}"),
    ("limits", "visits: 10", "visits: 10, KEY: x"),
    ("contract", "confidence_min: 60}", "confidence_min: 60, KEY: x}"),
    ("agent", "capacity: 2\n", "capacity: 2\n    KEY: x\n"),
    ("pool", "lease: 45s", "pool: {size: 1, KEY: x}"),
    ("mapping_with_capability", "{capability: git}", "{capability: git, KEY: x}"),
    ("retry_rule", "attempts: 5", "attempts: 5, KEY: x"),
    ("step", "to: writer", "to: writer, KEY: x"),
    ("sequence", "plan:\n", "plan:\n  KEY: x\n"),
    ("checkpoint", "checkpoint: enough", "checkpoint: enough, KEY: x"),
    ("review", "    - review:\n", "    - KEY: x\n      review:\n"),
    ("rounds_of_a_review", "rounds: 4", "rounds: 4\n        KEY: x"),
    ("approval", "approve: publish", "approve: publish, KEY: x"),
    ("first_handoff", "plan:\n", "first: {to: writer, KEY: x}\nplan:\n"),
];

#[test]
fn schema_and_reader_take_the_same_keys() {
    let schema = published();
    let objects = objects(&schema);
    let mut every_key: Vec<&String> = objects.values().flatten().collect();
    every_key.sort();
    every_key.dedup();
    for (name, keys) in &objects {
        let (_, from, to) = PLACES.iter().find(|(place, ..)| place == name).unwrap_or_else(|| panic!("`{name}` has a place"));
        for key in &every_key {
            let text = GOOD.replacen(from, &to.replace("KEY", key), 1);
            let mistakes = parse(&text).err().unwrap_or_default();
            let unknown = mistakes.iter().any(|mistake| mistake.message.starts_with(&format!("unknown key `{key}` in ")));
            // A pattern is told by its first key; with that of another it is the other.
            let heads = ["sequence", "step", "checkpoint", "review", "approve"];
            if heads.contains(&key.as_str()) && !keys.contains(key) && name != "first_handoff" && !unknown {
                let other = mistakes.iter().any(|mistake| mistake.message.starts_with("unknown key"));
                assert!(other, "`{key}` in `{name}` makes another pattern of it: {mistakes:#?}");
                continue;
            }
            assert_eq!(!unknown, keys.contains(key), "`{key}` in `{name}`: {mistakes:#?}");
        }
    }
}

#[test]
fn the_schema_takes_good_files_and_refuses_shapes_that_the_reader_refuses() {
    let validator = jsonschema::draft202012::new(&published()).expect("the published schema is one");
    let example = fs::read_to_string(repository().join("examples/release-notes/team.yaml")).unwrap();
    for text in [GOOD, &example] {
        assert!(parse_in_example(text));
        let value = as_json(text);
        assert!(validator.is_valid(&value), "{:#?}", validator.iter_errors(&value).map(|error| error.to_string()).collect::<Vec<_>>());
    }
    for (from, to) in [
        ("team:", "taem:"),
        ("type: path", "type: file"),
        ("visits: 10", "visits: 0"),
        ("time: 10m", "time: 10"),
        ("cost: 1.50", "cost: 0"),
        ("confidence: 80", "confidence: 120"),
        ("notes@2.0.0", "notes@2"),
        ("command: [git, log]", "command: []"),
        ("command: [git, log]", "command: [git, log]\n    process: [git]"),
        ("lease: 45s", "lease: 45"),
        ("lease: 45s", "pool: {size: -1}"),
        ("rounds: 4", "rounds: 101"),
        ("{capability: git}", "{capability: git hub}"),
        ("plan:", "first: {to: writer}\nplan:"),
        ("{approve: publish", "{aprove: publish"),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert!(parse(&text).is_err(), "the reader refuses `{to}`");
        assert!(!validator.is_valid(&as_json(&text)), "the schema refuses `{to}`");
    }
}

fn parse_in_example(text: &str) -> bool {
    handclasp_team::Team::parse(text, &repository().join("examples/release-notes")).is_ok()
}

/// The tree of a file as JSON, read by a second YAML reader.
fn as_json(text: &str) -> Value {
    serde_saphyr::from_str::<Value>(text).unwrap_or_else(|error| json!(error.to_string()))
}

#[test]
fn the_reference_page_names_every_key_and_its_example_can_be_used() {
    let page = fs::read_to_string(repository().join("docs/team-file.md")).expect("the page is in the repository");
    for (name, keys) in objects(&handclasp_team::schema()) {
        for key in keys {
            assert!(page.contains(&format!("`{key}`")), "`{key}` of `{name}` is on the page");
        }
    }
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the page has an example");
    let team = parse(example).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    assert!(team.plan.is_some());
}
