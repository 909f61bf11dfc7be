//! `handclasp`: the handle. Runs teams of agents and shows what was handed on, received and understood.
//!
//! Translates what is typed into commands and what comes back into text; decides nothing. One file
//! per command in [`commands`], each with the documentation that is its help. Data goes to standard
//! output, talk to standard error ([`terminal`]); what the exit codes mean is in [`exit`].

mod commands;
mod config;
mod demo;
mod drive;
mod ending;
mod exit;
mod failure;
mod house;
mod ids;
mod log;
mod logging;
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

use crate::commands::Line;
use crate::exit::Exit;
use crate::failure::Failure;

/// A request is many small allocations: the system's allocator took a sixth of a busy server's time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let line = Line::parse();
    let terminal = line.terminal();
    let exit = start(line).unwrap_or_else(|failure| {
        terminal.failure(&failure);
        failure.exit()
    });
    exit.into()
}

fn start(line: Line) -> Result<Exit, Failure> {
    let settings = line.settings()?;
    logging::begin(&settings, line.log_level());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::broken("start", &error))?.block_on(line.execute(settings))
}
