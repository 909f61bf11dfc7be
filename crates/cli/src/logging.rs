//! What the program logs of itself, on standard error: as text for people, as JSON for programs.
//!
//! The story of a run is told by the commands; here goes what happens without one. What looks like a
//! secret is struck out on the way.

use std::io;

use handclasp_engine::redact::{self, Redacting};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Logs from now on, as much as the settings say, or else as the command needs.
pub(crate) fn begin(settings: &Settings, level: &str) {
    redact::panics();
    let filter = EnvFilter::new(settings.log.as_deref().unwrap_or(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Redacting::new(io::stderr()));
    match settings.log_format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => {
            let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
            log.with_ansi(colour).without_time().init();
        }
    }
}
