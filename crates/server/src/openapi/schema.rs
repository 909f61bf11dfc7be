//! Schemas as readers and generators of clients like them, made from those that the types give.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// All schemas that were named, by name; without those of queries, which are written out as parameters.
pub(super) fn components(generator: &mut SchemaGenerator, queries: &[String]) -> Map<String, Value> {
    let mut schemas: Vec<_> = generator.take_definitions(true).into_iter().filter(|(name, _)| !queries.contains(name)).collect();
    schemas.sort_by(|(one, _), (other, _)| one.cmp(other));
    let tidy = |(name, mut schema): (String, Value)| {
        words_as_one_list(&mut schema);
        with_bounds(&mut schema);
        with_repetitions(&mut schema);
        (name, schema)
    };
    schemas.into_iter().map(tidy).collect()
}

/// The properties of a query's type, each as a parameter; and the type's name.
pub(super) fn query_parameters(query: &Schema, generator: &SchemaGenerator) -> (Option<String>, Vec<Value>) {
    let named = query.get("$ref").and_then(Value::as_str).and_then(|reference| reference.rsplit('/').next());
    let schema = named.and_then(|name| generator.definitions().get(name)).cloned().unwrap_or_else(|| query.clone().to_value());
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        without_null(&mut schema);
        with_bounds(&mut schema);
        json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()), "description": description, "schema": schema })
    };
    (named.map(str::to_owned), schema["properties"].as_object().into_iter().flatten().map(parameter).collect())
}

/// A parameter is there or it is not; no text in a query means `null`.
fn without_null(schema: &mut Value) {
    if let Some([kind, null]) = schema["type"].as_array().map(Vec::as_slice)
        && null == "null"
    {
        schema["type"] = kind.clone();
    } else if let Some([some, null]) = schema["anyOf"].as_array().map(Vec::as_slice)
        && null["type"] == "null"
    {
        *schema = some.clone();
    }
}

/// What an integer's format says, as a number: few readers know the formats, all know `maximum`.
fn with_bounds(schema: &mut Value) {
    let maximum = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => Some(u64::from(u8::MAX)),
        Some("uint32") => Some(u64::from(u32::MAX)),
        Some("uint64") => Some(u64::MAX),
        _ => None,
    };
    if let (Some(maximum), Some(fields)) = (maximum, schema.as_object_mut()) {
        fields.entry("maximum").or_insert(maximum.into());
    }
    each_part(schema, with_bounds);
}

/// What is a set to the rules is a list to whoever sends it: naming something twice is no mistake.
fn with_repetitions(schema: &mut Value) {
    if let Some(fields) = schema.as_object_mut().filter(|fields| fields.get("uniqueItems") == Some(&Value::Bool(true))) {
        fields.remove("uniqueItems");
    }
    each_part(schema, with_repetitions);
}

fn each_part(schema: &mut Value, change: fn(&mut Value)) {
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(change),
        Value::Array(values) => values.iter_mut().for_each(change),
        _ => {}
    }
}

/// A choice of words, each with its meaning, becomes one list of words with the meanings below: what
/// generators know as an enumeration.
fn words_as_one_list(schema: &mut Value) {
    if let Some(list) = word_list(schema) {
        *schema = list;
    }
    each_part(schema, words_as_one_list);
}

fn word_list(schema: &Value) -> Option<Value> {
    let choices = schema.get("oneOf")?.as_array()?;
    let (mut words, mut meanings) = (Vec::new(), Vec::new());
    for choice in choices {
        let these: Vec<&Value> = match choice.get("const") {
            Some(word) => vec![word],
            None => choice.get("enum")?.as_array()?.iter().collect(),
        };
        for word in these {
            let meaning = choice.get("description").and_then(Value::as_str).map(|meaning| format!(": {meaning}"));
            meanings.push(format!("- `{}`{}", word.as_str()?, meaning.unwrap_or_default()));
            words.push(word.clone());
        }
    }
    let intro = schema.get("description").and_then(Value::as_str).map(|intro| format!("{intro}\n\n")).unwrap_or_default();
    let mut list = json!({ "type": "string", "enum": words, "description": format!("{intro}{}", meanings.join("\n")) });
    if let Some(default) = schema.get("default") {
        list["default"] = default.clone();
    }
    Some(list)
}
