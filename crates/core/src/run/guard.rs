//! Guards: limits that only narrow, and work that goes in circles.

use super::Run;
use crate::event::Awaiting;
use crate::handoff::{Handoff, Phase};
use crate::id::{AgentName, HandoffId};
use crate::limits::{Budget, Limits};
use crate::offer::{Mode, Offer};
use crate::refusal::{Circle, Refusal};

fn within(limit: &'static str, allowed: Option<u64>, used: u64) -> Result<(), Refusal> {
    match allowed {
        Some(allowed) if used > allowed => Err(Refusal::LimitReached { limit, allowed, used }),
        _ => Ok(()),
    }
}

impl Run {
    /// Whether one more handoff from `sender` to `to` is within every limit and brings something new.
    pub(super) fn check_offer(&self, sender: Option<&Handoff>, to: &AgentName, offer: &Offer, asked: &Limits) -> Result<(), Refusal> {
        let limits = sender.map_or(self.limits, |sender| self.limits.narrowed(&sender.limits)).narrowed(asked);
        within("handoffs", limits.handoffs, self.handoffs.len() as u64 + 1)?;
        within("visits", limits.visits, self.visits.get(to).copied().unwrap_or(0) + 1)?;
        let depth = sender.map_or(0, |sender| u64::from(sender.depth) + 1);
        within("depth", limits.depth, depth)?;
        self.check_steps()?;
        self.check_budget(sender, &Budget::default())?;
        self.check_circle(sender, to, offer)
    }

    /// Whether one more claim is within the limit. What is offered already will be claimed as well.
    pub(super) fn check_steps(&self) -> Result<(), Refusal> {
        let offered = self.open_handoffs().filter(|handoff| matches!(handoff.phase, Phase::Offered { .. })).count() as u64;
        within("steps", self.limits.steps, self.claims + offered + 1)
    }

    /// Whether there is anything left to spend, with `more` set aside, at every level above.
    pub(super) fn check_budget(&self, sender: Option<&Handoff>, more: &Budget) -> Result<(), Refusal> {
        let spent_tokens = self.usage.tokens().saturating_add(self.reserved.tokens).saturating_add(more.tokens);
        let spent_cost = self.usage.cost_micros.saturating_add(self.reserved.cost_micros).saturating_add(more.cost_micros);
        left("tokens", self.limits.tokens, spent_tokens, more.tokens)?;
        left("cost_micros", self.limits.cost_micros, spent_cost, more.cost_micros)?;
        let mut at = sender;
        while let Some(handoff) = at {
            left("tokens", handoff.limits.tokens, handoff.usage.tokens().saturating_add(more.tokens), more.tokens)?;
            left("cost_micros", handoff.limits.cost_micros, handoff.usage.cost_micros.saturating_add(more.cost_micros), more.cost_micros)?;
            at = handoff.from.and_then(|from| self.handoff(from));
        }
        Ok(())
    }

    /// The same payload on the same edge, with nothing learnt since: the work goes in circles.
    fn check_circle(&self, sender: Option<&Handoff>, to: &AgentName, offer: &Offer) -> Result<(), Refusal> {
        let Some(sender) = sender else { return Ok(()) };
        let learnt_nothing = |earlier: &Handoff| {
            earlier.to == *to
                && earlier.sender.as_ref() == Some(&sender.to)
                && earlier.payload.digest == offer.payload.digest
                && earlier.items_before == self.ledger.len()
        };
        // Along the way that led here.
        let mut hops = vec![sender];
        let mut at = sender;
        loop {
            if at.mode != Mode::Spawn && learnt_nothing(at) {
                return Err(Refusal::PingPong(circle(&hops, to)));
            }
            let Some(from) = at.from.and_then(|from| self.handoff(from)) else { break };
            hops.push(from);
            at = from;
        }
        // And among what the sender delegated before and got back.
        for returned in &sender.returned {
            if let Awaiting::Handoff(child) = returned.from
                && let Some(child) = self.handoff(child).filter(|child| learnt_nothing(child))
            {
                return Err(Refusal::PingPong(circle(&[child, sender], to)));
            }
        }
        Ok(())
    }
}

fn left(limit: &'static str, allowed: Option<u64>, spent: u64, more: u64) -> Result<(), Refusal> {
    match allowed {
        // Exactly the whole budget may be set aside; a new handoff needs something that is left.
        Some(allowed) if spent > allowed || (more == 0 && spent >= allowed) => Err(Refusal::LimitReached { limit, allowed, used: spent }),
        _ => Ok(()),
    }
}

fn circle(newest_first: &[&Handoff], to: &AgentName) -> Circle {
    let hops: Vec<HandoffId> = newest_first.iter().rev().map(|handoff| handoff.id).collect();
    let mut agents: Vec<AgentName> = newest_first.iter().rev().map(|handoff| handoff.to.clone()).collect();
    agents.push(to.clone());
    Circle { hops, agents }
}
