//! `inbox`: everything that waits for a person's answer.

use clap::Args;

use super::Place;
use crate::ending::{choices, in_full, readable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_ends::{Asked, questions, runs_with};
use crate::terminal::{data, json_data, moment, strong};

/// Lists the questions and approvals that wait for an answer.
#[derive(Debug, Args)]
pub(crate) struct Inbox {}

impl Inbox {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.read()?;
        let mut all = Vec::new();
        for run in runs_with(store.as_ref(), "inbox").await? {
            all.extend(questions(store.as_ref(), &run).await?);
        }
        if terminal.json {
            json_data(&all)?;
        } else if all.is_empty() {
            terminal.talk("nothing waits for an answer");
        } else {
            let asked: Vec<String> = all.iter().map(text).collect();
            data(asked.join("\n\n"))?;
        }
        Ok(Exit::DONE)
    }
}

/// A question with all that is needed to answer it.
pub(super) fn text(asked: &Asked) -> String {
    let mut lines = vec![strong(format_args!("{}  {} asks", asked.interrupt, asked.by)), format!("  in      {}", asked.title)];
    lines.push(format!("  since   {}", moment(asked.since_ms)));
    if let Some(by) = asked.answer_by_ms {
        let silence = asked.on_silence.as_ref().map_or_else(|| "silence stops it".to_owned(), |choice| format!("silence means {choice}"));
        lines.push(format!("  until   {}, {silence}", moment(by)));
    }
    lines.push(format!("  digest  {}", asked.digest));
    lines.extend(readable(&asked.shown).lines().map(|line| format!("  | {line}")));
    if let Some(arguments) = &asked.arguments {
        lines.push("  called with".to_owned());
        lines.extend(in_full(arguments).lines().map(|line| format!("  | {line}")));
    }
    lines.push(format!("  answer  handclasp resolve {} {}", asked.interrupt, choices(asked)));
    lines.join("\n")
}
