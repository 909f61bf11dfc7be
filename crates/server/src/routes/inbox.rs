//! Questions to people: listed, looked at, answered once.

use handclasp_core::blob::{BlobRef, Blobs};
use handclasp_core::command::{self, Asking, Command};
use handclasp_core::id::{AgentName, InterruptId};
use handclasp_core::refusal::Refusal;
use handclasp_core::run::{Interrupt, InterruptState, Slot};
use handclasp_core::{Reply, Run};
use handclasp_store::Open;
use serde::Deserialize as _;
use serde_json::Value;

use crate::call::{Call, unexpected};
use crate::problem::Problem;
use crate::routes::{contents, runs};
use crate::wire::{FindQuestions, Inbox, Question, QuestionState, Resolve, Resolved, Waiting};

pub(crate) async fn list(call: Call, find: FindQuestions) -> Result<Inbox, Problem> {
    let limit = runs::page(find.limit);
    let tenant = call.caller.tenant.clone();
    let open = Open {
        tenant: Some(tenant.clone()),
        run: find.run,
        kind: Some("inbox"),
        after: find.after.map(|after| (tenant, after.run, Slot::Interrupt(after.number))),
        limit,
        ..Open::default()
    };
    let rows = call.house.engine.store().open(open).await?;
    let full = rows.len() >= limit as usize;
    let ids = rows.into_iter().filter_map(|row| match row.slot {
        Slot::Interrupt(number) => Some(InterruptId { run: row.run, number }),
        _ => None,
    });
    let ids: Vec<InterruptId> = ids.collect();
    let after = full.then(|| ids.last().copied()).flatten();
    let mut questions = Vec::with_capacity(ids.len());
    for id in ids {
        // One that was answered a moment ago is none any more.
        questions.extend(question(&call, id).await?.filter(|question| question.state == QuestionState::Open));
    }
    Ok(Inbox { questions, after })
}

pub(crate) async fn show(call: Call, waiting: Waiting) -> Result<Question, Problem> {
    let id: InterruptId = call.path("interrupt")?;
    if waiting.wait_ms > 0 {
        let settled = |run: &Run| match run.interrupt(id) {
            Some(known) => (known.state != InterruptState::Open).then_some(()),
            None => Some(()),
        };
        let deadline = call.deadline(waiting.wait_ms);
        call.or_closing(call.house.engine.inspect_until(&call.caller.tenant, id.run, deadline, settled)).await?;
    }
    Ok(question(&call, id).await?.ok_or(Refusal::UnknownInterrupt(id))?)
}

async fn question(call: &Call, id: InterruptId) -> Result<Option<Question>, Problem> {
    let look = |run: &Run| run.interrupt(id).map(|one| (one.clone(), asker(run, one)));
    let Some((interrupt, from)) = call.house.engine.inspect(&call.caller.tenant, id.run, look).await?.flatten() else { return Ok(None) };
    let shown = contents::value_of(call, id.run, Some(interrupt.question.shown)).await?;
    let arguments = contents::value_of(call, id.run, arguments(interrupt.question.asking, shown.as_ref())).await?;
    let (state, answer) = match interrupt.state {
        InterruptState::Open => (QuestionState::Open, None),
        InterruptState::Withdrawn => (QuestionState::Withdrawn, None),
        InterruptState::Resolved(answer) => (QuestionState::Resolved, Some(contents::answer(call, id.run, answer).await?)),
    };
    Ok(Some(Question {
        interrupt: id,
        run: id.run,
        handoff: interrupt.handoff,
        from,
        asking: interrupt.question.asking,
        shown,
        digest: interrupt.question.shown.digest,
        arguments,
        options: interrupt.question.options,
        asked_at_ms: interrupt.asked_at,
        answer_by_ms: interrupt.answer_by,
        on_silence: interrupt.question.on_silence,
        state,
        answer,
    }))
}

/// What is shown of an effect names its arguments by reference: they are its, however large.
fn arguments(asking: Asking, shown: Option<&Value>) -> Option<BlobRef> {
    if asking != Asking::Reconciliation {
        return None;
    }
    BlobRef::deserialize(shown?.get("arguments")?).ok()
}

fn asker(run: &Run, interrupt: &Interrupt) -> Option<AgentName> {
    run.handoff(interrupt.handoff?).map(|handoff| handoff.to.clone())
}

pub(crate) async fn resolve(call: Call, said: Resolve) -> Result<Resolved, Problem> {
    let interrupt: InterruptId = call.path("interrupt")?;
    let mut blobs = Blobs::default();
    let answer = command::Answer { choice: said.choice, text: said.text.map(|text| blobs.json(&text)) };
    match call.submit(interrupt.run, Command::Resolve { interrupt, shown: said.shown, answer }, blobs).await? {
        Reply::Resolved { interrupt, answer } => Ok(Resolved { interrupt, answer: contents::answer(&call, interrupt.run, answer).await? }),
        other => Err(unexpected(&other)),
    }
}
