//! What a run knows from its start: the constraints and items of the file.
//!
//! Owns their keys being distinct: in the ledger a later item of one key takes the place of the
//! earlier, and a file that says both means both. Their texts are filled in when a run is opened.

use std::collections::{BTreeSet, HashMap};

use handclasp_core::blob::Blobs;
use handclasp_core::id::Role;
use handclasp_core::ledger::{ItemKind, NewItem};
use serde_json::{Map, Value};

use crate::cast::Cast;
use crate::document::{Node, shortened};
use crate::mistake::{Mistakes, Problem};
use crate::shape::ENTRIES_MAX;
use crate::template;

/// A constraint or item of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamItem {
    /// What it says.
    pub kind: ItemKind,
    /// What it is about.
    pub key: String,
    /// The content, with placeholders.
    pub text: String,
    /// Whether it must reach every receiver until somebody discharges it.
    pub must_carry: bool,
    /// Who may see it; empty for everybody.
    pub visible_to: BTreeSet<Role>,
    /// How sure it is, in percent.
    pub confidence: Option<u8>,
}

impl TeamItem {
    /// As a new item of a run that was given `values`.
    pub(crate) fn opened(&self, values: &Map<String, Value>, blobs: &mut Blobs) -> NewItem {
        NewItem {
            kind: self.kind,
            key: self.key.clone(),
            value: blobs.json(&template::fill(&self.text, values)),
            must_carry: self.must_carry,
            confidence: self.confidence,
            visible_to: self.visible_to.clone(),
            derived_from: BTreeSet::new(),
            inferred: false,
        }
    }
}

/// The constraints and items of the file, constraints first.
pub(crate) fn read(root: &Node, cast: &Cast<'_>, mistakes: &mut Mistakes) -> Vec<TeamItem> {
    let elements = |key| root.get(key).map(Node::elements).unwrap_or_default();
    let (constraints, items) = (elements("constraints"), elements("items"));
    let count = constraints.len() + items.len();
    if let (true, Some(at)) = (count > ENTRIES_MAX, items.first()) {
        let problem = Problem::new(format!("constraints and items are {count} together: at most {ENTRIES_MAX}"));
        mistakes.add(at.spot, problem.hint("put what belongs together into one text"));
    }
    check_keys(constraints.iter().chain(items), mistakes);
    let constraints = constraints.iter().filter_map(|node| one(node, Some(ItemKind::Constraint), cast, mistakes));
    let mut all: Vec<TeamItem> = constraints.collect();
    all.extend(items.iter().filter_map(|node| one(node, kind(node), cast, mistakes)));
    all
}

fn kind(node: &Node) -> Option<ItemKind> {
    let word = node.get("kind")?.text()?;
    ItemKind::ALL.into_iter().find(|kind| kind.as_str() == word)
}

fn one(node: &Node, kind: Option<ItemKind>, cast: &Cast<'_>, mistakes: &mut Mistakes) -> Option<TeamItem> {
    let text = node.get("text")?;
    template::check(text, &cast.inputs, mistakes);
    let visible_to = node.get("visible_to").map(|roles| cast.roles(roles, mistakes)).unwrap_or_default();
    let kind = kind?;
    Some(TeamItem {
        kind,
        key: node.get("key")?.parsed()?,
        text: text.parsed()?,
        must_carry: kind == ItemKind::Constraint || node.get("must_carry").and_then(Node::switch).unwrap_or_default(),
        visible_to,
        confidence: node.get("confidence").and_then(Node::count),
    })
}

fn check_keys<'a>(all: impl Iterator<Item = &'a Node>, mistakes: &mut Mistakes) {
    let mut lines = HashMap::new();
    for node in all.filter_map(|node| node.get("key")) {
        let Some(key) = node.text() else { continue };
        if let Some(line) = lines.insert(key, node.spot.line) {
            let problem = Problem::new(format!("the key `{}` is used twice", shortened(key)));
            mistakes.add(node.spot, problem.hint(format!("it is also on line {line}; the later one would take its place")));
        }
    }
}
