//! The command line: what can be typed. One file per command; its doc comment is its help.

mod cancel;
mod check;
mod completions;
mod contracts;
mod dead_letters;
mod erase;
mod events;
mod explain;
mod inbox;
mod rebuild;
mod resolve;
mod resume;
mod run;
mod runs;
mod show;
mod trace;
mod up;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::store_file::StoreFile;
use crate::terminal::Terminal;

/// The width of the help where nothing is known of the reader's window.
const HELP_COLUMNS: usize = 100;

/// Hands work from one AI agent to the next, durably: nothing is lost silently, nothing is done
/// twice, and everybody can see what was sent, received and understood.
#[derive(Debug, Parser)]
#[command(name = "handclasp", version, max_term_width = HELP_COLUMNS, after_help = exit::HELP, subcommand_required = true)]
pub(crate) struct Line {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    verb: Verb,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Shared {
    #[arg(
        long,
        help = "The store: one SQLite file",
        global = true,
        value_name = "PATH",
        env = "HANDCLASP_STORE",
        default_value = "handclasp.db",
        hide_env_values = true
    )]
    store: PathBuf,
    /// Prints data, and errors, as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Says nothing on standard error unless something fails.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Up(up::Up),
    Run(run::Run),
    Resume(resume::Resume),
    Runs(runs::Runs),
    Show(show::Show),
    Trace(trace::Trace),
    Events(events::Events),
    Inbox(inbox::Inbox),
    Resolve(resolve::Resolve),
    DeadLetters(dead_letters::DeadLetters),
    Cancel(cancel::Cancel),
    Erase(erase::Erase),
    Check(check::Check),
    Contracts(contracts::Contracts),
    Verify(verify::Verify),
    Rebuild(rebuild::Rebuild),
    Explain(explain::Explain),
    Completions(completions::Completions),
}

/// Where a command works and speaks.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The store's file.
    pub(crate) store: StoreFile,
    /// How it speaks.
    pub(crate) terminal: Terminal,
}

impl Line {
    /// How this command speaks.
    pub(crate) fn terminal(&self) -> Terminal {
        Terminal { json: self.shared.json, quiet: self.shared.quiet }
    }

    /// Does what was typed.
    pub(crate) async fn execute(self) -> Result<Exit, Failure> {
        let terminal = self.terminal();
        let place = Place { store: StoreFile(self.shared.store), terminal };
        match self.verb {
            // These hold an engine at work; boxed, the other commands need not carry its size.
            Verb::Up(command) => Box::pin(command.execute(&place)).await,
            Verb::Run(command) => Box::pin(command.execute(&place)).await,
            Verb::Resume(command) => Box::pin(command.execute(&place)).await,
            Verb::Runs(command) => command.execute(&place).await,
            Verb::Show(command) => command.execute(&place).await,
            Verb::Trace(command) => command.execute(&place).await,
            Verb::Events(command) => command.execute(&place).await,
            Verb::Inbox(command) => command.execute(&place).await,
            Verb::Resolve(command) => command.execute(&place).await,
            Verb::DeadLetters(command) => command.execute(&place).await,
            Verb::Cancel(command) => command.execute(&place).await,
            Verb::Erase(command) => command.execute(&place).await,
            Verb::Check(command) => command.execute(&place),
            Verb::Contracts(command) => command.execute(&place).await,
            Verb::Verify(command) => command.execute(&place).await,
            Verb::Rebuild(command) => command.execute(&place).await,
            Verb::Explain(command) => command.execute(&place),
            Verb::Completions(command) => command.execute(),
        }
    }
}
