//! Opening runs, and runs inside runs.

use super::{Draft, bounds};
use crate::blob::{BlobRef, Blobs};
use crate::command::{AgentError, Command, Open, ParentLink, Pins, Request};
use crate::contract::Check;
use crate::event::{Awaiting, Event};
use crate::id::{BranchId, HandoffId, ItemId, RunId, Token};
use crate::limits::{Budget, Usage};
use crate::offer::Mode;
use crate::refusal::Refusal;
use crate::run::{Outcome, Reply, Run, World};

impl Run {
    /// Decides the first command of a run.
    pub(in crate::run) fn open(request: &Request, world: &World<'_>) -> Result<Outcome, Refusal> {
        let Command::Open(open) = &request.command else { return Err(Refusal::UnknownRun) };
        bounds::check(&request.command)?;
        let mut checks = Vec::new();
        for contract in open.plan.iter().flat_map(crate::plan::Plan::contracts) {
            let Some((_, digest)) = world.directory.contract(&contract) else {
                return Err(Refusal::UnknownContract((&contract).into()));
            };
            if open.pins.contracts.get(&contract).is_some_and(|pinned| *pinned != digest) {
                return Err(Refusal::DefinitionChanged { what: format!("contract `{contract}`") });
            }
            let Some(violations) = world.verdicts.get(digest, open.input.digest) else {
                return Err(Refusal::Unchecked { what: "input", contract });
            };
            checks.push(Check { contract, violations: violations.to_vec() });
        }
        let run = request.run;
        let branch = BranchId { run, number: 1 };
        let mut events = vec![
            Event::RunOpened {
                run,
                tenant: request.tenant.clone(),
                principal: request.principal.clone(),
                open: Box::new(Open { items: Vec::new(), first: None, ..(**open).clone() }),
                checks,
            },
            Event::BranchOpened { branch, from: None },
        ];
        for (number, content) in (1..).zip(&open.items) {
            if let Some(later) = content.derived_from.iter().find(|from| from.run != run || from.number == 0 || from.number >= number) {
                return Err(Refusal::UnknownItem(*later));
            }
            events.push(Event::ItemAdded { item: ItemId { run, number }, branch, source: None, content: content.clone() });
        }
        let mut first = None;
        if let Some(offer) = &open.first {
            let mut scratch = None;
            for event in &events {
                Self::evolve(&mut scratch, event, world.now).expect("an opening can be applied");
            }
            let scratch = scratch.expect("the first event opens the run");
            let mut draft = Draft::new(&scratch, world);
            let handoff = draft.hand_out(&opened(branch, offer))?;
            first = Some(handoff);
            events.append(&mut draft.events);
        }
        Ok(Outcome { events, reply: Reply::Opened { run, first }, blobs: Blobs::default() })
    }
}

/// The principal's own offer in a branch that exists already.
pub(in crate::run) fn opened(branch: BranchId, offer: &crate::offer::Offer) -> super::offer::Handing<'_> {
    super::offer::Handing::of(offer, None, Mode::Transfer, branch)
}

impl Draft<'_> {
    /// Sets a budget aside and parks the sender until the child run has ended.
    pub(super) fn open_child(
        &mut self,
        id: HandoffId,
        token: Token,
        child: RunId,
        reserve: Budget,
        continuation: Option<BlobRef>,
        open: &Open,
    ) -> Result<Reply, Refusal> {
        let (handoff, _) = self.run.accepted(id, token, "parked")?;
        self.nothing_in_flight(handoff)?;
        if self.run.children.contains_key(&child) || child == self.run.id {
            return Err(Refusal::AlreadyOpen);
        }
        self.run.check_depth(Some(handoff), 1)?;
        self.run.check_again(handoff, None, self.ahead)?;
        self.run.check_budget(Some(handoff), &reserve, &self.spent)?;
        let limits = open.limits.narrowed(&self.run.inherited(handoff, &reserve, self.world.now));
        let open = Open { limits, parent: Some(ParentLink { handoff: id, reserve }), ..open.clone() };
        self.events.push(Event::ChildReserved { child, handoff: id, reserve, open: Box::new(open) });
        self.events.push(Event::HandoffParked { handoff: id, awaiting: Awaiting::Run(child), continuation });
        Ok(Reply::Done)
    }

    /// Settles a child's budget and gives the sender its work back.
    pub(super) fn child_closed(
        &mut self,
        child: RunId,
        usage: Usage,
        result: Option<BlobRef>,
        error: Option<&AgentError>,
    ) -> Result<Reply, Refusal> {
        let known = self.run.children.get(&child).ok_or(Refusal::UnknownRun)?;
        if known.settled {
            return Ok(Reply::Done);
        }
        self.events.push(Event::ChildSettled { child, usage, result, error: error.cloned() });
        let waits = self.run.handoff(known.handoff).is_some_and(
            |handoff| matches!(handoff.phase, crate::handoff::Phase::Waiting { awaiting: Awaiting::Run(run) } if run == child),
        );
        if waits && self.run.outcome.is_none() {
            self.events.push(Event::HandoffReturned { handoff: known.handoff });
        }
        Ok(Reply::Done)
    }

    /// Goes on with other definitions.
    pub(super) fn accept_change(&mut self, pins: &Pins) -> Reply {
        if *pins != self.run.pins {
            self.events.push(Event::PinsChanged { pins: pins.clone() });
        }
        Reply::Done
    }
}
