//! A folder with a team in it, and the binary to run there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes, even on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What every team here says about what crosses between its agents.
const HEAD: &str = "\
team: tiny
task: \"Do something with {text}.\"
inputs:
  text: {type: string, default: hello}
constraints:
  - {key: polite, text: \"Stay polite.\"}
contracts:
  note@1.0.0:
    read_back: echo
    schema: {type: object, required: [text], properties: {text: {type: string, minLength: 1}}}
";

/// A folder with a team in it.
pub(crate) struct Stage {
    folder: TempDir,
}

impl Stage {
    /// A team with these steps, each an agent of that name that does what its name says. A step
    /// called `approve` is a person's.
    pub(crate) fn with(steps: &[&str]) -> Self {
        let stage = Self { folder: tempfile::tempdir().unwrap() };
        let agents: Vec<&&str> = steps.iter().filter(|step| **step != "approve").collect();
        let mut team = format!("{HEAD}agents:\n");
        for agent in agents {
            writeln!(team, "  {agent}: {{process: [python3, -B, {agent}.py, {agent}], accepts: [note@1], env: [PATH]}}").unwrap();
            stage.write(&format!("{agent}.py"), include_str!("agent.py"));
        }
        team += "plan:\n  sequence:\n";
        for step in steps {
            match *step {
                "approve" => team += "    - {approve: publish}\n",
                step => writeln!(team, "    - {{step: {step}, to: {step}, accepts: note@1, returns: note@1}}").unwrap(),
            }
        }
        stage.write("team.yaml", &team);
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The binary, ready to be started in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(self.folder.path(), arguments)
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// Runs the binary, which must end with `exit`, and gives its data as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let ran = self.run(&all);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{arguments:?} gave no JSON ({error}): {ran:?}"))
    }

    /// Starts the binary and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Started {
        let mut command = self.command(arguments);
        Started(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The only run of the store.
    pub(crate) fn only_run(&self) -> String {
        self.json(&["runs"])[0]["run"].as_str().unwrap().to_owned()
    }

    /// Waits until a file is there.
    pub(crate) fn wait_for(&self, name: &str) {
        wait_until(name, || self.path(name).exists());
    }
}

/// The binary in a folder, without anything from outside that could change what it does.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handclasp"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HANDCLASP_")) {
        command.env_remove(name);
    }
    command
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// How a command went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { exit: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// It ended so.
    #[track_caller]
    pub(crate) fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{self:?}");
        self
    }

    /// It said so on standard error.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "nothing about `{text}`:\n{}", self.err);
        self
    }
}

/// A command that is running. Killed if a test gives up on it.
pub(crate) struct Started(Child);

impl Started {
    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub(crate) fn ends(mut self) -> Ran {
        wait_until("the end of a command", || self.0.try_wait().unwrap().is_some());
        let mut ran = Ran { exit: self.0.wait().unwrap().code().unwrap_or(-1), out: String::new(), err: String::new() };
        std::io::Read::read_to_string(&mut self.0.stdout.take().unwrap(), &mut ran.out).unwrap();
        std::io::Read::read_to_string(&mut self.0.stderr.take().unwrap(), &mut ran.err).unwrap();
        ran
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
