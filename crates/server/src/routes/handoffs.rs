//! Handoffs: offered by whoever has the run, looked at, sent once more, stopped.

use handclasp_briefing::Briefing;
use handclasp_core::blob::{BlobRef, Blobs};
use handclasp_core::command::Command;
use handclasp_core::event::{Awaiting, Closing};
use handclasp_core::handoff::{self, Phase};
use handclasp_core::id::HandoffId;
use handclasp_core::offer::{By, Kind, Mode};
use handclasp_core::refusal::Refusal;
use handclasp_core::run::InterruptState;
use handclasp_core::{Reply, Run};

use crate::api::Nothing;
use crate::call::{Call, unexpected};
use crate::problem::Problem;
use crate::routes::contents;
use crate::wire::{Cancel, Done, Handoff, HandoffLine, OfferIn, Offered, PhaseName, Redrive, Waiting};

pub(crate) async fn offer(call: Call, said: OfferIn) -> Result<Offered, Problem> {
    let run = call.run()?;
    let mut blobs = Blobs::default();
    let offer = Box::new(said.offer(Kind::Route, "", &mut blobs)?);
    let command = Command::Offer { by: By::Principal, mode: Mode::Spawn, offer, continuation: None, ordinal: 0 };
    offered(call.submit(run, command, blobs).await?)
}

fn offered(reply: Reply) -> Result<Offered, Problem> {
    match reply {
        Reply::Offered { handoff } => Ok(Offered { handoff }),
        other => Err(unexpected(&other)),
    }
}

pub(crate) async fn show(call: Call, waiting: Waiting) -> Result<Handoff, Problem> {
    let handoff: HandoffId = call.path("handoff")?;
    let (engine, tenant) = (&call.house.engine, &call.caller.tenant);
    let look = |run: &Run| run.handoff(handoff).map(|handoff| view(run, handoff));
    if waiting.wait_ms > 0 {
        // A handoff that is not there is not waited for.
        let ended = |run: &Run| match look(run) {
            Some((view, _)) => view.over.then_some(()),
            None => Some(()),
        };
        call.or_closing(engine.inspect_until(tenant, handoff.run, call.deadline(waiting.wait_ms), ended)).await?;
    }
    let seen = engine.inspect(tenant, handoff.run, look).await?.flatten();
    let (mut view, result) = seen.ok_or(Refusal::UnknownHandoff(handoff))?;
    view.result = contents::value_of(&call, handoff.run, result).await?;
    Ok(view)
}

pub(crate) async fn briefing(call: Call, _: Nothing) -> Result<Briefing, Problem> {
    let handoff: HandoffId = call.path("handoff")?;
    let briefing = call.house.engine.briefing(&call.caller.tenant, handoff).await?;
    Ok(briefing.ok_or(Refusal::UnknownHandoff(handoff))?)
}

pub(crate) async fn redrive(call: Call, said: Redrive) -> Result<Offered, Problem> {
    let handoff: HandoffId = call.path("handoff")?;
    let mut blobs = Blobs::default();
    let payload = said.payload.map(|payload| blobs.json(&payload));
    offered(call.submit(handoff.run, Command::Redrive { handoff, payload, to: said.to }, blobs).await?)
}

pub(crate) async fn cancel(call: Call, said: Cancel) -> Result<Done, Problem> {
    let handoff: HandoffId = call.path("handoff")?;
    call.submit(handoff.run, Command::Cancel { handoff: Some(handoff), reason: said.reason }, Blobs::default()).await?;
    Ok(Done::YES)
}

/// A handoff in a list.
pub(crate) fn line(handoff: &handoff::Handoff) -> HandoffLine {
    HandoffLine {
        handoff: handoff.id,
        from: handoff.sender.clone(),
        to: handoff.to.clone(),
        phase: phase(&handoff.phase),
        attempts: handoff.attempts,
    }
}

fn phase(phase: &Phase) -> PhaseName {
    match phase {
        Phase::Offered { .. } => PhaseName::Offered,
        Phase::Claimed { .. } => PhaseName::Claimed,
        Phase::Accepted { .. } => PhaseName::Accepted,
        Phase::Waiting { .. } => PhaseName::Waiting,
        Phase::DeadLettered { .. } => PhaseName::DeadLettered,
        Phase::Completed { .. } => PhaseName::Completed,
        Phase::Ended { closing: Closing::Cancelled(_) } => PhaseName::Cancelled,
        Phase::Ended { closing: Closing::Declined(_) } => PhaseName::Declined,
        Phase::Ended { closing: Closing::Unanswered | Closing::Overdue | Closing::Unresolved(_) } => PhaseName::Expired,
        Phase::Ended { .. } => PhaseName::Failed,
    }
}

fn why(phase: &Phase) -> Option<String> {
    match phase {
        Phase::DeadLettered { closing } | Phase::Ended { closing } => Some(closing.to_string()),
        Phase::Waiting { awaiting: Awaiting::Handoff(handoff) } => Some(format!("waits for `{handoff}`")),
        Phase::Waiting { awaiting: Awaiting::Run(run) } => Some(format!("waits for `{run}`")),
        Phase::Waiting { awaiting: Awaiting::Answers } => Some("waits for answers".to_owned()),
        Phase::Offered { .. } | Phase::Claimed { .. } | Phase::Accepted { .. } | Phase::Completed { .. } => None,
    }
}

fn view(run: &Run, handoff: &handoff::Handoff) -> (Handoff, Option<BlobRef>) {
    let result = if let Phase::Completed { result, .. } = &handoff.phase { Some(*result) } else { None };
    // Also whether an effect happened, which the handoff itself never asked.
    let asked = run.interrupts().iter().filter(|one| one.handoff == Some(handoff.id));
    let view = Handoff {
        handoff: handoff.id,
        run: run.id,
        from: handoff.sender.clone(),
        to: handoff.to.clone(),
        mode: handoff.mode,
        kind: handoff.kind,
        reason: handoff.reason.clone(),
        phase: phase(&handoff.phase),
        over: handoff.phase.is_over() || matches!(handoff.phase, Phase::DeadLettered { .. }),
        why: why(&handoff.phase),
        result: None,
        contract: handoff.contract.clone(),
        returns: handoff.returns.clone(),
        payload: handoff.payload,
        attempts: handoff.attempts,
        held_by: handoff.phase.lease().map(|lease| lease.holder.clone()),
        offered_at_ms: handoff.offered_at,
        deadline_ms: handoff.finish_by,
        usage: handoff.usage,
        questions: asked.filter(|one| one.state == InterruptState::Open).map(|one| one.id).collect(),
    };
    (view, result)
}
