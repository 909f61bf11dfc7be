//! One of the demo's workers: a process that refunds orders by writing a line into a file.
//!
//! The line is the effect that must not happen twice. The first attempt stays in the middle of it: the
//! line is written, and the server does not know yet. That is the worst moment to die.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use handclasp_client::{Client, Ending, Error, Guarded, Work, Worker};
use handclasp_core::id::AgentName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::json_line;

/// How long the first attempt waits for a receipt that never comes: longer than the show lasts.
const NO_RECEIPT: Duration = Duration::from_mins(10);

/// What a worker says of itself, one JSON object per line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Said {
    /// In plain words.
    pub(crate) text: String,
    /// It is in the middle of the effect now.
    pub(crate) inside: bool,
}

/// The agent that all workers of the demo work for.
pub(super) fn agent() -> AgentName {
    "billing".parse().expect("a name")
}

/// Works until it is killed, or until there is no server any more.
pub(crate) async fn work(url: &str, refunds: PathBuf) -> Result<Exit, Failure> {
    let worker = Worker::new(Client::new(url)?, agent());
    worker.run(std::future::pending(), move |work| refund(work, refunds.clone())).await?;
    Ok(Exit::DONE)
}

async fn refund(work: Work, refunds: PathBuf) -> Result<Ending, Error> {
    let attempt = work.claimed().attempt;
    say(format!("has it (attempt {attempt}), has said back what it got, and starts"));
    let order = work.payload()["order"].to_string();
    let line = format!("order {order}: {} EUR back", work.payload()["euros"]);
    let effect = Guarded { name: "refund", key: &order, arguments: work.payload().clone() };
    let receipt = work.effect(effect, || std::future::ready(look(&refunds, &line)), || refund_now(&refunds, &line, attempt)).await?;
    say("has finished it".to_owned());
    Ok(Ending::Result(json!({ "receipt": receipt })))
}

/// Finds out whether a refund happened that was begun and never reported.
fn look(refunds: &Path, line: &str) -> Option<Value> {
    let written = fs::read_to_string(refunds).unwrap_or_default();
    let happened = written.lines().any(|known| known == line);
    let found = if happened { "it is there, so it is not done again" } else { "it is not there, so it is done now" };
    say(format!("learns that a refund was begun and never reported. It looks into the file: {found}"));
    happened.then(|| json!(line))
}

async fn refund_now(refunds: &Path, line: &str, attempt: u32) -> Result<Value, String> {
    append(refunds, line).map_err(|error| error.to_string())?;
    let inside = attempt == 1;
    let rest = if inside { ". It has not reported it yet" } else { "" };
    tell(&Said { text: format!("writes \"{line}\" into the file{rest}"), inside });
    if inside {
        tokio::time::sleep(NO_RECEIPT).await;
    }
    Ok(json!(line))
}

fn append(refunds: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(refunds)?;
    writeln!(file, "{line}")?;
    file.sync_all()
}

fn say(text: String) {
    tell(&Said { text, inside: false });
}

fn tell(said: &Said) {
    // A worker works on when nobody listens.
    let _ = json_line(said);
}
