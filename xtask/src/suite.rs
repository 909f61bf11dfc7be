//! What `cargo xtask check` and `cargo xtask test` consist of, in the order in which they fail fastest.
//!
//! Everything is built in one profile, so that nothing is compiled twice: on two cores the build is
//! most of the time that the suite takes.

use std::process::Command;

use crate::api;
use crate::chaos;
use crate::clients;
use crate::example;
use crate::idle;
use crate::licence;
use crate::step::{Report, beside_this, cargo};

/// Seeds of the short simulation: enough to reach every situation, in the profile of the tests.
/// `cargo xtask sim` runs ten thousand, optimised.
const SEEDS: &str = "500";

/// The peers themselves take half an hour and want a quiet machine; how their figures are counted does not.
const FIGURES: &str = "python3 -m unittest discover bench/peers";

/// Formatting, lints and licences.
pub(crate) fn check(report: &mut Report) {
    report.cargo("every file is formatted", "fmt --all --check");
    report.cargo("no lint is broken", "clippy --workspace --all-targets -- -D warnings");
    report.step("every licence of a dependency is allowed", "cargo xtask check", licence::check);
}

/// Everything.
pub(crate) fn test(report: &mut Report) {
    check(report);
    let runs_tests = |words: &str| cargo(words).output().is_ok_and(|output| output.status.success());
    let tests = if runs_tests("nextest --version") { "nextest run --workspace" } else { "test --workspace --all-targets --no-fail-fast" };
    report.tests("every test passes, golden files included", tests);
    report.tests("every example in the documentation works", "test --workspace --doc --no-fail-fast");
    // Once for all: alone, each would be built anew, since it asks less of what it depends on.
    report.cargo("the programs are built", "build -q --workspace --bins");
    report.step("a short simulation finds no broken law", "cargo run -p handclasp-sim -- --seeds 500", simulated);
    example_team(report);
    http_api(report);
    python_client(report);
    report.step("the arithmetic of the peers' table is right", FIGURES, figures);
    report.step("a short storm of `kill -9` loses nothing and does nothing twice", "cargo xtask chaos --handoffs 160", chaos::short);
}

/// A storm with these options, on a fresh binary.
pub(crate) fn chaos(report: &mut Report, options: &[&str]) {
    report.cargo("the command line is built", "build -q -p handclasp-cli");
    let again = format!("cargo xtask chaos {}", options.join(" "));
    report.step("a storm of `kill -9` loses nothing and does nothing twice", again.trim(), || chaos::play(options));
}

/// The clients of other languages, with a fresh binary.
pub(crate) fn clients(report: &mut Report) {
    report.cargo("the command line is built", "build -q -p handclasp-cli");
    python_client(report);
}

fn python_client(report: &mut Report) {
    report.step("the Python client is typed, linted and formatted", "cargo xtask clients", clients::check);
    report.step("the Python client works with the real server, and plays every scenario", "cargo xtask clients", clients::test);
}

/// The HTTP API and its description, with a fresh binary.
pub(crate) fn api(report: &mut Report) {
    report.cargo("the command line is built", "build -q -p handclasp-cli");
    http_api(report);
}

/// What waiting costs, with a fresh optimised binary.
pub(crate) fn idle(report: &mut Report) {
    report.cargo("the command line is built, optimised", "build -q --release -p handclasp-cli");
    report.step("ten thousand idle long polls stay under 300 MB", "cargo xtask idle", || {
        idle::measure().map(|measured| eprintln!("   {measured}"))
    });
}

fn http_api(report: &mut Report) {
    report.step("the description of the HTTP API breaks no rule of its linter", "cargo xtask api", api::lint);
    report.step("made-up requests get documented answers, and never a 5xx", "cargo xtask api", api::fuzz);
}

/// The example team, with a fresh binary.
pub(crate) fn example(report: &mut Report) {
    report.cargo("the command line is built", "build -q -p handclasp-cli");
    example_team(report);
}

fn example_team(report: &mut Report) {
    report.step("the example team writes the release notes of this repository", "cargo xtask example", example::works);
    report.step("killed twice on the way, it goes on from the last committed step", "cargo xtask example", example::survives);
}

fn simulated() -> Result<(), String> {
    let status = Command::new(beside_this("handclasp-sim")).args(["--seeds", SEEDS]).status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

fn figures() -> Result<(), String> {
    let words: Vec<&str> = FIGURES.split(' ').collect();
    let status =
        Command::new(words[0]).args(&words[1..]).env("PYTHONDONTWRITEBYTECODE", "1").status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}
