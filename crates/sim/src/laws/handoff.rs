//! One handoff as its events tell it: where it stands, who held it when, what came of it.
//!
//! Written against DESIGN §2, not against the rules' code: an event that does not fit is a violation.

use std::collections::BTreeMap;

use handclasp_core::blob::BlobRef;
use handclasp_core::command::{EffectId, EffectOutcome, Reconciler};
use handclasp_core::event::{Awaiting, Event, Offered};
use handclasp_core::id::{AgentName, HandoffId, Token};
use handclasp_core::limits::Limits;
use handclasp_core::offer::Mode;
use handclasp_core::time::{Millis, Timestamp};

use super::{Held, broken, require};

/// Where a handoff stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It can be claimed from then on.
    Offered(Timestamp),
    /// Somebody has it, and has accepted it or not.
    Held(Token, bool),
    /// An attempt has ended and the same commit must say what follows.
    Between,
    /// It waits.
    Waiting(Awaiting),
    /// A person must look.
    Dead,
    /// It is over.
    Over,
}

/// How a tenure ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With a result.
    Completed,
    /// With a failure.
    Failed,
    /// Silently.
    Lost,
    /// The receiver would not.
    Declined,
    /// It was given back.
    Released,
    /// The holder waits.
    Parked,
    /// Somebody stopped it.
    Stopped,
}

/// One claim, from its beginning to its end.
#[derive(Debug, Clone)]
pub(crate) struct Tenure {
    pub(crate) by: AgentName,
    pub(crate) since: Timestamp,
    pub(crate) lease: Millis,
    /// When the holder last sent a sign of life that was acknowledged.
    pub(crate) heard: Timestamp,
    pub(crate) accepted: bool,
    pub(crate) ended: Option<(u64, End)>,
}

/// An effect, as its events tell it.
#[derive(Debug, Clone)]
pub(crate) struct EffectSeen {
    pub(crate) token: Token,
    pub(crate) reconcile: Reconciler,
    pub(crate) outcome: Option<(u64, EffectOutcome)>,
}

/// A handoff, as its events tell it.
#[derive(Debug, Clone)]
pub(crate) struct HandoffSeen {
    pub(crate) id: HandoffId,
    pub(crate) to: AgentName,
    pub(crate) mode: Mode,
    pub(crate) from: Option<HandoffId>,
    pub(crate) branch: u32,
    pub(crate) limits: Limits,
    pub(crate) stand: Stand,
    pub(crate) tenures: BTreeMap<Token, Tenure>,
    pub(crate) effects: BTreeMap<EffectId, EffectSeen>,
    pub(crate) result: Option<(BlobRef, Token)>,
}

impl HandoffSeen {
    pub(crate) fn new(offered: &Offered, at: Timestamp) -> Self {
        Self {
            id: offered.handoff,
            to: offered.to.clone(),
            mode: offered.mode,
            from: offered.from,
            branch: offered.branch.number,
            limits: offered.limits,
            stand: Stand::Offered(at),
            tenures: BTreeMap::new(),
            effects: BTreeMap::new(),
            result: None,
        }
    }

    /// The present claim.
    pub(crate) fn holder(&self) -> Option<&Tenure> {
        match self.stand {
            Stand::Held(token, _) => self.tenures.get(&token),
            _ => None,
        }
    }

    /// The effects of which nobody knows what became.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = (&EffectId, &EffectSeen)> {
        self.effects.iter().filter(|(_, effect)| effect.outcome.is_none())
    }

    /// Whether whoever waits for it waits in vain.
    pub(crate) fn is_over(&self) -> bool {
        self.stand == Stand::Over
    }

    fn leave(&mut self, moment: u64, end: End) {
        if let Stand::Held(token, _) = self.stand
            && let Some(tenure) = self.tenures.get_mut(&token)
        {
            tenure.ended = Some((moment, end));
        }
    }

    fn unexpected(&self, what: &str) -> Held {
        broken("one outcome", format!("{} was {what} while it stood as {:?}", self.id, self.stand))
    }

    /// Takes down what an event says about this handoff.
    pub(crate) fn event(&mut self, event: &Event, at: Timestamp, moment: u64) -> Held {
        match event {
            Event::HandoffClaimed { by, token, lease_ms, .. } => self.claimed(by, *token, *lease_ms, at),
            Event::HandoffAccepted { .. } => match self.stand {
                Stand::Held(token, false) => {
                    self.stand = Stand::Held(token, true);
                    self.tenures.entry(token).and_modify(|tenure| tenure.accepted = true);
                    Ok(())
                }
                _ => self.unexpected("accepted"),
            },
            Event::HandoffDeclined { .. } => match self.stand {
                Stand::Held(_, false) => {
                    self.attempt_over(moment, End::Declined);
                    Ok(())
                }
                _ => self.unexpected("declined"),
            },
            Event::HandoffReleased { .. } => match self.stand {
                Stand::Held(..) => {
                    self.leave(moment, End::Released);
                    self.stand = Stand::Offered(at);
                    Ok(())
                }
                _ => self.unexpected("released"),
            },
            Event::LeaseLost { token, .. } => match self.stand {
                Stand::Held(held, _) if held == *token => {
                    self.attempt_over(moment, End::Lost);
                    Ok(())
                }
                _ => self.unexpected("lost"),
            },
            Event::AttemptFailed { .. } => match self.stand {
                Stand::Held(..) => {
                    self.attempt_over(moment, End::Failed);
                    Ok(())
                }
                _ => self.unexpected("failed"),
            },
            Event::HandoffRequeued { not_before, .. } => match self.stand {
                Stand::Between => {
                    require(*not_before >= at, "backoff", || format!("{} is tried again before its failure", self.id))?;
                    self.stand = Stand::Offered(*not_before);
                    Ok(())
                }
                _ => self.unexpected("queued again"),
            },
            Event::HandoffRerouted { to, .. } => {
                if matches!(self.stand, Stand::Dead | Stand::Over) {
                    return self.unexpected("rerouted");
                }
                self.leave(moment, End::Stopped);
                self.to = to.clone();
                self.stand = Stand::Offered(at);
                Ok(())
            }
            Event::HandoffParked { awaiting, .. } => {
                match self.stand {
                    Stand::Held(_, true) => self.leave(moment, End::Parked),
                    Stand::Between | Stand::Offered(_) | Stand::Waiting(Awaiting::Answers) if *awaiting == Awaiting::Answers => {}
                    _ => return self.unexpected("parked"),
                }
                self.stand = Stand::Waiting(*awaiting);
                Ok(())
            }
            Event::HandoffReturned { .. } => match self.stand {
                Stand::Waiting(_) => {
                    self.stand = Stand::Offered(at);
                    Ok(())
                }
                _ => self.unexpected("returned"),
            },
            Event::HandoffCompleted { result, .. } => self.completed(*result, moment),
            Event::HandoffEnded { .. } | Event::DeadLettered { .. } => {
                if self.is_over() || (self.stand == Stand::Dead && matches!(event, Event::DeadLettered { .. })) {
                    return self.unexpected("ended");
                }
                self.leave(moment, End::Stopped);
                self.stand = if matches!(event, Event::HandoffEnded { .. }) { Stand::Over } else { Stand::Dead };
                Ok(())
            }
            Event::Redriven { to, .. } => match self.stand {
                Stand::Dead => {
                    self.to = to.clone();
                    self.stand = Stand::Offered(at);
                    Ok(())
                }
                _ => self.unexpected("redriven"),
            },
            Event::ProgressReported { .. } => match self.stand {
                Stand::Held(_, true) => Ok(()),
                _ => self.unexpected("reported on"),
            },
            Event::EffectBegan { effect, token, reconcile, .. } => self.began(effect, *token, *reconcile),
            Event::EffectSettled { effect, outcome, reconciled, .. } => self.settled(effect, *outcome, *reconciled, moment),
            _ => Ok(()),
        }
    }

    fn claimed(&mut self, by: &AgentName, token: Token, lease: Millis, at: Timestamp) -> Held {
        match self.stand {
            Stand::Offered(from) if from <= at && *by == self.to => {}
            Stand::Offered(from) if from > at => {
                return broken("backoff", format!("{} was claimed at {at:?}, before {from:?}", self.id));
            }
            _ => return self.unexpected("claimed"),
        }
        self.stand = Stand::Held(token, false);
        let tenure = Tenure { by: by.clone(), since: at, lease, heard: at, accepted: false, ended: None };
        let before = self.tenures.insert(token, tenure);
        require(before.is_none(), "tokens fence", || format!("token {token} of {} was given out twice", self.id))
    }

    fn attempt_over(&mut self, moment: u64, end: End) {
        self.leave(moment, end);
        self.stand = Stand::Between;
    }

    fn completed(&mut self, result: BlobRef, moment: u64) -> Held {
        let Stand::Held(token, true) = self.stand else { return self.unexpected("completed") };
        if let Some((effect, _)) = self.unsettled().next() {
            return broken("effects", format!("{} was completed although nobody knows what became of `{effect}`", self.id));
        }
        self.leave(moment, End::Completed);
        self.stand = Stand::Over;
        let before = self.result.replace((result, token));
        require(before.is_none(), "one outcome", || format!("{} has two results", self.id))
    }

    fn began(&mut self, effect: &EffectId, token: Token, reconcile: Reconciler) -> Held {
        let Stand::Held(held, true) = self.stand else { return self.unexpected("given an effect") };
        require(held == token, "tokens fence", || format!("`{effect}` of {} began under token {token}, held is {held}", self.id))?;
        if let Some((unknown, _)) = self.unsettled().find(|(known, seen)| known.name == effect.name && seen.token != token) {
            return broken("effects", format!("`{effect}` of {} began although `{unknown}` is unknown", self.id));
        }
        if let Some(known) = self.effects.get(effect)
            && !matches!(known.outcome, Some((_, EffectOutcome::DidNotHappen)))
        {
            return broken("effects", format!("`{effect}` of {} began once more", self.id));
        }
        self.effects.insert(effect.clone(), EffectSeen { token, reconcile, outcome: None });
        Ok(())
    }

    fn settled(&mut self, effect: &EffectId, outcome: EffectOutcome, reconciled: bool, moment: u64) -> Held {
        let stand = self.stand;
        let Some(known) = self.effects.get_mut(effect) else {
            return broken("effects", format!("`{effect}` of {} was settled before it began", self.id));
        };
        require(known.outcome.is_none(), "effects", || format!("`{effect}` was settled twice"))?;
        let own = matches!(stand, Stand::Held(token, true) if token == known.token);
        require(reconciled || own, "tokens fence", || format!("`{effect}` of {} was finished by somebody else", self.id))?;
        known.outcome = Some((moment, outcome));
        Ok(())
    }
}
