//! What a run knows: its items, and contents by hash.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use handclasp_core::Run;
use handclasp_core::blob::{BlobRef, Digest};
use handclasp_core::command;
use handclasp_core::id::{AgentName, RunId};
use handclasp_core::ledger;
use handclasp_store::Content;
use serde_json::Value;

use crate::api::too_large;
use crate::call::Call;
use crate::limits;
use crate::problem::{Door, Problem};
use crate::routes::runs;
use crate::wire::{Answer, FindItems, Item, Items, Stored};

/// A content as JSON; none if it was erased, or there is none.
pub(crate) async fn value_of(call: &Call, run: RunId, content: Option<BlobRef>) -> Result<Option<Value>, Problem> {
    let Some(content) = content else { return Ok(None) };
    Ok(match call.house.engine.content(&call.caller.tenant, run, content.digest).await? {
        // What is no JSON came in as a content of its own, and is given out as text.
        Content::Bytes(bytes) => {
            Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
        }
        Content::Erased | Content::Missing => None,
    })
}

/// An answer with its text.
pub(crate) async fn answer(call: &Call, run: RunId, answer: command::Answer) -> Result<Answer, Problem> {
    Ok(Answer { choice: answer.choice, text: value_of(call, run, answer.text).await? })
}

pub(crate) async fn items(call: Call, find: FindItems) -> Result<Items, Problem> {
    let run = call.run()?;
    let limit = runs::page(find.limit) as usize;
    let from = find.after.map_or(0, |after| after.number as usize);
    let look = |run: &Run| {
        let page = run.ledger.items().iter().skip(from).take(limit);
        page.map(|item| (item.clone(), source(run, item))).collect::<Vec<_>>()
    };
    let seen = call.house.engine.inspect(&call.caller.tenant, run, look).await?.ok_or_else(runs::unknown)?;
    let after = (seen.len() >= limit).then(|| seen.last().map(|(item, _)| item.id)).flatten();
    let mut items = Vec::with_capacity(seen.len());
    for (item, source) in seen {
        let value = value_of(&call, run, Some(item.content.value)).await?;
        items.push(view(item, source, value));
    }
    Ok(Items { items, after })
}

fn source(run: &Run, item: &ledger::Item) -> Option<AgentName> {
    run.handoff(item.source?).map(|handoff| handoff.to.clone())
}

fn view(item: ledger::Item, source: Option<AgentName>, value: Option<Value>) -> Item {
    Item {
        item: item.id,
        kind: item.content.kind,
        open: !item.ended.contains_key(&item.branch),
        key: item.content.key,
        value,
        digest: item.content.value.digest,
        must_carry: item.content.must_carry,
        version: item.version,
        source,
        confidence: item.content.confidence,
        stale: item.stale,
    }
}

pub(crate) async fn store(call: Call, body: Body) -> Result<Response, Problem> {
    let run = call.run()?;
    let bytes = to_bytes(body, limits::CONTENT_BYTES_MAX).await.map_err(|_| too_large(limits::CONTENT_BYTES_MAX))?;
    let stored = call.house.engine.store_content(&call.caller.tenant, run, Arc::from(bytes.as_ref())).await?;
    Ok(axum::Json(Stored { digest: stored.digest, bytes: stored.bytes }).into_response())
}

pub(crate) async fn show(call: Call, _: Body) -> Result<Response, Problem> {
    let (run, digest): (RunId, Digest) = (call.run()?, call.path("digest")?);
    match call.house.engine.content(&call.caller.tenant, run, digest).await? {
        Content::Bytes(bytes) => {
            // A content never changes, and is nobody else's business.
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            Ok((headers, Body::from(bytes.to_vec())).into_response())
        }
        Content::Erased => Err(Door::Erased.problem(format!("`{digest}` was erased"))),
        Content::Missing => Err(Door::NotFound.problem(format!("the run has no content `{digest}`"))),
    }
}
