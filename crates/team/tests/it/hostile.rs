//! No input makes the reader panic, hang or grow: random bytes, good files with damage, and files
//! built to be large.

use std::collections::BTreeMap;
use std::path::Path;

use handclasp_team::Team;
use proptest::prelude::*;

use super::{GOOD, parse, repository};

/// Reads a text and, if it is a team, opens it: whatever can be read can be used.
fn survives(text: &str) {
    match parse(text) {
        Ok(team) => {
            let given: BTreeMap<_, _> = team.inputs.iter().map(|input| (input.name.clone(), "1".to_owned())).collect();
            drop(team.open(&given, Path::new("/"), String::new()));
            drop((team.pins(), team.directory()));
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "a file without mistakes is a team");
            // YAML counts a lone carriage return as a line break, too.
            let lines = text.split(['\n', '\r']).count();
            assert!(mistakes.iter().all(|mistake| (1..=lines).contains(&mistake.line) && mistake.column > 0), "{mistakes:#?}");
        }
    }
}

/// Pieces that mean something to YAML, JSON Schema or this format.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\"",
    "'",
    "&a ",
    "*a",
    "!x ",
    "|",
    ">",
    "?",
    "#",
    "%",
    "---\n",
    "\t",
    "\0",
    "\u{feff}",
    "null",
    "true",
    "-1",
    "1e999",
    "0x",
    "99999999999999999999",
    ".nan",
    "{words}",
    "{{",
    "$ref: ",
    "pattern: ",
    "(a{1000}){1000}",
    "plan: ",
    "sequence: ",
    "step: ",
    "schema: ",
    "ä",
    "\u{1F980}",
    "\r",
    "<<: ",
];

fn boundary(text: &str, at: usize) -> usize {
    let at = at % (text.len() + 1);
    (0..=at).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&String::from_utf8_lossy(&bytes));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("team.yaml");
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(Team::read(&path).is_err(), "chance does not make a team");
    }

    #[test]
    fn random_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        survives(&pieces.concat());
    }

    #[test]
    fn a_good_file_with_damage(edits in prop::collection::vec((any::<usize>(), 0..30_usize, prop::sample::select(PIECES)), 1..6)) {
        let mut text = GOOD.to_owned();
        for (at, length, piece) in edits {
            let from = boundary(&text, at);
            let to = boundary(&text, (from + length).min(text.len()));
            text.replace_range(from..to.max(from), piece);
        }
        survives(&text);
    }

    #[test]
    fn a_good_file_with_lines_moved(swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3), 1..6)) {
        let mut lines: Vec<&str> = GOOD.lines().collect();
        for (one, other, what) in swaps {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            match what {
                0 => lines.swap(one, other),
                1 => lines.insert(one, lines[other]),
                _ => drop(lines.remove(one)),
            }
        }
        survives(&lines.join("\n"));
    }
}

#[test]
fn large_files_are_told_so_or_read() {
    let flow = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    let wide = format!("agents: [{}]", "1,".repeat(200_000));
    let keys = (0..50_000).map(|n| format!("k{n}: 1")).collect::<Vec<_>>().join("\n");
    let nested = format!("{}x", "a:\n ".repeat(300));
    let schema = GOOD.replace("{type: array}", &format!("{{enum: [{}]}}", "1,".repeat(50_000)));
    for text in [flow, wide, keys, nested, schema, "team: ".to_owned() + &"x".repeat(1 << 19)] {
        survives(&text);
        assert!(parse(&text).err().unwrap_or_default().len() <= 200);
    }
}

#[test]
fn inputs_from_outside_stay_data() {
    let team = Team::read(&repository().join("examples/release-notes")).unwrap();
    let given = BTreeMap::from([("from".to_owned(), "{words} {{ } \u{0} \n limits: {steps: 1}".to_owned())]);
    let (open, blobs) = team.open(&given, Path::new("/"), String::new()).unwrap();
    let task = String::from_utf8(blobs.get(&open.task.digest).unwrap().to_vec()).unwrap();
    assert!(task.contains("{words} {{ }"), "{task}");
    assert_eq!(open.limits, team.limits);
    assert!(!open.title.contains(['\u{0}', '\n']));
}
