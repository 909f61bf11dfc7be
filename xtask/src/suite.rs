//! What `cargo xtask check` and `cargo xtask test` consist of, in the order in which they fail fastest.
//!
//! Everything is built in one profile, so that nothing is compiled twice: on two cores the build is
//! most of the time that the suite takes.

use crate::example;
use crate::licence;
use crate::step::{Report, cargo};

/// Seeds of the short simulation: enough to meet every fault many times, in the profile of the tests.
/// `cargo xtask sim` runs ten thousand, optimised.
const SHORT_SIMULATION: &str = "run -q -p handclasp-sim -- --seeds 500";

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
    report.cargo("a short simulation finds no broken law", SHORT_SIMULATION);
    example(report);
}

/// The example team, with the real binary.
pub(crate) fn example(report: &mut Report) {
    report.cargo("the command line is built", "build -q -p handclasp-cli");
    report.step("the example team writes the release notes of this repository", "cargo xtask example", example::works);
    report.step("killed twice on the way, it goes on from the last committed step", "cargo xtask example", example::survives);
}
