//! How an agent's program is started: what it is called, where it runs, what it may see, and how much
//! of it is kept between its turns.
//!
//! All of this is the agent's own and the same for every run: what differs from run to run reaches a
//! process in its briefing only, never in its environment, its arguments or its folder.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use handclasp_core::time::Millis;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};

/// How an agent's program is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// How it is talked to.
    pub kind: LaunchKind,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Names of environment variables that are passed on. Nothing else is.
    pub env: Vec<String>,
    /// A turn that takes longer is ended and has failed; waiting for a person does not count.
    pub timeout: Millis,
    /// What is kept of it between its turns. A [`LaunchKind::Command`] is started for each attempt.
    pub pool: Pool,
}

/// How many processes of an agent are kept between its turns, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// So many wait for work at the most. More may work at once; they are ended after their turn.
    pub size: u32,
    /// So many are started before there is work for them, and another one for each that gets some.
    pub ahead: u32,
    /// One that has worked and then waited for so long is ended.
    pub idle: Millis,
    /// One that has worked for a run works for no other.
    pub per_run: bool,
}

/// How an agent is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchKind {
    /// By the agent protocol: JSON-RPC, one message per line.
    Process,
    /// Any command: the briefing on stdin, the result on stdout.
    Command {
        /// How the briefing is written.
        stdin: Form,
    },
}

/// How a briefing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For a prompt or a person.
    Markdown,
    /// For a program.
    Json,
}

impl Launch {
    /// Starts the program in a process group of its own, which dies with the handle.
    pub(crate) fn start(&self) -> io::Result<Box<dyn ChildWrapper>> {
        let (program, arguments) = self.argv.split_first().ok_or_else(|| io::Error::other("there is no program to start"))?;
        let program = found(program, &self.cwd);
        let mut command = CommandWrap::with_new(program, |command| {
            command.args(arguments).current_dir(&self.cwd).env_clear();
            command.envs(self.env.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value))));
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        command.wrap(ProcessGroup::leader()).wrap(KillOnDrop);
        command.spawn()
    }

    /// The program's name, for messages.
    pub(crate) fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }
}

/// The program as a path. It is looked up on our own search path, since the agent may not have one.
fn found(program: &str, cwd: &Path) -> OsString {
    if program.contains(std::path::MAIN_SEPARATOR) {
        return cwd.join(program).into_os_string();
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&paths).map(|folder| folder.join(program));
    candidates.into_iter().find(|path| path.is_file()).map_or_else(|| program.into(), PathBuf::into_os_string)
}
