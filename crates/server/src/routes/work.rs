//! What the holder of a handoff says. Each is one command under the token of its claim.

use handclasp_core::Reply;
use handclasp_core::blob::{BlobRef, Blobs};
use handclasp_core::command::{Command, EffectOutcome};
use handclasp_core::id::HandoffId;
use handclasp_core::offer::{By, Kind};
use serde_json::Value;

use crate::call::{Call, unexpected};
use crate::problem::Problem;
use crate::routes::contents;
use crate::wire::{
    Accept, Ask, Asked, Complete, Completed, Decline, Done, Effect, EffectBegin, EffectEnd, Fail, HandOut, Held, Offered, Progress, effect,
};

async fn done(call: &Call, handoff: HandoffId, command: Command) -> Result<Done, Problem> {
    call.submit(handoff.run, command, Blobs::default()).await?;
    Ok(Done::YES)
}

pub(crate) async fn accept(call: Call, said: Accept) -> Result<Done, Problem> {
    let handoff = call.held().await?;
    let token = said.token;
    done(&call, handoff, Command::Accept { handoff, token, read_back: said.read_back() }).await
}

pub(crate) async fn decline(call: Call, said: Decline) -> Result<Done, Problem> {
    let handoff = call.held().await?;
    done(&call, handoff, Command::Decline { handoff, token: said.token, reason: said.reason }).await
}

pub(crate) async fn release(call: Call, said: Held) -> Result<Done, Problem> {
    let handoff = call.held().await?;
    done(&call, handoff, Command::Release { handoff, token: said.token }).await
}

pub(crate) async fn heartbeat(call: Call, said: Held) -> Result<Done, Problem> {
    let handoff = call.held().await?;
    done(&call, handoff, Command::Heartbeat { handoff, token: said.token }).await
}

pub(crate) async fn progress(call: Call, said: Progress) -> Result<Done, Problem> {
    let handoff = call.held().await?;
    let token = said.token;
    done(&call, handoff, Command::Progress { handoff, token, state: said.state() }).await
}

pub(crate) async fn ask(call: Call, said: Ask) -> Result<Asked, Problem> {
    let handoff = call.held().await?;
    let token = said.token;
    let mut blobs = Blobs::default();
    let (question, ordinal, park) = said.question(&mut blobs);
    match call.submit(handoff.run, Command::Ask { handoff, token, question, ordinal, park }, blobs).await? {
        Reply::Asked { interrupt, answer } => {
            let answer = match answer {
                Some(answer) => Some(contents::answer(&call, handoff.run, answer).await?),
                None => None,
            };
            Ok(Asked { interrupt, answer })
        }
        other => Err(unexpected(&other)),
    }
}

pub(crate) async fn effect_begin(call: Call, said: EffectBegin) -> Result<Effect, Problem> {
    let handoff = call.held().await?;
    let EffectBegin { token, name, key, ordinal, arguments, reconcile } = said;
    let mut blobs = Blobs::default();
    let arguments = blobs.json(&arguments);
    let command = Command::EffectBegin { handoff, token, effect: effect(name, key, ordinal), arguments, reconcile };
    settled(&call, handoff, command, blobs).await
}

pub(crate) async fn effect_finish(call: Call, said: EffectEnd) -> Result<Effect, Problem> {
    let handoff = call.held().await?;
    let mut blobs = Blobs::default();
    let outcome = said.outcome(&mut blobs);
    let command = Command::EffectFinish { handoff, token: said.token, effect: effect(said.name, said.key, said.ordinal), outcome };
    settled(&call, handoff, command, blobs).await
}

pub(crate) async fn effect_reconcile(call: Call, said: EffectEnd) -> Result<Effect, Problem> {
    let handoff = call.held().await?;
    let mut blobs = Blobs::default();
    let outcome = said.outcome(&mut blobs);
    let command = Command::EffectReconcile { handoff, token: said.token, effect: effect(said.name, said.key, said.ordinal), outcome };
    settled(&call, handoff, command, blobs).await
}

async fn settled(call: &Call, handoff: HandoffId, command: Command, blobs: Blobs) -> Result<Effect, Problem> {
    match call.submit(handoff.run, command, blobs).await? {
        Reply::EffectProceed { .. } => Ok(Effect { proceed: true, happened: None, result: None }),
        Reply::EffectKnown { outcome, .. } => known(call, handoff, outcome).await,
        Reply::Done => Ok(Effect { proceed: false, happened: None, result: None }),
        other => Err(unexpected(&other)),
    }
}

async fn known(call: &Call, handoff: HandoffId, outcome: EffectOutcome) -> Result<Effect, Problem> {
    Ok(match outcome {
        EffectOutcome::DidNotHappen => Effect { proceed: false, happened: Some(false), result: None },
        EffectOutcome::Happened(result) => {
            Effect { proceed: false, happened: Some(true), result: contents::value_of(call, handoff.run, result).await? }
        }
    })
}

pub(crate) async fn hand_out(call: Call, said: HandOut) -> Result<Offered, Problem> {
    let handoff = call.held().await?;
    let mut blobs = Blobs::default();
    let continuation: Option<BlobRef> = said.continuation.as_ref().map(|kept: &Value| blobs.json(kept));
    let offer = Box::new(said.offer.offer(Kind::Delegate, "/offer", &mut blobs)?);
    let by = By::Holder { handoff, token: said.token };
    let command = Command::Offer { by, mode: said.mode.into(), offer, continuation, ordinal: said.ordinal };
    match call.submit(handoff.run, command, blobs).await? {
        Reply::Offered { handoff } => Ok(Offered { handoff }),
        other => Err(unexpected(&other)),
    }
}

pub(crate) async fn complete(call: Call, said: Complete) -> Result<Completed, Problem> {
    let handoff = call.held().await?;
    let token = said.token;
    let mut blobs = Blobs::default();
    let completion = Box::new(said.completion(&mut blobs)?);
    match call.submit(handoff.run, Command::Complete { handoff, token, completion }, blobs).await? {
        Reply::Completed { handoff, next, result } => Ok(Completed { handoff, next, result: result.digest }),
        other => Err(unexpected(&other)),
    }
}

pub(crate) async fn fail(call: Call, said: Fail) -> Result<Done, Problem> {
    let handoff = call.held().await?;
    let token = said.token;
    let (error, usage) = said.error();
    done(&call, handoff, Command::Fail { handoff, token, error, usage }).await
}
