//! `handclasp`: the handle. Runs teams of agents and shows what was handed on, received and understood.
//!
//! Translates what is typed into commands and what comes back into text; decides nothing. One file
//! per command in [`commands`], each with the documentation that is its help. Data goes to standard
//! output, talk to standard error ([`terminal`]); what the exit codes mean is in [`exit`].

mod commands;
mod drive;
mod ending;
mod exit;
mod failure;
mod ids;
mod log;
mod open_ends;
mod plan_text;
mod progress;
mod stopping;
mod store_file;
mod team_file;
mod terminal;
mod trace;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::commands::Line;
use crate::failure::Failure;

fn main() -> ExitCode {
    let line = Line::parse();
    let terminal = line.terminal();
    // The ordinary story is told by the commands; what goes on without one is told unless nobody wants to hear it.
    let level = if terminal.quiet || terminal.json { "error" } else { "warn" };
    let filter = EnvFilter::try_from_env("HANDCLASP_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).without_time().init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(line.execute()),
        Err(error) => Err(Failure::broken("start", &error)),
    };
    let exit = outcome.unwrap_or_else(|failure| {
        terminal.failure(&failure);
        failure.exit()
    });
    exit.into()
}
