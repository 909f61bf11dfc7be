//! Which command is allowed when, and what it brings about.
//!
//! This file is the switchboard: it checks what holds for every command and names the function that
//! decides it. The functions lie beside it, by what they are about.

mod ask;
mod bounds;
mod effect;
mod finish;
mod hold;
mod offer;
mod open;
mod room;
mod stop;
mod wake;

use std::collections::BTreeSet;

use super::{Outcome, Reply, Run, World};
use crate::blob::{BlobRef, Blobs, Digest};
use crate::command::{Command, Request};
use crate::contract::{ContractId, ContractRange};
use crate::directory::Directory;
use crate::event::Event;
use crate::handoff::{Handoff, Lease, Phase};
use crate::id::{AgentName, BranchId, HandoffId, InterruptId, ItemId, Token};
use crate::limits::Usage;
use crate::offer::{Mode, Offer};
use crate::refusal::Refusal;

pub(super) use self::offer::Handing;

impl Run {
    /// Says what a command would bring about, without doing it.
    pub fn decide(&self, request: &Request, world: &World<'_>) -> Result<Outcome, Refusal> {
        if request.tenant != self.tenant {
            return Err(Refusal::OtherTenant);
        }
        bounds::check(&request.command)?;
        if self.outcome.is_some() && !outlives_the_run(&request.command) {
            return self.after_the_end(&request.command);
        }
        let mut draft = Draft::new(self, world);
        let reply = match &request.command {
            Command::Open(_) => Err(Refusal::AlreadyOpen),
            Command::Offer { by, mode, offer, continuation, ordinal } => draft.offer(*by, *mode, offer, *continuation, *ordinal),
            Command::Claim { handoff, by, holder, accept } => draft.claim(*handoff, by, holder, accept.as_ref()),
            Command::Accept { handoff, token, read_back } => draft.accept(*handoff, *token, read_back),
            Command::Decline { handoff, token, reason } => draft.decline(*handoff, *token, reason),
            Command::Release { handoff, token } => draft.release(*handoff, *token),
            Command::Heartbeat { handoff, token } => self.held(*handoff, *token, "kept alive").map(|_| Reply::Done),
            Command::Progress { handoff, token, state } => draft.progress(*handoff, *token, state),
            Command::Ask { handoff, token, question, ordinal, park } => draft.ask(*handoff, *token, question, *ordinal, *park),
            Command::Resolve { interrupt, shown, answer } => draft.resolve(*interrupt, *shown, answer, &request.principal),
            Command::EffectBegin { handoff, token, effect, arguments, reconcile } => {
                draft.effect_begin(*handoff, *token, effect, *arguments, *reconcile)
            }
            Command::EffectFinish { handoff, token, effect, outcome } => draft.effect_finish(*handoff, *token, effect, *outcome),
            Command::EffectReconcile { handoff, token, effect, outcome } => draft.effect_reconcile(*handoff, *token, effect, *outcome),
            Command::Complete { handoff, token, completion } => draft.complete(*handoff, *token, completion),
            Command::Fail { handoff, token, error, usage } => draft.fail(*handoff, *token, error, usage),
            Command::Redrive { handoff, payload, to } => draft.redrive(*handoff, *payload, to.as_ref()),
            Command::Cancel { handoff, reason } => draft.cancel(*handoff, reason),
            Command::LoseLease { handoff, token, reason } => draft.lose_lease(*handoff, *token, reason),
            Command::Wake => Ok(draft.wake()),
            Command::OpenChild { handoff, token, child, reserve, continuation, open } => {
                draft.open_child(*handoff, *token, *child, *reserve, *continuation, open)
            }
            Command::ChildClosed { child, usage, result, error } => draft.child_closed(*child, *usage, *result, error.as_ref()),
            Command::AcceptChange { pins } => Ok(draft.accept_change(pins)),
        }?;
        Ok(Outcome { events: draft.events, reply, blobs: draft.blobs })
    }

    /// A late answer to a closed run still gets the outcome that was kept.
    fn after_the_end(&self, command: &Command) -> Result<Outcome, Refusal> {
        match command {
            Command::Complete { handoff, token, .. } => match &self.find(*handoff)?.phase {
                Phase::Completed { result, token: kept } if kept == token => Ok(Outcome::nothing(self.kept_result(*handoff, *result))),
                _ => Err(Refusal::RunClosed),
            },
            Command::Resolve { interrupt, .. } => match self.interrupt(*interrupt) {
                Some(super::Interrupt { state: super::InterruptState::Resolved(answer), .. }) => {
                    Ok(Outcome::nothing(Reply::Resolved { interrupt: *interrupt, answer: answer.clone() }))
                }
                _ => Err(Refusal::RunClosed),
            },
            _ => Err(Refusal::RunClosed),
        }
    }

    /// What whoever completed a handoff was told.
    fn kept_result(&self, id: HandoffId, result: BlobRef) -> Reply {
        let next = self.handoffs.iter().find(|next| next.from == Some(id) && next.mode == Mode::Transfer).map(|next| next.id);
        Reply::Completed { handoff: id, next, result }
    }

    /// The handoff and its lease, if `token` is the one of the present claim (law 4).
    fn held(&self, id: HandoffId, token: Token, asked: &'static str) -> Result<(&Handoff, &Lease), Refusal> {
        let handoff = self.find(id)?;
        match &handoff.phase {
            Phase::Claimed { lease, .. } | Phase::Accepted { lease, .. } if lease.token == token => Ok((handoff, lease)),
            Phase::Claimed { lease, .. } | Phase::Accepted { lease, .. } => Err(Refusal::StaleLease { held_by: Some(lease.by.clone()) }),
            Phase::Offered { .. } | Phase::Waiting { .. } => Err(Refusal::StaleLease { held_by: None }),
            Phase::DeadLettered { .. } | Phase::Completed { .. } | Phase::Ended { .. } => {
                Err(Refusal::WrongPhase { phase: handoff.phase.name(), asked })
            }
        }
    }

    /// As [`Self::held`], for what only an accepted handoff can do.
    fn accepted(&self, id: HandoffId, token: Token, asked: &'static str) -> Result<(&Handoff, &Lease), Refusal> {
        let (handoff, lease) = self.held(id, token, asked)?;
        match handoff.phase {
            Phase::Accepted { .. } => Ok((handoff, lease)),
            _ => Err(Refusal::WrongPhase { phase: handoff.phase.name(), asked }),
        }
    }
}

/// What must reach a run even after it has ended.
fn outlives_the_run(command: &Command) -> bool {
    matches!(command, Command::ChildClosed { .. } | Command::Wake)
}

/// Events in the making, with the numbers that they use up.
pub(super) struct Draft<'a> {
    run: &'a Run,
    world: &'a World<'a>,
    pub(super) events: Vec<Event>,
    pub(super) blobs: Blobs,
    handoffs: u32,
    branches: u32,
    items: u32,
    interrupts: u32,
    /// What the holder says it has spent, before that is applied.
    spent: Usage,
    /// Claims that this draft makes possible, beside the ones that were possible before.
    ahead: u64,
    /// The agent whose place this commit frees: the sender of work that it passes on.
    pub(super) leaves: Option<AgentName>,
    /// Handoffs that this draft has taken out of the phase that the run shows.
    moved: BTreeSet<HandoffId>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(run: &'a Run, world: &'a World<'a>) -> Self {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Self {
            run,
            world,
            events: Vec::new(),
            blobs: Blobs::default(),
            handoffs: count(run.handoffs.len()),
            branches: count(run.branches.len()),
            items: count(run.ledger.len()),
            interrupts: count(run.interrupts.len()),
            spent: Usage::default(),
            ahead: 0,
            leaves: None,
            moved: BTreeSet::new(),
        }
    }

    /// The run as it is before this draft.
    pub(super) fn run(&self) -> &'a Run {
        self.run
    }

    fn new_handoff(&mut self) -> HandoffId {
        self.handoffs += 1;
        HandoffId { run: self.run.id, number: self.handoffs }
    }

    fn new_branch(&mut self) -> BranchId {
        self.branches += 1;
        BranchId { run: self.run.id, number: self.branches }
    }

    pub(super) fn new_item(&mut self) -> ItemId {
        self.items += 1;
        ItemId { run: self.run.id, number: self.items }
    }

    fn new_interrupt(&mut self) -> InterruptId {
        self.interrupts += 1;
        InterruptId { run: self.run.id, number: self.interrupts }
    }
}

/// Whether a definition is still the one that the run was opened with.
fn unchanged(what: impl FnOnce() -> String, pinned: Option<&Digest>, now: Digest) -> Result<(), Refusal> {
    match pinned {
        Some(pinned) if *pinned != now => Err(Refusal::DefinitionChanged { what: what() }),
        _ => Ok(()),
    }
}

/// The pairs of contract and content that a command must have been checked for.
pub(super) fn wanted_checks(run: Option<&Run>, command: &Command, directory: &Directory) -> Vec<(ContractId, Digest)> {
    let mut wanted = Vec::new();
    let mut in_range = |range: &ContractRange, payload: Digest| {
        wanted.extend(
            directory.contracts().filter(|(contract, _)| range.takes(&contract.id)).map(|(contract, _)| (contract.id.clone(), payload)),
        );
    };
    let mut offer = |offer: &Offer| {
        if let Some(range) = &offer.contract {
            in_range(range, offer.payload.digest);
        }
    };
    match command {
        Command::Open(open) | Command::OpenChild { open, .. } => {
            if let Some(first) = &open.first {
                offer(first);
            }
            if let Some(plan) = &open.plan {
                wanted.extend(plan.contracts().into_iter().map(|contract| (contract, open.input.digest)));
            }
        }
        Command::Offer { offer: offered, .. } => offer(offered),
        Command::Claim { handoff, .. } => {
            if let Some(handoff) = run.and_then(|run| run.handoff(*handoff))
                && let Some(contract) = &handoff.contract
            {
                wanted.push((contract.clone(), handoff.payload.digest));
            }
        }
        Command::Complete { handoff, completion, .. } => {
            if let Some(next) = &completion.next {
                offer(next);
            }
            let Some(run) = run else { return wanted };
            let Some(handoff) = run.handoff(*handoff) else { return wanted };
            wanted.extend(handoff.returns.iter().map(|contract| (contract.clone(), completion.result.digest)));
            if let (Some(plan), Some(_)) = (&run.plan, &handoff.place) {
                wanted.extend(plan.contracts().into_iter().map(|contract| (contract, completion.result.digest)));
            }
        }
        Command::Redrive { handoff, payload, .. } => {
            if let Some(handoff) = run.and_then(|run| run.handoff(*handoff))
                && let Some(contract) = &handoff.contract
            {
                wanted.push((contract.clone(), payload.unwrap_or(handoff.payload).digest));
            }
        }
        _ => {}
    }
    wanted
}
