//! The whole help is a golden file: `docs/cli.md`, from the line that says so on.

use std::fmt::Write as _;
use std::path::Path;

use crate::stage::{Ran, Stage, command};

/// What is above it is written by hand.
const MARK: &str = "<!-- From here on: what `--help` prints, kept by a test. -->\n";

/// The commands, as the help lists them.
const COMMANDS: [&str; 30] = [
    "up",
    "demo",
    "run",
    "resume",
    "runs",
    "show",
    "trace",
    "events",
    "inbox",
    "resolve",
    "dead-letters",
    "dead-letters list",
    "dead-letters show",
    "dead-letters redrive",
    "cancel",
    "erase",
    "check",
    "contracts",
    "contracts diff",
    "contracts infer",
    "verify",
    "rebuild",
    "keys",
    "keys create",
    "keys list",
    "keys revoke",
    "config",
    "config show",
    "explain",
    "completions",
];

fn help(words: &str) -> String {
    let mut arguments: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    arguments.push("--help");
    Ran::from(command(Path::new("."), &arguments).output().unwrap()).exits(0).out
}

#[test]
fn the_help_is_what_the_documentation_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (by_hand, _) = page.split_once(MARK).expect("`docs/cli.md` says where the help begins");
    let mut golden = format!("{by_hand}{MARK}\n## handclasp\n```text\n{}```\n", help(""));
    for command in COMMANDS {
        write!(golden, "\n## handclasp {command}\n```text\n{}```\n", help(command)).unwrap();
    }
    if std::env::var_os("GOLDEN").is_some_and(|wish| wish == "write") {
        std::fs::write(&path, &golden).unwrap();
    } else {
        assert!(golden == page, "`docs/cli.md` is out of date; run: GOLDEN=write cargo test -p handclasp-cli");
    }
}

#[test]
fn every_command_is_in_the_documentation() {
    let listed = help("");
    let (_, commands) = listed.split_once("Commands:\n").unwrap();
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let names: Vec<&str> = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty())).collect();
    for name in names {
        assert!(name == "help" || COMMANDS.contains(&name), "`{name}` is missing in COMMANDS");
    }
}

#[test]
fn a_code_has_its_page_and_an_unknown_one_is_named() {
    let stage = Stage::with(&["upper"]);
    assert!(stage.run(&["explain", "hc-012"]).exits(0).out.starts_with("# HC-012"));
    let codes = stage.json(&["explain"]);
    assert_eq!(codes[11]["code"], "HC-012");
    assert_eq!(codes[11]["title"], "The lease is gone");
    stage.run(&["explain", "HC-999"]).exits(2).says("there is no code `HC-999`");
}

#[test]
fn shells_get_a_script() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Ran::from(command(Path::new("."), &["completions", shell]).output().unwrap()).exits(0);
        assert!(ran.out.contains("dead-letters"), "{shell}");
    }
}

#[test]
fn wrong_use_is_code_2() {
    Ran::from(command(Path::new("."), &["no-such-command"]).output().unwrap()).exits(2);
    Ran::from(command(Path::new("."), &["resolve", "int_1"]).output().unwrap()).exits(2);
}

#[test]
fn every_setting_is_in_the_documentation() {
    const FROM_HERE: &str = "<!-- From here on: crates/cli/src/config/defaults.toml, kept by a test. -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (by_hand, _) = page.split_once(FROM_HERE).expect("the page says where the defaults begin");
    let golden = format!("{by_hand}{FROM_HERE}```toml\n{}```\n", include_str!("../../src/config/defaults.toml"));
    if std::env::var_os("GOLDEN").is_some_and(|wish| wish == "write") {
        std::fs::write(&path, &golden).unwrap();
    } else {
        assert!(golden == page, "`docs/configuration.md` is out of date; run: GOLDEN=write cargo test -p handclasp-cli");
    }
}
