//! Handing work out: who gets it, on which contract, within which limits.

use std::sync::Arc;

use super::{Draft, unchanged};
use crate::blob::BlobRef;
use crate::contract::{Check, ContractId, ContractRange};
use crate::directory::Agent;
use crate::event::{Awaiting, Closing, Event, Offered};
use crate::handoff::{Handoff, Phase};
use crate::id::{AgentName, BranchId, HandoffId};
use crate::limits::Budget;
use crate::offer::{By, Kind, Mode, Offer, Receiver};
use crate::plan::Place;
use crate::refusal::Refusal;
use crate::run::Reply;
use crate::time::Millis;

/// An offer with everything that says where it belongs.
pub(in crate::run) struct Handing<'a> {
    pub(in crate::run) offer: &'a Offer,
    pub(in crate::run) sender: Option<&'a Handoff>,
    pub(in crate::run) mode: Mode,
    pub(in crate::run) branch: BranchId,
    pub(in crate::run) place: Option<Place>,
    pub(in crate::run) ordinal: Option<u32>,
    /// What is known about the payload from earlier.
    pub(in crate::run) checks: &'a [Check],
    /// Why this receiver is on record without a word of the sender: the plan names it, it gets its own work
    /// back, or a person sends it there.
    pub(in crate::run) justified: bool,
}

impl<'a> Handing<'a> {
    /// An offer of somebody who has to answer for it, outside any plan.
    pub(in crate::run) fn of(offer: &'a Offer, sender: Option<&'a Handoff>, mode: Mode, branch: BranchId) -> Self {
        Self { offer, sender, mode, branch, place: None, ordinal: None, checks: &[], justified: false }
    }
}

/// What the sender had left open, settled.
pub(super) struct Settled {
    pub(super) to: AgentName,
    pub(super) contract: Option<ContractId>,
    pub(super) returns: Option<ContractId>,
    pub(super) instead_of: Option<AgentName>,
}

impl Draft<'_> {
    /// Decides `offer`.
    pub(super) fn offer(
        &mut self,
        by: By,
        mode: Mode,
        offer: &Offer,
        continuation: Option<BlobRef>,
        ordinal: u32,
    ) -> Result<Reply, Refusal> {
        let handoff = match by {
            By::Principal => {
                // It leaves the first branch, so that the task's constraints reach it (law 8) and what
                // it leaves open is seen at the end (law 7).
                let from = self.run.branches.first().map(|first| first.id);
                let branch = self.new_branch();
                self.events.push(Event::BranchOpened { branch, from });
                self.hand_out(&Handing::of(offer, None, Mode::Spawn, branch))?
            }
            By::Holder { handoff, token } => {
                let (sender, _) = self.run.accepted(handoff, token, "handed on")?;
                match mode {
                    Mode::Transfer => {
                        return Err(Refusal::BadField {
                            field: "mode",
                            problem: "a transfer ends the sender's turn: use `complete` with `next`",
                        });
                    }
                    Mode::Delegate => {
                        self.nothing_in_flight(sender)?;
                        self.leaves = Some(sender.to.clone());
                        let child = self.hand_out(&Handing::of(offer, Some(sender), mode, sender.branch))?;
                        self.events.push(Event::HandoffParked { handoff, awaiting: Awaiting::Handoff(child), continuation });
                        child
                    }
                    Mode::Spawn => {
                        if let Some(spawned) = sender.spawned.get(&ordinal) {
                            return Ok(Reply::Offered { handoff: self.spawned_before(*spawned, offer)? });
                        }
                        let branch = self.new_branch();
                        self.events.push(Event::BranchOpened { branch, from: Some(sender.branch) });
                        self.hand_out(&Handing { ordinal: Some(ordinal), ..Handing::of(offer, Some(sender), mode, branch) })?
                    }
                }
            }
        };
        Ok(Reply::Offered { handoff })
    }

    /// A second attempt spawns what the first one spawned: the first one counts (law 5).
    fn spawned_before(&mut self, spawned: HandoffId, offer: &Offer) -> Result<HandoffId, Refusal> {
        let first = self.run.find(spawned)?;
        if first.payload.digest != offer.payload.digest {
            self.events.push(Event::DivergenceNoted {
                handoff: spawned,
                what: "spawn".to_owned(),
                kept: first.payload.digest,
                ignored: offer.payload.digest,
            });
        }
        Ok(spawned)
    }

    /// Checks an offer against everything and adds it to the draft.
    pub(in crate::run) fn hand_out(&mut self, handing: &Handing<'_>) -> Result<HandoffId, Refusal> {
        let first = self.settled(handing, self.receiver(handing.offer)?, handing.offer.contract.as_ref())?;
        let settled = self.with_room(handing, first)?;
        Ok(self.push_offered(handing, settled))
    }

    /// What an offer would come to at this agent, if nothing stands in its way.
    pub(super) fn settled(&self, handing: &Handing<'_>, agent: &Arc<Agent>, contract: Option<&ContractRange>) -> Result<Settled, Refusal> {
        let contract = contract.map(|range| self.contract_for(agent, range)).transpose()?;
        self.fits(agent, contract.as_ref(), handing)?;
        let returns = handing.offer.terms.returns.as_ref().map(|range| self.newest(range)).transpose()?;
        self.run.check_offer(handing.sender, &agent.name, handing.mode, self.ahead)?;
        self.run.check_budget(handing.sender, &Budget::default(), &self.spent)?;
        self.run.check_circle(handing.sender, &agent.name, handing.offer, self.items as usize)?;
        Ok(Settled { to: agent.name.clone(), contract, returns, instead_of: None })
    }

    /// As [`Self::hand_out`], but what cannot be handed out becomes a dead letter with the refusal as
    /// its reason: the result that led here is kept, and a person sees why nothing moves (law 1).
    pub(in crate::run) fn hand_out_or_keep(&mut self, handing: &Handing<'_>) -> HandoffId {
        match self.hand_out(handing) {
            Ok(handoff) => handoff,
            Err(refusal) => {
                let to = match &handing.offer.to {
                    Receiver::Agent(name) => name.clone(),
                    Receiver::Capability(wanted) => {
                        let anybody = self.world.directory.agents().find(|agent| agent.capabilities.contains(wanted));
                        anybody.map_or_else(
                            || wanted.as_str().parse().expect("capabilities and agents are named alike"),
                            |agent| agent.name.clone(),
                        )
                    }
                };
                // The version stays pinned even if nobody knows it just now: a redrive checks it again.
                let exact =
                    |range: &Option<ContractRange>| range.as_ref().and_then(|range| self.newest(range).ok().or_else(|| range.exact()));
                let (contract, returns) = (exact(&handing.offer.contract), exact(&handing.offer.terms.returns));
                let handoff = self.push_offered(handing, Settled { to, contract, returns, instead_of: None });
                self.events.push(Event::DeadLettered { handoff, closing: Closing::not_offered(&refusal) });
                handoff
            }
        }
    }

    fn push_offered(&mut self, handing: &Handing<'_>, settled: Settled) -> HandoffId {
        let Settled { to, contract, returns, instead_of } = settled;
        let now = self.world.now;
        let terms = &handing.offer.terms;
        let limits = handing.sender.map_or(terms.limits, |sender| sender.limits.narrowed(&terms.limits));
        let finish_by = [
            terms.finish_within_ms.map(|within| now + within),
            terms.limits.time_ms.map(|time| now + Millis(time)),
            handing.sender.and_then(|sender| sender.finish_by),
        ];
        let depth = handing.sender.map_or(0, |sender| sender.depth + u32::from(handing.mode == Mode::Delegate));
        let handoff = self.new_handoff();
        self.ahead += 1;
        self.events.push(Event::HandoffOffered(Box::new(Offered {
            handoff,
            branch: handing.branch,
            from: handing.sender.map(|sender| sender.id),
            sender: handing.sender.map(|sender| sender.to.clone()),
            mode: handing.mode,
            to,
            instead_of,
            kind: handing.offer.kind,
            reason: handing.offer.reason.clone(),
            contract,
            returns,
            payload: handing.offer.payload,
            terms: terms.clone(),
            limits,
            depth,
            place: handing.place.clone(),
            ordinal: handing.ordinal,
            answer_by: terms.answer_within_ms.map(|within| now + within),
            finish_by: finish_by.into_iter().flatten().min(),
        })));
        handoff
    }

    /// The agent of that name, as the run knows it.
    pub(super) fn agent(&self, name: &AgentName) -> Result<&Arc<Agent>, Refusal> {
        let agent = self.world.directory.agent(name).ok_or_else(|| Refusal::UnknownAgent(name.clone()))?;
        unchanged(|| format!("agent `{name}`"), self.run.pins.agents.get(name), agent.definition)?;
        Ok(agent)
    }

    /// The newest version in the range that the receiver accepts.
    pub(super) fn contract_for(&self, agent: &Agent, range: &ContractRange) -> Result<ContractId, Refusal> {
        let newest = self.newest(range)?;
        let accepted = self
            .world
            .directory
            .contracts()
            .map(|(contract, _)| &contract.id)
            .filter(|id| range.takes(id) && agent.accepts.iter().any(|accepts| accepts.takes(id)))
            .max_by(|a, b| a.version.cmp(&b.version));
        match accepted {
            Some(id) => Ok(id.clone()),
            None => Err(Refusal::ContractNotAccepted { agent: agent.name.clone(), contract: newest, accepts: agent.accepts.clone() }),
        }
    }

    fn newest(&self, range: &ContractRange) -> Result<ContractId, Refusal> {
        self.world.directory.newest(range).cloned().ok_or_else(|| Refusal::UnknownContract(range.clone()))
    }

    /// Whether the receiver can take this, and the payload is what the contract says.
    fn fits(&self, agent: &Agent, contract: Option<&ContractId>, handing: &Handing<'_>) -> Result<(), Refusal> {
        let missing: Vec<_> = handing.offer.terms.requires.difference(&agent.capabilities).cloned().collect();
        if !missing.is_empty() {
            return Err(Refusal::CapabilityMissing { agent: agent.name.clone(), missing });
        }
        let unjustified = !handing.justified && !handing.offer.terms.are_justified();
        // Whoever waits for the answer delegates, whatever it calls that.
        let delegates = handing.mode == Mode::Delegate && agent.justification.asks(Kind::Delegate);
        if unjustified && (delegates || agent.justification.asks(handing.offer.kind)) {
            return Err(Refusal::JustificationMissing { asked_by: agent.name.to_string() });
        }
        let Some(contract) = contract else { return Ok(()) };
        let (definition, digest) = self.world.directory.contract(contract).ok_or_else(|| Refusal::UnknownContract(contract.into()))?;
        unchanged(|| format!("contract `{contract}`"), self.run.pins.contracts.get(contract), digest)?;
        if unjustified && definition.justification_required {
            return Err(Refusal::JustificationMissing { asked_by: contract.to_string() });
        }
        if definition.read_back > agent.read_back {
            return Err(Refusal::CannotReadBack { agent: agent.name.clone(), contract: contract.clone() });
        }
        let payload = handing.offer.payload.digest;
        let known = handing.checks.iter().find(|check| check.contract == *contract).map(|check| check.violations.as_slice());
        match known.or_else(|| self.world.verdicts.get(digest, payload)) {
            None => Err(Refusal::Unchecked { what: "payload", contract: contract.clone() }),
            Some([]) => Ok(()),
            Some(violations) => {
                Err(Refusal::ContractBroken { what: "payload", contract: contract.clone(), violations: violations.to_vec() })
            }
        }
    }

    /// Whether another agent can take a handoff's place on the same terms.
    pub(super) fn can_take_over(&self, name: &AgentName, handoff: &Handoff) -> bool {
        let Ok(agent) = self.agent(name) else { return false };
        let level =
            handoff.contract.as_ref().and_then(|contract| self.world.directory.contract(contract)).map(|(contract, _)| contract.read_back);
        *name != handoff.to
            && !handoff.tried.contains(name)
            && handoff.terms.requires.is_subset(&agent.capabilities)
            && handoff.contract.as_ref().is_none_or(|contract| agent.accepts.iter().any(|range| range.takes(contract)))
            && level.is_none_or(|level| level <= agent.read_back)
    }

    /// Sends a dead letter once more.
    pub(super) fn redrive(&mut self, id: HandoffId, payload: Option<BlobRef>, to: Option<&AgentName>) -> Result<Reply, Refusal> {
        let handoff = self.run.find(id)?;
        let Phase::DeadLettered { .. } = &handoff.phase else {
            return Err(Refusal::WrongPhase { phase: handoff.phase.name(), asked: "redriven" });
        };
        let name = to.unwrap_or(&handoff.to);
        let payload = payload.unwrap_or(handoff.payload);
        let agent = self.agent(name)?.clone();
        let offer = Offer {
            to: Receiver::Agent(name.clone()),
            kind: handoff.kind,
            reason: handoff.reason.clone(),
            contract: handoff.contract.as_ref().map(ContractRange::from),
            payload,
            terms: (*handoff.terms).clone(),
        };
        let contract = match &offer.contract {
            Some(range) => Some(self.contract_for(&agent, range)?),
            None => None,
        };
        let handing = Handing { justified: true, ..Handing::of(&offer, None, handoff.mode, handoff.branch) };
        self.fits(&agent, contract.as_ref(), &handing)?;
        self.run.check_again(handoff, None, self.ahead)?;
        self.events.push(Event::Redriven { handoff: id, to: name.clone(), payload });
        Ok(Reply::Offered { handoff: id })
    }
}
