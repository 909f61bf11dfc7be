//! The server itself: whether it lives, what it can do, what its codes mean.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use handclasp_core::refusal;

use crate::call::Call;
use crate::openapi;
use crate::problem::{self, Door, Problem};
use crate::wire::Health;

pub(crate) async fn health(_: Call, _: Body) -> Result<Response, Problem> {
    Ok(axum::Json(Health::of("alive")).into_response())
}

/// Ready as long as the store answers and the doors stay open.
pub(crate) async fn ready(call: Call, _: Body) -> Result<Response, Problem> {
    if *call.house.closing.borrow() {
        return Err(Door::Closing.problem("it is shutting down"));
    }
    call.house.engine.store().fed().await?;
    Ok(axum::Json(Health::of("ready")).into_response())
}

pub(crate) async fn openapi(_: Call, _: Body) -> Result<Response, Problem> {
    Ok(axum::Json(openapi::document()).into_response())
}

pub(crate) async fn explain(call: Call, _: Body) -> Result<Response, Problem> {
    let code: String = call.path("code")?;
    let page = refusal::explain(&code).or_else(|| problem::explain(&code));
    let page = page.ok_or_else(|| Door::NotFound.problem(format!("there is no code `{code}`")))?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], page).into_response())
}
