//! Dead letters: listed, and sent once more, one or many.

use handclasp_core::Run;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::Command;
use handclasp_core::event::Closing;
use handclasp_core::handoff::{Handoff, Phase};
use handclasp_core::id::{AgentName, HandoffId, IdempotencyKey, RunId};
use handclasp_core::run::Slot;
use handclasp_store::Open;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::limits;
use crate::problem::Problem;
use crate::routes::runs;
use crate::wire::{DeadLetter, DeadLetters, FindDeadLetters, NotRedriven, RedriveMany, Redriven};

/// Rows that one request looks at, however few of them are wanted.
const ROWS_MAX: u32 = 5_000;

pub(crate) async fn list(call: Call, find: FindDeadLetters) -> Result<DeadLetters, Problem> {
    let limit = runs::page(find.limit) as usize;
    let wanted = |letter: &DeadLetter| find.agent.as_ref().is_none_or(|agent| letter.to == *agent);
    let (dead_letters, after) = letters(&call, find.run, find.after, limit, wanted).await?;
    Ok(DeadLetters { dead_letters, after })
}

/// The dead letters that are wanted, and where to go on if there may be more.
async fn letters(
    call: &Call,
    run: Option<RunId>,
    mut after: Option<HandoffId>,
    limit: usize,
    wanted: impl Fn(&DeadLetter) -> bool,
) -> Result<(Vec<DeadLetter>, Option<HandoffId>), Problem> {
    let mut found = Vec::new();
    let mut looked_at = 0;
    loop {
        let tenant = call.caller.tenant.clone();
        let from = after.map(|after| (tenant.clone(), after.run, Slot::Handoff(after.number)));
        let open = Open { tenant: Some(tenant), run, kind: Some("dead_letter"), after: from, limit: limits::PAGE_MAX, ..Open::default() };
        let rows = call.house.engine.store().open(open).await?;
        for row in &rows {
            let Slot::Handoff(number) = row.slot else { continue };
            if found.len() >= limit || looked_at >= ROWS_MAX {
                return Ok((found, after));
            }
            let id = HandoffId { run: row.run, number };
            looked_at += 1;
            after = Some(id);
            found.extend(letter(call, id).await?.filter(&wanted));
        }
        if rows.len() < limits::PAGE_MAX as usize {
            return Ok((found, None));
        }
    }
}

async fn letter(call: &Call, id: HandoffId) -> Result<Option<DeadLetter>, Problem> {
    let look = |run: &Run| run.handoff(id).and_then(view);
    Ok(call.house.engine.inspect(&call.caller.tenant, id.run, look).await?.flatten())
}

/// Nothing if it was redriven a moment ago.
fn view(handoff: &Handoff) -> Option<DeadLetter> {
    let Phase::DeadLettered { closing } = &handoff.phase else { return None };
    Some(DeadLetter {
        handoff: handoff.id,
        to: handoff.to.clone(),
        why: closing.to_string(),
        hint: if let Closing::Failed(error) = closing { error.hint.clone() } else { None },
        attempts: handoff.attempts,
        offered_at_ms: handoff.offered_at,
    })
}

pub(crate) async fn redrive(call: Call, said: RedriveMany) -> Result<Redriven, Problem> {
    // Which ones is said once per key, and each has a key of its own made from it: whoever repeats the
    // request, after whatever failure, sends the same ones and none of them twice.
    let chosen = call.once(&("redrive", &said), choose(&call, &said)).await?;
    let mut redriven = Redriven { redriven: Vec::new(), refused: Vec::new(), more: chosen.more };
    for handoff in chosen.handoffs {
        match once_more(&call, handoff, said.to.clone()).await {
            Ok(()) => redriven.redriven.push(handoff),
            // The store is gone, or the door is closing: what was done is done, and found so next time.
            Err(problem) if problem.status >= 500 => return Err(problem),
            Err(problem) => {
                redriven.refused.push(NotRedriven { handoff, code: problem.code, detail: problem.detail });
            }
        }
    }
    Ok(redriven)
}

/// The dead letters that one request is about.
#[derive(Serialize, Deserialize)]
struct Chosen {
    handoffs: Vec<HandoffId>,
    /// There may be others.
    more: bool,
}

async fn choose(call: &Call, said: &RedriveMany) -> Result<Chosen, Problem> {
    let limit = said.limit.unwrap_or(limits::PAGE_MAX).clamp(1, limits::PAGE_MAX) as usize;
    let wanted = |letter: &DeadLetter| {
        said.agent.as_ref().is_none_or(|agent| letter.to == *agent)
            && said.why_contains.as_ref().is_none_or(|text| letter.why.contains(text.as_str()))
    };
    let (letters, after) = letters(call, said.run, None, limit, wanted).await?;
    Ok(Chosen { handoffs: letters.into_iter().map(|letter| letter.handoff).collect(), more: after.is_some() })
}

async fn once_more(call: &Call, handoff: HandoffId, to: Option<AgentName>) -> Result<(), Problem> {
    let mut request = call.request(handoff.run, Command::Redrive { handoff, payload: None, to })?;
    request.key = request.key.as_ref().map(|key| key_for(key, handoff));
    call.house.engine.submit(request, Blobs::default()).await?;
    Ok(())
}

/// The key under which one of many is sent: made from the caller's, and as long for any of them.
fn key_for(key: &IdempotencyKey, handoff: HandoffId) -> IdempotencyKey {
    let digest = Digest::of(format!("{key}/{handoff}").as_bytes());
    format!("redrive-{digest}").parse().expect("a digest has visible characters")
}
