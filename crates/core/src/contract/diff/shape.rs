//! What one schema asks for at one place, with references followed and conjunctions put together.
//!
//! A place is held against a list of schemas at once (none of them: anything goes). `allOf` and
//! `$ref` only lengthen the list; `anyOf` and `oneOf` split it into alternatives, each a [`Shape`].
//! Comparing shapes is left to the modules beside.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value, json};

use super::document::{Document, is_annotation};
use super::types::Types;
use crate::blob::canonical;

/// Alternatives at one place. Unions that people write have a dozen; two unions multiply.
const ALTERNATIVES_MAX: usize = 64;

/// Schemas that hold together at one place, by reference or `allOf`. A person can follow a dozen.
const TOGETHER_MAX: usize = 1_000;

/// A JSON object that is a schema.
pub(super) type Part<'a> = &'a Map<String, Value>;

/// How a keyword bounds from below or above. Of two in one shape the stricter one holds.
pub(super) struct BoundKeyword {
    pub(super) name: &'static str,
    /// The same bound without its end.
    exclusive: Option<&'static str>,
    pub(super) applies_to: Types,
    /// Whether larger is stricter.
    pub(super) is_lower: bool,
}

/// Every keyword that sets a bound.
pub(super) const BOUNDS: [BoundKeyword; 8] = [
    BoundKeyword { name: "minimum", exclusive: Some("exclusiveMinimum"), applies_to: Types::NUMBER, is_lower: true },
    BoundKeyword { name: "maximum", exclusive: Some("exclusiveMaximum"), applies_to: Types::NUMBER, is_lower: false },
    BoundKeyword { name: "minLength", exclusive: None, applies_to: Types::STRING, is_lower: true },
    BoundKeyword { name: "maxLength", exclusive: None, applies_to: Types::STRING, is_lower: false },
    BoundKeyword { name: "minItems", exclusive: None, applies_to: Types::ARRAY, is_lower: true },
    BoundKeyword { name: "maxItems", exclusive: None, applies_to: Types::ARRAY, is_lower: false },
    BoundKeyword { name: "minProperties", exclusive: None, applies_to: Types::OBJECT, is_lower: true },
    BoundKeyword { name: "maxProperties", exclusive: None, applies_to: Types::OBJECT, is_lower: false },
];

/// Keywords that the comparison understands, besides the bounds.
const UNDERSTOOD: [&str; 16] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "else",
    "enum",
    "items",
    "maxContains",
    "minContains",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "then",
];

/// Keywords that decide about a text, number, truth value or null.
const SCALAR: [&str; 12] = [
    "type",
    "enum",
    "const",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];

/// The types of an alternative, and where in the document its parts lie.
pub(super) type Key = (Types, BTreeSet<usize>);

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    pub(super) at: f64,
    pub(super) exclusive: bool,
}

/// Something that is compared as a whole: two of them are the same, or nobody knows how they differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Opaque {
    pub(super) keyword: String,
    /// Its text for people.
    pub(super) text: String,
    /// What [`Document::meaning`] says of it. Two without one are different.
    meaning: Option<String>,
}

/// One way to be valid.
#[derive(Debug, Clone)]
pub(super) struct Shape<'a> {
    pub(super) parts: Vec<Part<'a>>,
    pub(super) types: Types,
    /// The only values, by their canonical text, if they are listed.
    pub(super) values: Option<BTreeMap<Vec<u8>, &'a Value>>,
    pub(super) bounds: BTreeMap<&'static str, Bound>,
    pub(super) opaque: BTreeSet<Opaque>,
}

/// An alternative that is still being put together.
#[derive(Clone, Default)]
struct Growing<'a> {
    parts: Vec<Part<'a>>,
    /// All that was taken in, whether it says something of its own or only points elsewhere.
    seen: Vec<Part<'a>>,
    schemas: Vec<&'a Value>,
    choices: Vec<&'a [Value]>,
    exclusive: Vec<&'a Value>,
}

/// Every way to hold all of `schemas`; nothing if there are too many.
pub(super) fn shapes<'a>(document: &Document<'a>, schemas: &[&'a Value]) -> Option<Vec<Shape<'a>>> {
    let mut found = Vec::new();
    let mut open = vec![Growing { schemas: schemas.iter().rev().copied().collect(), ..Growing::default() }];
    while let Some(mut growing) = open.pop() {
        match growing.schemas.pop() {
            Some(Value::Bool(false)) => {}
            Some(Value::Object(part)) => {
                growing.take(document, part);
                open.push(growing);
            }
            Some(_) => open.push(growing),
            None => match growing.choices.pop() {
                Some(branches) => open.extend(branches.iter().rev().map(|branch| growing.with(branch))),
                None => found.push(Shape::new(document, growing)),
            },
        }
        let is_endless = open.last().is_some_and(|growing| growing.seen.len() > TOGETHER_MAX);
        if is_endless || open.len() + found.len() > ALTERNATIVES_MAX {
            return None;
        }
    }
    found.retain(|shape| !shape.types.is_empty());
    Some(found)
}

impl<'a> Growing<'a> {
    fn with(&self, branch: &'a Value) -> Self {
        let mut with = self.clone();
        with.schemas.push(branch);
        with
    }

    fn take(&mut self, document: &Document<'a>, part: Part<'a>) {
        // A schema that refers to itself says nothing new the second time.
        if self.seen.iter().any(|known| std::ptr::eq(*known, part)) {
            return;
        }
        self.seen.push(part);
        let reference = part.get("$ref").and_then(Value::as_str).and_then(|reference| document.resolve(reference));
        let points = |keyword: &str| matches!(keyword, "allOf" | "anyOf") || (keyword == "$ref" && reference.is_some());
        if !part.keys().all(|keyword| is_annotation(keyword) || points(keyword)) {
            self.parts.push(part);
        }
        self.schemas.extend(reference);
        self.schemas.extend(list(part, "allOf").iter().rev());
        self.choices.extend(["anyOf", "oneOf"].iter().map(|keyword| list(part, keyword)).filter(|branches| !branches.is_empty()));
        self.exclusive.extend(part.get("oneOf").filter(|_| !are_disjoint(document, list(part, "oneOf"))));
    }
}

/// The list under a keyword; empty if there is none.
pub(super) fn list<'a>(part: Part<'a>, keyword: &str) -> &'a [Value] {
    part.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether no value can hold two of the branches, so that "exactly one" says no more than "any".
fn are_disjoint<'a>(document: &Document<'a>, branches: &'a [Value]) -> bool {
    if branches.len() > ALTERNATIVES_MAX {
        return false;
    }
    // Branches are looked at without what they contain: a union in a union counts as overlapping.
    let shallow: Option<Vec<Shape<'_>>> = branches.iter().map(|branch| shallow(document, branch)).collect();
    let Some(shapes) = shallow else { return false };
    shapes.iter().enumerate().all(|(index, one)| shapes[index + 1..].iter().all(|other| one.excludes(document, other)))
}

fn shallow<'a>(document: &Document<'a>, schema: &'a Value) -> Option<Shape<'a>> {
    let mut growing = Growing { schemas: vec![schema], ..Growing::default() };
    while let Some(schema) = growing.schemas.pop() {
        let part = schema.as_object()?;
        if part.contains_key("anyOf") || part.contains_key("oneOf") || growing.seen.len() > TOGETHER_MAX {
            return None;
        }
        growing.take(document, part);
    }
    Some(Shape::new(document, growing))
}

impl<'a> Shape<'a> {
    fn new(document: &Document<'a>, growing: Growing<'a>) -> Self {
        let parts = growing.parts;
        let types = parts.iter().filter_map(|part| part.get("type")).fold(Types::ALL, |types, named| types & Types::named(named));
        let mut opaque: BTreeSet<Opaque> = parts.iter().flat_map(|part| opaque_of(document, part)).collect();
        opaque.extend(growing.exclusive.into_iter().map(|branches| Opaque::new(document, "oneOf", &json!({ "oneOf": branches }))));
        let mut shape = Self { values: values(&parts), bounds: BTreeMap::new(), opaque, types, parts };
        shape.narrow(Types::ALL);
        shape.bounds = bounds(&shape.parts, shape.types);
        shape
    }

    /// The same key for the same alternative of one document, however it was reached.
    pub(super) fn key(&self) -> Key {
        (self.types, self.parts.iter().map(|part| std::ptr::from_ref(*part).addr()).collect())
    }

    /// The same shape for some of its types only.
    pub(super) fn of_type(&self, types: Types) -> Self {
        let mut shape = self.clone();
        shape.narrow(types);
        shape
    }

    /// Brings types and listed values into line.
    fn narrow(&mut self, types: Types) {
        self.types = self.types & types;
        let Some(values) = &mut self.values else { return };
        values.retain(|_, value| self.types.contains(Types::of(value)));
        self.types = values.values().fold(Types::NONE, |types, value| types | Types::of(value));
        // A list of everything that the type has is no list.
        if (self.types == Types::NULL) || (self.types == Types::BOOLEAN && values.len() == 2) {
            self.values = None;
        }
    }

    /// Whether no value can be of both shapes, as far as that is plain to see.
    fn excludes(&self, document: &Document<'a>, other: &Self) -> bool {
        if (self.types & other.types).is_empty() {
            return true;
        }
        if let (Some(mine), Some(theirs)) = (&self.values, &other.values) {
            return mine.keys().all(|value| !theirs.contains_key(value));
        }
        let (mine, theirs) = (self.tags(document), other.tags(document));
        let tagged =
            mine.iter().any(|(name, values)| theirs.get(name).is_some_and(|others| values.keys().all(|v| !others.contains_key(v))));
        tagged && (self.types & other.types) == Types::OBJECT
    }

    /// Required fields whose values are listed: what tells one alternative from another.
    pub(super) fn tags(&self, document: &Document<'a>) -> BTreeMap<&'a str, BTreeMap<Vec<u8>, &'a Value>> {
        let values = |name: &str| {
            let schemas: Vec<&Value> = self.parts.iter().filter_map(|part| part.get("properties")?.get(name)).collect();
            let parts: Vec<Part<'a>> = schemas.iter().filter_map(|schema| resolved(document, schema)).collect();
            values(&parts)
        };
        self.required().into_iter().filter_map(|name| Some((name, values(name)?))).collect()
    }

    /// The fields that must be there.
    pub(super) fn required(&self) -> BTreeSet<&'a str> {
        self.parts.iter().flat_map(|part| list(part, "required")).filter_map(Value::as_str).collect()
    }

    /// Whether the shape takes each of these values. One that is more than a look at the value itself does not count as taken.
    pub(super) fn takes_all<'v>(&self, mut values: impl Iterator<Item = &'v Value>) -> bool {
        let is_plain = |name: &String| SCALAR.contains(&name.as_str());
        if !self.opaque.iter().all(|opaque| is_plain(&opaque.keyword)) {
            return false;
        }
        let plain = |part: &Part<'_>| Value::Object(part.iter().filter(|(name, _)| is_plain(name)).map(owned).collect());
        // An empty `allOf` is no schema.
        let all: Vec<Value> = self.parts.iter().map(plain).chain([Value::Bool(true)]).collect();
        let Ok(validator) = crate::contract::validator(&json!({ "allOf": all })) else { return false };
        values.all(|value| !value.is_object() && !value.is_array() && self.types.contains(Types::of(value)) && validator.is_valid(value))
    }
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// A schema, or the one that it does nothing but refer to.
fn resolved<'a>(document: &Document<'a>, schema: &'a Value) -> Option<Part<'a>> {
    let part = schema.as_object()?;
    match part.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.resolve(reference)?.as_object(),
        None => Some(part),
    }
}

/// The values that all lists have in common, if there is a list.
fn values<'a>(parts: &[Part<'a>]) -> Option<BTreeMap<Vec<u8>, &'a Value>> {
    let constants = parts.iter().filter_map(|part| part.get("const")).map(std::slice::from_ref);
    let lists = parts.iter().filter_map(|part| part.get("enum")?.as_array()).map(Vec::as_slice);
    let keyed = |values: &'a [Value]| values.iter().map(|value| (canonical(value), value)).collect::<BTreeMap<_, _>>();
    constants.chain(lists).map(keyed).reduce(|mut common, list| {
        common.retain(|value, _| list.contains_key(value));
        common
    })
}

fn bounds(parts: &[Part<'_>], types: Types) -> BTreeMap<&'static str, Bound> {
    let mut bounds = BTreeMap::new();
    for keyword in &BOUNDS {
        let inclusive = parts.iter().filter_map(|part| bound(part, keyword.name, false));
        let exclusive = parts.iter().filter_map(|part| bound(part, keyword.exclusive?, true));
        let whole = types & Types::NUMBER == Types::INTEGER;
        let all = inclusive.chain(exclusive).map(|bound| if whole { bound.of_whole(keyword.is_lower) } else { bound });
        let strictest = all.reduce(|one, other| if other.is_stricter(one, keyword.is_lower) { other } else { one });
        // At least nothing is no bound, where nothing is the least that there can be.
        if let Some(strictest) = strictest.filter(|bound| bound.at != 0.0 || !keyword.is_lower || keyword.name == "minimum") {
            bounds.insert(keyword.name, strictest);
        }
    }
    bounds
}

fn bound(part: Part<'_>, keyword: &str, exclusive: bool) -> Option<Bound> {
    part.get(keyword).and_then(Value::as_f64).map(|at| Bound { at, exclusive })
}

impl Bound {
    /// Whether this one leaves out more than the other.
    pub(super) fn is_stricter(self, other: Self, is_lower: bool) -> bool {
        let further = if is_lower { self.at > other.at } else { self.at < other.at };
        further || (self.at.total_cmp(&other.at).is_eq() && self.exclusive && !other.exclusive)
    }

    /// The same bound for whole numbers: more than 0 is at least 1.
    fn of_whole(self, is_lower: bool) -> Self {
        let at = match (is_lower, self.exclusive) {
            (true, true) => self.at.floor() + 1.0,
            (true, false) => self.at.ceil(),
            (false, true) => self.at.ceil() - 1.0,
            (false, false) => self.at.floor(),
        };
        Self { at, exclusive: false }
    }
}

impl Opaque {
    fn new(document: &Document<'_>, keyword: &str, schema: &Value) -> Self {
        let value = schema.get(keyword).unwrap_or(schema);
        Self { keyword: keyword.to_owned(), text: crate::contract::shortened(value), meaning: document.meaning(schema) }
    }

    /// Whether it can be told apart from others.
    pub(super) fn is_known(&self) -> bool {
        self.meaning.is_some()
    }

    /// The types that it says something about.
    pub(super) fn applies_to(&self) -> Types {
        match self.keyword.as_str() {
            "pattern" | "format" | "contentEncoding" | "contentMediaType" | "contentSchema" => Types::STRING,
            "multipleOf" => Types::NUMBER,
            "uniqueItems" | "contains" | "unevaluatedItems" => Types::ARRAY,
            "propertyNames" | "dependentRequired" | "dependentSchemas" => Types::OBJECT,
            _ => Types::ALL,
        }
    }
}

/// The keywords of a schema that are compared as a whole.
fn opaque_of<'a>(document: &Document<'a>, part: Part<'a>) -> Vec<Opaque> {
    let mut found = Vec::new();
    for (keyword, value) in part.iter().filter(|(keyword, _)| !is_understood(keyword)) {
        let with = match keyword.as_str() {
            "uniqueItems" if *value == Value::Bool(false) => continue,
            "if" => ["then", "else"].as_slice(),
            "contains" => ["minContains", "maxContains"].as_slice(),
            _ => &[],
        };
        let together = part.iter().filter(|(name, _)| *name == keyword || with.contains(&name.as_str())).map(owned);
        found.push(Opaque::new(document, keyword, &Value::Object(together.collect())));
    }
    let unresolved = part.get("$ref").filter(|reference| reference.as_str().and_then(|name| document.resolve(name)).is_none());
    found.extend(unresolved.map(|reference| Opaque::new(document, "$ref", &json!({ "$ref": reference }))));
    found
}

fn is_understood(keyword: &str) -> bool {
    is_annotation(keyword)
        || UNDERSTOOD.contains(&keyword)
        || matches!(keyword, "type" | "unevaluatedProperties")
        || BOUNDS.iter().any(|bound| bound.name == keyword || bound.exclusive == Some(keyword))
}

/// Numbers as people write them: `5`, not `5.0`.
pub(super) fn number(at: f64) -> String {
    Number::from_f64(at).map_or_else(|| at.to_string(), |number| String::from_utf8_lossy(&canonical(&number)).into_owned())
}
