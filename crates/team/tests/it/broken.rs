//! Broken files and what their author is told: each row changes the good file, and names every
//! mistake with its line, its column and its hint.

use std::fs;

use handclasp_team::{Mistake, Team, TeamError};
use serde_json::json;

use super::{GOOD, parse};

/// Changes to the good file, and what is said about them, in order.
type Row = (&'static [(&'static str, &'static str)], &'static [&'static str]);

fn check(rows: &[Row]) {
    for (edits, expected) in rows {
        assert_eq!(told(&broken(edits)), *expected, "{edits:?}");
    }
}

/// The good file with some text replaced.
fn broken(edits: &[(&str, &str)]) -> String {
    let mut text = GOOD.to_owned();
    for (from, to) in edits {
        assert_eq!(text.matches(from).count(), 1, "`{from}` is in the good file exactly once");
        text = text.replace(from, to);
    }
    text
}

fn told(text: &str) -> Vec<String> {
    parse(text).err().unwrap_or_default().iter().map(line).collect()
}

fn line(mistake: &Mistake) -> String {
    let hint = mistake.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("{mistake}{hint}")
}

#[test]
fn what_is_not_yaml_or_not_one_tree() {
    for (text, expected) in [
        ("", "1:1: the file is empty (begin with `team: NAME`)"),
        ("  \n# a comment\n", "1:1: the file is empty (begin with `team: NAME`)"),
        ("\"", "1:1: not valid YAML: unclosed quote"),
        ("team: a\nlist: [1, 2", "2:7: not valid YAML: unclosed bracket '['"),
        ("---\n---\n", "2:1: a second document begins here (one file holds one team; remove the `---`)"),
    ] {
        assert_eq!(told(text), [expected], "{text:?}");
    }
    for text in ["[]", "null", "team"] {
        assert!(told(text)[0].starts_with("1:1: the team file must be a mapping: found "), "{text}");
    }
    let deep = "[".repeat(1_000);
    assert_eq!(told(&deep), ["1:65: not valid YAML: recursion limit exceeded"]);
    check(&[
        (
            &[("team: release-notes", "team: release-notes\nteam: again\n{a: b}: c")],
            &[
                "2:1: `team` is given twice (the first one is on line 1; keep one of them)",
                "3:1: a key must be text: found a mapping (put quotes around text that begins with `{` or `[`)",
            ],
        ),
        (
            &[("team: release-notes", "team: &name release-notes"), ("intent: Whoever upgrades knows what will break.", "intent: *name")],
            &["4:9: aliases are not supported (write the value out here)"],
        ),
        (&[("intent: Whoever", "intent: !!str Whoever")], &["4:9: the tag `!!str` is not supported (leave it out)"]),
        (&[("intent: Whoever", "\tintent: Whoever")], &["4:2: not valid YAML: tabs disallowed within this context (block indentation)"]),
    ]);
}

#[test]
fn keys_and_values() {
    check(&[
        (&[("task:", "tsk:")], &["3:1: unknown key `tsk` in the team file (did you mean `task`?)"]),
        (
            &[("task:", "description2:")],
            &[
                "1:1: `task` is missing in the team file (The task, with `{input}` placeholders. It reaches every agent unchanged.)",
                "3:1: unknown key `description2` in the team file (known keys: `team`, `description`, `task`, `intent`, `inputs`, \
             `constraints`, `items`, `limits`, `contracts`, `agents`, `plan`, `first`)",
            ],
        ),
        (
            &[("type: path", "type: file"), ("default: 400", "default: many"), ("type: string,", "")],
            &[
                "6:16: wrong value for `type`: expected one of `path`, `string`, `integer`, `number`, `boolean`, found `file`",
                "7:9: `type` is missing in an input (What it is. A `path` is made absolute against the folder of whoever starts the run.)",
                "8:35: the default of `words` is no integer: expected a whole number of at most 16 digits, found `many`",
            ],
        ),
        (
            &[("inputs:\n", "inputs:\n  1st: {type: string}\n  flag: {type: boolean, default: 1}\n  home: {type: path, default: 5}\n")],
            &[
                "6:3: wrong name in `inputs`: expected an input name (a letter, then up to 63 of a-z A-Z 0-9 - _), found `1st`",
                "7:34: the default of `flag` is no boolean: expected `true` or `false`, found the number 1",
                "8:31: the default of `home` is no path: expected a path, found the number 5 (put it in quotes)",
            ],
        ),
        (
            &[("steps: 100", "steps: 0"), ("visits: 10", "visits: -1"), ("cost: 1.50", "cost: 1.5e3"), ("time: 10m", "time: 10")],
            &[
                "13:17: wrong value for `steps`: expected a whole number of at least 1, found the number 0",
                "13:28: wrong value for `visits`: expected a whole number of at least 1, found the number -1",
                "13:38: wrong value for `cost`: expected an amount above zero with at most 6 decimals, such as `1.50`, found the number 1.5e3",
                "13:51: wrong value for `time`: expected a length of time above zero (`500ms`, `30s`, `10m`, `1h`, `2d`), \
                 found the number 10 (add a unit, as in `10s`)",
            ],
        ),
        (
            &[("kind: risk", "kind: risc"), ("confidence: 80", "confidence: 120"), ("must_carry: true", "must_carry: yes")],
            &[
                "12:12: wrong value for `kind`: expected one of `fact`, `constraint`, `decision`, `assumption`, `risk`, `question`, \
                 `artifact`, `reasoning`, found `risc` (did you mean `risk`?)",
                "12:53: wrong value for `must_carry`: expected `true` or `false`, found `yes`",
                "12:91: wrong value for `confidence`: expected a whole number from 0 to 100, found the number 120",
            ],
        ),
        (
            &[("text: \"At most {words} words.\"}\nitems", "text: {words}}\nitems")],
            &[
                "10:24: wrong value for `text`: expected text (1 to 4096 bytes), found a mapping (put quotes around text that begins with `{`)",
            ],
        ),
    ]);
}

#[test]
fn placeholders_and_items() {
    check(&[
        (
            &[("\"At most {words} words.\"}\nitems", "\"At most {wrds} words.\"}\nitems"), ("{{braces}}", "{braces}}")],
            &[
                "3:7: unknown input `braces` in a placeholder (known inputs: `repo`, `from`, `words`)",
                "10:24: unknown input `wrds` in a placeholder (did you mean `words`?)",
            ],
        ),
        (
            &[("Dry.", "\"Dry {and\""), ("acceptance: [\"At most {words}", "acceptance: [\"At most {wrods}")],
            &[
                "12:35: a brace that opens no placeholder: expected `{input}`, found `{and` (write `{{` for a brace)",
                "47:74: unknown input `wrods` in a placeholder (did you mean `words`?)",
            ],
        ),
        (
            &[("key: tone", "key: words")],
            &["12:23: the key `words` is used twice (it is also on line 10; the later one would take its place)"],
        ),
        (&[("visible_to: [style]", "visible_to: [stile]")], &["12:72: no agent has the role `stile` (did you mean `style`?)"]),
    ]);
}

#[test]
fn more_items_than_a_run_takes() {
    let lines = |start: &str| (0..600).map(|n| format!("  - {{{start}{n}, text: x}}\n")).collect::<Vec<_>>().concat();
    let constraints = format!("constraints:\n{}", lines("key: c"));
    let items = format!("items:\n{}", lines("kind: fact, key: i"));
    let text = broken(&[("constraints:\n", &constraints), ("items:\n", &items)]);
    let expected = "612:5: constraints and items are 1202 together: at most 1000 (put what belongs together into one text)";
    assert_eq!(told(&text), [expected]);
}

#[test]
fn contracts() {
    const LAST: &str = "notes@2.0.0: {schema: {type: array}}";
    const HINT: &str = "(contracts are JSON Schema 2020-12, without references to other files or addresses)";
    check(&[
        (
            &[("notes@1.0.0:", "notes@1.0:")],
            &["16:3: wrong name in `contracts`: expected a contract with its full version (`name@1.2.0`), found `notes@1.0`"],
        ),
        (
            &[("span@1.0.0: {", "spam@1.0.0: {")],
            &[
                "22:15: unknown contract `span@1` (did you mean `spam`?)",
                "28:29: unknown contract `span@1` (did you mean `spam`?)",
                "34:24: unknown contract `span@1` (did you mean `spam`?)",
                "42:16: unknown contract `span@1` (did you mean `spam`?)",
            ],
        ),
        (&[(LAST, "notes@2.0.0: {read_back: echo}")], &["18:16: a contract needs one of `schema`, `file`"]),
        (&[(LAST, "notes@2.0.0: {schema: true, file: a.json}")], &["18:31: a contract takes only one of `schema`, `file`"]),
        (
            &[("accepts: [notes@1, span@1]", "accepts: [notes@3, sapn@1, span]")],
            &[
                "34:15: no version of `notes` is in `notes@3` (the file has `notes@1.0.0`, `notes@1.1.0`, `notes@2.0.0`)",
                "34:24: unknown contract `sapn@1` (did you mean `span`?)",
                "34:32: wrong value for `accepts`: expected a contract with a range of versions (`name@1`, `name@^1.2`), found `span`",
            ],
        ),
    ]);
    for (schema, place) in [
        ("notes@2.0.0: {schema: {type: aray}}", "18:32: the schema of `notes@2.0.0` cannot be used (at `/type`): "),
        (
            "notes@2.0.0:\n    schema:\n      properties:\n        a: {pattern: \"(\"}",
            "21:22: the schema of `notes@2.0.0` cannot be used (at `/properties/a/pattern`): ",
        ),
        ("notes@2.0.0: {schema: {$ref: \"https://example.com/a.json\"}}", "18:25: the schema of `notes@2.0.0` cannot be used: "),
    ] {
        let told = told(&broken(&[(LAST, schema)]));
        let [only] = told.as_slice() else { panic!("{told:#?}") };
        assert!(only.starts_with(place) && only.ends_with(HINT), "{only}");
    }
}

#[test]
fn contract_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("text.json"), "{\"type\": ").unwrap();
    fs::write(folder.path().join("list.json"), "[]").unwrap();
    fs::write(folder.path().join("bad.json"), "{\"type\": \"aray\"}").unwrap();
    fs::write(folder.path().join("huge.json"), vec![b' '; (1 << 20) + 1]).unwrap();
    for (file, expected) in [
        ("gone.json", "18:23: the contract file `gone.json` cannot be read: "),
        (".", "18:23: the contract file `.` cannot be read: it is not a file"),
        ("huge.json", "18:23: the contract file `huge.json` cannot be read: it is larger than 1048576 bytes"),
        ("text.json", "18:23: the contract file `text.json` is not JSON: EOF while parsing a value at line 1 column 9"),
        ("list.json", "18:23: the contract file `list.json` holds no JSON Schema: expected an object"),
        ("bad.json", "18:23: the schema of `notes@2.0.0` cannot be used (at `/type`): "),
    ] {
        let text = broken(&[("notes@2.0.0: {schema: {type: array}}", &format!("notes@2.0.0: {{file: {file}}}"))]);
        let mistakes = Team::parse(&text, folder.path()).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
        assert!(mistakes[0].to_string().starts_with(expected), "{}", mistakes[0]);
    }
}

#[test]
fn agents() {
    check(&[
        (
            &[("    accepts: [span@1]\n    cap", "    acepts: [span@1]\n    cap")],
            &["22:5: unknown key `acepts` in an agent (did you mean `accepts`?)"],
        ),
        (&[("command: [git, log]", "comand: [git, log]")], &["21:5: unknown key `comand` in an agent (did you mean `command`?)"]),
        (
            &[("command: [git, log]", "command: [git, log]\n    process: [python3]")],
            &["22:5: an agent takes only one of `process`, `command`"],
        ),
        (
            &[("process: [python3, writer.py]", "process: python3 writer.py")],
            &[
                "27:14: wrong value for `process`: expected a list, found `python3 writer.py` (write `process: [...]`, or one line with `- ` for each)",
            ],
        ),
        (
            &[("process: [python3, writer.py]", "process: [python3, 5]\n    stdin: json\n    cwd: nowhere"), ("lease: 45s", "lease: 0s")],
            &[
                "27:24: wrong value for `process`: expected text, found the number 5 (put it in quotes if it is meant as text)",
                "28:12: `stdin` is for a `command`; a `process` speaks the agent protocol (remove `stdin`, or write `command` instead of `process`)",
                "29:10: there is no folder `nowhere` (the path is relative to the team file)",
                "32:12: wrong value for `lease`: expected a length of time above zero (`500ms`, `30s`, `10m`, `1h`, `2d`), found `0s`",
            ],
        ),
        (
            &[("    stdin: json", "    pool: {size: 1}"), ("lease: 45s", "pool: {size: 2, ahead: 3, idle: 5, per-run: true}")],
            &[
                "24:11: `pool` is for a `process`; a `command` is started for each attempt (remove `pool`, or write `process` instead of `command`)",
                "30:28: 3 are started ahead, but the pool keeps at most 2 (lower `ahead`, or raise `size`)",
                "30:37: wrong value for `idle`: expected a length of time above zero (`500ms`, `30s`, `10m`, `1h`, `2d`), found the number 5 (add a unit, as in `5s`)",
                "30:40: unknown key `per-run` in a pool (did you mean `per_run`?)",
            ],
        ),
        (
            &[("process: [python3, writer.py]", "process: [python3, writer.py]\n    files: [nowhere.py]")],
            &["28:12: there is no file `nowhere.py` (the path is relative to the agent's `cwd`)"],
        ),
        (
            &[("env: [PATH, HOME]", "env: [PATH=x]"), ("capacity: 2", "capacity: 0")],
            &[
                "25:11: wrong value for `env`: expected the name of an environment variable, found `PATH=x`",
                "37:15: wrong value for `capacity`: expected a whole number from 1 to 10000, found the number 0",
            ],
        ),
        (&[("fallback: editor", "fallback: writer")], &["29:15: `writer` cannot be its own fallback (name another agent)"]),
        (&[("fallback: editor", "fallback: edtor")], &["29:15: unknown agent `edtor` (did you mean `editor`?)"]),
        (
            &[("fallback: editor", "fallback: researcher")],
            &[
                "29:15: `researcher` cannot take over from `writer`: it does not accept `notes@1.0.0` (name an agent that could do the same step)",
            ],
        ),
    ]);
}

#[test]
fn steps_that_do_not_fit() {
    const STEP: &str = "to: {capability: git}";
    check(&[
        (&[(STEP, "to: {capability: gti}")], &["41:11: no agent has the capability `gti` (did you mean `git`?)"]),
        (
            &[(STEP, "to: {capability: git}\n      requires: [review]")],
            &["41:11: no agent has the capabilities `git`, `review` (did you mean `git`?)"],
        ),
        (&[(STEP, "to: resercher")], &["41:11: unknown agent `resercher` (did you mean `researcher`?)"]),
        (
            &[(STEP, "to: researcher\n      requires: [gitt, review]\n      fallback: researcher")],
            &[
                "42:18: `researcher` lacks the capability `gitt` (did you mean `git`?)",
                "42:24: `researcher` lacks the capability `review` (add it to the `capabilities` of `researcher`, or choose another agent)",
                "43:17: `researcher` cannot be its own fallback (name another agent)",
            ],
        ),
        (
            &[(STEP, "to: researcher\n      requires: [git]\n      fallback: editor")],
            &["43:17: `editor` cannot take over from `researcher`: it lacks `git` (name an agent that could do the same step)"],
        ),
        (
            &[(STEP, "to: {capability: git}\n      when_full: fallback")],
            &["42:18: nobody is named to fall back on (add a `fallback` to this step or to its agent)"],
        ),
        (
            &[(STEP, "to: {capability: git}\n      when_full: drop")],
            &["42:18: wrong value for `when_full`: expected one of `queue`, `refuse`, `fallback`, found `drop`"],
        ),
        (
            &[("to: writer, accepts: notes@1", "to: writer, accepts: notes@2")],
            &["47:52: `writer` does not accept `notes@2.0.0` (it accepts `notes@~1.0`, `span@^1`)"],
        ),
        (
            &[
                ("to: writer, accepts: notes@1", "to: researcher, accepts: notes@1"),
                ("accepts: [span@1]\n    cap", "accepts: [span@1, notes@1]\n    cap"),
            ],
            &[
                "47:56: `notes@1.1.0` asks for a read-back, which `researcher` cannot give: it is a `command` (use a `process`, or another contract for this step)",
            ],
        ),
        (
            &[("span@1.0.0: {", "span@1.0.0: {justification_required: true, confidence_min: 50, ")],
            &[
                "42:16: `span@1.0.0` asks for a confidence, which `researcher` cannot give: it is a `command` (use a `process`, or another contract for this step)",
            ],
        ),
    ]);
}

#[test]
fn a_first_handoff_has_to_say_why_where_a_step_has_its_plan() {
    let lines = GOOD[..GOOD.find("plan:").unwrap()].to_owned();
    let first = |to: &str| format!("first: {{to: {to}, accepts: span@1}}\n");
    let strict = lines.replace("span@1.0.0: {", "span@1.0.0: {justification_required: true, ");
    let missing = "38:13: `span@1.0.0` requires a `justification` of at least 10 bytes here (say in `justification` why this receiver)";
    assert_eq!(told(&format!("{strict}{}", first("writer"))), [missing]);
    let asked = lines.replace("    capacity: 2", "    capacity: 2\n    justification_for: [all]");
    let word = "39:36: `editor` requires a `justification` of at least 10 bytes here (say in `justification` why this receiver)";
    assert_eq!(told(&format!("{asked}{}", first("editor, justification: just so"))), [word]);
    for enough in ["editor, justification: It knows the style.", "\"editor\", justification: \"{repo}\"", "writer"] {
        assert_eq!(told(&format!("{asked}{}", first(enough))), [""; 0], "{enough}");
    }
    check(&[(
        &[("capacity: 2", "capacity: 2\n    justification_for: [escalation]")],
        &["38:25: wrong value for `justification_for`: expected one of `all`, `route`, `delegate`, `return`, `escalate`, `retry`, \
           found `escalation` (did you mean `escalate`?)"],
    )]);
}

#[test]
fn plans() {
    check(&[
        (
            &[("step: edit", "step: write")],
            &["48:24: the name `write` is used twice in the plan (the first one is on line 47; rename one of them)"],
        ),
        (
            &[("contract: notes@1, send_back: research", "contract: notes@1, send_back: write")],
            &["45:58: `write` does not come before `enough` (work goes back to an earlier step: `research`)"],
        ),
        (
            &[("contract: notes@1, send_back: research", "contract: notes@1, send_back: enough")],
            &["45:58: `enough` does not come before `enough` (work goes back to an earlier step: `research`)"],
        ),
        (
            &[("contract: notes@1, send_back: research", "contract: notes@9, send_back: reserch")],
            &[
                "45:38: no version of `notes` is in `notes@9` (the file has `notes@1.0.0`, `notes@1.1.0`, `notes@2.0.0`)",
                "45:58: unknown step `reserch` (did you mean `research`?)",
            ],
        ),
        (&[("within: 1d, ", "")], &["51:38: `on_silence` means nothing without `within` (say in `within` how long there is to answer)"]),
        (
            &[("rounds: 4", "rounds: 0"), ("unapproved: stop", "unapproved: keep-best")],
            &[
                "49:17: wrong value for `rounds`: expected a whole number from 1 to 100, found the number 0",
                "50:21: wrong value for `unapproved`: expected one of `keep_best`, `stop`, found `keep-best` (did you mean `keep_best`?)",
            ],
        ),
        (
            &[("    - review:", "    - reveiw:")],
            &[
                "46:7: no pattern in `sequence`: expected one of the keys `sequence`, `step`, `checkpoint`, `review`, `approve`, found `reveiw` (did you mean `review`?)",
            ],
        ),
        (
            &[("- {checkpoint: enough, contract: notes@1, send_back: research}", "- enough")],
            &[
                "45:7: wrong value for `sequence`: expected a mapping with one of `sequence`, `step`, `checkpoint`, `review`, `approve`, found `enough`",
            ],
        ),
        (&[("plan:", "first: {to: writer}\nplan:")], &["39:1: the team file takes only one of `plan`, `first`"]),
        (&[("plan:", "plam:")], &["38:1: unknown key `plam` in the team file (did you mean `plan`?)"]),
    ]);
    let plan = GOOD.find("plan:").unwrap();
    assert_eq!(told(&GOOD[..plan]), ["1:1: the team file needs one of `plan`, `first`"]);
}

#[test]
fn mistakes_of_every_kind_come_together_and_in_order() {
    let text = broken(&[
        ("description: Writes", "desciption: Writes"),
        ("{repo} from", "{rpo} from"),
        ("visits: 10", "visits: 0"),
        ("schema: {type: array}", "file: gone.json"),
        ("fallback: editor", "fallback: edtor"),
        ("send_back: write", "send_back: wirte"),
    ]);
    let mistakes = parse(&text).unwrap_err();
    let places: Vec<_> = mistakes.iter().map(|mistake| (mistake.line, mistake.column, mistake.pointer.as_str())).collect();
    assert_eq!(
        places,
        [
            (2, 1, "/desciption"),
            (3, 7, "/task"),
            (13, 30, "/limits/visits"),
            (18, 23, "/contracts/notes@2.0.0/file"),
            (29, 15, "/agents/writer/fallback"),
            (51, 71, "/plan/sequence/3/send_back"),
        ]
    );
    assert_eq!(
        serde_json::to_value(&mistakes[2]).unwrap(),
        json!({
            "line": 13, "column": 30, "pointer": "/limits/visits", "message": "wrong value for `visits`",
            "expected": "a whole number of at least 1", "found": "the number 0",
        })
    );
}

#[test]
fn a_file_that_cannot_be_read_is_no_list_of_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("team.yaml");
    let Err(TeamError::Unreadable { path: named, .. }) = Team::read(folder.path()) else { panic!("there is no file") };
    assert_eq!(named, path);

    fs::write(&path, b"team: a\ntask: \xff\n").unwrap();
    let Err(TeamError::Mistakes(mistakes)) = Team::read(&path) else { panic!("it is not text") };
    assert_eq!(mistakes.iter().map(line).collect::<Vec<_>>(), ["2:7: the file is not UTF-8 text (save it as UTF-8)"]);

    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    let error = Team::read(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("read the team file `{}`", path.display()));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it is larger than 1048576 bytes");
    assert_eq!(told(&"#".repeat((1 << 20) + 1)), ["1:1: the file is larger than 1048576 bytes"]);
}
