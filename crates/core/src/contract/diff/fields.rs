//! Comparing the fields of objects and the elements of arrays: who may be there, who must, and what
//! each of them holds.
//!
//! A field that no schema names is held against what is said of all others; so a map whose key gets
//! a name of its own is compared with what its values were.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Document, is_annotation};
use super::shape::{Part, Shape, list};
use super::{Breaks, Change, Comparison, below};

/// A field, or all fields whose name has a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Name(&'a str),
    Pattern(&'a str),
}

impl Key<'_> {
    fn is_in(self, required: &BTreeSet<&str>) -> bool {
        matches!(self, Key::Name(name) if required.contains(name))
    }
}

/// What a shape says about a field.
struct Field<'a> {
    /// Whether it is named, or its form is.
    named: bool,
    required: bool,
    schemas: Vec<&'a Value>,
}

impl Field<'_> {
    /// Whether nothing is said about what it holds.
    fn is_open(&self) -> bool {
        self.schemas.iter().all(|schema| says_nothing(schema))
    }

    /// Whether it must not be there.
    fn is_shut(&self) -> bool {
        self.schemas.contains(&&Value::Bool(false))
    }
}

fn says_nothing(schema: &Value) -> bool {
    match schema {
        Value::Object(keywords) => keywords.keys().all(|keyword| is_annotation(keyword)),
        other => *other == Value::Bool(true),
    }
}

impl<'a> Comparison<'a, '_> {
    pub(super) fn fields(&mut self, old: &Shape<'a>, new: &Shape<'a>) -> Vec<Change> {
        let mut changes = Vec::new();
        let (must_before, must_now) = (old.required(), new.required());
        for key in keys(old).union(&keys(new)) {
            let before = Field { required: key.is_in(&must_before), ..field(self.old, old, *key) };
            let now = Field { required: key.is_in(&must_now), ..field(self.new, new, *key) };
            let step = if let Key::Name(name) = key { name } else { "*" };
            changes.extend(below(step, self.field(*key, &before, &now)));
        }
        changes.extend(self.rest(&rest(old), &rest(new)));
        changes
    }

    fn field(&mut self, key: Key<'a>, before: &Field<'a>, now: &Field<'a>) -> Vec<Change> {
        let called = match key {
            Key::Name(_) => "the field".to_owned(),
            Key::Pattern(pattern) => format!("a field like `{pattern}`"),
        };
        match (before.is_shut(), now.is_shut()) {
            (true, true) => return Vec::new(),
            (true, false) if before.named => {
                return vec![Change::new(Breaks::new(now.required, true), format!("{called} was ruled out by name, and is allowed now"))];
            }
            (true, false) => return vec![came(&called, now.required)],
            (false, true) => {
                let breaks = Breaks::new(true, before.required);
                let what = format!("{called} is gone, and refused if it is there");
                return vec![Change::new(breaks, what).hint("keep it as an optional field, or publish the next incompatible version")];
            }
            (false, false) => {}
        }
        let mut changes = Vec::new();
        if before.required != now.required {
            changes.push(if now.required { came_required(&called, before.named) } else { no_longer_required(&called, now.named) });
        }
        if before.is_open() && !before.named && now.named {
            if !now.required {
                changes.push(came(&called, false));
            }
        } else if before.named && !now.named && now.is_open() {
            if !before.is_open() && !before.required {
                let what = format!("{called} is gone: it may hold anything now");
                changes.push(Change::new(Breaks::Receivers, what).hint("keep it as an optional field"));
            }
        } else {
            changes.extend(self.place(&before.schemas, &now.schemas));
        }
        changes
    }

    /// Compares what is said about all fields that have no name.
    fn rest(&mut self, before: &Field<'a>, now: &Field<'a>) -> Vec<Change> {
        let changes = match (before.is_shut(), now.is_shut()) {
            (true, true) => Vec::new(),
            (true, false) => vec![Change::new(Breaks::Nobody, "fields that are not named are allowed now")],
            (false, true) => {
                let what = "fields that are not named are refused now";
                vec![Change::new(Breaks::Senders, what).hint("leave `additionalProperties` as it was")]
            }
            (false, false) => self.place(&before.schemas, &now.schemas),
        };
        below("*", changes)
    }

    pub(super) fn elements(&mut self, old: &Shape<'a>, new: &Shape<'a>) -> Vec<Change> {
        let first = |shape: &Shape<'a>| shape.parts.iter().map(|part| list(part, "prefixItems").len()).max().unwrap_or_default();
        let mut changes = Vec::new();
        for index in 0..first(old).max(first(new)) {
            changes.extend(below(&index.to_string(), self.place(&element(old, Some(index)), &element(new, Some(index)))));
        }
        changes.extend(below("*", self.place(&element(old, None), &element(new, None))));
        changes
    }
}

fn came(called: &str, required: bool) -> Change {
    if required { came_required(called, false) } else { Change::new(Breaks::Nobody, format!("{called} is new and optional")) }
}

fn came_required(called: &str, known: bool) -> Change {
    let what = if known { format!("{called} was optional, and is required now") } else { format!("{called} is new and required") };
    Change::new(Breaks::Senders, what).hint("make it optional, or publish the next incompatible version")
}

fn no_longer_required(called: &str, known: bool) -> Change {
    let what = if known { format!("{called} was required, and is optional now") } else { format!("{called} was required, and is gone") };
    Change::new(Breaks::Receivers, what).hint("keep it required, or publish the next incompatible version")
}

fn keys<'a>(shape: &Shape<'a>) -> BTreeSet<Key<'a>> {
    let under = |keyword: &'static str| {
        let objects = shape.parts.iter().filter_map(move |part| part.get(keyword)?.as_object());
        objects.flat_map(|object| object.keys()).map(String::as_str)
    };
    let by_name = under("properties").chain(shape.required()).map(Key::Name);
    by_name.chain(under("patternProperties").map(Key::Pattern)).collect()
}

/// What a shape says about a field, but for whether it must be there.
fn field<'a>(document: &Document<'a>, shape: &Shape<'a>, key: Key<'a>) -> Field<'a> {
    let mut field = Field { named: false, required: false, schemas: Vec::new() };
    for part in &shape.parts {
        let said = said(document, part, key);
        field.named |= !said.is_empty();
        field.schemas.extend(if said.is_empty() { part.get("additionalProperties").into_iter().collect() } else { said });
    }
    if !field.named {
        field.schemas.extend(unevaluated(shape));
    }
    field
}

/// What a shape says about all fields that have no name.
fn rest<'a>(shape: &Shape<'a>) -> Field<'a> {
    let schemas = shape.parts.iter().filter_map(|part| part.get("additionalProperties")).chain(unevaluated(shape)).collect();
    Field { named: false, required: false, schemas }
}

/// Fields that `additionalProperties` has looked at are not left over for `unevaluatedProperties`.
fn unevaluated<'a>(shape: &Shape<'a>) -> Vec<&'a Value> {
    if shape.parts.iter().any(|part| part.contains_key("additionalProperties")) {
        return Vec::new();
    }
    shape.parts.iter().filter_map(|part| part.get("unevaluatedProperties")).collect()
}

/// What one schema says about a field by its name or by the form of it.
fn said<'a>(document: &Document<'a>, part: Part<'a>, key: Key<'a>) -> Vec<&'a Value> {
    let forms = part.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
    match key {
        Key::Pattern(pattern) => forms.filter(|(form, _)| *form == pattern).map(|(_, schema)| schema).collect(),
        Key::Name(name) => {
            let formed = forms.filter(|(form, _)| document.is_like(name, form)).map(|(_, schema)| schema);
            part.get("properties").and_then(|named| named.get(name)).into_iter().chain(formed).collect()
        }
    }
}

/// What a shape says about one element, or about those that have no place of their own.
fn element<'a>(shape: &Shape<'a>, index: Option<usize>) -> Vec<&'a Value> {
    let of = |part: &Part<'a>| index.and_then(|index| list(part, "prefixItems").get(index)).or_else(|| part.get("items"));
    shape.parts.iter().filter_map(of).collect()
}
