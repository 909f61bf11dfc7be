//! Whether a new schema goes together with an old one: every change, and whom it breaks.
//!
//! *Senders* break when a payload that was valid may be refused now; *receivers* break when one that
//! is valid now may be what they were promised never to see. Receivers ignore fields that they do not
//! know, so a new optional field breaks nobody. What cannot be judged counts as breaking both. This
//! file owns the walk over places and alternatives; [`keywords`] and [`fields`] compare one place.

mod document;
mod fields;
mod keywords;
mod shape;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::document::Document;
use self::shape::{Shape, shapes};
use self::types::Types;

/// Pairs of places that are looked at. Contracts of hundreds of fields need a few thousand; schemas
/// made to explode stop here.
const PAIRS_MAX: usize = 20_000;

/// Places inside each other. Deeper than any payload that a door lets in.
const DEPTH_MAX: usize = 100;

/// Changes that are named. Nobody mends more than this one by one.
const CHANGES_MAX: usize = 200;

/// Whom a change breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Breaks {
    /// Compatible.
    Nobody,
    /// What they sent by the old contract may be refused by the new one.
    Senders,
    /// What they get by the new contract may be what the old one ruled out.
    Receivers,
    /// Both of them, or nobody can tell.
    Both,
}

/// One difference between two contracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Change {
    /// Where, as an RFC 6901 JSON pointer into the value; `*` stands for any element or any other key.
    pub pointer: String,
    /// What is different.
    pub what: String,
    /// Whom it breaks.
    pub breaks: Breaks,
    /// What to do about it.
    pub hint: String,
}

impl Breaks {
    fn new(senders: bool, receivers: bool) -> Self {
        match (senders, receivers) {
            (false, false) => Self::Nobody,
            (true, false) => Self::Senders,
            (false, true) => Self::Receivers,
            (true, true) => Self::Both,
        }
    }

    /// Whether senders break.
    pub fn senders(self) -> bool {
        matches!(self, Self::Senders | Self::Both)
    }

    /// Whether receivers break.
    pub fn receivers(self) -> bool {
        matches!(self, Self::Receivers | Self::Both)
    }
}

impl fmt::Display for Breaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "nobody",
            Self::Senders => "senders",
            Self::Receivers => "receivers",
            Self::Both => "senders and receivers",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the value" } else { &self.pointer };
        write!(f, "{place}: {} (breaks {})", self.what, self.breaks)
    }
}

impl Change {
    /// A change here, with the usual advice.
    pub(super) fn new(breaks: Breaks, what: impl Into<String>) -> Self {
        let hint = match breaks {
            Breaks::Nobody => "nothing to do",
            Breaks::Senders => "keep taking what was valid before, or publish it as the next incompatible version",
            Breaks::Receivers => "keep to what was promised before, or publish it as the next incompatible version",
            Breaks::Both => "leave it as it was, or publish it as the next incompatible version",
        };
        Self { pointer: String::new(), what: what.into(), breaks, hint: hint.to_owned() }
    }

    fn hint(self, hint: &str) -> Self {
        Self { hint: hint.to_owned(), ..self }
    }

    fn unjudged(what: impl fmt::Display) -> Self {
        Self::new(Breaks::Both, format!("{what}: whether that is compatible cannot be judged"))
    }

    fn is_breaking(&self) -> bool {
        self.breaks != Breaks::Nobody
    }
}

/// Every difference between two JSON Schemas (2020-12) that matters to a check, the most important
/// ones first if there are too many to name.
pub fn diff(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (Document::new(old), Document::new(new));
    let (before, now) = (old.meaning(old.root()), new.meaning(new.root()));
    if before.is_some() && before == now {
        return Vec::new();
    }
    let mut comparison = Comparison { old: &old, new: &new, open: Vec::new(), known: BTreeMap::new(), pairs: 0, assumed: 0 };
    comparison.place(&[old.root()], &[new.root()])
}

/// Whether none of the changes breaks anybody.
pub fn is_compatible(changes: &[Change]) -> bool {
    !changes.iter().any(Change::is_breaking)
}

/// An alternative of the old document and one of the new.
type Pair = (shape::Key, shape::Key);

/// A walk over two documents side by side.
struct Comparison<'a, 'd> {
    old: &'d Document<'a>,
    new: &'d Document<'a>,
    /// The pairs that are being compared. One inside itself is taken to be as the outer one turns out.
    open: Vec<Pair>,
    known: BTreeMap<Pair, Vec<Change>>,
    pairs: usize,
    /// How often something was taken for granted so far.
    assumed: usize,
}

impl<'a> Comparison<'a, '_> {
    /// Compares what two lists of schemas, each holding all together, say about a place. The pointers
    /// of the changes are relative to it.
    fn place(&mut self, old: &[&'a Value], new: &[&'a Value]) -> Vec<Change> {
        let (Some(mut old), Some(mut new)) = (shapes(self.old, old), shapes(self.new, new)) else {
            return vec![Change::unjudged("too many schemas meet here")];
        };
        match (old.as_slice(), new.as_slice()) {
            ([], []) => Vec::new(),
            ([], _) => vec![Change::new(Breaks::Receivers, "something is allowed here now, and nothing was")],
            (_, []) => vec![Change::new(Breaks::Senders, "nothing is allowed here any more")],
            ([old], [new]) => self.shape(old, new),
            _ => {
                // Apart by type, `["string", "null"]` and `anyOf: [string, null]` are the same.
                old = by_type(&old);
                new = by_type(&new);
                tidy(self.pair_up(&old, &new))
            }
        }
    }

    /// Compares two unions. An old alternative whose values all fit one new alternative breaks no
    /// sender; a new one whose values all fit one old alternative breaks no receiver. What is left is
    /// told by the pairs that belong together.
    fn pair_up(&mut self, old: &[Shape<'a>], new: &[Shape<'a>]) -> Vec<Change> {
        let trials: Vec<Vec<Option<Vec<Change>>>> =
            old.iter().map(|old| new.iter().map(|new| (old.types == new.types).then(|| self.shape(old, new))).collect()).collect();
        let fits = |trial: &Option<Vec<Change>>, breaks: fn(Breaks) -> bool| {
            trial.as_ref().is_some_and(|changes| !changes.iter().any(|change| breaks(change.breaks)))
        };
        let taken: Vec<bool> = trials.iter().map(|row| row.iter().any(|trial| fits(trial, Breaks::senders))).collect();
        let promised: Vec<bool> = (0..new.len()).map(|column| trials.iter().any(|row| fits(&row[column], Breaks::receivers))).collect();
        let pairs = partners(&trials, &labels(self.old, old), &labels(self.new, new));
        let mut changes = Vec::new();
        for (row, column) in &pairs {
            let trial = trials[*row][*column].clone().unwrap_or_default();
            changes.extend(spared(trial, taken[*row], promised[*column]));
        }
        for (row, shape) in old.iter().enumerate() {
            if !taken[row] && !pairs.iter().any(|(paired, _)| *paired == row) {
                changes.push(Change::new(Breaks::Senders, format!("the alternative {} is gone", label(self.old, shape))));
            }
        }
        for (column, shape) in new.iter().enumerate() {
            if !promised[column] && !pairs.iter().any(|(_, paired)| *paired == column) {
                changes.push(Change::new(Breaks::Receivers, format!("the alternative {} is new", label(self.new, shape))));
            }
        }
        changes
    }

    /// Compares two alternatives. Every way around in a recursive schema comes through here.
    fn shape(&mut self, old: &Shape<'a>, new: &Shape<'a>) -> Vec<Change> {
        let pair = (old.key(), new.key());
        if let Some(known) = self.known.get(&pair) {
            return known.clone();
        }
        if self.open.contains(&pair) {
            self.assumed += 1;
            return Vec::new();
        }
        if self.pairs >= PAIRS_MAX || self.open.len() >= DEPTH_MAX {
            return vec![Change::unjudged("the schema is too large or too deep")];
        }
        self.pairs += 1;
        let assumed = self.assumed;
        self.open.push(pair.clone());
        let changes = tidy(self.inside(old, new));
        self.open.pop();
        // What was found while something was taken for granted holds for this time only.
        if self.assumed == assumed {
            self.known.insert(pair, changes.clone());
        }
        changes
    }

    fn inside(&mut self, old: &Shape<'a>, new: &Shape<'a>) -> Vec<Change> {
        let mut changes = keywords::compare(old, new);
        let common = old.types & new.types;
        if common.contains(Types::OBJECT) {
            changes.extend(self.fields(old, new));
        }
        if common.contains(Types::ARRAY) {
            changes.extend(self.elements(old, new));
        }
        changes
    }
}

fn by_type<'a>(shapes: &[Shape<'a>]) -> Vec<Shape<'a>> {
    shapes.iter().flat_map(|shape| shape.types.each().map(|one| shape.of_type(one))).collect()
}

/// What tells an alternative from the others, for people.
fn label<'a>(document: &Document<'a>, shape: &Shape<'a>) -> String {
    let tags = shape.tags(document);
    let tag = tags.iter().find(|(_, values)| values.len() == 1);
    let tag = tag.and_then(|(name, values)| Some(format!(" with `{name}` {}", values.values().next()?)));
    let values = shape.values.iter().flat_map(BTreeMap::values).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let values = if values.is_empty() { String::new() } else { format!(" ({})", values.chars().take(80).collect::<String>()) };
    format!("{}{}{values}", shape.types, tag.unwrap_or_default())
}

fn labels<'a>(document: &Document<'a>, shapes: &[Shape<'a>]) -> Vec<String> {
    shapes.iter().map(|shape| label(document, shape)).collect()
}

/// Which alternatives belong together: equal ones, then those of one label, then whatever is the only
/// one left of its type. Of each alternative at most one pair.
fn partners(trials: &[Vec<Option<Vec<Change>>>], old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let rounds: [&dyn Fn(usize, usize) -> bool; 3] = [
        &|row, column| trials[row][column].as_ref().is_some_and(Vec::is_empty),
        &|row, column| trials[row][column].is_some() && old[row] == new[column],
        &|row, column| trials[row][column].is_some(),
    ];
    for belong in rounds {
        for row in 0..old.len() {
            let is_free = |column: &usize| pairs.iter().all(|(paired, with)| *paired != row && with != column);
            let column = (0..new.len()).find(|column| is_free(column) && belong(row, *column));
            pairs.extend(column.map(|column| (row, column)));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// Takes out of changes whom another alternative spares. What only spared people would feel is no change.
fn spared(changes: Vec<Change>, senders: bool, receivers: bool) -> Vec<Change> {
    let spare = |change: Change| {
        let breaks = Breaks::new(change.breaks.senders() && !senders, change.breaks.receivers() && !receivers);
        (breaks != Breaks::Nobody || !change.is_breaking()).then_some(Change { breaks, ..change })
    };
    changes.into_iter().filter_map(spare).collect()
}

/// Moves changes below a step of a pointer.
fn below(step: &str, changes: Vec<Change>) -> Vec<Change> {
    let step = step.replace('~', "~0").replace('/', "~1");
    changes.into_iter().map(|change| Change { pointer: format!("/{step}{}", change.pointer), ..change }).collect()
}

/// Each change once; of too many, those that break somebody.
fn tidy(mut changes: Vec<Change>) -> Vec<Change> {
    let mut seen = BTreeSet::new();
    changes.retain(|change| seen.insert((change.pointer.clone(), change.what.clone())));
    if changes.len() > CHANGES_MAX {
        changes.sort_by_key(|change| !change.is_breaking());
        changes.truncate(CHANGES_MAX);
    }
    changes
}
