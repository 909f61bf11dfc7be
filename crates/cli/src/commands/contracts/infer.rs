//! `contracts infer`: a draft of a contract from payloads that were seen.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use handclasp_core::contract::{ContractId, Draft};
use handclasp_core::id::AgentName;
use serde_json::{Map, Value, json};

use super::super::Place;
use super::entry;
use super::observed::Sample;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Terminal, count, data, json_data};

/// Drafts a contract from payloads that were seen.
///
/// All of them hold the draft, which a person reads before it is published: what is always there is
/// required, and nothing is said about sizes. Payloads come from files (`.jsonl`: one on each line,
/// other files: one in each), or are what agents were handed in the store. What cannot be read is
/// named and skipped.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").args(["files", "agent", "run"]).required(true).multiple(true))]
pub(crate) struct Infer {
    /// Files with payloads as JSON.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Takes each element of a JSON file as a payload of its own.
    #[arg(long, requires = "files")]
    each: bool,
    /// Takes what this agent was handed, from the store.
    #[arg(long, value_name = "AGENT")]
    agent: Option<AgentName>,
    /// Takes what was handed on in this run only: its id, the end of one, or its trace id.
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Prints an entry for the `contracts` of a team file.
    #[arg(long, value_name = "NAME@VERSION")]
    name: Option<ContractId>,
}

impl Infer {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let mut sample = Sample::new(place.terminal);
        for file in &self.files {
            sample.read(file, self.each)?;
        }
        if self.agent.is_some() || self.run.is_some() {
            sample.handed(place.store.read()?.as_ref(), self.run.as_deref(), self.agent.as_ref()).await?;
        }
        let draft = sample.draft()?;
        self.print(place.terminal, &draft)?;
        place.terminal.talk(format_args!("drafted from {}{}", count(draft.payloads, "payload"), sample.skipped()));
        Ok(Exit::DONE)
    }

    fn print(&self, terminal: Terminal, draft: &Draft) -> Result<(), Failure> {
        match &self.name {
            None => json_data(&with_dialect(&draft.schema)),
            Some(id) if terminal.json => json_data(&json!({ id.to_string(): { "schema": draft.schema } })),
            Some(id) => data(entry::yaml(&json!({ "contracts": { id.to_string(): { "schema": draft.schema } } })).trim_end()),
        }
    }
}

/// A schema in a file of its own says which dialect it is in, for editors.
fn with_dialect(schema: &Value) -> Value {
    let mut file = Map::new();
    file.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    file.extend(schema.as_object().cloned().unwrap_or_default());
    Value::Object(file)
}
