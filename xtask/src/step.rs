//! One step of a longer chore: says what it does, runs it, says how long it took.
//!
//! A failure names the command that runs the step again, and does not keep the other steps from
//! running: one look at the end shows everything that is wrong. What the tests print is passed on
//! line by line and counted on the way, so that the last line says how many passed and failed,
//! whichever runner ran them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// `cargo` with these words.
pub(crate) fn cargo(words: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words.split_whitespace());
    command
}

/// The program of that name that was built beside this one.
pub(crate) fn beside_this(name: &str) -> PathBuf {
    std::env::current_exe().expect("this program lies somewhere").with_file_name(name)
}

/// What has passed and failed so far. A step that runs tests counts as its tests.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: u32,
    failed: u32,
    failures: Vec<String>,
}

impl Report {
    /// Runs a cargo command.
    pub(crate) fn cargo(&mut self, what: &str, words: &str) {
        self.step(what, &format!("cargo {words}"), || match cargo(words).status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        });
    }

    /// Runs a cargo command that runs tests, and counts them.
    pub(crate) fn tests(&mut self, what: &str, words: &str) {
        let mut tally = Tally::default();
        self.begin(what);
        let start = Instant::now();
        let outcome = tally.run(cargo(words));
        self.passed += tally.passed;
        self.failed += tally.failed;
        // A runner that fails without a failed test could not build, or could not start.
        self.failed += u32::from(outcome.is_err() && tally.failed == 0);
        self.end(what, &format!("cargo {words}"), start, outcome);
    }

    /// Runs anything.
    pub(crate) fn step(&mut self, what: &str, again: &str, work: impl FnOnce() -> Result<(), String>) {
        self.begin(what);
        let start = Instant::now();
        let outcome = work();
        match outcome {
            Ok(()) => self.passed += 1,
            Err(_) => self.failed += 1,
        }
        self.end(what, again, start, outcome);
    }

    #[expect(clippy::unused_self, reason = "a step belongs to a report from its first line on")]
    fn begin(&self, what: &str) {
        eprintln!("\n── {what}");
    }

    fn end(&mut self, what: &str, again: &str, start: Instant, outcome: Result<(), String>) {
        let took = start.elapsed().as_secs_f32();
        match outcome {
            Ok(()) => eprintln!("   ok: {what} ({took:.1} s)"),
            Err(why) => {
                eprintln!("   FAILED: {what} ({took:.1} s): {why}\n   run again: {again}");
                self.failures.push(format!("{what}; run again: {again}"));
            }
        }
    }

    /// Says how it went altogether.
    pub(crate) fn close(self) -> bool {
        eprintln!();
        for failure in &self.failures {
            eprintln!("failed: {failure}");
        }
        eprintln!("{} passed, {} failed", self.passed, self.failed);
        self.failures.is_empty()
    }
}

/// Counts tests in what a runner prints.
#[derive(Debug, Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

impl Tally {
    fn run(&mut self, mut command: Command) -> Result<(), String> {
        // Both runners sum up on one of the two streams; a pipe for both keeps the order of the lines.
        let (reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
        let both = writer.try_clone().map_err(|error| error.to_string())?;
        let mut child = command.stdin(Stdio::null()).stdout(both).stderr(writer).spawn().map_err(|error| error.to_string())?;
        // The command still holds its ends of the pipe, which would never be at its end.
        drop(command);
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(|error| error.to_string())? > 0 {
            let text = String::from_utf8_lossy(&line);
            eprint!("{text}");
            self.count(&text);
            line.clear();
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(status.to_string()) }
    }

    /// Reads `test result: ok. 12 passed; 0 failed; …` and `Summary [ 3.1s] 12 tests run: 12 passed, 0 skipped`.
    fn count(&mut self, line: &str) {
        if !line.starts_with("test result: ") && !line.trim_start().starts_with("Summary [") {
            return;
        }
        let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || matches!(c, ';' | ',')).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u32>() else { continue };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" | "timed" => self.failed += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_of_both_runners_are_read() {
        let mut tally = Tally::default();
        tally.count("test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s\n");
        tally.count("     Summary [   0.014s] 30 tests run: 28 passed (1 slow), 2 failed, 1 skipped\n");
        tally.count("test passes ... 5 passed\n");
        assert_eq!((tally.passed, tally.failed), (40, 3));
    }

    #[test]
    fn a_runner_that_prints_on_both_streams_is_read_to_its_end() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'test result: ok. 2 passed; 0 failed'; echo 'Summary [ 1s] 3 tests run: 3 passed' >&2; exit 4"]);
        let mut tally = Tally::default();
        assert!(tally.run(command).is_err());
        assert_eq!((tally.passed, tally.failed), (5, 0));
    }
}
