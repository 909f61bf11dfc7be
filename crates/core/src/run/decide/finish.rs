//! The end of an attempt: a result, a failure, a lost lease; and what becomes of the work then.

use std::collections::BTreeSet;

use super::offer::Handing;
use super::{Draft, unchanged};
use crate::command::{AgentError, Completion, Reconciler, Verdict};
use crate::contract::{Check, ContractId};
use crate::event::{Closing, Event};
use crate::handoff::{Handoff, Phase};
use crate::id::{AgentName, HandoffId, ItemId, Token};
use crate::ledger::{Ending, ItemKind, NewItem, Settlement};
use crate::limits::{Budget, Usage};
use crate::offer::{Kind, Mode, Offer, Reason, Receiver};
use crate::refusal::Refusal;
use crate::run::Reply;
use crate::time::Timestamp;

impl Draft<'_> {
    /// Takes a result, and hands on in the same commit if it says so.
    pub(super) fn complete(&mut self, id: HandoffId, token: Token, completion: &Completion) -> Result<Reply, Refusal> {
        if let Phase::Completed { result, token: kept } = &self.run.find(id)?.phase
            && *kept == token
        {
            return Ok(self.completed_before(id, *result, completion));
        }
        let (handoff, _) = self.run.accepted(id, token, "completed")?;
        self.nothing_in_flight(handoff)?;
        self.result_holds(handoff, completion)?;
        self.verdict_holds(handoff, completion)?;
        let checks = self.checks_for_the_plan(handoff, completion)?;
        self.spent = completion.usage;
        self.leaves = Some(handoff.to.clone());
        let mut ended = BTreeSet::new();
        self.end_items(handoff, &completion.discharged, Ending::Discharged, &mut ended)?;
        self.end_items(handoff, &completion.dropped, Ending::Dropped, &mut ended)?;
        for item in &completion.items {
            let item = self.in_place_of(handoff, item, &ended)?;
            self.add_item(handoff, item);
        }
        if let Some(item) = completion.verdict.as_ref().and_then(|verdict| feedback(handoff, verdict)) {
            self.add_item(handoff, item);
        }
        // The next holder is named before the present one leaves, so that whoever waits for the
        // result waits for the next one and never sees a gap.
        let next = match &completion.next {
            Some(offer) => Some(self.pass_on(handoff, offer)?),
            None => None,
        };
        self.events.push(Event::HandoffCompleted {
            handoff: id,
            result: completion.result,
            checks,
            effects: completion.effects.clone(),
            usage: completion.usage,
            provenance: completion.provenance,
            confidence: completion.confidence,
            verdict: completion.verdict.clone(),
        });
        if next.is_none() {
            self.return_to_waiting(id);
        }
        Ok(Reply::Completed { handoff: id, next, result: completion.result })
    }

    /// A second answer under the same token gets the first outcome (law 5).
    fn completed_before(&mut self, id: HandoffId, kept: crate::blob::BlobRef, completion: &Completion) -> Reply {
        if completion.result.digest != kept.digest {
            self.events.push(Event::DivergenceNoted {
                handoff: id,
                what: "complete".to_owned(),
                kept: kept.digest,
                ignored: completion.result.digest,
            });
        }
        self.run.kept_result(id, kept)
    }

    /// Nothing may be left open behind a result or a wait: no question, no effect.
    pub(super) fn nothing_in_flight(&self, handoff: &Handoff) -> Result<(), Refusal> {
        if self.run.open_questions(handoff.id).next().is_some() {
            return Err(Refusal::OpenQuestions);
        }
        if let Some((effect, _)) = handoff.unknown_effects().next() {
            return Err(Refusal::EffectUnknown(effect.clone()));
        }
        match handoff.effects.iter().find(|(_, effect)| effect.outcome.is_none()) {
            Some((effect, _)) => Err(Refusal::EffectInFlight(effect.clone())),
            None => Ok(()),
        }
    }

    fn result_holds(&self, handoff: &Handoff, completion: &Completion) -> Result<(), Refusal> {
        let Some(contract) = &handoff.returns else { return Ok(()) };
        let violations = self.checked(contract, completion.result.digest, "result")?;
        if !violations.is_empty() {
            return Err(Refusal::ContractBroken { what: "result", contract: contract.clone(), violations: violations.to_vec() });
        }
        let declared = self.world.directory.contract(contract).is_some_and(|(contract, _)| contract.effects_declared);
        if declared && completion.effects.is_none() {
            return Err(Refusal::EffectsUndeclared(contract.clone()));
        }
        Ok(())
    }

    fn checked(
        &self,
        contract: &ContractId,
        content: crate::blob::Digest,
        what: &'static str,
    ) -> Result<&[crate::contract::Violation], Refusal> {
        let (_, digest) = self.world.directory.contract(contract).ok_or_else(|| Refusal::UnknownContract(contract.into()))?;
        unchanged(|| format!("contract `{contract}`"), self.run.pins.contracts.get(contract), digest)?;
        self.world.verdicts.get(digest, content).ok_or_else(|| Refusal::Unchecked { what, contract: contract.clone() })
    }

    /// A critic must say its verdict, and work goes back only to a step that came before.
    fn verdict_holds(&self, handoff: &Handoff, completion: &Completion) -> Result<(), Refusal> {
        let place = self.run.plan.as_ref().zip(handoff.place.as_ref());
        match (place, &completion.verdict) {
            // Whoever hands the step on leaves the judgment to the next one.
            (Some((plan, place)), None) if plan.is_critic(place) && completion.next.is_none() => Err(Refusal::VerdictMissing),
            (Some((plan, place)), Some(Verdict::SendBack { to, .. })) if plan.reaches_back(place, to) => Ok(()),
            (_, Some(Verdict::SendBack { to, .. })) => Err(Refusal::UnknownStep(to.clone())),
            _ => Ok(()),
        }
    }

    fn checks_for_the_plan(&self, handoff: &Handoff, completion: &Completion) -> Result<Vec<Check>, Refusal> {
        let (Some(plan), Some(_)) = (&self.run.plan, &handoff.place) else { return Ok(Vec::new()) };
        plan.contracts()
            .into_iter()
            .map(|contract| {
                let violations = self.checked(&contract, completion.result.digest, "result")?.to_vec();
                Ok(Check { contract, violations })
            })
            .collect()
    }

    /// Ends items that the briefing carried. Constraints can be given up with a reason, never ticked off.
    fn end_items(
        &mut self,
        handoff: &Handoff,
        settlements: &[Settlement],
        ending: Ending,
        ended: &mut BTreeSet<ItemId>,
    ) -> Result<(), Refusal> {
        for settlement in settlements {
            let item = self.run.ledger.item(settlement.item).ok_or(Refusal::UnknownItem(settlement.item))?;
            let carried = handoff.phase.delivery().is_some_and(|delivery| delivery.carries(settlement.item));
            if !ended.insert(settlement.item) || !carried || item.ended.contains_key(&handoff.branch) {
                return Err(Refusal::UnknownItem(settlement.item));
            }
            if item.content.kind == ItemKind::Constraint && ending == Ending::Discharged {
                return Err(Refusal::ConstraintHolds(settlement.item));
            }
            if settlement.why.trim().is_empty() {
                return Err(Refusal::ReasonMissing(settlement.item));
            }
            self.events.push(Event::ItemEnded {
                item: settlement.item,
                branch: handoff.branch,
                ending,
                source: handoff.id,
                why: settlement.why.clone(),
            });
        }
        Ok(())
    }

    /// A new item as it goes into the ledger. Taking the place of an open one must not be a way
    /// around law 7: constraints end with a reason only, nobody replaces what was not shown to it, and
    /// what had to be carried still has to be.
    fn in_place_of(&self, handoff: &Handoff, new: &NewItem, ended: &BTreeSet<ItemId>) -> Result<NewItem, Refusal> {
        if let Some(unknown) = new.derived_from.iter().find(|from| self.run.ledger.item(**from).is_none()) {
            return Err(Refusal::UnknownItem(*unknown));
        }
        let Some(before) = self.run.ledger.newest(handoff.branch, &new.key).filter(|before| !ended.contains(&before.id)) else {
            return Ok(new.clone());
        };
        if before.content.kind == ItemKind::Constraint {
            return Err(Refusal::ConstraintHolds(before.id));
        }
        if !handoff.phase.delivery().is_some_and(|delivery| delivery.carries(before.id)) {
            return Err(Refusal::BadField { field: "items.key", problem: "an item that this agent may not see has it" });
        }
        Ok(NewItem { must_carry: new.must_carry || before.content.must_carry, ..new.clone() })
    }

    fn add_item(&mut self, handoff: &Handoff, content: NewItem) -> ItemId {
        let item = self.new_item();
        self.events.push(Event::ItemAdded { item, branch: handoff.branch, source: Some(handoff.id), content });
        item
    }

    /// Hands on in the commit of the result. What is wrong with the message itself, or what its sender
    /// wants to be told, is refused, so that the sender can do something about it; what the world is in
    /// the way of is kept as a dead letter (law 1).
    fn pass_on(&mut self, handoff: &Handoff, offer: &Offer) -> Result<HandoffId, Refusal> {
        let place = handoff.place.clone();
        let handing = Handing { place, ..Handing::of(offer, Some(handoff), Mode::Transfer, handoff.branch) };
        match self.hand_out(&handing) {
            Ok(next) => Ok(next),
            Err(
                refusal @ (Refusal::ContractBroken { .. }
                | Refusal::JustificationMissing { .. }
                | Refusal::AtCapacity { .. }
                | Refusal::Unchecked { .. }
                | Refusal::UnknownContract(_)),
            ) => Err(refusal),
            Err(_) => Ok(self.hand_out_or_keep(&handing)),
        }
    }

    fn return_to_waiting(&mut self, id: HandoffId) {
        if let Some(waiting) = self.run.waiting_for(id) {
            self.events.push(Event::HandoffReturned { handoff: waiting.id });
        }
    }

    /// Takes a failure.
    pub(super) fn fail(&mut self, id: HandoffId, token: Token, error: &AgentError, usage: &Usage) -> Result<Reply, Refusal> {
        let (handoff, _) = self.run.held(id, token, "failed")?;
        self.spent = *usage;
        self.events.push(Event::AttemptFailed { handoff: id, attempt: handoff.attempts, error: error.clone(), usage: *usage });
        self.after_attempt(handoff, Closing::Failed(error.clone()), error.retryable);
        Ok(Reply::Done)
    }

    /// Takes the word of somebody who knows that the holder is gone.
    pub(super) fn lose_lease(&mut self, id: HandoffId, token: Token, reason: &str) -> Result<Reply, Refusal> {
        let (handoff, _) = self.run.held(id, token, "given to another")?;
        self.lease_lost(handoff, token, reason.to_owned());
        Ok(Reply::Done)
    }

    pub(super) fn lease_lost(&mut self, handoff: &Handoff, token: Token, reason: String) {
        let last_beat = self.world.beats.get(&handoff.id).copied();
        self.moved.insert(handoff.id);
        self.events.push(Event::LeaseLost { handoff: handoff.id, token, last_beat, reason: reason.clone() });
        self.after_attempt(handoff, Closing::LeaseLost(reason), true);
    }

    /// Another try, or the end of trying. An effect that was cut short is asked about first.
    fn after_attempt(&mut self, handoff: &Handoff, closing: Closing, retryable: bool) {
        if !retryable || handoff.attempts >= handoff.terms.retry.attempts {
            self.give_up(handoff, closing);
        } else if let Err(refusal) = self.may_go_on(handoff, None) {
            self.give_up(handoff, Closing::not_offered(&refusal));
        } else {
            self.ahead += 1;
            if !self.wait_for_answers(handoff) {
                let not_before: Timestamp = self.world.now + handoff.terms.retry.wait_after(handoff.attempts);
                self.events.push(Event::HandoffRequeued { handoff: handoff.id, not_before });
            }
        }
    }

    /// Whether the limits leave room for another attempt, by the same agent or by `to`.
    fn may_go_on(&self, handoff: &Handoff, to: Option<&AgentName>) -> Result<(), Refusal> {
        self.run.check_again(handoff, to, self.ahead)?;
        self.run.check_budget(Some(handoff), &Budget::default(), &self.spent)
    }

    /// No more tries: a fallback takes over, or whoever waits decides, or the sender gets it back,
    /// or a person must look.
    pub(super) fn give_up(&mut self, handoff: &Handoff, closing: Closing) {
        self.moved.insert(handoff.id);
        if let Some(to) = self.fallback(handoff, &closing) {
            self.withdraw_questions(handoff.id, "another agent takes over");
            self.ahead += u64::from(handoff.phase.lease().is_some());
            self.events.push(Event::HandoffRerouted { handoff: handoff.id, to, why: closing });
        } else if self.run.waiting_for(handoff.id).is_some() {
            self.end(handoff, closing);
            self.return_to_waiting(handoff.id);
        } else if let (Closing::Declined(_), Mode::Transfer, Some(sender)) = (&closing, handoff.mode, &handoff.sender) {
            self.return_to_sender(handoff, sender.clone(), closing);
        } else {
            self.dead_letter(handoff, closing);
        }
    }

    /// A person can send a dead letter once more, so what the agent itself can look up is left to it.
    fn dead_letter(&mut self, handoff: &Handoff, closing: Closing) {
        self.withdraw_questions(handoff.id, "the handoff is over");
        self.ask_about_unknown_effects(handoff, |effect| effect.reconcile == Reconciler::Human);
        self.events.push(Event::DeadLettered { handoff: handoff.id, closing });
    }

    /// Who takes over, if anybody can. What is overdue is overdue for everybody, and while nobody
    /// knows what an effect did, no other agent is let near it.
    fn fallback(&self, handoff: &Handoff, closing: &Closing) -> Option<AgentName> {
        let unknown = handoff.effects.values().any(|effect| effect.outcome.is_none());
        if unknown || *closing == Closing::Overdue {
            return None;
        }
        let own = self.world.directory.agent(&handoff.to).and_then(|agent| agent.fallback.as_ref());
        handoff
            .terms
            .fallback
            .iter()
            .chain(own)
            .find(|name| self.can_take_over(name, handoff) && self.may_go_on(handoff, Some(name)).is_ok())
            .cloned()
    }

    /// A declined transfer goes back to the agent that made it, as a new handoff of kind `return`.
    fn return_to_sender(&mut self, handoff: &Handoff, sender: crate::id::AgentName, closing: Closing) {
        let offer = Offer {
            to: Receiver::Agent(sender),
            kind: Kind::Return,
            reason: Reason::ErrorRecovery,
            contract: None,
            payload: handoff.payload,
            terms: crate::offer::Terms { returns: handoff.terms.returns.clone(), ..crate::offer::Terms::default() },
        };
        let place = handoff.place.clone();
        let handing = Handing { place, justified: true, ..Handing::of(&offer, Some(handoff), Mode::Transfer, handoff.branch) };
        match self.hand_out(&handing) {
            Ok(_) => self.end(handoff, closing),
            Err(_) => self.dead_letter(handoff, closing),
        }
    }
}

/// What a reviewer wants changed becomes an item that must be carried until somebody has seen to it.
fn feedback(handoff: &Handoff, verdict: &Verdict) -> Option<NewItem> {
    let (key, value) = match verdict {
        Verdict::Approved { .. } => return None,
        Verdict::Revise { feedback, .. } => ("feedback", *feedback),
        Verdict::SendBack { question, .. } => ("question", *question),
    };
    // One key per handoff: a later round must not supersede what an earlier one left open.
    Some(NewItem::to_see_to(format!("{key}/{}/{}", handoff.to, handoff.id.number), value))
}
