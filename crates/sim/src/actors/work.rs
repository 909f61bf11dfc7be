//! What agents say at their work: to the offer, about effects, to people, to each other, at the end.
//!
//! Everything that an agent can do is here once, well done and badly done; when it does what is
//! [`super::agent`]'s business.

use handclasp_core::blob::Blobs;
use handclasp_core::command::{
    AgentError, Asking, Command, Completion, EffectId, EffectKey, EffectOutcome, Park, Question, ReadBack, Reconciler, Verdict, Voice,
    WorkState,
};
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::event::Awaiting;
use handclasp_core::handoff::{Handoff, Phase, Returned};
use handclasp_core::ledger::{ItemKind, Settlement};
use handclasp_core::limits::{Budget, Usage};
use handclasp_core::offer::{By, Kind, Mode, Receiver};
use handclasp_core::plan::Plan;
use handclasp_core::time::Millis;
use serde_json::json;

use super::Session;
use super::person::{item, opening};
use crate::team;
use crate::world::World;

/// Refused results after which an agent gives up.
pub(super) const REFUSALS_MAX: u32 = 3;

/// A command with its contents.
pub(super) type Said = (Command, Blobs);

/// A command that brings no contents.
pub(super) fn bare(command: Command) -> Said {
    (command, Blobs::default())
}

impl World {
    pub(super) fn answer_the_offer(&mut self, known: &Handoff, index: usize) -> Said {
        let Session { handoff, token, .. } = self.sessions[index];
        let mood = if self.calm { 0 } else { self.dice.below(10) };
        match mood {
            7 => bare(Command::Decline { handoff, token, reason: "not for me".to_owned() }),
            8 => bare(Command::Heartbeat { handoff, token }),
            9 => bare(Command::Accept { handoff, token, read_back: ReadBack::delivered() }),
            _ => bare(Command::Accept { handoff, token, read_back: echo(known) }),
        }
    }

    pub(super) fn state(&mut self) -> WorkState {
        WorkState { percent: u8::try_from(self.dice.below(101)).ok(), ..WorkState::default() }
    }

    /// First of all, it says what became of effects.
    pub(super) fn settle_effects(&self, index: usize) -> Option<Said> {
        let Session { handoff, token, .. } = self.sessions[index];
        let mut blobs = Blobs::default();
        let mut found = |effect: &EffectId| {
            let happened = self.outside.has_happened(handoff, effect);
            if happened { EffectOutcome::Happened(Some(blobs.json(&json!("done")))) } else { EffectOutcome::DidNotHappen }
        };
        let session = &self.sessions[index];
        let command = if let Some(effect) = session.begun.clone() {
            let outcome = found(&effect);
            Command::EffectFinish { handoff, token, effect, outcome }
        } else if let Some(effect) = session.unknown.clone() {
            let outcome = found(&effect);
            Command::EffectReconcile { handoff, token, effect, outcome }
        } else {
            return None;
        };
        Some((command, blobs))
    }

    pub(super) fn begin(&mut self, index: usize) -> Said {
        let Session { handoff, token, effects, .. } = self.sessions[index];
        self.sessions[index].effects += 1;
        let (name, key) = match self.dice.below(3) {
            0 => ("refund", EffectKey::Business("order-1".to_owned())),
            1 => ("refund", EffectKey::Ordinal(0)),
            _ => ("mail", EffectKey::Ordinal(effects)),
        };
        let reconcile = if name == "mail" { Reconciler::Agent } else { Reconciler::Human };
        let effect = EffectId { name: name.to_owned(), key };
        let mut blobs = Blobs::default();
        let arguments = blobs.json(&json!({ "amount": self.dice.below(2) }));
        (Command::EffectBegin { handoff, token, effect, arguments, reconcile }, blobs)
    }

    pub(super) fn ask(&mut self, index: usize) -> Said {
        let Session { handoff, token, questions, .. } = self.sessions[index];
        self.sessions[index].questions += 1;
        let mut blobs = Blobs::default();
        let question = Question {
            asking: if self.dice.chance(500) { Asking::Question } else { Asking::Approval },
            shown: blobs.json(&json!({ "may I": self.dice.below(3) })),
            options: vec!["yes".to_owned(), "no".to_owned()],
            within_ms: self.dice.chance(400).then(|| Millis::seconds(5 + self.dice.below(60))),
            on_silence: None,
        };
        let silence = if question.asking == Asking::Question { "no" } else { "rejected" };
        let question = Question { on_silence: self.dice.chance(500).then(|| silence.to_owned()), ..question };
        let park = self.dice.chance(600).then(|| Park { continuation: Some(blobs.json(&json!("where I was"))) });
        (Command::Ask { handoff, token, question, ordinal: questions, park }, blobs)
    }

    pub(super) fn delegate(&mut self, known: &Handoff, index: usize) -> Said {
        let Session { handoff, token, .. } = self.sessions[index];
        let mut blobs = Blobs::default();
        let mut offer = Box::new(team::offer(&mut self.dice, &mut blobs, Kind::Delegate));
        if let Some(Returned { from: Awaiting::Handoff(child), .. }) = known.returned.last()
            && let Some(child) = self.laws.runs[&handoff.run].run().and_then(|run| run.handoff(*child))
            && self.dice.chance(800)
        {
            // The same once more: that goes in circles, unless something was learnt.
            offer.to = Receiver::Agent(child.to.clone());
            offer.payload = child.payload;
        }
        let continuation = Some(blobs.json(&json!("where I was")));
        let by = By::Holder { handoff, token };
        (Command::Offer { by, mode: Mode::Delegate, offer, continuation, ordinal: 0 }, blobs)
    }

    pub(super) fn spawn(&mut self, index: usize) -> Said {
        let Session { handoff, token, spawned, .. } = self.sessions[index];
        self.sessions[index].spawned += 1;
        let mut blobs = Blobs::default();
        let offer = Box::new(team::offer(&mut self.dice, &mut blobs, Kind::Delegate));
        let by = By::Holder { handoff, token };
        (Command::Offer { by, mode: Mode::Spawn, offer, continuation: None, ordinal: spawned }, blobs)
    }

    pub(super) fn child(&mut self, index: usize) -> Said {
        let Session { handoff, token, .. } = self.sessions[index];
        let mut blobs = Blobs::default();
        let child = self.new_run();
        let open = Box::new(opening(&mut self.dice, &mut blobs));
        let reserve = Budget { tokens: self.dice.below(60), cost_micros: 0 };
        (Command::OpenChild { handoff, token, child, reserve, continuation: None, open }, blobs)
    }

    fn usage(&mut self) -> Usage {
        Usage { tokens_in: self.dice.below(20), tokens_out: self.dice.below(20), cost_micros: 0 }
    }

    pub(super) fn fail(&mut self, index: usize, retryable: bool) -> Said {
        let Session { handoff, token, .. } = self.sessions[index];
        let error =
            AgentError { kind: "trouble".to_owned(), message: "it did not work".to_owned(), retryable, attempted: None, hint: None };
        let usage = self.usage();
        bare(Command::Fail { handoff, token, error, usage })
    }

    pub(super) fn complete(&mut self, known: &Handoff, index: usize) -> Said {
        let (completion, blobs) = self.completion(known);
        (self.completing(index, completion), blobs)
    }

    /// A good result, with what was learnt and seen to on the way.
    fn completion(&mut self, known: &Handoff) -> (Completion, Blobs) {
        let mut blobs = Blobs::default();
        let mut completion = Completion::of(team::good(self.dice.below(100), &mut blobs));
        completion.usage = self.usage();
        completion.effects = Some(Vec::new());
        completion.items = (0..self.dice.below(3)).map(|_| item(&mut self.dice, &mut blobs)).collect();
        self.see_to_items(known, &mut completion);
        completion.verdict = self.verdict(known, &mut blobs);
        (completion, blobs)
    }

    fn completing(&self, index: usize, completion: Completion) -> Command {
        let Session { handoff, token, .. } = self.sessions[index];
        Command::Complete { handoff, token, completion: Box::new(completion) }
    }

    /// Discharges or drops some of what it was given.
    fn see_to_items(&mut self, known: &Handoff, completion: &mut Completion) {
        let Phase::Accepted { delivery, .. } = &known.phase else { return };
        for id in &delivery.carried {
            let item = self.laws.runs[&known.id.run].run().and_then(|run| run.ledger.item(*id));
            let constraint = item.is_some_and(|item| item.content.kind == ItemKind::Constraint);
            let settlement = Settlement { item: *id, why: "seen to".to_owned() };
            match self.dice.below(8) {
                0 | 1 if !constraint => completion.discharged.push(settlement),
                2 => completion.dropped.push(settlement),
                _ => {}
            }
        }
    }

    /// What a critic, and now and then anybody in a plan, says about the work.
    fn verdict(&mut self, known: &Handoff, blobs: &mut Blobs) -> Option<Verdict> {
        let place = known.place.as_ref()?;
        let critic = self.plan_of(known).is_some_and(|plan| plan.is_critic(place));
        let draft = "draft".parse().expect("a constant");
        if critic && self.dice.chance(700) {
            return Some(Verdict::Revise { feedback: blobs.json(&json!("again")), score: Some(1) });
        }
        if self.dice.chance(80) {
            return Some(Verdict::SendBack { to: draft, question: blobs.json(&json!("what is meant?")) });
        }
        critic.then_some(Verdict::Approved { score: None })
    }

    fn plan_of(&self, known: &Handoff) -> Option<&Plan> {
        self.laws.runs[&known.id.run].run()?.plan.as_ref()
    }

    pub(super) fn hand_on(&mut self, known: &Handoff, index: usize) -> Said {
        let (mut completion, mut blobs) = self.completion(known);
        let mut next = team::offer(&mut self.dice, &mut blobs, Kind::Route);
        if self.dice.chance(50) {
            next.to = Receiver::Agent(team::agent("nobody"));
        }
        completion.next = Some(next);
        (self.completing(index, completion), blobs)
    }

    pub(super) fn give_bad_result(&mut self, known: &Handoff, index: usize) -> Said {
        let mut blobs = Blobs::default();
        let mut completion = Completion::of(team::bad(&mut blobs));
        completion.effects = Some(Vec::new());
        completion.verdict = self.verdict(known, &mut blobs);
        (self.completing(index, completion), blobs)
    }

    /// The shortest way to an honest end.
    pub(super) fn diligent(&mut self, known: &Handoff, index: usize) -> Said {
        if self.sessions[index].refusals > REFUSALS_MAX {
            return self.fail(index, true);
        }
        let mut blobs = Blobs::default();
        let mut completion = Completion::of(team::good(1, &mut blobs));
        completion.effects = Some(Vec::new());
        let critic = known.place.as_ref().is_some_and(|place| self.plan_of(known).is_some_and(|plan| plan.is_critic(place)));
        completion.verdict = critic.then_some(Verdict::Approved { score: None });
        (self.completing(index, completion), blobs)
    }
}

/// Everything that a read-back has to name.
fn echo(known: &Handoff) -> ReadBack {
    let items = match &known.phase {
        Phase::Claimed { delivery, .. } => delivery.must_carry.iter().copied().collect(),
        _ => std::collections::BTreeSet::new(),
    };
    ReadBack {
        by: Voice::Agent,
        level: ReadBackLevel::Echo,
        contract: known.contract.clone(),
        payload: Some(known.payload.digest),
        items,
        criteria: (0..).take(known.terms.acceptance.len()).collect(),
        confidence: None,
    }
}
