//! The command line: what can be typed. One file per command; its doc comment is its help.

mod cancel;
mod check;
mod completions;
mod config;
mod contracts;
mod dead_letters;
mod demo;
mod erase;
mod events;
mod explain;
mod inbox;
mod keys;
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

use crate::config::{Flags, Settings};
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
        help = "The store: one SQLite file. `handclasp.db` in this folder if nothing says otherwise",
        global = true,
        value_name = "PATH"
    )]
    store: Option<String>,
    /// The configuration; `handclasp.toml` in this folder, if it is there, unless `HANDCLASP_CONFIG` names another.
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
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
    Demo(demo::Demo),
    #[command(hide = true)]
    DemoWorker(demo::DemoWorker),
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
    Keys(keys::Keys),
    Config(config::Config),
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
    /// What is set.
    pub(crate) settings: Settings,
}

impl Line {
    /// How this command speaks.
    pub(crate) fn terminal(&self) -> Terminal {
        Terminal { json: self.shared.json, quiet: self.shared.quiet }
    }

    /// What is set, with the flags of this command.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let mut flags = Flags::default();
        flags.set("store", self.shared.store.clone());
        if let Verb::Up(command) = &self.verb {
            command.flags(&mut flags);
        }
        Settings::read(self.shared.config.as_deref(), &flags)
    }

    /// What is logged if nobody says: the ordinary story is told by the commands, but a server has none.
    pub(crate) fn log_level(&self) -> &'static str {
        match (&self.verb, self.shared.quiet) {
            (_, true) => "error",
            (Verb::Up(_), false) => "warn,handclasp=info",
            (_, false) if self.shared.json => "error",
            (_, false) => "warn",
        }
    }

    /// Does what was typed.
    pub(crate) async fn execute(self, settings: Settings) -> Result<Exit, Failure> {
        let place = Place { store: StoreFile(settings.store.clone()), terminal: self.terminal(), settings };
        match self.verb {
            // These hold an engine at work; boxed, the other commands need not carry its size.
            Verb::Up(command) => Box::pin(command.execute(&place)).await,
            Verb::Demo(command) => Box::pin(command.execute(&place)).await,
            Verb::DemoWorker(command) => Box::pin(command.execute()).await,
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
            Verb::Keys(command) => command.execute(&place).await,
            Verb::Config(command) => command.execute(&place),
            Verb::Explain(command) => command.execute(&place),
            Verb::Completions(command) => command.execute(),
        }
    }
}
