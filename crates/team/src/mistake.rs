//! Mistakes: what is wrong in a team file, where, and how to mend it.
//!
//! Owns the collecting, the order and the wording of suggestions. Readers add problems as they meet
//! them and go on, so that one look at the list mends the whole file; what counts as a problem is
//! theirs to say. JSON pointers are worked out at the end, for those nodes alone that need one.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::document::{Content, Node};

/// More than this in one file help nobody; the first ones by line name the cause.
const MISTAKES_MAX: usize = 200;

/// A list of known names in a hint stays readable up to here.
const NAMES_MAX: usize = 12;

/// Longer words are no typing errors, and comparing them costs the square of their length.
const WORD_CHARS_MAX: usize = 80;

/// One mistake in a team file. Prints as `12:5: message: expected …, found …`, ready to follow a
/// file name and a colon; the hint is left to whoever prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The value it is about, as an RFC 6901 JSON pointer into the file.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What would have been taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is there instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        expected_and_found(f, self.expected.as_deref(), self.found.as_deref())
    }
}

pub(crate) fn expected_and_found(f: &mut fmt::Formatter<'_>, expected: Option<&str>, found: Option<&str>) -> fmt::Result {
    match (expected, found) {
        (Some(expected), Some(found)) => write!(f, ": expected {expected}, found {found}"),
        (Some(expected), None) => write!(f, ": expected {expected}"),
        (None, Some(found)) => write!(f, ": {found}"),
        (None, None) => Ok(()),
    }
}

/// A place in the file: where a reader looks, and which node it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The number of the node, in the order of the file.
    pub(crate) node: usize,
}

impl Spot {
    /// Where a file begins: for what is wrong with all of it.
    pub(crate) const START: Self = Self { line: 1, column: 1, node: 0 };
}

/// What is wrong, before it has a place.
#[derive(Debug)]
pub(crate) struct Problem {
    message: String,
    expected: Option<String>,
    found: Option<String>,
    hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), expected: None, found: None, hint: None }
    }

    pub(crate) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    pub(crate) fn found(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn maybe_hint(self, hint: Option<impl Into<String>>) -> Self {
        Self { hint: hint.map(Into::into), ..self }
    }
}

/// All mistakes so far.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Vec<(Spot, Problem)>);

impl Mistakes {
    pub(crate) fn add(&mut self, at: Spot, problem: Problem) {
        if self.0.len() < MISTAKES_MAX {
            self.0.push((at, problem));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something within `node` is wrong. What is built from it is not judged further, so
    /// that one mistake makes one message.
    pub(crate) fn within(&self, node: &Node) -> bool {
        self.0.iter().any(|(spot, _)| node.holds(*spot))
    }

    /// The list in the order of the file, with pointers.
    pub(crate) fn finish(self, root: Option<&Node>) -> Vec<Mistake> {
        let mut pointers: BTreeMap<usize, String> = self.0.iter().map(|(spot, _)| (spot.node, String::new())).collect();
        if let Some(root) = root {
            write_pointers(root, &mut String::new(), &mut pointers);
        }
        let mut all: Vec<Mistake> = self.0.into_iter().map(|(spot, problem)| placed(spot, problem, &pointers)).collect();
        all.sort();
        all.dedup();
        all
    }
}

fn placed(spot: Spot, problem: Problem, pointers: &BTreeMap<usize, String>) -> Mistake {
    let Problem { message, expected, found, hint } = problem;
    let pointer = pointers.get(&spot.node).cloned().unwrap_or_default();
    Mistake { line: spot.line, column: spot.column, pointer, message, expected, found, hint }
}

fn write_pointers(node: &Node, path: &mut String, wanted: &mut BTreeMap<usize, String>) {
    if let Some(pointer) = wanted.get_mut(&node.spot.node) {
        pointer.clone_from(path);
    }
    let length = path.len();
    let mut step_into = |child: &Node, step: &str| {
        path.push('/');
        path.push_str(&step.replace('~', "~0").replace('/', "~1"));
        write_pointers(child, path, wanted);
        path.truncate(length);
    };
    match &node.content {
        Content::Scalar { .. } => {}
        Content::List(items) => items.iter().enumerate().for_each(|(index, item)| step_into(item, &index.to_string())),
        Content::Map(entries) => entries.iter().for_each(|entry| step_into(&entry.value, &entry.key)),
    }
}

/// The known name that somebody may have meant, by edit distance.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > WORD_CHARS_MAX {
        return None;
    }
    let word = word.to_lowercase();
    // A third of the letters wrong is still a typing error; more is another word.
    let distance_max = (length / 3).max(1);
    known
        .into_iter()
        .filter(|name| name.chars().count() <= WORD_CHARS_MAX)
        .map(|name| (strsim::osa_distance(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `did you mean …?`, or what there is.
pub(crate) fn suggestion<'a>(word: &str, plural: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match closest(word, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => format!("there are no {plural}"),
        None => format!("known {plural}: {}", names(&known)),
    }
}

/// Names in backticks, at most a dozen.
pub(crate) fn names<T: fmt::Display>(all: &[T]) -> String {
    let shown = all.iter().take(NAMES_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if all.len() > NAMES_MAX { format!("{shown} and {} more", all.len() - NAMES_MAX) } else { shown }
}
