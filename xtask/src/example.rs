//! The example team on this very repository: once undisturbed, once killed on the way.
//!
//! Runs the real binary that lies beside this one, with stores and notes under the target folder, and
//! looks only at what a user sees: exit codes, the notes, `verify` and `events`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::step::beside_this;

const TEAM: &str = "examples/release-notes/team.yaml";

/// The researcher refuses spans of more than 700 commits; the newest ones show as much.
const COMMITS_MAX: u32 = 300;

/// The agents take their time, so that what is killed is at work and not just through.
const PACE_MS: &str = "pace_ms=100";

/// Runs the team undisturbed.
pub(crate) fn works() -> Result<(), String> {
    let place = Workplace::new("works")?;
    let done = place.handclasp(&["run", TEAM]).args(inputs()?).output().map_err(said)?;
    let notes = succeeded("run", &done)?;
    if notes.trim().is_empty() {
        return Err("the run printed no notes".to_owned());
    }
    place.verify()
}

/// Runs the team, kills it with `kill -9`, resumes it, kills that, and resumes it to the end.
pub(crate) fn survives() -> Result<(), String> {
    let place = Workplace::new("survives")?;
    let notes = place.folder.join("NOTES.md");
    let out = format!("out={}", notes.display());
    let mut first = place.handclasp(&["run", TEAM, "--input", &out, "--input", PACE_MS]);
    first.args(inputs()?);
    kill_when("writer works", first)?;
    kill_when("editor works", place.handclasp(&["resume"]))?;
    let done = place.handclasp(&["resume"]).output().map_err(said)?;
    succeeded("resume", &done)?;
    if fs::read_to_string(&notes).map_err(said)?.trim().is_empty() {
        return Err("the notes that were written to a file are empty".to_owned());
    }
    place.nothing_twice()?;
    place.verify()
}

/// What the team is to read: this repository, or the newest part of a long history. One commit will do.
fn inputs() -> Result<Vec<String>, String> {
    let mut inputs = vec!["--input".to_owned(), "repo=.".to_owned()];
    let counted = Command::new("git").args(["rev-list", "--count", "HEAD"]).output().map_err(said)?;
    let commits: u32 = succeeded("git rev-list", &counted)?.trim().parse().map_err(said)?;
    if commits > COMMITS_MAX {
        inputs.extend(["--input".to_owned(), format!("from=HEAD~{COMMITS_MAX}")]);
    }
    Ok(inputs)
}

/// A folder of its own with a store in it.
struct Workplace {
    binary: PathBuf,
    folder: PathBuf,
    store: PathBuf,
}

impl Workplace {
    fn new(name: &str) -> Result<Self, String> {
        let folder = beside_this("example").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(said)?;
        }
        fs::create_dir_all(&folder).map_err(said)?;
        Ok(Self { binary: beside_this("handclasp"), store: folder.join("store.db"), folder })
    }

    fn handclasp(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--store").arg(&self.store).args(words).stdin(Stdio::null());
        command
    }

    /// Every chain of the log proves itself.
    fn verify(&self) -> Result<(), String> {
        succeeded("verify", &self.handclasp(&["verify"]).output().map_err(said)?).map(drop)
    }

    /// No handoff has two results, and the file was written under one effect.
    fn nothing_twice(&self) -> Result<(), String> {
        let runs = succeeded("runs", &self.handclasp(&["runs", "--json"]).output().map_err(said)?)?;
        let run = ids(&runs, "run_").next().ok_or("there is no run in the list")?.to_owned();
        let events = succeeded("events", &self.handclasp(&["events", &run, "--json"]).output().map_err(said)?)?;
        let mut completed = BTreeSet::new();
        for line in events.lines().filter(|line| line.contains("\"handoff_completed\"")) {
            let handoff = ids(line, "hnd_").next().ok_or("a result without a handoff")?;
            if !completed.insert(handoff) {
                return Err(format!("`{handoff}` was completed twice"));
            }
        }
        if completed.is_empty() {
            return Err("no handoff was completed".to_owned());
        }
        match events.matches("\"effect_settled\"").count() {
            1 => Ok(()),
            times => Err(format!("the file was written under {times} effects instead of one")),
        }
    }
}

/// The ids of one kind in a text, in order.
fn ids<'a>(text: &'a str, prefix: &'static str) -> impl Iterator<Item = &'a str> {
    let end = |id: &str| id.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(id.len());
    text.match_indices(prefix).map(move |(at, _)| &text[at..at + end(&text[at..])])
}

/// Kills a command as soon as it says this: `kill -9`, without a chance to tidy up.
fn kill_when(said_so: &str, mut command: Command) -> Result<(), String> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(said)?;
    let mut talk = BufReader::new(child.stderr.take().expect("it was asked for")).lines();
    let heard = talk.any(|line| line.is_ok_and(|line| line.contains(said_so)));
    child.kill().map_err(said)?;
    let status = child.wait().map_err(said)?;
    if heard && status.code().is_none() { Ok(()) } else { Err(format!("it ended ({status}) before it said `{said_so}` and was killed")) }
}

fn succeeded(what: &str, output: &Output) -> Result<String, String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let talk = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{what}` ended with {}: {}", output.status, talk.trim()))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn said(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_order_and_end_where_they_end() {
        let text = r#"{"run":"run_01abc","handoff":"hnd_01abc_2"} hnd_x"#;
        assert_eq!(ids(text, "hnd_").collect::<Vec<_>>(), ["hnd_01abc_2", "hnd_x"]);
    }
}
