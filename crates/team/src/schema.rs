//! The published JSON Schema of the team file, made from the same table that the reader uses.
//!
//! An editor with it completes keys and marks mistakes while somebody types. It says what each key
//! may hold; what names refer to is checked by the reader alone.

use serde_json::{Map, Value, json};

use crate::format::TEAM;
use crate::measure::WHOLE_MAX;
use crate::shape::{ENTRIES_MAX, Object, Shape, Word};

/// The JSON Schema (2020-12) of a team file.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let mut root = object(&TEAM, &mut definitions);
    definitions.sort_keys();
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".to_owned(), json!("Handclasp team file"));
    root.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(root)
}

fn object(object: &Object, definitions: &mut Map<String, Value>) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in object.keys {
        let mut property = shape(&key.shape, definitions);
        property["description"] = json!(key.about);
        properties.insert(key.name.to_owned(), property);
    }
    let required: Vec<&str> = object.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = Map::new();
    schema.insert("description".to_owned(), json!(object.about));
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), json!(required));
    if !object.exactly_one.is_empty() {
        let choices: Vec<Value> = object.exactly_one.iter().map(|key| json!({ "required": [key] })).collect();
        schema.insert("oneOf".to_owned(), json!(choices));
    }
    schema
}

fn reference(to: &Object, definitions: &mut Map<String, Value>) -> Value {
    let name = definition_name(to);
    if !definitions.contains_key(&name) {
        // Patterns nest: the name has to be there before the object is looked into.
        definitions.insert(name.clone(), Value::Null);
        let schema = object(to, definitions);
        definitions.insert(name.clone(), Value::Object(schema));
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// `an agent` is defined as `agent`.
fn definition_name(object: &Object) -> String {
    let name = object.name.split_once(' ').map_or(object.name, |(_, name)| name);
    name.chars().filter_map(|c| if c == ' ' { Some('_') } else { c.is_ascii_alphanumeric().then_some(c) }).collect()
}

fn word(word: &Word) -> Value {
    json!({ "type": "string", "pattern": word.pattern })
}

fn shape(of: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match of {
        // The reader counts bytes; a character is at least one.
        Shape::Text { bytes_max } => json!({ "type": "string", "minLength": 1, "maxLength": bytes_max }),
        Shape::Word(form) => word(form),
        Shape::Choice(choices) => json!({ "enum": choices }),
        Shape::Whole { min, max: WHOLE_MAX } => json!({ "type": "integer", "minimum": min }),
        Shape::Whole { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Switch => json!({ "type": "boolean" }),
        Shape::Duration { zero: true } => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
        Shape::Duration { zero: false } => json!({ "type": "string", "pattern": "^0*[1-9][0-9]*(ms|s|m|h|d)$" }),
        Shape::Cost => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Shape::List { of, min } => {
            let items = shape(of, definitions);
            json!({ "type": "array", "items": items, "minItems": min, "maxItems": ENTRIES_MAX })
        }
        Shape::Object(of) => reference(of, definitions),
        Shape::Named(name, of) => {
            let values = reference(of, definitions);
            json!({ "type": "object", "propertyNames": { "pattern": name.pattern }, "additionalProperties": values, "maxProperties": ENTRIES_MAX })
        }
        Shape::WordOr(form, of) => json!({ "anyOf": [word(form), reference(of, definitions)] }),
        Shape::Case(of) => {
            let cases: Vec<Value> = of.iter().map(|case| reference(case, definitions)).collect();
            json!({ "oneOf": cases })
        }
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Schema => json!({ "type": ["object", "boolean"] }),
    }
}
