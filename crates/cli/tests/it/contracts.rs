//! Contracts are compared with an exit code for scripts, and drafted from files and from a store.

use serde_json::{Value, json};

use crate::stage::Stage;

#[test]
fn a_breaking_change_ends_with_one_and_names_the_field() {
    let stage = Stage::with(&["upper"]);
    stage.write("old.json", r#"{"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}"#);
    stage.write("new.yaml", "type: object\nproperties:\n  amount: {type: integer}\n  note: {type: string}\nrequired: [amount]\n");
    let ran = stage.run(&["contracts", "diff", "old.json", "new.yaml"]).exits(1).says("not compatible: 2 changes, 1 of them breaking");
    let line = ran.out.lines().find(|line| line.starts_with("/amount")).unwrap_or_else(|| panic!("{}", ran.out));
    assert!(line.contains("senders") && line.contains("the type was number, and is integer now"), "{line}");
    let told = stage.json(&["contracts", "diff", "old.json", "new.yaml"]);
    assert_eq!((&told["compatible"], &told["changes"][0]["breaks"]), (&json!(false), &json!("senders")));
    stage.run(&["contracts", "diff", "old.json", "old.json"]).exits(0).says("compatible");
}

#[test]
fn a_contract_of_a_team_is_named_by_range_and_what_else_it_asks_counts() {
    let stage = Stage::with(&["upper"]);
    let team = stage.read("team.yaml");
    stage.write("before.yaml", &team.replace("    read_back: echo\n", ""));
    let ran = stage.run(&["contracts", "diff", "before.yaml#note@1", "team.yaml#note@1.0.0"]).exits(1);
    assert!(ran.out.contains("receivers") && ran.out.contains("`read_back` was `off`, and is `echo` now"), "{}", ran.out);
    stage.write("schema.yaml", "{type: object, required: [text], properties: {text: {type: string, minLength: 1}}}");
    stage.run(&["contracts", "diff", "schema.yaml", "team.yaml#note"]).exits(0);
    stage.run(&["contracts", "diff", "team.yaml#note@2", "schema.yaml"]).exits(2).says("has no contract `note@^2`").says("`note@1.0.0`");
    stage.run(&["contracts", "diff", "team.yaml", "schema.yaml"]).exits(2).says("is a team file").says("team.yaml#NAME@VERSION");
    stage.run(&["contracts", "diff", "nowhere.json", "schema.yaml"]).exits(2).says("failed to read the schema `nowhere.json`");
    stage.write("broken.yaml", "type: object\nproperties: {a: [}\n");
    stage.run(&["contracts", "diff", "broken.yaml", "schema.yaml"]).exits(2).says("broken.yaml:2:").says("neither JSON nor YAML");
    stage.write("remote.json", r#"{"$ref": "https://example.com/other.json"}"#);
    stage.run(&["contracts", "diff", "remote.json", "schema.yaml"]).exits(2).says("not a usable JSON Schema");
}

#[test]
fn a_draft_comes_from_files_and_what_cannot_be_read_is_named_and_skipped() {
    let stage = Stage::with(&["upper"]);
    stage.write("seen.jsonl", "{\"order\": \"A-1\", \"amount\": 1}\n\n{\"order\": \n{\"order\": \"B-2\", \"amount\": 2.5}\n");
    stage.write("more.json", r#"[{"order": "C-3", "note": null}]"#);
    let ran = stage.run(&["contracts", "infer", "seen.jsonl", "more.json", "--each"]).exits(0);
    let ran = ran.says("skipped seen.jsonl:3:").says("drafted from 3 payloads; 1 skipped");
    let schema: Value = serde_json::from_str(&ran.out).unwrap();
    let text = json!({ "type": "string" });
    assert_eq!(schema["properties"], json!({ "amount": { "type": "number" }, "note": { "type": "null" }, "order": text }));
    assert_eq!(schema["required"], json!(["order"]));
    stage.write("draft.json", &ran.out);
    stage.run(&["contracts", "diff", "draft.json", "draft.json"]).exits(0);
    stage.write("empty.jsonl", "nonsense\n");
    stage.run(&["contracts", "infer", "empty.jsonl"]).exits(2).says("there is no payload to draft a contract from; 1 skipped");
    stage.run(&["contracts", "infer", "nowhere.jsonl"]).exits(2).says("failed to read the payloads");
    stage.run(&["contracts", "infer"]).exits(2);
}

#[test]
fn a_draft_from_the_store_is_an_entry_that_a_team_file_takes() {
    let stage = Stage::with(&["upper", "picky"]);
    stage.run(&["run", "team.yaml", "--input", "text=good"]).exits(0);
    let draft =
        stage.run(&["contracts", "infer", "--agent", "upper", "--name", "draft@0.1.0"]).exits(0).says("drafted from 1 payload\n").out;
    assert!(draft.starts_with("contracts:\n  draft@0.1.0:\n    schema:\n      type: \"object\"\n"), "{draft}");
    let entry = draft.strip_prefix("contracts:\n").unwrap();
    let team = stage.read("team.yaml").replace("contracts:\n", &format!("contracts:\n{entry}"));
    stage.write("team.yaml", &team);
    let contracts = stage.json(&["check", "team.yaml"])["contracts"].clone();
    assert_eq!(contracts, json!(["draft@0.1.0", "note@1.0.0"]));
    let all = stage.run(&["contracts", "infer", "--run", &stage.only_run()]).exits(0);
    all.says("drafted from 2 payloads\n");
    stage.run(&["contracts", "infer", "--agent", "nobody"]).exits(2).says("there is no payload");
}
