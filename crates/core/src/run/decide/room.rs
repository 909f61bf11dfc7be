//! Room at the receiver when work is offered: who gets it, and what happens when all are full.
//!
//! Capacity itself is enforced when work is claimed. Here it only decides where an offer goes.

use std::sync::Arc;

use super::Draft;
use super::offer::{Handing, Settled};
use crate::contract::ContractRange;
use crate::directory::Agent;
use crate::id::AgentName;
use crate::offer::{Offer, Receiver, WhenFull};
use crate::refusal::Refusal;

impl Draft<'_> {
    /// Whom an offer is for: the agent that it names, or the first by name that can do it and has room.
    pub(super) fn receiver(&self, offer: &Offer) -> Result<&Arc<Agent>, Refusal> {
        match &offer.to {
            Receiver::Agent(name) => self.agent(name),
            Receiver::Capability(wanted) => {
                let mut wanted_all = offer.terms.requires.clone();
                wanted_all.insert(wanted.clone());
                let mut capable: Vec<_> = self.world.directory.capable(&wanted_all).collect();
                let speaks = |agent: &&Arc<Agent>| match &offer.contract {
                    Some(range) => self.contract_for(agent, range).is_ok(),
                    None => true,
                };
                // Agents come by name, so the choice is the same on every machine. That the first one
                // is full means that all are.
                capable.sort_by_key(|agent| (!speaks(agent), !self.has_room(agent)));
                let agent = capable.first().ok_or_else(|| Refusal::NobodyCapable(wanted.clone()))?;
                self.agent(&agent.name)
            }
        }
    }

    /// Where an offer goes that `first` could take: to it, unless it is full and the terms say otherwise.
    pub(super) fn with_room(&self, handing: &Handing<'_>, first: Settled) -> Result<Settled, Refusal> {
        let receiver = self.agent(&first.to)?;
        if self.has_room(receiver) {
            return Ok(first);
        }
        match handing.offer.terms.when_full {
            WhenFull::Queue => Ok(first),
            WhenFull::Refuse => Err(Refusal::AtCapacity { held: self.holds(&first.to), agent: first.to }),
            // With nobody to fall back on it waits where it was meant to go: who cannot wait says `refuse`,
            // or how long with `answer_within_ms`.
            WhenFull::Fallback => Ok(self.instead(handing, &first, receiver).unwrap_or(first)),
        }
    }

    /// The first fallback that could take an offer as it is, and has room.
    fn instead(&self, handing: &Handing<'_>, first: &Settled, full: &Agent) -> Option<Settled> {
        let mut fallbacks = handing.offer.terms.fallback.iter().chain(&full.fallback);
        // The version stays the one that the receiver would have got.
        let contract = first.contract.as_ref().map(ContractRange::from);
        fallbacks.find_map(|name| {
            let agent = self.agent(name).ok().filter(|agent| self.has_room(agent))?;
            let settled = self.settled(handing, agent, contract.as_ref()).ok()?;
            Some(Settled { instead_of: Some(full.name.clone()), ..settled })
        })
    }

    /// Whether an agent could claim one more.
    fn has_room(&self, agent: &Agent) -> bool {
        self.holds(&agent.name) < agent.capacity
    }

    /// How many handoffs an agent holds, without the one that it gives away in this commit.
    fn holds(&self, agent: &AgentName) -> u32 {
        let held = self.world.load.get(agent).copied().unwrap_or(0);
        held.saturating_sub(u32::from(self.leaves.as_ref() == Some(agent)))
    }
}
