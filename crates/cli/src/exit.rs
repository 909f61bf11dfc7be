//! The exit codes of `handclasp`, each with its meaning. Scripts rely on them, so a number never
//! changes its meaning; `docs/cli.md` prints this table.
//!
//! What happened in detail goes to standard error, or with `--json` to standard output.

use std::process::ExitCode;

/// How the program ended, for whoever started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    /// Everything that was asked for is done.
    pub(crate) const DONE: Self = Self(0);
    /// A run failed, was cancelled or has dead letters; `verify` has found problems, or `contracts diff` breaking changes.
    pub(crate) const FAILED: Self = Self(1);
    /// Wrong use: arguments, a team file with mistakes, input of the wrong type, an id that is not there.
    pub(crate) const MISUSED: Self = Self(2);
    /// The rules refused it: `handclasp explain HC-…` says more.
    pub(crate) const REFUSED: Self = Self(3);
    /// A run waits for a person: `handclasp inbox` says for what.
    pub(crate) const WAITING: Self = Self(4);
    /// The store or the engine failed; nothing that was acknowledged is lost.
    pub(crate) const BROKEN: Self = Self(5);
    /// Stopped by Ctrl-C or a signal; `handclasp resume` goes on. The number is the shell's for SIGINT.
    pub(crate) const INTERRUPTED: Self = Self(130);

    /// Of two runs, what has to be told: a failure before a wait, a wait before success.
    pub(crate) fn worse(self, other: Self) -> Self {
        let weight = |exit: Self| [Self::DONE, Self::WAITING, Self::FAILED].iter().position(|known| *known == exit).unwrap_or(3);
        if weight(other) > weight(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// The table at the end of the help.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done
    1  a run failed, was cancelled or has dead letters; `verify` found problems,
       `contracts diff` breaking changes
    2  wrong use: arguments, a team file with mistakes, bad input, an unknown id
    3  refused by the rules; `handclasp explain HC-…` says more
    4  a run waits for a person; `handclasp inbox` says for what
    5  the store or the engine failed; nothing acknowledged is lost
  130  stopped by Ctrl-C or SIGTERM; `handclasp resume` goes on";
