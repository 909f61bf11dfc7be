//! Puts a briefing together from the run and the contents.

use std::sync::Arc;

use handclasp_core::Run;
use handclasp_core::blob::{BlobRef, Digest};
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::directory::Directory;
use handclasp_core::event::Awaiting;
use handclasp_core::handoff::{Handoff, Phase};
use handclasp_core::ledger::Delivery;
use handclasp_core::run::InterruptState;
use serde_json::{Value, json};

use crate::{Answered, Asked, Briefing, Item, Returned};

/// The contents that a briefing for this handoff needs.
pub fn needed(run: &Run, handoff: &Handoff) -> Vec<Digest> {
    let mut needed = vec![run.task.digest, handoff.payload.digest];
    needed.extend(run.intent.map(|intent| intent.digest));
    needed.extend(handoff.continuation.map(|kept| kept.digest));
    needed.extend(handoff.returned.iter().filter_map(|returned| returned.result).map(|result| result.digest));
    for item in delivery(handoff).map_or(&[][..], |delivery| &delivery.carried) {
        needed.extend(run.ledger.item(*item).map(|item| item.content.value.digest));
    }
    for interrupt in handoff.asked.values().filter_map(|id| run.interrupt(*id)) {
        if let InterruptState::Resolved(answer) = &interrupt.state {
            needed.extend(answer.text.map(|text| text.digest));
        }
    }
    needed.sort();
    needed.dedup();
    needed
}

/// Puts the briefing together. `content` gives the bytes of a digest, or nothing if they were
/// erased: then the receiver is told so instead of being left to guess.
pub fn assemble(run: &Run, handoff: &Handoff, directory: &Directory, content: &dyn Fn(Digest) -> Option<Arc<[u8]>>) -> Briefing {
    let value = |blob: BlobRef| read(blob, content);
    let none = Delivery::default();
    let delivery = delivery(handoff).unwrap_or(&none);
    let contract = handoff.contract.as_ref().and_then(|id| directory.contract(id));
    let level = contract.map_or(ReadBackLevel::Off, |(contract, _)| contract.read_back);
    Briefing {
        run: run.id,
        handoff: handoff.id,
        agent: handoff.to.clone(),
        attempt: handoff.attempts,
        kind: handoff.kind,
        mode: handoff.mode,
        reason: handoff.reason.clone(),
        from: handoff.sender.clone(),
        task: value(run.task),
        intent: run.intent.map(value),
        payload: value(handoff.payload),
        contract: handoff.contract.clone(),
        returns: handoff.returns.clone(),
        acceptance: handoff.terms.acceptance.clone(),
        justification: handoff.terms.justification.clone(),
        items: items(run, delivery, &value),
        withheld: delivery.withheld.len(),
        returned: handoff.returned.iter().map(|returned| came_back(returned, &value)).collect(),
        continuation: handoff.continuation.map(value),
        answers: answers(run, handoff, &value),
        limits: handoff.limits,
        deadline_ms: handoff.finish_by,
        read_back: Asked {
            level,
            contract: handoff.contract.clone(),
            payload: Some(handoff.payload.digest),
            items: delivery.must_carry.iter().copied().collect(),
            criteria: (0..).take(handoff.terms.acceptance.len()).collect(),
        },
    }
}

fn delivery(handoff: &Handoff) -> Option<&Delivery> {
    match &handoff.phase {
        Phase::Claimed { delivery, .. } | Phase::Accepted { delivery, .. } => Some(delivery),
        _ => None,
    }
}

fn read(blob: BlobRef, content: &dyn Fn(Digest) -> Option<Arc<[u8]>>) -> Value {
    match content(blob.digest) {
        None => json!({ "erased": blob.digest }),
        Some(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())),
    }
}

fn items(run: &Run, delivery: &Delivery, value: &dyn Fn(BlobRef) -> Value) -> Vec<Item> {
    let mut items: Vec<Item> = delivery
        .carried
        .iter()
        .filter_map(|id| run.ledger.item(*id))
        .map(|item| Item {
            id: item.id,
            kind: item.content.kind,
            key: item.content.key.clone(),
            value: value(item.content.value),
            must_carry: delivery.must_carry.contains(&item.id),
            version: item.version,
            source: item.source.and_then(|source| run.handoff(source)).map(|source| source.to.clone()),
            confidence: item.content.confidence,
            stale: item.stale,
        })
        .collect();
    // What binds comes before what informs; within a kind, in the order in which it was said.
    items.sort_by_key(|item| handclasp_core::ledger::ItemKind::ALL.iter().position(|kind| *kind == item.kind));
    items
}

fn came_back(returned: &handclasp_core::handoff::Returned, value: &dyn Fn(BlobRef) -> Value) -> Returned {
    let (handoff, run) = match returned.from {
        Awaiting::Handoff(handoff) => (Some(handoff), None),
        Awaiting::Run(run) => (None, Some(run)),
        Awaiting::Answers => (None, None),
    };
    Returned { handoff, run, result: returned.result.map(value), error: returned.closing.as_ref().map(ToString::to_string) }
}

fn answers(run: &Run, handoff: &Handoff, value: &dyn Fn(BlobRef) -> Value) -> Vec<Answered> {
    let interrupts = handoff.asked.values().filter_map(|id| run.interrupt(*id));
    interrupts
        .filter_map(|interrupt| match &interrupt.state {
            InterruptState::Resolved(answer) => {
                Some(Answered { interrupt: interrupt.id, choice: answer.choice.clone(), text: answer.text.map(value) })
            }
            InterruptState::Open | InterruptState::Withdrawn => None,
        })
        .collect()
}
