//! How a run stands when the command that drove it ends: the result as data, the rest as talk, and
//! the exit code that says it all in a number.

use std::fmt::Write as _;

use handclasp_core::Run;
use handclasp_core::command::AgentError;
use handclasp_core::event::{Closing, RunOutcome};
use handclasp_core::id::RunId;
use handclasp_core::limits::Usage;
use handclasp_core::run::Condition;
use handclasp_store::Store;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_ends::{Asked, Letter, letters, questions};
use crate::store_file::content;
use crate::terminal::{Terminal, columns, data, json_line, one_line, preview};
use crate::{log, trace};

/// The fields of a result that are text to be read, in the order in which they are looked for.
const READABLE: [&str; 2] = ["markdown", "text"];

/// As much of a question as fits on its line; `inbox` has all of it.
const SHOWN_CHARS: usize = 80;

/// How a run stands. Its fields are the shape of `run --json` and `resume --json`.
#[derive(Debug, Serialize)]
struct Ending {
    run: RunId,
    title: String,
    condition: Condition,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// False when a review kept its best version without approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    questions: Vec<Asked>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dead_letters: Vec<Letter>,
    #[serde(skip_serializing_if = "Usage::is_zero")]
    usage: Usage,
}

/// How much is said of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// With its trace.
    InFull,
    /// Without.
    InShort,
}

/// Says how a run stands: what there is to see of it, what to type next, its result.
pub(crate) async fn tell(store: &dyn Store, run: RunId, terminal: Terminal, told: Told) -> Result<Exit, Failure> {
    let log = log::read(store, run).await?;
    let ending = Ending::of(store, &log.run).await?;
    // Of a run that goes on later there will be more to see than now.
    if told == Told::InFull && terminal.talks() && matches!(ending.exit(), Exit::DONE | Exit::FAILED) {
        let trace = trace::collect(store, &log).await?;
        terminal.talk(format_args!("\n{}\n", trace::text(&trace, columns())));
    }
    ending.tell(terminal)?;
    Ok(ending.exit())
}

impl Ending {
    async fn of(store: &dyn Store, run: &Run) -> Result<Self, Failure> {
        let id = run.id;
        let (approved, result) = match &run.outcome {
            Some(RunOutcome::Completed { result: Some(result), approved }) => {
                (Some(*approved), Some(content(store, id, result.digest).await?))
            }
            Some(RunOutcome::Completed { result: None, approved }) => (Some(*approved), None),
            _ => (None, None),
        };
        Ok(Self {
            run: run.id,
            title: run.title.clone(),
            condition: run.condition(),
            reason: run.why(),
            approved,
            result,
            questions: questions(store, run).await?,
            dead_letters: letters(run),
            usage: run.usage,
        })
    }

    /// The exit code.
    fn exit(&self) -> Exit {
        match self.condition {
            Condition::Completed => Exit::DONE,
            Condition::WaitingForPerson => Exit::WAITING,
            Condition::Failed | Condition::Cancelled | Condition::Stopped => Exit::FAILED,
            Condition::Running => Exit::INTERRUPTED,
        }
    }

    fn tell(&self, terminal: Terminal) -> Result<(), Failure> {
        if terminal.json {
            return json_line(self);
        }
        for line in self.what_now() {
            terminal.talk(line);
        }
        match &self.result {
            Some(result) => data(readable(result)),
            None => Ok(()),
        }
    }

    /// Where it stands and what to type next.
    fn what_now(&self) -> Vec<String> {
        let run = self.run;
        let reason = self.reason.clone().unwrap_or_default();
        match self.condition {
            Condition::Completed => self.reason.iter().map(|reason| format!("{run}: {reason}")).collect(),
            Condition::Failed | Condition::Cancelled => vec![format!("{run} is {}: {reason}", self.condition.as_str())],
            Condition::Running => vec![format!("{run} is not finished; go on with: handclasp resume {run}")],
            Condition::Stopped => {
                let mut lines: Vec<String> = self.dead_letters.iter().map(dead_letter).collect();
                if let Some(letter) = self.dead_letters.first() {
                    lines.push("next:".to_owned());
                    lines.push(format!("  handclasp dead-letters show {}", letter.handoff));
                    lines.push(format!("  handclasp dead-letters redrive {} [--payload JSON] [--to AGENT]", letter.handoff));
                    lines.push(format!("  handclasp resume {run}"));
                }
                lines
            }
            Condition::WaitingForPerson => {
                let mut lines: Vec<String> = self.questions.iter().map(asked).collect();
                lines.push("next:".to_owned());
                lines.push("  handclasp inbox".to_owned());
                lines.extend(self.questions.iter().map(|asked| format!("  handclasp resolve {} {}", asked.interrupt, choices(asked))));
                lines.push(format!("  handclasp resume {run}"));
                lines
            }
        }
    }
}

fn dead_letter(letter: &Letter) -> String {
    let mut text = format!("{}: dead letter of {}, {}: {}", letter.step, letter.agent, letter.handoff, one_line(&letter.reason));
    if let Closing::Failed(AgentError { hint: Some(hint), .. }) = &letter.closing {
        let _ = write!(text, "\n  hint: {}", one_line(hint));
    }
    text
}

fn asked(asked: &Asked) -> String {
    let question = asked.shown.get("question").unwrap_or(&asked.shown);
    format!("{} asks: {}", asked.by, brief(question, SHOWN_CHARS))
}

/// What can be typed as an answer.
pub(crate) fn choices(asked: &Asked) -> String {
    if asked.options.is_empty() { "--text ANSWER".to_owned() } else { asked.options.join("|") }
}

/// A content as somebody wants to read it: its text if it is one, else JSON.
pub(crate) fn readable(value: &Value) -> String {
    let field = READABLE.iter().find_map(|name| value.get(name).and_then(Value::as_str));
    match field.or(value.as_str()) {
        Some(text) => text.trim_end_matches('\n').to_owned(),
        None => in_full(value),
    }
}

/// A content with every field of it, for somebody who decides by it.
pub(crate) fn in_full(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The beginning of a content on one line: of its text if it is one, else of its JSON.
pub(crate) fn brief(value: &Value, chars_max: usize) -> String {
    let field = READABLE.iter().find_map(|name| value.get(name).and_then(Value::as_str));
    preview(&field.or(value.as_str()).map_or_else(|| value.to_string(), str::to_owned), chars_max)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_with_a_text_is_read_as_text() {
        assert_eq!(readable(&json!({ "title": "x", "markdown": "# x\n" })), "# x");
        assert_eq!(readable(&json!({ "text": "plain" })), "plain");
        assert_eq!(readable(&json!("a word")), "a word");
        assert_eq!(readable(&json!({ "text": 3 })), "{\n  \"text\": 3\n}");
    }
}
