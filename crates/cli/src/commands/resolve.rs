//! `resolve`: answers a question, once, bound to exactly what was shown.

use clap::{ArgGroup, Args};
use handclasp_core::Reply;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Answer, Command};
use serde_json::json;

use super::{Place, inbox};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_ends::question;
use crate::store_file::{Definitions, content};
use crate::terminal::json_data;
use crate::{ids, log};

/// Answers a question or an approval.
///
/// The answer is bound to the digest of what was shown: to the one that you name with `--shown`, or
/// else to what this command shows you now. The first answer counts; whoever is late is told which
/// it was. A `run --wait` in another terminal goes on by itself; otherwise type `handclasp resume`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("answer").args(["choice", "text"]).required(true).multiple(true)))]
#[command(override_usage = "handclasp resolve [OPTIONS] <INTERRUPT> <CHOICE|--text <TEXT>>")]
pub(crate) struct Resolve {
    /// Which question, by id or the end of one.
    interrupt: String,
    /// One of the options; nothing where there are none, and the answer is in your own words.
    choice: Option<String>,
    /// An answer in your own words, or the reason for your choice.
    #[arg(long)]
    text: Option<String>,
    /// The digest of what you were shown.
    #[arg(long, value_name = "DIGEST")]
    shown: Option<Digest>,
}

impl Resolve {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.read()?;
        let id = ids::interrupt(store.as_ref(), &self.interrupt).await?;
        let run = log::state(store.as_ref(), id.run).await?;
        let Some(interrupt) = run.interrupt(id) else {
            return Err(Failure::misuse(format!("there is no interrupt `{id}`"), "`handclasp inbox` lists what is open"));
        };
        let asked = question(store.as_ref(), &run, interrupt).await?;
        if self.shown.is_none() {
            terminal.talk(inbox::text(&asked));
        }
        if self.choice.is_none() && !asked.options.is_empty() {
            let message = format!("`{id}` is answered with one of: {}", asked.options.join(", "));
            return Err(Failure::misuse(message, format!("`handclasp resolve {id} CHOICE`; `--text` is the reason for it")));
        }
        let mut contents = Blobs::default();
        let text = self.text.as_ref().map(|text| contents.json(text));
        let given = Answer { choice: self.choice.unwrap_or_default(), text };
        let command = Command::Resolve { interrupt: id, shown: self.shown.unwrap_or(asked.digest), answer: given.clone() };
        let (reply, next) = place.store.submit(&run, command, contents, Definitions::Needed).await?;
        let Reply::Resolved { answer: counts, .. } = reply else { return Ok(Exit::DONE) };
        let yours = counts == given;
        if terminal.json {
            let text = match counts.text {
                Some(text) => Some(content(store.as_ref(), id.run, text.digest).await?),
                None => None,
            };
            json_data(&json!({ "interrupt": id, "choice": counts.choice, "text": text, "yours": yours }))?;
        } else if yours {
            terminal.talk(format_args!("answered; {}", next.of(id.run)));
        } else {
            terminal.talk(format_args!("somebody was faster: the answer is `{}`", counts.choice));
        }
        Ok(Exit::DONE)
    }
}
