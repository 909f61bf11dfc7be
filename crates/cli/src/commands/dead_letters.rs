//! `dead-letters`: what could not be done, and how to try it again.

use std::path::Path;

use clap::{Args, Subcommand};
use handclasp_core::Run;
use handclasp_core::blob::Blobs;
use handclasp_core::command::Command;
use handclasp_core::id::AgentName;
use handclasp_store::Store;
use serde_json::{Value, json};

use super::Place;
use crate::ending::readable;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_ends::{Letter, letter, letters, runs_with};
use crate::store_file::{Definitions, content};
use crate::terminal::{data, json_data, preview, table};
use crate::{ids, log};

/// A reason is cut here; `show` has all of it.
const REASON_CHARS: usize = 80;

/// Lists, shows and redrives handoffs that ended without a result and without anybody left to decide.
#[derive(Debug, Args)]
pub(crate) struct DeadLetters {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Lists all dead letters of the store.
    List,
    /// Shows one: how it got here, and its payload.
    Show {
        /// Which handoff, by id or the end of one.
        handoff: String,
    },
    /// Sends one once more, then `handclasp resume` goes on.
    Redrive {
        /// Which handoff, by id or the end of one.
        handoff: String,
        /// Another payload: JSON, or a file with JSON in it.
        #[arg(long, value_name = "FILE|JSON")]
        payload: Option<String>,
        /// Another receiver.
        #[arg(long, value_name = "AGENT")]
        to: Option<AgentName>,
    },
}

impl DeadLetters {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        match self.verb {
            Verb::List => list(place).await,
            Verb::Show { handoff } => show(place, &handoff).await,
            Verb::Redrive { handoff, payload, to } => redrive(place, &handoff, payload.as_deref(), to).await,
        }
    }
}

async fn list(place: &Place) -> Result<Exit, Failure> {
    let terminal = place.terminal;
    let store = place.store.read()?;
    let runs = runs_with(store.as_ref(), "dead_letter").await?;
    let all: Vec<Letter> = runs.iter().flat_map(letters).collect();
    if terminal.json {
        json_data(&all)?;
    } else if all.is_empty() {
        terminal.talk("no dead letters");
    } else {
        let rows = all.iter().map(|letter| {
            let reason = preview(&letter.reason, REASON_CHARS);
            vec![letter.handoff.to_string(), letter.step.clone(), letter.agent.to_string(), letter.attempts.to_string(), reason]
        });
        data(table(&["HANDOFF", "STEP", "AGENT", "ATTEMPTS", "REASON"], rows))?;
    }
    Ok(Exit::DONE)
}

async fn show(place: &Place, handoff: &str) -> Result<Exit, Failure> {
    let terminal = place.terminal;
    let store = place.store.read()?;
    let (run, letter) = find(store.as_ref(), handoff).await?;
    let payload = content(store.as_ref(), run.id, letter.payload.digest).await?;
    if terminal.json {
        let mut value = json!(letter);
        value["content"] = payload;
        json_data(&value)?;
        return Ok(Exit::DONE);
    }
    let mut lines = vec![
        format!("handoff   {}", letter.handoff),
        format!("in        {} ({})", letter.title, letter.run),
        format!("step      {}, {}", letter.step, letter.agent),
        format!("attempts  {}", letter.attempts),
        format!("reason    {}", letter.reason),
    ];
    if let handclasp_core::event::Closing::Failed(error) = &letter.closing {
        lines.extend(error.attempted.iter().map(|attempted| format!("tried     {attempted}")));
        lines.extend(error.hint.iter().map(|hint| format!("hint      {hint}")));
    }
    lines.push("payload".to_owned());
    lines.push(serde_json::to_string_pretty(&payload).unwrap_or_else(|_| readable(&payload)));
    data(lines.join("\n"))?;
    Ok(Exit::DONE)
}

async fn redrive(place: &Place, handoff: &str, payload: Option<&str>, to: Option<AgentName>) -> Result<Exit, Failure> {
    let terminal = place.terminal;
    let store = place.store.read()?;
    let id = ids::handoff(store.as_ref(), handoff).await?;
    let run = log::state(store.as_ref(), id.run).await?;
    let mut contents = Blobs::default();
    let payload = payload.map(read_payload).transpose()?.map(|value| contents.json(&value));
    let command = Command::Redrive { handoff: id, payload, to };
    let (_, next) = place.store.submit(&run, command, contents, Definitions::Needed).await?;
    if terminal.json {
        json_data(&json!({ "handoff": id, "redriven": true }))?;
    } else {
        terminal.talk(format_args!("sent once more; {}", next.of(id.run)));
    }
    Ok(Exit::DONE)
}

async fn find(store: &dyn Store, text: &str) -> Result<(Run, Letter), Failure> {
    let id = ids::handoff(store, text).await?;
    let run = log::state(store, id.run).await?;
    let found = run.handoff(id).and_then(|handoff| letter(&run, handoff));
    match found {
        Some(letter) => Ok((run, letter)),
        None => Err(Failure::misuse(format!("`{id}` is no dead letter"), "`handclasp dead-letters list` lists them")),
    }
}

/// JSON as it was typed, or the JSON in a file.
fn read_payload(text: &str) -> Result<Value, Failure> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let expected = "give JSON, or the path of a file with JSON in it";
    let bytes = std::fs::read(Path::new(text)).map_err(|error| {
        Failure::misuse(format!("the payload `{}` is neither JSON nor a file: {error}", preview(text, REASON_CHARS)), expected)
    })?;
    serde_json::from_slice(&bytes).map_err(|error| Failure::misuse(format!("the file `{text}` is no JSON: {error}"), expected))
}
