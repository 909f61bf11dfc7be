//! How a run stands when the command that drove it ends: the result as data, the rest as talk, and
//! the exit code that says it all in a number.

use handclasp_core::Run;
use handclasp_core::event::RunOutcome;
use handclasp_core::id::RunId;
use handclasp_core::limits::Usage;
use handclasp_core::run::Condition;
use handclasp_store::Store;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::log;
use crate::open_ends::{Asked, Letter, letters, questions};
use crate::store_file::content;
use crate::terminal::{Terminal, data, json_line, preview};

/// The fields of a result that are text to be read, in the order in which they are looked for.
const READABLE: [&str; 2] = ["markdown", "text"];

/// How a run stands. Its fields are the shape of `run --json` and `resume --json`.
#[derive(Debug, Serialize)]
pub(crate) struct Ending {
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

impl Ending {
    /// How the run stands in the store.
    pub(crate) async fn of(store: &dyn Store, id: RunId) -> Result<Self, Failure> {
        let run = log::state(store, id).await?;
        let (approved, result) = match &run.outcome {
            Some(RunOutcome::Completed { result: Some(result), approved }) => {
                (Some(*approved), Some(content(store, id, result.digest).await?))
            }
            Some(RunOutcome::Completed { result: None, approved }) => (Some(*approved), None),
            _ => (None, None),
        };
        let questions = questions(store, &run).await?;
        Ok(Self::new(&run, approved, result, questions))
    }

    fn new(run: &Run, approved: Option<bool>, result: Option<Value>, questions: Vec<Asked>) -> Self {
        Self {
            run: run.id,
            title: run.title.clone(),
            condition: run.condition(),
            reason: run.why(),
            approved,
            result,
            questions,
            dead_letters: letters(run),
            usage: run.usage,
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self.condition {
            Condition::Completed => Exit::DONE,
            Condition::WaitingForPerson => Exit::WAITING,
            Condition::Failed | Condition::Cancelled | Condition::Stopped => Exit::FAILED,
            Condition::Running => Exit::INTERRUPTED,
        }
    }

    /// Says it.
    pub(crate) fn tell(&self, terminal: Terminal) -> Result<(), Failure> {
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
    format!("{}: dead letter of {}, {}: {}", letter.step, letter.agent, letter.handoff, letter.reason)
}

fn asked(asked: &Asked) -> String {
    format!("{} asks: {}", asked.by, preview(&readable(&asked.shown), 80))
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
        None => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
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
