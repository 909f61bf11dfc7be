//! One JSON Schema document: following its references, and saying what a part of it means.
//!
//! Owns which keywords only describe. A reference that cannot be followed here (an anchor, another
//! document, a nested `$id`) stands for the whole document, so that whoever depends on it never looks
//! unchanged when it may not be.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::blob::canonical;

/// Bytes of meanings that are written out for one document. Ordinary contracts need a few thousand; many
/// references to one large definition would write it out again and again.
const MEANING_BYTES_MAX: usize = 4 << 20;

/// Keywords that say something to readers and nothing to a check.
const ANNOTATIONS: [&str; 15] = [
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "$vocabulary",
    "default",
    "definitions",
    "deprecated",
    "description",
    "example",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Keywords that hold schemas under names of the author's choice.
const NAMED_SCHEMAS: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];

/// Keywords that hold a schema, or a list of schemas.
const SCHEMAS: [&str; 15] = [
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose lists have no order.
const SETS: [&str; 3] = ["enum", "required", "type"];

/// Whether a keyword changes nothing about what is valid. Names that begin with `x-` are by custom
/// the author's own notes.
pub(super) fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

/// A schema document.
pub(super) struct Document<'a> {
    root: &'a Value,
    /// No part of it has a base address of its own, so `#/…` means the root everywhere.
    single: bool,
    /// How many bytes of meanings were written out.
    written: Cell<usize>,
    /// Patterns of field names, compiled once; nothing for one that cannot be.
    patterns: RefCell<BTreeMap<&'a str, Option<Validator>>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, single: !has_nested_id(root, true), written: Cell::default(), patterns: RefCell::default() }
    }

    pub(super) fn root(&self) -> &'a Value {
        self.root
    }

    /// What a reference within the document refers to.
    pub(super) fn resolve(&self, reference: &str) -> Option<&'a Value> {
        let pointer = reference.strip_prefix('#').filter(|pointer| self.single && !pointer.contains('%'))?;
        self.root.pointer(pointer)
    }

    /// What a part of the document says, as a text: equal texts allow the same values. Annotations are
    /// left out, and every definition that is referred to is in it. Once there is no end to it, nothing.
    pub(super) fn meaning(&self, part: &Value) -> Option<String> {
        if self.written.get() > MEANING_BYTES_MAX {
            return None;
        }
        let mut references = Vec::new();
        let part = stripped(part, &mut references);
        let mut definitions = BTreeMap::new();
        // Not by recursion: a chain of definitions can be as long as the document.
        while let Some(reference) = references.pop() {
            let Entry::Vacant(unknown) = definitions.entry(reference) else { continue };
            let definition = self.resolve(unknown.key()).map_or_else(|| self.root.clone(), |found| stripped(found, &mut references));
            unknown.insert(definition);
        }
        let text = String::from_utf8_lossy(&canonical(&(part, definitions))).into_owned();
        self.written.set(self.written.get() + text.len());
        Some(text)
    }

    /// Whether a name matches a pattern, by the engine that checks payloads.
    pub(super) fn is_like(&self, name: &str, pattern: &'a str) -> bool {
        let mut patterns = self.patterns.borrow_mut();
        let compiled = patterns.entry(pattern).or_insert_with(|| crate::contract::validator(&json!({ "pattern": pattern })).ok());
        compiled.as_ref().is_some_and(|pattern| pattern.is_valid(&json!(name)))
    }
}

/// A schema without annotations; what it refers to is added to `references`.
fn stripped(schema: &Value, references: &mut Vec<String>) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let mut kept = Map::new();
    for (keyword, value) in keywords.iter().filter(|(keyword, _)| !is_annotation(keyword)) {
        if matches!(keyword.as_str(), "$ref" | "$dynamicRef") {
            references.extend(value.as_str().map(str::to_owned));
        }
        kept.insert(keyword.clone(), stripped_value(keyword, value, references));
    }
    Value::Object(kept)
}

fn stripped_value(keyword: &str, value: &Value, references: &mut Vec<String>) -> Value {
    match value {
        Value::Object(named) if NAMED_SCHEMAS.contains(&keyword) => {
            named.iter().map(|(name, schema)| (name.clone(), stripped(schema, references))).collect()
        }
        Value::Array(list) if SCHEMAS.contains(&keyword) => list.iter().map(|schema| stripped(schema, references)).collect(),
        schema if SCHEMAS.contains(&keyword) => stripped(schema, references),
        Value::Array(list) if SETS.contains(&keyword) => {
            let mut sorted = list.clone();
            sorted.sort_by_cached_key(canonical);
            Value::Array(sorted)
        }
        other => other.clone(),
    }
}

/// Whether a part below the root changes the base of references. A property of that name, whose value
/// is a schema and no text, does not count.
fn has_nested_id(value: &Value, is_root: bool) -> bool {
    match value {
        Value::Object(fields) => {
            (!is_root && fields.get("$id").is_some_and(Value::is_string)) || fields.values().any(|value| has_nested_id(value, false))
        }
        Value::Array(values) => values.iter().any(|value| has_nested_id(value, false)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_meaning_follows_references_and_leaves_descriptions_out() {
        let meaning = |schema: &Value| Document::new(schema).meaning(schema);
        let tree = |leaf: &str, title: &str| {
            json!({
                "title": title,
                "$ref": "#/$defs/tree",
                "$defs": { "tree": { "properties": { "leaf": { "type": leaf }, "next": { "$ref": "#/$defs/tree" } } } }
            })
        };
        assert_eq!(meaning(&tree("string", "a")), meaning(&tree("string", "b")));
        assert_ne!(meaning(&tree("string", "a")), meaning(&tree("number", "a")));
        // A field may be called like an annotation, and an anchor is not followed.
        assert_ne!(meaning(&json!({ "properties": { "title": true } })), meaning(&json!({ "properties": {} })));
        let anchored = |leaf: &str| json!({ "$ref": "#leaf", "$defs": { "leaf": { "$anchor": "leaf", "type": leaf } } });
        assert_ne!(meaning(&anchored("string")), meaning(&anchored("number")));
    }
}
