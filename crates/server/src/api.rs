//! How a row of the table of endpoints becomes a route, with its schemas for the published document.
//!
//! What is the same for every endpoint happens here and nowhere else: the caller is admitted, the scope
//! checked, the body bounded and read, the answer written.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Query, RawPathParams, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use futures_util::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::caller::{Caller, Scope};
use crate::house::House;
use crate::limits;
use crate::problem::{Door, Problem};
use crate::reading::read;

type Handler = Arc<dyn Fn(Call, Body) -> BoxFuture<'static, Result<Response, Problem>> + Send + Sync>;
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One row of the table.
#[derive(Clone)]
pub struct Endpoint {
    /// The HTTP method.
    pub method: Method,
    /// The path, with `{names}`.
    pub path: &'static str,
    /// Its name in the published document and in clients.
    pub operation: &'static str,
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// What a key must be for; none where no key is asked for.
    pub scope: Option<Scope>,
    /// The status of a good answer.
    pub status: StatusCode,
    pub(crate) query: Option<SchemaOf>,
    pub(crate) body: Option<Content>,
    pub(crate) answer: Option<Content>,
    handler: Handler,
}

/// What a body is.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// JSON of this schema.
    Json(SchemaOf),
    /// Something else, of this media type.
    Other(&'static str),
}

/// No query, or no body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, Serialize, JsonSchema)]
pub(crate) struct Nothing {}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn is_nothing<T: 'static>() -> bool {
    std::any::TypeId::of::<T>() == std::any::TypeId::of::<Nothing>()
}

fn json<T: JsonSchema + 'static>() -> Option<Content> {
    (!is_nothing::<T>()).then_some(Content::Json(schema_of::<T>))
}

fn query<T: JsonSchema + 'static>() -> Option<SchemaOf> {
    (!is_nothing::<T>()).then_some(schema_of::<T>)
}

/// An endpoint that looks: a query in, JSON out.
pub(crate) fn get<Q, A, F, Fut>(path: &'static str, operation: &'static str, scope: Scope, summary: &'static str, answer: F) -> Endpoint
where
    Q: DeserializeOwned + JsonSchema + Send + 'static,
    A: Serialize + JsonSchema + 'static,
    F: Fn(Call, Q) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<A, Problem>> + Send + 'static,
{
    let handler: Handler = Arc::new(move |call, _| {
        Box::pin(async move {
            let query = read_query(&call)?;
            Ok(write_json(StatusCode::OK, &answer(call, query).await?))
        })
    });
    Endpoint {
        method: Method::GET,
        path,
        operation,
        summary,
        scope: Some(scope),
        status: StatusCode::OK,
        query: query::<Q>(),
        body: None,
        answer: json::<A>(),
        handler,
    }
}

/// An endpoint that changes something: JSON in, JSON out.
pub(crate) fn write<B, A, F, Fut>(
    method: Method,
    path: &'static str,
    operation: &'static str,
    scope: Scope,
    summary: &'static str,
    answer: F,
) -> Endpoint
where
    B: DeserializeOwned + JsonSchema + Send + 'static,
    A: Serialize + JsonSchema + 'static,
    F: Fn(Call, B) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<A, Problem>> + Send + 'static,
{
    let status = if is_nothing::<A>() { StatusCode::NO_CONTENT } else { StatusCode::OK };
    let handler: Handler = Arc::new(move |call, body| {
        Box::pin(async move {
            let body = if is_nothing::<B>() { read_nothing()? } else { read_json(&call, body).await? };
            let answer = answer(call, body).await?;
            Ok(if is_nothing::<A>() { StatusCode::NO_CONTENT.into_response() } else { write_json(StatusCode::OK, &answer) })
        })
    });
    Endpoint { method, path, operation, summary, scope: Some(scope), status, query: None, body: json::<B>(), answer: json::<A>(), handler }
}

/// [`write`] with POST.
pub(crate) fn post<B, A, F, Fut>(path: &'static str, operation: &'static str, scope: Scope, summary: &'static str, answer: F) -> Endpoint
where
    B: DeserializeOwned + JsonSchema + Send + 'static,
    A: Serialize + JsonSchema + 'static,
    F: Fn(Call, B) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<A, Problem>> + Send + 'static,
{
    write(Method::POST, path, operation, scope, summary, answer)
}

/// An endpoint whose bodies are not JSON.
pub(crate) fn raw<Q, F, Fut>(
    method: Method,
    path: &'static str,
    operation: &'static str,
    scope: Option<Scope>,
    summary: &'static str,
    media: (Option<&'static str>, Option<Content>),
    answer: F,
) -> Endpoint
where
    Q: JsonSchema + 'static,
    F: Fn(Call, Body) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let handler: Handler = Arc::new(move |call, body| Box::pin(answer(call, body)));
    Endpoint {
        method,
        path,
        operation,
        summary,
        scope,
        status: StatusCode::OK,
        query: query::<Q>(),
        body: media.0.map(Content::Other),
        answer: media.1,
        handler,
    }
}

/// The JSON answer of an endpoint that is [`raw`] for another reason.
pub(crate) fn json_answer<A: JsonSchema + 'static>() -> Option<Content> {
    json::<A>()
}

/// Reads the query.
pub(crate) fn read_query<Q: DeserializeOwned>(call: &Call) -> Result<Q, Problem> {
    let query = Query::<Q>::try_from_uri(&call.uri);
    query.map(|Query(query)| query).map_err(|error| Door::Malformed.problem(format!("in the query: {}", error.body_text())))
}

fn read_nothing<B: DeserializeOwned>() -> Result<B, Problem> {
    serde_json::from_str("{}").map_err(|error| Door::Failed.problem(error.to_string()))
}

async fn read_json<B: DeserializeOwned>(call: &Call, body: Body) -> Result<B, Problem> {
    let is_json = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let media = value.split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json")
    });
    if !is_json {
        // Also what keeps a page in somebody's browser from writing to a server on the same machine.
        return Err(Door::WrongType.problem("the body must be JSON, and say so"));
    }
    let bytes = to_bytes(body, limits::BODY_BYTES_MAX).await.map_err(|_| too_large(limits::BODY_BYTES_MAX))?;
    read(&bytes)
}

/// A body over its bound, or one that broke off.
pub(crate) fn too_large(most: usize) -> Problem {
    Door::TooLarge.problem(format!("the body is larger than {most} bytes, or broke off"))
}

fn write_json<A: Serialize>(status: StatusCode, answer: &A) -> Response {
    match serde_json::to_vec(answer) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => Door::Failed.problem(format!("the answer cannot be written: {error}")).into_response(),
    }
}

/// The router over a table.
pub(crate) fn router(house: House, endpoints: Vec<Endpoint>) -> Router {
    let mut paths: Vec<(&'static str, MethodRouter<House>)> = Vec::new();
    for endpoint in endpoints {
        let filter = MethodFilter::try_from(endpoint.method.clone()).expect("a method that axum knows");
        let path = endpoint.path;
        let endpoint = Arc::new(endpoint);
        let handler = move |State(house): State<House>, request: Request| serve(Arc::clone(&endpoint), house, request);
        match paths.iter_mut().find(|(known, _)| *known == path) {
            Some((_, methods)) => *methods = std::mem::take(methods).on(filter, handler),
            None => paths.push((path, on(filter, handler))),
        }
    }
    let no_method = || async { Door::NoMethod.problem("this endpoint has no such method").into_response() };
    let no_endpoint = || async { Door::NoEndpoint.problem("there is no such endpoint").into_response() };
    let mut router = Router::new();
    for (path, methods) in paths {
        router = router.route(path, methods);
    }
    router.method_not_allowed_fallback(no_method).fallback(no_endpoint).with_state(house)
}

async fn serve(endpoint: Arc<Endpoint>, house: House, request: Request) -> Response {
    answered(&endpoint, house, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answered(endpoint: &Endpoint, house: House, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = match endpoint.scope {
        None => Caller::local(),
        Some(scope) => {
            let caller = house.gate.admit(&parts.headers)?;
            if !caller.may(scope) {
                return Err(Door::Forbidden.problem(format!("this key has not the scope `{}`", scope.as_str())));
            }
            caller
        }
    };
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let path = path.map_err(|_| Door::Malformed.problem("the path is not UTF-8"))?;
    let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let call = Call { house, caller, headers: parts.headers, uri: parts.uri, path };
    (endpoint.handler)(call, body).await
}
