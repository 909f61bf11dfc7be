//! `completions`: teaches a shell the commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Line;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::data;

/// Prints a completion script for a shell.
///
/// For bash: `handclasp completions bash > ~/.local/share/bash-completion/completions/handclasp`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Line::command(), "handclasp", &mut script);
        data(String::from_utf8_lossy(&script).trim_end())?;
        Ok(Exit::DONE)
    }
}
