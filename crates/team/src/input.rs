//! Inputs: what a run is given, declared in the file and typed by whoever starts it.
//!
//! Owns the five types and how typed text becomes a value of one. Together the values are the
//! payload of the first handoff, as a JSON object.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::document::{Node, shortened};
use crate::measure::WHOLE_MAX;
use crate::mistake::{Mistakes, Problem, suggestion};

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// A file or folder; made absolute.
    Path,
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// Something that a run is given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: InputKind,
    /// What it is if nobody says; `None` means that it must be given.
    pub default: Option<Value>,
    /// One line for people.
    pub description: Option<String>,
}

/// Something is wrong with what was given for an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[error("{message}")]
pub struct InputMistake {
    /// The input's name, as it was given.
    pub input: String,
    /// What is wrong, with what would have been taken.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl InputKind {
    fn read(word: &str) -> Option<Self> {
        [Self::Path, Self::String, Self::Integer, Self::Number, Self::Boolean].into_iter().find(|kind| kind.to_string() == word)
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Path => "a path",
            Self::String => "text",
            Self::Integer => "a whole number of at most 16 digits",
            Self::Number => "a number",
            Self::Boolean => "`true` or `false`",
        }
    }

    /// Whether a value from the file is of this type.
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Path => value.as_str().is_some_and(is_path),
            Self::String => value.is_string(),
            Self::Integer => value.as_i64().is_some_and(|number| number.unsigned_abs() <= WHOLE_MAX),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
        }
    }

    /// The value that typed text stands for.
    fn typed(self, text: &str) -> Option<Value> {
        let value = match self {
            Self::Path | Self::String => Value::String(text.to_owned()),
            Self::Integer => Value::from(text.trim().parse::<i64>().ok()?),
            Self::Number => Value::Number(text.trim().parse().ok()?),
            Self::Boolean => Value::Bool(text.trim().parse().ok()?),
        };
        Some(value).filter(|value| self.takes(value))
    }
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        })
    }
}

/// The inputs that a file declares.
pub(crate) fn read(inputs: Option<&Node>, mistakes: &mut Mistakes) -> Vec<Input> {
    let entries = inputs.map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|entry| one(&entry.key, &entry.value, mistakes)).collect()
}

fn one(name: &str, node: &Node, mistakes: &mut Mistakes) -> Option<Input> {
    let kind = InputKind::read(node.get("type")?.text()?)?;
    let default = node.get("default").filter(|default| !mistakes.within(default));
    let value = default.map(Node::to_json);
    if let (Some(default), Some(value)) = (default, &value)
        && !kind.takes(value)
    {
        let quote = matches!(kind, InputKind::Path | InputKind::String).then_some("put it in quotes");
        let problem = Problem::new(format!("the default of `{}` is no {kind}", shortened(name)));
        mistakes.add(default.spot, problem.expected(kind.expected()).found(default.found()).maybe_hint(quote));
    }
    let description = node.get("description").and_then(Node::text).map(str::to_owned);
    Some(Input { name: name.to_owned(), kind, default: value, description })
}

/// The values of all inputs. Paths are resolved against `base`. All mistakes at once.
pub(crate) fn values(inputs: &[Input], given: &BTreeMap<String, String>, base: &Path) -> Result<Map<String, Value>, Vec<InputMistake>> {
    let mut values = Map::new();
    let mut mistakes: Vec<InputMistake> =
        given.keys().filter(|name| !inputs.iter().any(|input| input.name == **name)).map(|name| unknown(name, inputs)).collect();
    for input in inputs {
        match value(input, given.get(&input.name).map(String::as_str), base) {
            Ok(value) => drop(values.insert(input.name.clone(), value)),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(values) } else { Err(mistakes) }
}

fn value(input: &Input, given: Option<&str>, base: &Path) -> Result<Value, InputMistake> {
    let wrong = |message, hint| InputMistake { input: input.name.clone(), message, hint };
    let value = match given {
        Some(text) => input.kind.typed(text).ok_or_else(|| {
            let (name, expected) = (&input.name, input.kind.expected());
            wrong(format!("wrong value for the input `{name}`: expected {expected}, found `{}`", shortened(text)), None)
        })?,
        None => input.default.clone().ok_or_else(|| {
            let name = &input.name;
            wrong(format!("the input `{name}` is missing: expected {}", input.kind.expected()), input.description.clone())
        })?,
    };
    match (input.kind, value) {
        (InputKind::Path, Value::String(text)) => absolute(&text, base).map(Value::String).ok_or_else(|| {
            let name = &input.name;
            wrong(format!("the input `{name}` is no path that can be written as text: found `{}`", shortened(&text)), None)
        }),
        (_, value) => Ok(value),
    }
}

fn absolute(text: &str, base: &Path) -> Option<String> {
    let path = std::path::absolute(base.join(text)).ok()?;
    path.to_str().map(str::to_owned)
}

fn unknown(name: &str, inputs: &[Input]) -> InputMistake {
    let hint = suggestion(name, "inputs", inputs.iter().map(|input| input.name.as_str()));
    InputMistake { input: name.to_owned(), message: format!("unknown input `{}`", shortened(name)), hint: Some(hint) }
}
