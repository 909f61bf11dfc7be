//! Ids as people type them: whole, or the end of one that is unique in the store; a run also by its trace.
//!
//! An id inside a run ends in its number (`hnd_…k3f9_2`), so a tail of it is the tail of the run's id
//! and the number. What is ambiguous is refused with everything that it could mean.

use std::collections::BTreeSet;

use handclasp_core::blob::Digest;
use handclasp_core::id::{HandoffId, InterruptId, RunId, Tenant};
use handclasp_store::{Find, Store};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::log;

/// Runs that are looked at in one go.
const PAGE: u32 = 500;

/// Digits of a digest that have to be typed: what they name may be erased for good.
const DIGEST_CHARS_MIN: usize = 12;

/// Candidates that an error message names.
const NAMED_MAX: usize = 5;

/// The run that an id, the end of one, or a W3C trace id means.
pub(crate) async fn run(store: &dyn Store, text: &str) -> Result<RunId, Failure> {
    let wanted = text.to_ascii_lowercase();
    let tail = wanted.strip_prefix("run_").unwrap_or(&wanted);
    let found = if is_trace_id(tail) { runs_of_trace(store, tail).await? } else { runs_ending(store, tail).await? };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::misuse(format!("there is no run `{text}` in this store"), "`handclasp runs` lists the runs of the store")),
        several => Err(ambiguous(text, several)),
    }
}

/// The handoff that an id, or the end of one, means.
pub(crate) async fn handoff(store: &dyn Store, text: &str) -> Result<HandoffId, Failure> {
    let expected = "a handoff's id is `hnd_…_2`; its end will do, such as `k3f9_2`";
    let (run, number) = numbered(store, text, "hnd_", expected).await?;
    Ok(HandoffId { run, number })
}

/// The interrupt that an id, or the end of one, means.
pub(crate) async fn interrupt(store: &dyn Store, text: &str) -> Result<InterruptId, Failure> {
    let expected = "an interrupt's id is `int_…_1`; its end will do, such as `k3f9_1`";
    let (run, number) = numbered(store, text, "int_", expected).await?;
    Ok(InterruptId { run, number })
}

/// The content of a run that a digest, or the beginning of one, means: a trace shows no more than that.
pub(crate) async fn content(store: &dyn Store, run: RunId, text: &str) -> Result<Digest, Failure> {
    let beginning = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    if beginning.len() < DIGEST_CHARS_MIN || !beginning.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let expected = format!("a digest is `sha256:` and 64 hex digits; its first {DIGEST_CHARS_MIN} or more will do");
        return Err(Failure::misuse(format!("`{text}` is not a digest"), expected));
    }
    let wanted = format!("sha256:{beginning}");
    let mut found = BTreeSet::new();
    for recorded in log::read(store, run).await?.events {
        digests(&json!(recorded.event), &wanted, &mut found);
    }
    match found.pop_first() {
        Some(one) if found.is_empty() => Ok(one.parse().map_err(|error| Failure::broken("read a digest of the log", &error))?),
        Some(_) => Err(Failure::misuse(format!("several contents of {run} begin with `{text}`"), "give more of the digest")),
        None => Err(Failure::misuse(
            format!("{run} has no content `{text}`"),
            format!("`handclasp trace {run}` names the contents that were sent, `handclasp events {run} --json` names all"),
        )),
    }
}

/// Every digest in a value that begins as wanted.
fn digests(value: &Value, wanted: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.starts_with(wanted) => drop(found.insert(text.clone())),
        Value::Array(values) => values.iter().for_each(|value| digests(value, wanted, found)),
        Value::Object(fields) => fields.values().for_each(|value| digests(value, wanted, found)),
        _ => {}
    }
}

async fn numbered(store: &dyn Store, text: &str, prefix: &str, expected: &str) -> Result<(RunId, u32), Failure> {
    let wrong = || Failure::misuse(format!("`{text}` is not an id"), expected);
    let wanted = text.to_ascii_lowercase();
    let (tail, number) = wanted.strip_prefix(prefix).unwrap_or(&wanted).rsplit_once('_').ok_or_else(wrong)?;
    let number = number.parse().map_err(|_| wrong())?;
    Ok((run(store, tail).await?, number))
}

/// A trace id has 32 hex digits, and no id of ours is as long.
fn is_trace_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The runs of a trace, newest first. A trace that a caller brought along may have many.
async fn runs_of_trace(store: &dyn Store, trace_id: &str) -> Result<Vec<RunId>, Failure> {
    let find = Find { tenant: Some(Tenant::local()), trace_id: Some(trace_id.to_owned()), limit: PAGE, ..Find::default() };
    Ok(store.find(find).await?.into_iter().map(|(_, summary)| summary.run).collect())
}

async fn runs_ending(store: &dyn Store, tail: &str) -> Result<Vec<RunId>, Failure> {
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = store.find(Find { tenant: Some(Tenant::local()), before, limit: PAGE, ..Find::default() }).await?;
        let Some((_, last)) = page.last() else { return Ok(found) };
        before = Some(last.run);
        found.extend(page.iter().map(|(_, summary)| summary.run).filter(|run| run.to_string().ends_with(tail)));
    }
}

fn ambiguous(text: &str, several: &[RunId]) -> Failure {
    let named: Vec<String> = several.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = if several.len() > NAMED_MAX { format!(" and {} more", several.len() - NAMED_MAX) } else { String::new() };
    Failure::misuse(format!("`{text}` could be {} runs: {}{more}", several.len(), named.join(", ")), "give more of the id's end")
}
