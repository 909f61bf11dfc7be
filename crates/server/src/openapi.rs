//! The published description of the doors: OpenAPI 3.1, made from the table of endpoints.
//!
//! What the table does not say is said here: which answers a row can give, which headers it reads, how
//! it is grouped. [`example`] has requests to show; `schema` makes the types' schemas readable.

pub mod example;
mod schema;

use axum::http::{Method, StatusCode};
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
    let mut queries = Vec::new();
    for endpoint in endpoints() {
        let described = operation(&endpoint, &mut generator, &mut queries);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_ascii_lowercase()] = described;
    }
    let schemas = schema::components(&mut generator, &queries);
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
            "responses": {
                "Problem": {
                    "description": "Why it was not done, and how to mend it.",
                    "content": { "application/problem+json": { "schema": problem.clone() } },
                },
                "Later": {
                    "description": "Not now. Trying again is safe with the same `Idempotency-Key`.",
                    "headers": { "Retry-After": { "description": "After how many seconds, where that is known.", "schema": { "type": "integer", "minimum": 0 } } },
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "schemas": schemas,
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
        ["runs", "{run}", "handoffs"] | ["handoffs", "{handoff}"] | ["handoffs", "{handoff}", "cancel" | "redrive"] => "handoffs",
        ["runs", ..] => "runs",
        ["handoffs", ..] | ["agents", "{agent}", "claims"] => "work",
        ["agents", ..] => "agents",
        ["contracts", ..] => "contracts",
        ["inbox" | "interrupts" | "dead-letters", ..] => "people",
        ["events" | "refusals", ..] => "events",
        _ => "server",
    }
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator, queries: &mut Vec<String>) -> Value {
    let mut parameters: Vec<Value> = in_path(endpoint.path).map(|name| path_parameter(name, generator)).collect();
    if let Some(query) = endpoint.query {
        let (name, properties) = schema::query_parameters(&query(generator), generator);
        queries.extend(name);
        parameters.extend(properties);
    }
    parameters.extend(headers(endpoint));
    let mut good = json!({ "description": said_of(endpoint) });
    if let Some(answer) = endpoint.answer {
        good["content"] = content(answer, generator);
    }
    let mut responses = Map::from_iter([(endpoint.status.as_str().to_owned(), good)]);
    for status in refusals(endpoint) {
        let later = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let what = if later { "Later" } else { "Problem" };
        responses.insert(status.as_str().to_owned(), json!({ "$ref": format!("#/components/responses/{what}") }));
    }
    let mut described = json!({
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "tags": [tag(endpoint)],
        "responses": responses,
    });
    if let Some(body) = endpoint.body {
        let mut content = content(body, generator);
        if let Some(example) = example::of(endpoint.operation) {
            content["application/json"]["example"] = example;
        }
        // Nothing is a content, too.
        described["requestBody"] = json!({ "required": reads_json(endpoint), "content": content });
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

fn said_of(endpoint: &Endpoint) -> &'static str {
    match endpoint.operation {
        "followEvents" => {
            "Server-sent events without end: `id` is the event's place, `event` is `event`, `data` is an `EventLine`. \
             Who comes back with the last `id` misses nothing and sees nothing twice. Lines that begin with `:` keep the connection alive."
        }
        "getContent" => "The bytes. They never change: the answer may be kept for good.",
        "explain" => "The code's page, as Markdown.",
        _ => "Done.",
    }
}

/// The headers that it reads.
fn headers(endpoint: &Endpoint) -> Vec<Value> {
    let header = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "header", "description": description, "schema": schema });
    let mut headers = Vec::new();
    if takes_key(endpoint) {
        let what = "Repeating a request under the same key gives the first outcome; another content under it is refused.";
        headers.push(header("Idempotency-Key", what, json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$" })));
    }
    if endpoint.operation == "openRun" {
        let what = "W3C trace context. The run takes over its trace id; without one (or with one that is none) it gets its own.";
        headers.push(header(
            "traceparent",
            what,
            json!({ "type": "string", "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] }),
        ));
    }
    if endpoint.operation == "followEvents" {
        let what = "The `id` of the last event that was seen; goes before `after`.";
        headers.push(header("Last-Event-ID", what, json!({ "type": "string", "pattern": "^[0-9]{1,18}$" })));
    }
    headers
}

/// Whether a key makes a difference. A content is its own key, a heartbeat can be repeated as it is,
/// and a comparison changes nothing.
fn takes_key(endpoint: &Endpoint) -> bool {
    endpoint.method != Method::GET && !matches!(endpoint.operation, "storeContent" | "heartbeat" | "diffContracts")
}

fn reads_json(endpoint: &Endpoint) -> bool {
    matches!(endpoint.body, Some(Content::Json(_)))
}

/// The statuses with which it can say no.
fn refusals(endpoint: &Endpoint) -> Vec<StatusCode> {
    let named = in_path(endpoint.path).next().is_some();
    let changes = endpoint.method != Method::GET && endpoint.operation != "diffContracts";
    let mut statuses = vec![
        (named || endpoint.query.is_some() || endpoint.method != Method::GET, StatusCode::BAD_REQUEST),
        (endpoint.scope.is_some(), StatusCode::UNAUTHORIZED),
        (endpoint.scope.is_some(), StatusCode::FORBIDDEN),
        (named || changes, StatusCode::NOT_FOUND),
        (changes, StatusCode::CONFLICT),
        (endpoint.operation == "getContent", StatusCode::GONE),
        (endpoint.body.is_some(), StatusCode::PAYLOAD_TOO_LARGE),
        (reads_json(endpoint), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (changes, StatusCode::UNPROCESSABLE_ENTITY),
    ];
    statuses.extend(
        [StatusCode::TOO_MANY_REQUESTS, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE].map(|status| (true, status)),
    );
    statuses.into_iter().filter_map(|(can, status)| can.then_some(status)).collect()
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
