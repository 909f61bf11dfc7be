//! Looking at the whole store: whether the log proves itself, and computing again what can be.

use std::collections::BTreeSet;

use handclasp_core::Run;
use handclasp_core::blob::{BlobRef, Digest};
use handclasp_core::encoding::{self, GENESIS, Unreadable};
use handclasp_core::id::{RunId, Tenant};
use handclasp_store::{Content, Find, Load, Store, StoreError};
use serde::Serialize;
use serde_json::Value;

/// Runs that are looked at between two reports of progress.
const PAGE: u32 = 100;

/// What a look at the store has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Runs that were looked at.
    pub runs: u64,
    /// Events in them.
    pub events: u64,
    /// Contents that the events name and that are there, with the right hash.
    pub contents: u64,
    /// Contents that were erased on purpose.
    pub erased: u64,
    /// Everything that is not as it should be.
    pub problems: Vec<Problem>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whose data.
    pub tenant: Tenant,
    /// Which run.
    pub run: RunId,
    /// The first event that is affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// Checks every chain and every content. `seen` is told after each run.
pub async fn verify(store: &dyn Store, only: Option<RunId>, mut seen: impl FnMut(&Verified)) -> Result<Verified, StoreError> {
    let mut verified = Verified::default();
    let mut before = None;
    loop {
        let page = store.find(Find { before, limit: PAGE, ..Find::default() }).await?;
        let Some((_, last)) = page.last() else { break };
        before = Some(last.run);
        for (tenant, summary) in page {
            if only.is_none_or(|only| only == summary.run) {
                verify_run(store, &tenant, summary.run, &mut verified).await?;
                seen(&verified);
            }
        }
    }
    Ok(verified)
}

async fn verify_run(store: &dyn Store, tenant: &Tenant, run: RunId, verified: &mut Verified) -> Result<(), StoreError> {
    verified.runs += 1;
    let mut problem = |event, what: String| verified.problems.push(Problem { tenant: tenant.clone(), run, event, what });
    let loaded = match store.load(Load { tenant: tenant.clone(), run, snapshot: false }).await {
        Ok(Some(loaded)) => loaded,
        Ok(None) => {
            problem(None, "it is listed, but has no log".to_owned());
            return Ok(());
        }
        // One run that cannot be read says nothing about the others.
        Err(error @ StoreError::Corrupt { .. }) => {
            problem(None, chain_of(&error));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let mut state = None;
    let mut head = GENESIS;
    let mut named: BTreeSet<BlobRef> = BTreeSet::new();
    for (number, bytes) in (1_u64..).zip(&loaded.events) {
        match encoding::replay(&mut state, head, std::iter::once(bytes.as_slice())) {
            Ok(next) => head = next,
            // The chain shows an altered event at the one after it.
            Err(Unreadable::Altered { version }) => {
                problem(Some(version.saturating_sub(1)), "the event was altered: the one after it was chained to other bytes".to_owned());
                return Ok(());
            }
            Err(error) => {
                problem(Some(number), chain_of(&error));
                return Ok(());
            }
        }
        verified_contents(bytes, &mut named);
    }
    verified.events += loaded.events.len() as u64;
    let count = loaded.events.len() as u64;
    if loaded.version != count {
        problem(Some(count), format!("the last events are missing: {count} of {}", loaded.version));
    } else if loaded.head != head {
        problem(Some(count), "the event was altered: the run's head was made from other bytes".to_owned());
    }
    for blob in named {
        match store.content(tenant, run, blob.digest).await? {
            Content::Bytes(bytes) if Digest::of(&bytes) == blob.digest => verified.contents += 1,
            Content::Bytes(_) => problem_content(verified, tenant, run, blob, "was altered"),
            Content::Erased => verified.erased += 1,
            Content::Missing => problem_content(verified, tenant, run, blob, "is missing"),
        }
    }
    Ok(())
}

fn problem_content(verified: &mut Verified, tenant: &Tenant, run: RunId, blob: BlobRef, how: &str) {
    let what = format!("the content {} {how}", blob.digest);
    verified.problems.push(Problem { tenant: tenant.clone(), run, event: None, what });
}

/// An error with everything that caused it, in one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Every reference to a content in a stored event: an object with a digest and a size.
fn verified_contents(bytes: &[u8], named: &mut BTreeSet<BlobRef>) {
    fn walk(value: &Value, named: &mut BTreeSet<BlobRef>) {
        match value {
            Value::Object(fields) => {
                if fields.len() == 2
                    && let Ok(blob) = serde_json::from_value::<BlobRef>(value.clone())
                {
                    named.insert(blob);
                }
                fields.values().for_each(|value| walk(value, named));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, named)),
            _ => {}
        }
    }
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        walk(value.get("event").unwrap_or(&Value::Null), named);
    }
}

/// Computes everything again that can be, from the logs. Runs whose log cannot be read are returned
/// and left as they are.
pub async fn rebuild(store: &dyn Store, mut seen: impl FnMut(u64)) -> Result<Vec<Problem>, StoreError> {
    let mut problems = Vec::new();
    let mut before = None;
    let mut runs = 0;
    loop {
        let page = store.find(Find { before, limit: PAGE, ..Find::default() }).await?;
        let Some((_, last)) = page.last() else { break };
        before = Some(last.run);
        for (tenant, summary) in page {
            runs += 1;
            match replayed(store, &tenant, summary.run).await? {
                Ok(run) => store.rebuild(&tenant, run.summary(), run.all_owed()).await?,
                Err(what) => problems.push(Problem { tenant, run: summary.run, event: None, what }),
            }
            seen(runs);
        }
    }
    Ok(problems)
}

async fn replayed(store: &dyn Store, tenant: &Tenant, run: RunId) -> Result<Result<Run, String>, StoreError> {
    let loaded = match store.load(Load { tenant: tenant.clone(), run, snapshot: false }).await {
        Ok(Some(loaded)) => loaded,
        Ok(None) => return Ok(Err("it is listed, but has no log".to_owned())),
        Err(error @ StoreError::Corrupt { .. }) => return Ok(Err(chain_of(&error))),
        Err(error) => return Err(error),
    };
    let mut state = None;
    Ok(match encoding::replay(&mut state, GENESIS, loaded.events.iter().map(Vec::as_slice)) {
        Ok(_) => state.ok_or_else(|| "its log is empty".to_owned()),
        Err(error) => Err(chain_of(&error)),
    })
}
