//! `show`: one run at a glance.

use clap::Args;
use handclasp_core::Run;
use handclasp_core::handoff::{Handoff, Phase};
use handclasp_core::ledger::Item;
use handclasp_store::{REFUSALS_KEPT, RefusalNote, Store};
use serde_json::{Value, json};

use super::Place;
use crate::ending::{brief, choices, in_full, readable};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open_ends::questions;
use crate::plan_text::{label, picture};
use crate::store_file::content;
use crate::terminal::{data, json_data, moment, strong, table};
use crate::{ids, log};

/// As much of a value as fits beside its key.
const VALUE_CHARS: usize = 70;

/// A flood of refusals says the same thing many times.
const REFUSALS_SHOWN: usize = 5;

/// Shows one run: how it stands, its plan, handoffs, ledger and open questions.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Which run, by id, the end of one, or its trace id.
    run: String,
}

impl Show {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let store = place.store.read()?;
        let run = log::state(store.as_ref(), ids::run(store.as_ref(), &self.run).await?).await?;
        if place.terminal.json {
            let value = value(store.as_ref(), &run).await?;
            json_data(&value)?;
        } else {
            tell(store.as_ref(), &run).await?;
        }
        Ok(Exit::DONE)
    }
}

async fn value(store: &dyn Store, run: &Run) -> Result<Value, Failure> {
    let mut items = Vec::new();
    for item in run.ledger.items() {
        items.push(json!({
            "item": item.id,
            "kind": item.content.kind,
            "key": item.content.key,
            "value": content(store, run.id, item.content.value.digest).await?,
            "must_carry": item.content.must_carry,
            "version": item.version,
            "source": item.source,
            "ended": is_ended(item),
            "stale": item.stale,
        }));
    }
    let handoffs: Vec<Value> = run.handoffs().iter().map(|handoff| handoff_value(run, handoff)).collect();
    Ok(json!({
        "summary": run.summary(),
        "task": content(store, run.id, run.task.digest).await?,
        "pins": run.pins,
        "plan": run.plan,
        "limits": run.limits,
        "handoffs": handoffs,
        "items": items,
        "questions": questions(store, run).await?,
        "refusals": refusals(store, run).await?.iter().map(refusal_value).collect::<Vec<_>>(),
    }))
}

fn refusal_value(note: &RefusalNote) -> Value {
    json!({
        "at_ms": note.at,
        "principal": note.principal,
        "command": note.command,
        "code": note.code,
        "message": note.message,
        "pointer": note.pointer,
    })
}

fn handoff_value(run: &Run, handoff: &Handoff) -> Value {
    json!({
        "handoff": handoff.id,
        "step": label(run.plan.as_ref(), handoff),
        "from": handoff.sender,
        "to": handoff.to,
        "phase": handoff.phase.name(),
        "why": why(handoff),
        "attempts": handoff.attempts,
        "contract": handoff.contract,
        "payload": handoff.payload,
        "usage": handoff.usage,
    })
}

async fn tell(store: &dyn Store, run: &Run) -> Result<(), Failure> {
    let mut lines = vec![strong(&run.title)];
    let mut row = |name: &str, text: String| lines.push(format!("{name:<10} {text}"));
    row("run", run.id.to_string());
    row("condition", run.condition().as_str().to_owned());
    if let Some(reason) = run.why() {
        row("reason", reason);
    }
    row("task", readable(&content(store, run.id, run.task.digest).await?));
    row("opened", format!("{} by {}", moment(run.opened_at), run.principal));
    row("touched", format!("{}, {} events", moment(run.touched_at), run.version));
    row("trace id", run.trace_id.clone());
    if let Some(file) = &run.pins.team_file {
        row("team", file.clone());
    }
    if let Some(plan) = &run.plan {
        lines.push(format!("\n{}", strong("plan")));
        lines.extend(picture(plan));
    }
    lines.push(format!("\n{}", strong("handoffs")));
    let handoffs = run.handoffs().iter().map(|handoff| {
        let phase = why(handoff).map_or_else(|| handoff.phase.name().to_owned(), |why| format!("{} ({why})", handoff.phase.name()));
        vec![handoff.id.to_string(), label(run.plan.as_ref(), handoff), handoff.to.to_string(), handoff.attempts.to_string(), phase]
    });
    lines.push(table(&["HANDOFF", "STEP", "AGENT", "ATTEMPTS", "PHASE"], handoffs));
    if !run.ledger.is_empty() {
        lines.push(format!("\n{}", strong("ledger")));
        let mut rows = Vec::new();
        for item in run.ledger.items() {
            let value = content(store, run.id, item.content.value.digest).await?;
            let state = if is_ended(item) { "ended" } else { "open" };
            let kind = item.content.kind.as_str().to_owned();
            rows.push(vec![kind, item.content.key.clone(), state.to_owned(), brief(&value, VALUE_CHARS)]);
        }
        lines.push(table(&["KIND", "KEY", "STATE", "VALUE"], rows));
    }
    for asked in questions(store, run).await? {
        lines.push(format!("\n{}", strong(format_args!("{} asks", asked.by))));
        lines.push(readable(&asked.shown));
        lines.extend(asked.arguments.iter().map(|arguments| format!("called with: {}", in_full(arguments))));
        lines.push(format!("answer with: handclasp resolve {} {}", asked.interrupt, choices(&asked)));
    }
    let refused = refusals(store, run).await?;
    if !refused.is_empty() {
        lines.push(format!("\n{}", strong("refused lately")));
        let rows = refused.into_iter().map(|note| vec![moment(note.at), note.principal, note.command, note.code, note.message]);
        lines.push(table(&["WHEN", "WHO", "ASKED", "CODE", "WHY"], rows));
    }
    data(lines.join("\n"))
}

/// The newest refusals of this run: often the reason why nothing moves.
async fn refusals(store: &dyn Store, run: &Run) -> Result<Vec<RefusalNote>, Failure> {
    let mut notes = store.refusals(&run.tenant, REFUSALS_KEPT).await?;
    notes.retain(|note| note.run == run.id);
    notes.truncate(REFUSALS_SHOWN);
    Ok(notes)
}

/// Whether an item has ended where it was added.
fn is_ended(item: &Item) -> bool {
    item.ended.contains_key(&item.branch)
}

fn why(handoff: &Handoff) -> Option<String> {
    match &handoff.phase {
        Phase::DeadLettered { closing } | Phase::Ended { closing } => Some(closing.to_string()),
        Phase::Offered { .. } | Phase::Claimed { .. } | Phase::Accepted { .. } | Phase::Waiting { .. } | Phase::Completed { .. } => None,
    }
}
