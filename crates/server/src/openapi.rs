//! The published description of the doors: OpenAPI 3.1, made from the table of endpoints.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::api::{Content, Endpoint};
use crate::endpoints::endpoints;
use crate::problem::Problem;

/// The whole document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let described = operation(&endpoint, &mut generator);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_ascii_lowercase()] = described;
    }
    let mut schemas: Vec<_> = generator.take_definitions(true).into_iter().collect();
    schemas.sort_by(|(one, _), (other, _)| one.cmp(other));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Handclasp",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Durable handoffs between AI agents.",
            "description": "Every write takes an `Idempotency-Key`: repeating it gives the first outcome. \
                Every \"no\" is a problem document (RFC 9457) with a stable code.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:4040", "description": "`handclasp up` on this machine" }],
        "security": [{ "key": [] }, {}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "securitySchemes": { "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "A key of `handclasp keys create`. Not asked for on a loopback address as long as there is none.",
            } },
            "responses": { "Problem": {
                "description": "Why it was not done, and how to mend it.",
                "content": { "application/problem+json": { "schema": problem } },
            } },
            "schemas": schemas.into_iter().collect::<Map<_, _>>(),
        },
    })
}

const TAGS: [(&str, &str); 9] = [
    ("runs", "End-to-end tasks."),
    ("handoffs", "Work on its way from one agent to the next."),
    ("work", "What the holder of a handoff does."),
    ("agents", "Who can be handed work."),
    ("contracts", "What payloads must be."),
    ("context", "What a run knows: items and contents."),
    ("people", "Questions, approvals, dead letters."),
    ("events", "What has happened, and what was refused."),
    ("server", "The server itself."),
];

fn tags() -> Vec<Value> {
    TAGS.iter().map(|(name, description)| json!({ "name": name, "description": description })).collect()
}

/// The tag of an operation, by what its path is about.
fn tag(endpoint: &Endpoint) -> &'static str {
    let parts: Vec<&str> = endpoint.path.trim_start_matches("/v1/").split('/').collect();
    match parts.as_slice() {
        ["runs", "{run}", "contents" | "items", ..] => "context",
        ["runs", "{run}", "handoffs"] => "handoffs",
        ["runs", ..] => "runs",
        ["handoffs", "{handoff}"] | ["handoffs", "{handoff}", "cancel" | "redrive"] => "handoffs",
        ["handoffs", ..] | ["agents", "{agent}", "claims"] => "work",
        ["agents", ..] => "agents",
        ["contracts", ..] => "contracts",
        ["inbox" | "interrupts" | "dead-letters", ..] => "people",
        ["events" | "refusals", ..] => "events",
        _ => "server",
    }
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = in_path(endpoint.path).map(|name| path_parameter(name, generator)).collect();
    if let Some(query) = endpoint.query {
        parameters.extend(query_parameters(&query(generator), generator));
    }
    let writes = endpoint.method != axum::http::Method::GET;
    if writes {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Repeating a request under the same key gives the first outcome; another content under it is refused.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$" },
        }));
    }
    let mut good = json!({ "description": "Done." });
    if let Some(answer) = endpoint.answer {
        good["content"] = content(answer, generator);
    }
    let mut responses = Map::new();
    responses.insert(endpoint.status.as_str().to_owned(), good);
    for range in ["4XX", "5XX"] {
        responses.insert(range.to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    let mut described = json!({
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "tags": [tag(endpoint)],
        "responses": responses,
    });
    if let Some(body) = endpoint.body {
        described["requestBody"] = json!({ "required": true, "content": content(body, generator) });
    }
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    match endpoint.scope {
        Some(scope) => described["x-scope"] = scope.as_str().into(),
        None => described["security"] = json!([]),
    }
    described
}

fn content(content: Content, generator: &mut SchemaGenerator) -> Value {
    match content {
        Content::Json(schema) => json!({ "application/json": { "schema": schema(generator) } }),
        Content::Other(media) if media.starts_with("text/") => json!({ media: { "schema": { "type": "string" } } }),
        Content::Other(media) => json!({ media: {} }),
    }
}

fn in_path(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str, generator: &mut SchemaGenerator) -> Value {
    use handclasp_core::{blob, contract, id};
    let (schema, description): (Schema, &str) = match name {
        "run" => (generator.subschema_for::<id::RunId>(), "Which run."),
        "handoff" => (generator.subschema_for::<id::HandoffId>(), "Which handoff."),
        "interrupt" => (generator.subschema_for::<id::InterruptId>(), "Which question."),
        "agent" => (generator.subschema_for::<id::AgentName>(), "Which agent."),
        "digest" => (generator.subschema_for::<blob::Digest>(), "Which content."),
        "contract" => (generator.subschema_for::<contract::ContractId>(), "Which contract, with its full version."),
        _ => (schemars::json_schema!({ "type": "string" }), "Which one."),
    };
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
}

/// The properties of a query's type, each as a parameter.
fn query_parameters(query: &Schema, generator: &SchemaGenerator) -> Vec<Value> {
    let named = query.get("$ref").and_then(Value::as_str).and_then(|reference| reference.rsplit('/').next());
    let schema = named.and_then(|name| generator.definitions().get(name)).cloned().unwrap_or_else(|| query.clone().to_value());
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()), "description": description, "schema": schema })
    };
    properties.iter().map(parameter).collect()
}
