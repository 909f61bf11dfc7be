//! How many schemas a check goes through before it looks into the value.
//!
//! A check follows `$ref`, `allOf` and their like one inside the other, for each level of the value anew.
//! A schema with a chain of thousands of them would take the stack of whoever checks a payload, and one
//! whose chain comes back to itself has no end. Both are refused when the contract is made ready.

use std::collections::BTreeMap;

use serde_json::Value;

/// Schemas inside each other at one place of a value. Written by hand a handful, by generators a dozen;
/// times the levels of the deepest payload, it fits the stack of a thread.
const NESTED_MAX: usize = 32;

/// Keywords with one schema for the same value.
const ONE: [&str; 4] = ["not", "if", "then", "else"];

/// Keywords with a list of schemas for the same value.
const SEVERAL: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Why a schema is not used.
pub(super) const TOO_DEEP: &str = "it refers to itself without looking into the value, or goes through more than 32 schemas at one place";

/// Whether no chain is too long, wherever in the document it begins.
pub(super) fn is_bounded(root: &Value) -> bool {
    let mut nesting = Nesting { root, known: BTreeMap::new() };
    let mut parts = vec![root];
    while let Some(part) = parts.pop() {
        if nesting.below(part, 0).is_none() {
            return false;
        }
        match part {
            Value::Object(fields) => parts.extend(fields.values()),
            Value::Array(values) => parts.extend(values),
            _ => {}
        }
    }
    true
}

struct Nesting<'a> {
    root: &'a Value,
    /// How many schemas are below each one that was looked at, by its address.
    known: BTreeMap<usize, usize>,
}

impl<'a> Nesting<'a> {
    /// How many schemas are inside each other from here on; nothing if too many, with those `above`.
    fn below(&mut self, schema: &'a Value, above: usize) -> Option<usize> {
        let address = std::ptr::from_ref(schema).addr();
        if let Some(known) = self.known.get(&address) {
            return (above + known <= NESTED_MAX).then_some(*known);
        }
        if above > NESTED_MAX {
            return None;
        }
        let mut below = 0;
        for inner in self.inside(schema) {
            below = below.max(1 + self.below(inner, above + 1)?);
        }
        self.known.insert(address, below);
        Some(below)
    }

    fn inside(&self, schema: &'a Value) -> Vec<&'a Value> {
        let Some(keywords) = schema.as_object() else { return Vec::new() };
        let pointer = keywords.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        let referred = pointer.and_then(|pointer| self.root.pointer(pointer));
        let one = ONE.iter().filter_map(|keyword| keywords.get(*keyword));
        let several = SEVERAL.iter().filter_map(|keyword| keywords.get(*keyword)?.as_array()).flatten();
        let by_field = keywords.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(|named| named.values());
        referred.into_iter().chain(one).chain(several).chain(by_field).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chain(length: usize, last: &Value) -> Value {
        let link = |at: usize| json!({ "allOf": [{ "$ref": format!("#/$defs/d{}", at + 1) }] });
        let mut definitions: serde_json::Map<String, Value> = (0..length).map(|at| (format!("d{at}"), link(at))).collect();
        definitions.insert(format!("d{length}"), last.clone());
        json!({ "$ref": "#/$defs/d0", "$defs": definitions })
    }

    #[test]
    fn long_chains_and_circles_are_found_and_recursion_over_the_value_is_fine() {
        assert!(is_bounded(&chain(15, &json!({ "type": "null" }))));
        assert!(is_bounded(&chain(15, &json!({ "properties": { "next": { "$ref": "#" } } }))));
        assert!(!is_bounded(&chain(16, &json!({ "type": "null" }))));
        assert!(!is_bounded(&chain(5_000, &json!({ "type": "null" }))));
        assert!(!is_bounded(&chain(2, &json!({ "not": { "$ref": "#/$defs/d1" } }))));
        assert!(!is_bounded(&json!({ "properties": { "a": { "$ref": "#/properties/a" } } })));
    }
}
