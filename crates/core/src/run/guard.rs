//! Guards: limits that only narrow, and work that goes in circles.

use std::collections::BTreeSet;

use super::Run;
use crate::event::Awaiting;
use crate::handoff::{Handoff, Phase};
use crate::id::{AgentName, HandoffId};
use crate::limits::{Budget, Limits, Usage};
use crate::offer::{Mode, Offer};
use crate::refusal::{Circle, Refusal};
use crate::time::{Millis, Timestamp};

fn within(limit: &'static str, allowed: Option<u64>, used: u64) -> Result<(), Refusal> {
    match allowed {
        Some(allowed) if used > allowed => Err(Refusal::LimitReached { limit, allowed, used }),
        _ => Ok(()),
    }
}

/// What counts against the limits of the run, or of a handoff with everything below it.
#[derive(Clone, Copy, Default)]
struct Count {
    handoffs: u64,
    visits: u64,
    claims: u64,
}

impl Count {
    fn within(self, limits: &Limits, more: Self) -> Result<(), Refusal> {
        within("handoffs", limits.handoffs, self.handoffs + more.handoffs)?;
        within("visits", limits.visits, self.visits + more.visits)?;
        within("steps", limits.steps, self.claims + more.claims)
    }
}

impl Run {
    /// Whether one more handoff from `sender` to `to` is within every limit. `ahead` claims are
    /// promised already in the same commit.
    pub(super) fn check_offer(&self, sender: Option<&Handoff>, to: &AgentName, mode: Mode, ahead: u64) -> Result<(), Refusal> {
        // Whoever delegates will claim its own handoff once more.
        let delegates = u64::from(mode == Mode::Delegate);
        self.check_depth(sender, delegates)?;
        self.check_count(sender, Some(to), Count { handoffs: 1, visits: 1, claims: ahead + 1 + delegates })
    }

    /// Whether a handoff may be claimed once more, by its receiver or by `to` in its place.
    pub(super) fn check_again(&self, handoff: &Handoff, to: Option<&AgentName>, ahead: u64) -> Result<(), Refusal> {
        let claims = ahead + 1 - claims_ahead(handoff);
        self.check_count(Some(handoff), to, Count { handoffs: 0, visits: u64::from(to.is_some()), claims })
    }

    pub(super) fn check_depth(&self, sender: Option<&Handoff>, deeper: u64) -> Result<(), Refusal> {
        let depth = sender.map_or(0, |sender| u64::from(sender.depth)) + deeper;
        within("depth", self.limits.depth, depth)?;
        let limited = |limits: &Limits| limits.depth.is_some();
        self.limited(sender, limited).try_for_each(|level| within("depth", level.limits.depth, depth - u64::from(level.depth)))
    }

    fn check_count(&self, at: Option<&Handoff>, to: Option<&AgentName>, more: Count) -> Result<(), Refusal> {
        self.whole_count(to).within(&self.limits, more)?;
        for level in self.limited(at, |limits| limits.handoffs.or(limits.visits).or(limits.steps).is_some()) {
            let above = level.from.and_then(|from| self.handoff(from)).map_or_else(Limits::default, |above| above.limits);
            let counted = |limits: &Limits| (limits.handoffs, limits.visits, limits.steps);
            // What is inherited is counted where it was set, so that a long chain is not counted at every link.
            if counted(&level.limits) != counted(&above) {
                self.count_below(level, to).within(&level.limits, more)?;
            }
        }
        Ok(())
    }

    fn whole_count(&self, to: Option<&AgentName>) -> Count {
        Count {
            handoffs: self.handoffs.len() as u64,
            visits: to.and_then(|to| self.visits.get(to)).copied().unwrap_or(0),
            claims: self.claims + self.open_handoffs().map(claims_ahead).sum::<u64>(),
        }
    }

    fn count_below(&self, level: &Handoff, to: Option<&AgentName>) -> Count {
        let mut count = Count::default();
        for handoff in self.below(level) {
            count.handoffs += u64::from(handoff.id != level.id);
            count.visits += u64::from(to.is_some_and(|to| handoff.to == *to || handoff.tried.contains(to)));
            count.claims += handoff.claims + claims_ahead(handoff);
        }
        count
    }

    /// A handoff and all that came of it.
    pub(super) fn below<'a>(&'a self, root: &Handoff) -> impl Iterator<Item = &'a Handoff> {
        let root = root.id;
        let mut below = BTreeSet::new();
        // A handoff is numbered after the one it came from, so one pass finds all of them.
        self.handoffs.iter().skip((root.number as usize).saturating_sub(1)).filter(move |handoff| {
            let belongs = handoff.id == root || handoff.from.is_some_and(|from| below.contains(&from));
            belongs && below.insert(handoff.id)
        })
    }

    /// A handoff and those that it came from, itself first.
    fn chain<'a>(&'a self, from: Option<&'a Handoff>) -> impl Iterator<Item = &'a Handoff> {
        std::iter::successors(from, |at| at.from.and_then(|from| self.handoff(from)))
    }

    /// As [`Self::chain`], as far as there are limits of that kind. What is above inherits them
    /// downwards, so where there is none, there is none further up: a long chain costs nothing.
    fn limited<'a>(&'a self, from: Option<&'a Handoff>, kind: impl Fn(&Limits) -> bool) -> impl Iterator<Item = &'a Handoff> {
        self.chain(from).take_while(move |level| kind(&level.limits))
    }

    /// Whether there is anything left to spend, with `more` set aside and what the holder has just
    /// `spent`, at every level above.
    pub(super) fn check_budget(&self, holder: Option<&Handoff>, more: &Budget, spent: &Usage) -> Result<(), Refusal> {
        left(&self.limits, &self.usage, &self.reserved, more, spent)?;
        let limited = |limits: &Limits| limits.tokens.or(limits.cost_micros).is_some();
        self.limited(holder, limited).try_for_each(|level| left(&level.limits, &level.usage, &level.reserved, more, spent))
    }

    /// What a child run inherits from the handoff that waits for it (law 9): what was set aside of
    /// what is bounded, one delegation less, and the time that is left.
    pub(super) fn inherited(&self, holder: &Handoff, reserve: &Budget, now: Timestamp) -> Limits {
        let levels = || std::iter::once((&self.limits, 0)).chain(self.chain(Some(holder)).map(|level| (&level.limits, level.depth)));
        let time = self.limits.time_ms.map(|time| self.opened_at + Millis(time)).into_iter().chain(holder.finish_by).min();
        Limits {
            tokens: levels().any(|(limits, _)| limits.tokens.is_some()).then_some(reserve.tokens),
            cost_micros: levels().any(|(limits, _)| limits.cost_micros.is_some()).then_some(reserve.cost_micros),
            depth: levels().filter_map(|(limits, at)| Some(limits.depth?.saturating_sub(u64::from(holder.depth - at) + 1))).min(),
            time_ms: time.map(|time| time.since(now).0),
            ..Limits::default()
        }
    }

    /// The same payload on the same edge, with nothing learnt since: the work goes in circles.
    /// `items` is the size of the ledger with what this commit adds to it.
    pub(super) fn check_circle(&self, sender: Option<&Handoff>, to: &AgentName, offer: &Offer, items: usize) -> Result<(), Refusal> {
        let Some(sender) = sender else { return Ok(()) };
        let learnt_nothing = |earlier: &Handoff| {
            earlier.to == *to
                && earlier.sender.as_ref() == Some(&sender.to)
                && earlier.payload.digest == offer.payload.digest
                && earlier.items_before == items
        };
        // Along the way that led here, as far as nothing was learnt.
        let mut hops = Vec::new();
        for at in self.chain(Some(sender)) {
            hops.push(at);
            if at.items_before < items {
                break;
            }
            if at.mode != Mode::Spawn && learnt_nothing(at) {
                return Err(Refusal::PingPong(circle(&hops, to)));
            }
        }
        // And among what the sender delegated before and got back.
        for returned in &sender.returned {
            if let Awaiting::Handoff(child) = returned.from
                && let Some(child) = self.handoff(child).filter(|child| learnt_nothing(child))
            {
                return Err(Refusal::PingPong(circle(&[sender, child, sender], to)));
            }
        }
        Ok(())
    }
}

/// What is offered, or waits, will be claimed once more.
fn claims_ahead(handoff: &Handoff) -> u64 {
    u64::from(matches!(handoff.phase, Phase::Offered { .. } | Phase::Waiting { .. }))
}

fn left(limits: &Limits, usage: &Usage, reserved: &Budget, more: &Budget, spent: &Usage) -> Result<(), Refusal> {
    let mut used = Budget { tokens: usage.tokens(), cost_micros: usage.cost_micros };
    used.add(reserved);
    used.add(more);
    used.add(&Budget { tokens: spent.tokens(), cost_micros: spent.cost_micros });
    something_left("tokens", limits.tokens, used.tokens, more.tokens)?;
    something_left("cost_micros", limits.cost_micros, used.cost_micros, more.cost_micros)
}

fn something_left(limit: &'static str, allowed: Option<u64>, used: u64, more: u64) -> Result<(), Refusal> {
    match allowed {
        // Exactly the whole budget may be set aside; a new handoff needs something that is left.
        Some(allowed) if used > allowed || (more == 0 && used >= allowed) => Err(Refusal::LimitReached { limit, allowed, used }),
        _ => Ok(()),
    }
}

fn circle(newest_first: &[&Handoff], to: &AgentName) -> Circle {
    let hops: Vec<HandoffId> = newest_first.iter().rev().map(|handoff| handoff.id).collect();
    let mut agents: Vec<AgentName> = newest_first.iter().rev().map(|handoff| handoff.to.clone()).collect();
    agents.push(to.clone());
    Circle { hops, agents }
}
