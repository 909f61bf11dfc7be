//! What goes where: data to standard output, talk to standard error.
//!
//! Colour is decoration and disappears by itself where it is not wanted (`NO_COLOR`, no terminal).
//! A reader that has gone away ends the command quietly.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use handclasp_core::time::Timestamp;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::failure::Failure;

/// The widest that text is laid out where nothing is known of the reader's window.
const COLUMNS: u16 = 100;

/// How this command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Data as JSON.
    pub(crate) json: bool,
    /// No talk.
    pub(crate) quiet: bool,
}

impl Terminal {
    /// Whether anybody listens to more than is needed.
    pub(crate) fn talks(self) -> bool {
        !self.quiet && !self.json
    }

    /// A line for whoever watches.
    pub(crate) fn talk(self, text: impl Display) {
        if !self.quiet {
            // Talk that nobody can hear is no failure.
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
    }

    /// Why the command failed. Said even when quiet.
    pub(crate) fn failure(self, failure: &Failure) {
        let text = match failure {
            Failure::NobodyReads => return,
            failure if self.json => failure.json().to_string(),
            failure => failure.text(),
        };
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// Whether progress can be drawn and erased again.
    pub(crate) fn draws(self) -> bool {
        self.talks() && io::stderr().is_terminal()
    }
}

/// A line, or several, of data.
pub(crate) fn data(text: impl Display) -> Result<(), Failure> {
    written(writeln!(anstream::stdout().lock(), "{text}"))
}

/// A value as data: JSON on one line.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    data(serde_json::to_string(value).map_err(|error| Failure::broken("write JSON", &error))?)
}

/// A value as data: JSON to be read by people too.
pub(crate) fn json_data(value: &impl Serialize) -> Result<(), Failure> {
    data(serde_json::to_string_pretty(value).map_err(|error| Failure::broken("write JSON", &error))?)
}

/// How wide text is laid out.
pub(crate) fn columns() -> usize {
    let mut table = comfy_table::Table::new();
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    usize::from(table.width().unwrap_or(COLUMNS))
}

fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::NobodyReads),
        Err(error) => Err(Failure::broken("write to standard output", &error)),
    }
}

/// A moment in UTC, to the second.
pub(crate) fn moment(at: Timestamp) -> String {
    let moment = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(|| format!("{} ms", at.0), |moment| moment.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// What is less important than the rest of its line.
pub(crate) fn faint(text: impl Display) -> String {
    text.to_string().dimmed().to_string()
}

/// A heading.
pub(crate) fn strong(text: impl Display) -> String {
    text.to_string().bold().to_string()
}

/// Rows in columns without lines, ready to be cut and sorted by other tools.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table.set_header(head.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A number of things: `1 run`, `2 runs`.
pub(crate) fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, one: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// A text on one line, whoever wrote it: an agent's last words can be a whole stack trace.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a text on one line.
pub(crate) fn preview(text: &str, chars_max: usize) -> String {
    let line = one_line(text);
    if line.chars().count() <= chars_max {
        return line;
    }
    let beginning: String = line.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{beginning}…")
}
