//! What waits for a person: questions and dead letters, as they are listed, shown and counted.

use handclasp_core::Run;
use handclasp_core::blob::{BlobRef, Digest};
use handclasp_core::command::Asking;
use handclasp_core::event::Closing;
use handclasp_core::handoff::{Effect, Handoff, Phase};
use handclasp_core::id::{AgentName, HandoffId, InterruptId, RunId, Tenant};
use handclasp_core::run::{Interrupt, InterruptState, Slot};
use handclasp_core::time::Timestamp;
use handclasp_store::{Open, Store};
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::log;
use crate::plan_text::{called, label};
use crate::store_file::content;

/// Rows of the store that are looked at in one go.
const PAGE: u32 = 500;

/// A question to a person. Its fields are the shape of `inbox --json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Asked {
    /// Answer by this id.
    pub(crate) interrupt: InterruptId,
    /// In which run.
    pub(crate) run: RunId,
    /// The run's title.
    pub(crate) title: String,
    /// The step or agent that asks.
    pub(crate) by: String,
    /// What sort of question.
    pub(crate) asking: Asking,
    /// Exactly what is shown.
    pub(crate) shown: Value,
    /// What the effect in question was called with; `shown` names it by its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<Value>,
    /// Its digest: the answer is bound to it.
    pub(crate) digest: Digest,
    /// What can be answered; empty for free text.
    pub(crate) options: Vec<String>,
    /// Since when.
    pub(crate) since_ms: Timestamp,
    /// By when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer_by_ms: Option<Timestamp>,
    /// What silence means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_silence: Option<String>,
}

/// A dead letter. Its fields are the shape of `dead-letters list --json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Letter {
    /// Redrive it by this id.
    pub(crate) handoff: HandoffId,
    /// In which run.
    pub(crate) run: RunId,
    /// The run's title.
    pub(crate) title: String,
    /// Its step in the plan, or its receiver.
    pub(crate) step: String,
    /// Who had it last.
    pub(crate) agent: AgentName,
    /// Attempts that were made.
    pub(crate) attempts: u32,
    /// How it got here.
    pub(crate) closing: Closing,
    /// The same in a sentence.
    pub(crate) reason: String,
    /// What it was to work on.
    pub(crate) payload: BlobRef,
}

/// The questions of a run that nobody has answered.
pub(crate) async fn questions(store: &dyn Store, run: &Run) -> Result<Vec<Asked>, Failure> {
    let mut asked = Vec::new();
    for interrupt in run.interrupts().iter().filter(|interrupt| interrupt.state == InterruptState::Open) {
        asked.push(question(store, run, interrupt).await?);
    }
    Ok(asked)
}

/// One question with its content.
pub(crate) async fn question(store: &dyn Store, run: &Run, interrupt: &Interrupt) -> Result<Asked, Failure> {
    let question = &interrupt.question;
    let options = match question.asking {
        Asking::Approval if question.options.is_empty() => vec!["approved".to_owned(), "rejected".to_owned()],
        _ => question.options.clone(),
    };
    Ok(Asked {
        interrupt: interrupt.id,
        run: run.id,
        title: run.title.clone(),
        by: asked_by(run, interrupt),
        asking: question.asking,
        shown: content(store, run.id, question.shown.digest).await?,
        arguments: match effect(run, interrupt) {
            Some(effect) => Some(content(store, run.id, effect.arguments.digest).await?),
            None => None,
        },
        digest: question.shown.digest,
        options,
        since_ms: interrupt.asked_at,
        answer_by_ms: interrupt.answer_by,
        on_silence: question.on_silence.clone(),
    })
}

/// The effect that a person is asked about, if it is about one.
fn effect<'a>(run: &'a Run, interrupt: &Interrupt) -> Option<&'a Effect> {
    run.handoff(interrupt.handoff?)?.effects.get(interrupt.effect.as_ref()?)
}

/// The step or agent that asks.
pub(crate) fn asked_by(run: &Run, interrupt: &Interrupt) -> String {
    let handoff = interrupt.handoff.and_then(|id| run.handoff(id));
    match (handoff, called(run.plan.as_ref(), interrupt.place.as_ref())) {
        (Some(handoff), _) => format!("{} ({})", label(run.plan.as_ref(), handoff), handoff.to),
        (None, Some((step, _))) => step,
        (None, None) => "the plan".to_owned(),
    }
}

/// The dead letters of a run.
pub(crate) fn letters(run: &Run) -> Vec<Letter> {
    run.open_handoffs().filter_map(|handoff| letter(run, handoff)).collect()
}

/// A handoff as a dead letter, if it is one.
pub(crate) fn letter(run: &Run, handoff: &Handoff) -> Option<Letter> {
    let Phase::DeadLettered { closing } = &handoff.phase else { return None };
    Some(Letter {
        handoff: handoff.id,
        run: run.id,
        title: run.title.clone(),
        step: label(run.plan.as_ref(), handoff),
        agent: handoff.to.clone(),
        attempts: handoff.attempts,
        closing: closing.clone(),
        reason: closing.to_string(),
        payload: handoff.payload,
    })
}

/// The runs of the store in which something of this kind is open, oldest first.
pub(crate) async fn runs_with(store: &dyn Store, kind: &'static str) -> Result<Vec<Run>, Failure> {
    let mut runs: Vec<RunId> = Vec::new();
    let mut after: Option<(Tenant, RunId, Slot)> = None;
    loop {
        let page = store.open(Open { tenant: Some(Tenant::local()), kind: Some(kind), after, limit: PAGE, ..Open::default() }).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.tenant.clone(), last.run, last.slot));
        runs.extend(page.iter().map(|row| row.run));
    }
    runs.dedup();
    let mut states = Vec::with_capacity(runs.len());
    for run in runs {
        states.push(log::state(store, run).await?);
    }
    Ok(states)
}
