//! What people were asked in a run, what they answered, and how long that took.
//!
//! Taken from the log: who answered, and when, stands only in its events. What waits for an answer
//! right now is the inbox's.

use std::fmt::Write as _;

use handclasp_core::event::Event;
use handclasp_core::id::{InterruptId, Principal};
use handclasp_core::run::{Interrupt, InterruptState};
use handclasp_core::time::{Millis, Timestamp};
use handclasp_store::Store;
use serde::Serialize;

use super::Sent;
use super::collect::sent;
use crate::ending::brief;
use crate::failure::Failure;
use crate::log::Log;
use crate::open_ends::asked_by;
use crate::store_file::content;

/// As much of an answer as helps to recognise it.
const ANSWER_CHARS: usize = 100;

/// A question to a person.
#[derive(Debug, Serialize)]
pub(crate) struct Question {
    /// Its id.
    pub(crate) interrupt: InterruptId,
    /// The step or agent that asked.
    pub(crate) by: String,
    /// What was shown.
    pub(crate) shown: Sent,
    /// Since when.
    pub(crate) asked_at_ms: Timestamp,
    /// How long it was open; none while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_ms: Option<Millis>,
    /// What came of it, in a few words.
    pub(crate) outcome: String,
}

/// The questions of a run, oldest first.
pub(super) async fn questions(store: &dyn Store, log: &Log) -> Result<Vec<Question>, Failure> {
    let mut asked = Vec::new();
    for interrupt in log.run.interrupts() {
        let end = ended(log, interrupt.id);
        asked.push(Question {
            interrupt: interrupt.id,
            by: asked_by(&log.run, interrupt),
            shown: sent(store, log.run.id, interrupt.question.shown, None).await?,
            asked_at_ms: interrupt.asked_at,
            open_ms: end.map(|(at, _)| at.since(interrupt.asked_at)),
            outcome: outcome(store, interrupt, end.and_then(|(_, by)| by)).await?,
        });
    }
    Ok(asked)
}

/// When a question was over, and who answered it; nobody, if silence did or it was withdrawn.
fn ended(log: &Log, id: InterruptId) -> Option<(Timestamp, Option<&Principal>)> {
    log.events.iter().find_map(|recorded| match &recorded.event {
        Event::InterruptResolved { interrupt, by, .. } if *interrupt == id => Some((recorded.at_ms, by.as_ref())),
        Event::InterruptWithdrawn { interrupt, .. } if *interrupt == id => Some((recorded.at_ms, None)),
        _ => None,
    })
}

async fn outcome(store: &dyn Store, interrupt: &Interrupt, by: Option<&Principal>) -> Result<String, Failure> {
    let answer = match &interrupt.state {
        InterruptState::Open => return Ok("nobody has answered yet".to_owned()),
        InterruptState::Withdrawn => return Ok("withdrawn".to_owned()),
        InterruptState::Resolved(answer) => answer,
    };
    let who = by.map_or_else(|| "silence".to_owned(), ToString::to_string);
    let mut text = format!("{who} says {}", answer.choice).trim_end().to_owned();
    if let Some(said) = &answer.text {
        let said = content(store, interrupt.id.run, said.digest).await?;
        let _ = write!(text, ": {}", brief(&said, ANSWER_CHARS));
    }
    Ok(text)
}
