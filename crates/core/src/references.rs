//! What a command refers to: the contents that it names, and the handoff that its sender holds.
//!
//! The engine makes sure that the contents are there before the command is decided, so that no event
//! ever names a content that nobody has, and takes every command of a holder for a sign of life.

use crate::blob::BlobRef;
use crate::command::{Answer, Command, Completion, EffectOutcome, Open, Question, Verdict};
use crate::id::{HandoffId, Token};
use crate::offer::{By, Offer};

impl Command {
    /// The command's name, as it is written in requests and refusal logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Offer { .. } => "offer",
            Self::Claim { .. } => "claim",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Release { .. } => "release",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Progress { .. } => "progress",
            Self::Ask { .. } => "ask",
            Self::Resolve { .. } => "resolve",
            Self::EffectBegin { .. } => "effect_begin",
            Self::EffectFinish { .. } => "effect_finish",
            Self::EffectReconcile { .. } => "effect_reconcile",
            Self::Complete { .. } => "complete",
            Self::Fail { .. } => "fail",
            Self::Redrive { .. } => "redrive",
            Self::Cancel { .. } => "cancel",
            Self::LoseLease { .. } => "lose_lease",
            Self::Wake => "wake",
            Self::OpenChild { .. } => "open_child",
            Self::ChildClosed { .. } => "child_closed",
            Self::AcceptChange { .. } => "accept_change",
        }
    }

    /// The handoff that the sender holds, and the token that it shows: such a command is a sign of
    /// life like a heartbeat.
    pub fn held(&self) -> Option<(HandoffId, Token)> {
        match self {
            Self::Offer { by: By::Holder { handoff, token }, .. }
            | Self::Accept { handoff, token, .. }
            | Self::Decline { handoff, token, .. }
            | Self::Release { handoff, token }
            | Self::Heartbeat { handoff, token }
            | Self::Progress { handoff, token, .. }
            | Self::Ask { handoff, token, .. }
            | Self::EffectBegin { handoff, token, .. }
            | Self::EffectFinish { handoff, token, .. }
            | Self::EffectReconcile { handoff, token, .. }
            | Self::Complete { handoff, token, .. }
            | Self::Fail { handoff, token, .. }
            | Self::OpenChild { handoff, token, .. } => Some((*handoff, *token)),
            Self::Offer { by: By::Principal, .. }
            | Self::Open(_)
            | Self::Claim { .. }
            | Self::Resolve { .. }
            | Self::Redrive { .. }
            | Self::Cancel { .. }
            | Self::LoseLease { .. }
            | Self::Wake
            | Self::ChildClosed { .. }
            | Self::AcceptChange { .. } => None,
        }
    }

    /// Every content that the command names.
    pub fn contents(&self) -> Vec<BlobRef> {
        let mut named = Vec::new();
        match self {
            Self::Open(open) => opening(open, &mut named),
            Self::OpenChild { open, continuation, .. } => {
                opening(open, &mut named);
                named.extend(*continuation);
            }
            Self::Offer { offer, continuation, .. } => {
                offered(offer, &mut named);
                named.extend(*continuation);
            }
            Self::Ask { question, park, .. } => {
                asked(question, &mut named);
                named.extend(park.and_then(|park| park.continuation));
            }
            Self::Resolve { answer: Answer { text, .. }, .. } => named.extend(*text),
            Self::EffectBegin { arguments, .. } => named.push(*arguments),
            Self::EffectFinish { outcome, .. } | Self::EffectReconcile { outcome, .. } => happened(*outcome, &mut named),
            Self::Complete { completion, .. } => completed(completion, &mut named),
            Self::Redrive { payload, .. } => named.extend(*payload),
            // A child's result lies with the child; the engine brings it along.
            Self::ChildClosed { result, .. } => named.extend(*result),
            Self::Claim { .. }
            | Self::Accept { .. }
            | Self::Decline { .. }
            | Self::Release { .. }
            | Self::Heartbeat { .. }
            | Self::Progress { .. }
            | Self::Fail { .. }
            | Self::Cancel { .. }
            | Self::LoseLease { .. }
            | Self::Wake
            | Self::AcceptChange { .. } => {}
        }
        named
    }
}

fn opening(open: &Open, named: &mut Vec<BlobRef>) {
    named.extend([open.task, open.input]);
    named.extend(open.intent);
    named.extend(open.items.iter().map(|item| item.value));
    if let Some(first) = &open.first {
        offered(first, named);
    }
}

fn offered(offer: &Offer, named: &mut Vec<BlobRef>) {
    named.push(offer.payload);
}

fn asked(question: &Question, named: &mut Vec<BlobRef>) {
    named.push(question.shown);
}

fn happened(outcome: EffectOutcome, named: &mut Vec<BlobRef>) {
    if let EffectOutcome::Happened(result) = outcome {
        named.extend(result);
    }
}

fn completed(completion: &Completion, named: &mut Vec<BlobRef>) {
    named.push(completion.result);
    named.extend(completion.items.iter().map(|item| item.value));
    named.extend(completion.provenance);
    match &completion.verdict {
        Some(Verdict::Revise { feedback, .. }) => named.push(*feedback),
        Some(Verdict::SendBack { question, .. }) => named.push(*question),
        Some(Verdict::Approved { .. }) | None => {}
    }
    if let Some(next) = &completion.next {
        offered(next, named);
    }
}
