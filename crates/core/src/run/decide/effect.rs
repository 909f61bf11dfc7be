//! The guard around side effects (law 6): announced before, recorded after, never repeated blindly.

use super::Draft;
use crate::blob::BlobRef;
use crate::command::{Command, EffectId, EffectKey, EffectOutcome, Reconciler};
use crate::event::Event;
use crate::id::{HandoffId, Token};
use crate::refusal::Refusal;
use crate::run::{Reply, Run};

impl Run {
    /// What a command with a known key is told: the first reply. A go-ahead alone goes stale, or a late
    /// caller would do what somebody may have done since (law 6 stands before law 5).
    pub(in crate::run) fn first_reply(&self, command: &Command, first: &Reply) -> Result<Reply, Refusal> {
        let (Command::EffectBegin { handoff, token, .. }, Reply::EffectProceed { effect }) = (command, first) else {
            return Ok(first.clone());
        };
        let (handoff, _) = self.accepted(*handoff, *token, "given effects")?;
        let known = handoff.effects.get(effect).and_then(|known| known.outcome);
        Ok(known.map_or_else(|| first.clone(), |outcome| Reply::EffectKnown { effect: effect.clone(), outcome }))
    }
}

impl Draft<'_> {
    /// Announces an effect: go ahead, or here is what came of it, or nobody knows.
    pub(super) fn effect_begin(
        &mut self,
        id: HandoffId,
        token: Token,
        effect: &EffectId,
        arguments: BlobRef,
        reconcile: Reconciler,
    ) -> Result<Reply, Refusal> {
        let (handoff, lease) = self.run.accepted(id, token, "given effects")?;
        // Any unknown effect of this name bars the way, whatever its arguments: a model never asks
        // for the same thing twice in the same words.
        if let Some((unknown, _)) = handoff.unknown_effects().find(|(known, _)| known.name == effect.name) {
            return Err(Refusal::EffectUnknown(unknown.clone()));
        }
        let Some(known) = handoff.effects.get(effect) else {
            self.began(id, lease.token, effect, arguments, reconcile);
            return Ok(Reply::EffectProceed { effect: effect.clone() });
        };
        let differs = known.arguments.digest != arguments.digest;
        match (&known.outcome, &effect.key) {
            (None, _) => Err(Refusal::EffectInFlight(effect.clone())),
            // It is known that it did not happen: this is the first time.
            (Some(EffectOutcome::DidNotHappen), _) => {
                self.began(id, lease.token, effect, arguments, reconcile);
                Ok(Reply::EffectProceed { effect: effect.clone() })
            }
            (Some(_), EffectKey::Business(_)) if differs => {
                Err(Refusal::EffectDiffers { effect: effect.clone(), first: known.arguments.digest, now: arguments.digest })
            }
            (Some(outcome), _) => {
                if differs {
                    self.events.push(Event::DivergenceNoted {
                        handoff: id,
                        what: format!("effect {effect}"),
                        kept: known.arguments.digest,
                        ignored: arguments.digest,
                    });
                }
                Ok(Reply::EffectKnown { effect: effect.clone(), outcome: *outcome })
            }
        }
    }

    fn began(&mut self, handoff: HandoffId, token: Token, effect: &EffectId, arguments: BlobRef, reconcile: Reconciler) {
        self.events.push(Event::EffectBegan { handoff, effect: effect.clone(), token, arguments, reconcile });
    }

    /// Records what came of an effect that this attempt began.
    pub(super) fn effect_finish(
        &mut self,
        id: HandoffId,
        token: Token,
        effect: &EffectId,
        outcome: EffectOutcome,
    ) -> Result<Reply, Refusal> {
        let (handoff, lease) = self.run.accepted(id, token, "given effects")?;
        let known = handoff.effects.get(effect).ok_or_else(|| Refusal::EffectNotBegun(effect.clone()))?;
        match known.outcome {
            Some(kept) => Ok(Reply::EffectKnown { effect: effect.clone(), outcome: kept }),
            None if known.token != lease.token => Err(Refusal::EffectUnknown(effect.clone())),
            None => {
                self.events.push(Event::EffectSettled { handoff: id, effect: effect.clone(), outcome, reconciled: false });
                Ok(Reply::Done)
            }
        }
    }

    /// Records what an attempt found out about an effect that an earlier one had begun.
    pub(super) fn effect_reconcile(
        &mut self,
        id: HandoffId,
        token: Token,
        effect: &EffectId,
        outcome: EffectOutcome,
    ) -> Result<Reply, Refusal> {
        let (handoff, lease) = self.run.accepted(id, token, "given effects")?;
        let known = handoff.effects.get(effect).ok_or_else(|| Refusal::EffectNotBegun(effect.clone()))?;
        if let Some(kept) = known.outcome {
            return Ok(Reply::EffectKnown { effect: effect.clone(), outcome: kept });
        }
        if known.token == lease.token {
            return Err(Refusal::EffectInFlight(effect.clone()));
        }
        let question = self.run.open_questions(id).find(|interrupt| interrupt.effect.as_ref() == Some(effect));
        if known.reconcile == Reconciler::Human || question.is_some() {
            return Err(Refusal::OpenQuestions);
        }
        self.events.push(Event::EffectSettled { handoff: id, effect: effect.clone(), outcome, reconciled: true });
        Ok(Reply::Done)
    }
}
