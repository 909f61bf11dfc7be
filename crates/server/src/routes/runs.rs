//! Runs: opened, listed, looked at, stopped.

use handclasp_core::blob::Blobs;
use handclasp_core::command::{Command, Open, Pins};
use handclasp_core::event::RunOutcome;
use handclasp_core::offer::Kind;
use handclasp_core::run::Summary;
use handclasp_core::{Reply, Run};
use handclasp_engine::Engine;
use handclasp_store::Find;
use serde_json::Value;

use crate::call::{Call, unexpected};
use crate::limits;
use crate::problem::Problem;
use crate::routes::{contents, handoffs};
use crate::trace;
use crate::wire::{Cancel, Done, FindRuns, HandoffLine, OpenRun, Opened, RunLine, RunView, Runs, Waiting};

/// A title that is made from the task is cut here.
const TITLE_CHARS: usize = 80;

/// Handoffs that are shown with a run; the rest is in its events.
const HANDOFFS_SHOWN: usize = 100;

pub(crate) async fn open(call: Call, said: OpenRun) -> Result<Opened, Problem> {
    let key = call.key()?;
    let (tenant, principal) = (call.caller.tenant.clone(), call.caller.principal.clone());
    // A repeated request is the same request: what the caller left open is filled in the same way.
    let seed = key.as_ref().map_or_else(|| Engine::new_run_id().to_string(), |key| format!("{tenant}/{key}"));
    let trace_id = trace::trace_id(&call.headers).unwrap_or_else(|| trace::minted(&seed));
    let mut blobs = Blobs::default();
    let first = said.offer.map(|offer| offer.offer(Kind::Route, "/offer", &mut blobs)).transpose()?;
    let task = blobs.json(&said.task);
    let open = Open {
        task,
        title: said.title.unwrap_or_else(|| title(&said.task)),
        intent: said.intent.as_ref().map(|intent| blobs.json(intent)),
        items: said.items.into_iter().map(|item| item.item(&mut blobs)).collect(),
        limits: said.limits,
        trace_id: trace_id.clone(),
        conversation: said.conversation,
        pins: Pins::default(),
        input: first.as_ref().map_or(task, |offer| offer.payload),
        plan: None,
        first,
        parent: None,
    };
    match call.house.engine.open(tenant, principal, key, open, blobs).await? {
        Reply::Opened { run, first } => Ok(Opened { run, handoff: first, trace_id }),
        other => Err(unexpected(&other)),
    }
}

fn title(task: &Value) -> String {
    let text = task.as_str().map_or_else(|| task.to_string(), str::to_owned);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE_CHARS {
        return if line.is_empty() { "untitled".to_owned() } else { line };
    }
    line.chars().take(TITLE_CHARS - 1).chain(['…']).collect()
}

pub(crate) async fn list(call: Call, find: FindRuns) -> Result<Runs, Problem> {
    let limit = page(find.limit);
    let found = Find {
        tenant: Some(call.caller.tenant.clone()),
        conditions: find.condition.into_iter().collect(),
        trace_id: find.trace_id,
        before: find.before,
        limit,
    };
    let found = call.house.engine.store().find(found).await?;
    let before = (found.len() >= limit as usize).then(|| found.last().map(|(_, summary)| summary.run)).flatten();
    Ok(Runs { runs: found.into_iter().map(|(_, summary)| line(summary)).collect(), before })
}

/// How many rows a page has.
pub(crate) fn page(asked: Option<u32>) -> u32 {
    asked.unwrap_or(limits::PAGE_DEFAULT).clamp(1, limits::PAGE_MAX)
}

fn line(summary: Summary) -> RunLine {
    RunLine {
        run: summary.run,
        title: summary.title,
        condition: summary.condition,
        why: summary.reason,
        trace_id: summary.trace_id,
        conversation: summary.conversation,
        opened_at_ms: summary.opened_at,
        touched_at_ms: summary.touched_at,
        version: summary.version,
        handoffs: summary.handoffs,
        usage: summary.usage,
    }
}

pub(crate) async fn show(call: Call, waiting: Waiting) -> Result<RunView, Problem> {
    let run = call.run()?;
    let (engine, tenant) = (&call.house.engine, &call.caller.tenant);
    if waiting.wait_ms > 0 {
        let over = |run: &Run| run.outcome.is_some().then_some(());
        call.or_closing(engine.inspect_until(tenant, run, call.deadline(waiting.wait_ms), over)).await?;
    }
    let (summary, outcome, task, bounds, latest, questions) = engine.inspect(tenant, run, looked_at).await?.ok_or_else(unknown)?;
    let (result, approved) = match outcome {
        Some(RunOutcome::Completed { result, approved }) => (contents::value_of(&call, run, result).await?, Some(approved)),
        _ => (None, None),
    };
    let over = matches!(summary.condition, c if !matches!(c, handclasp_core::run::Condition::Running
        | handclasp_core::run::Condition::WaitingForPerson | handclasp_core::run::Condition::Stopped));
    let task = contents::value_of(&call, run, Some(task)).await?.unwrap_or_default();
    Ok(RunView { line: line(summary), over, task, result, approved, limits: bounds, latest, questions })
}

/// There is no such run, or it is somebody else's.
pub(crate) fn unknown() -> Problem {
    Problem::refused(&handclasp_core::refusal::Refusal::UnknownRun)
}

type Looked = (
    Summary,
    Option<RunOutcome>,
    handclasp_core::blob::BlobRef,
    handclasp_core::limits::Limits,
    Vec<HandoffLine>,
    Vec<handclasp_core::id::InterruptId>,
);

fn looked_at(run: &Run) -> Looked {
    let handoffs = run.handoffs();
    let latest = &handoffs[handoffs.len().saturating_sub(HANDOFFS_SHOWN)..];
    let questions = run.interrupts().iter().filter(|one| one.state == handclasp_core::run::InterruptState::Open).map(|one| one.id);
    (run.summary(), run.outcome.clone(), run.task, run.limits, latest.iter().map(handoffs::line).collect(), questions.collect())
}

pub(crate) async fn cancel(call: Call, said: Cancel) -> Result<Done, Problem> {
    let run = call.run()?;
    call.submit(run, Command::Cancel { handoff: None, reason: said.reason }, Blobs::default()).await?;
    Ok(Done::YES)
}
