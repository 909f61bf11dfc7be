//! Questions to people: asked once, answered by id, bound to what was shown (law 3).

use super::Draft;
use crate::blob::Digest;
use crate::command::{Answer, Asking, DID_NOT_HAPPEN, EffectOutcome, HAPPENED, Park, Question, Reconciler};
use crate::event::{Awaiting, Closing, Event};
use crate::handoff::{Effect, Handoff, Phase};
use crate::id::{HandoffId, InterruptId, Principal, Token};
use crate::ledger::NewItem;
use crate::plan::{APPROVED, REJECTED};
use crate::refusal::Refusal;
use crate::run::{Interrupt, InterruptState, Reply};

impl Draft<'_> {
    /// Asks a person. A later attempt that asks the same gets the same question, and its answer.
    pub(super) fn ask(
        &mut self,
        id: HandoffId,
        token: Token,
        question: &Question,
        ordinal: u32,
        park: Option<Park>,
    ) -> Result<Reply, Refusal> {
        let (handoff, _) = self.run.accepted(id, token, "given questions")?;
        if question.asking == Asking::Reconciliation {
            return Err(Refusal::BadField { field: "question.asking", problem: "reconciliations are asked by the engine itself" });
        }
        if let Some(silence) = &question.on_silence {
            allowed(question, silence)?;
        }
        let known = handoff.asked.get(&ordinal).and_then(|known| self.run.interrupt(*known));
        let same = known.filter(|known| known.question.shown.digest == question.shown.digest && known.question.asking == question.asking);
        let interrupt = match same {
            Some(Interrupt { id: interrupt, state: InterruptState::Resolved(answer), .. }) => {
                return Ok(Reply::Asked { interrupt: *interrupt, answer: Some(answer.clone()) });
            }
            Some(Interrupt { id: interrupt, state: InterruptState::Open, .. }) => *interrupt,
            _ => {
                if let Some(Interrupt { id: other, state: InterruptState::Open, .. }) = known {
                    self.withdraw(*other, "the next attempt asked something else");
                }
                self.raise(Some(id), None, None, ordinal, question.clone())
            }
        };
        if let Some(park) = park {
            if let Some((effect, _)) = handoff.effects.iter().find(|(_, effect)| effect.outcome.is_none()) {
                return Err(Refusal::EffectInFlight(effect.clone()));
            }
            self.run.check_again(handoff, None, self.ahead)?;
            self.events.push(Event::HandoffParked { handoff: id, awaiting: Awaiting::Answers, continuation: park.continuation });
        }
        Ok(Reply::Asked { interrupt, answer: None })
    }

    pub(in crate::run) fn raise(
        &mut self,
        handoff: Option<HandoffId>,
        place: Option<crate::plan::Place>,
        effect: Option<crate::command::EffectId>,
        ordinal: u32,
        question: Question,
    ) -> InterruptId {
        let interrupt = self.new_interrupt();
        let answer_by = question.within_ms.map(|within| self.world.now + within);
        self.events.push(Event::InterruptRaised { interrupt, handoff, place, effect, ordinal, question, answer_by });
        interrupt
    }

    pub(super) fn withdraw(&mut self, interrupt: InterruptId, reason: &str) {
        self.events.push(Event::InterruptWithdrawn { interrupt, reason: reason.to_owned() });
    }

    /// Questions of a handoff that is over are of no interest; whether an effect happened still is.
    pub(super) fn withdraw_questions(&mut self, handoff: HandoffId, reason: &str) {
        let open: Vec<_> = self
            .run
            .open_questions(handoff)
            .filter(|interrupt| interrupt.question.asking != Asking::Reconciliation)
            .map(|interrupt| interrupt.id)
            .collect();
        for interrupt in open {
            self.withdraw(interrupt, reason);
        }
    }

    /// An attempt has ended and another is to follow: not before a person has said what became of
    /// its effects and answered its questions. Returns whether it waits for that.
    pub(super) fn wait_for_answers(&mut self, handoff: &Handoff) -> bool {
        let raised = self.ask_about_unknown_effects(handoff, |effect| effect.reconcile == Reconciler::Human);
        let waits = raised || self.run.open_questions(handoff.id).next().is_some();
        if waits {
            self.events.push(Event::HandoffParked { handoff: handoff.id, awaiting: Awaiting::Answers, continuation: None });
        }
        waits
    }

    /// Ends a handoff for good. No attempt of it will look up what became of its effects, so a person
    /// is asked about all that nobody knows.
    pub(super) fn end(&mut self, handoff: &Handoff, closing: Closing) {
        self.withdraw_questions(handoff.id, "the handoff is over");
        self.ask_about_unknown_effects(handoff, |_| true);
        self.moved.insert(handoff.id);
        self.events.push(Event::HandoffEnded { handoff: handoff.id, closing });
    }

    /// Asks about effects that began and were never heard of again. Returns whether there were any.
    pub(super) fn ask_about_unknown_effects(&mut self, handoff: &Handoff, which: impl Fn(&Effect) -> bool) -> bool {
        let mut raised = false;
        for (effect, known) in &handoff.effects {
            let asked = self.run.open_questions(handoff.id).any(|interrupt| interrupt.effect.as_ref() == Some(effect));
            if known.outcome.is_none() && which(known) && !asked {
                let shown = self.blobs.json(&serde_json::json!({
                    "question": "This effect began and was cut short. Did it happen?",
                    "handoff": handoff.id,
                    "agent": handoff.to,
                    "effect": effect.to_string(),
                    "arguments": known.arguments,
                }));
                let question = Question {
                    asking: Asking::Reconciliation,
                    shown,
                    options: vec![HAPPENED.to_owned(), DID_NOT_HAPPEN.to_owned()],
                    within_ms: None,
                    on_silence: None,
                };
                self.raise(Some(handoff.id), None, Some(effect.clone()), 0, question);
                raised = true;
            }
        }
        raised
    }

    /// Takes an answer. The first one counts; whoever is late is told which it was.
    pub(super) fn resolve(&mut self, id: InterruptId, shown: Digest, answer: &Answer, by: &Principal) -> Result<Reply, Refusal> {
        let interrupt = self.run.interrupt(id).ok_or(Refusal::UnknownInterrupt(id))?;
        match &interrupt.state {
            InterruptState::Resolved(first) => return Ok(Reply::Resolved { interrupt: id, answer: first.clone() }),
            InterruptState::Withdrawn => return Err(Refusal::WrongPhase { phase: "withdrawn", asked: "answered" }),
            InterruptState::Open => {}
        }
        let asked = interrupt.question.shown.digest;
        if shown != asked {
            return Err(Refusal::ShownOther { asked, answered: shown });
        }
        allowed(&interrupt.question, &answer.choice)?;
        if answer.choice.is_empty() && answer.text.is_none() {
            return Err(Refusal::BadField { field: "answer", problem: "it is empty" });
        }
        self.settle(interrupt, answer.clone(), Some(by.clone()));
        Ok(Reply::Resolved { interrupt: id, answer: answer.clone() })
    }

    /// Records an answer and what follows from it.
    pub(super) fn settle(&mut self, interrupt: &Interrupt, answer: Answer, by: Option<Principal>) {
        let happened = answer.choice == HAPPENED;
        let text = answer.text;
        let rejected = interrupt.place.is_some() && answer.choice == REJECTED;
        self.events.push(Event::InterruptResolved { interrupt: interrupt.id, answer, by });
        if let (Some(value), true) = (text, rejected) {
            self.add_objection(interrupt, value);
        }
        let Some(handoff) = interrupt.handoff.and_then(|id| self.run.handoff(id)) else { return };
        if let Some(effect) = &interrupt.effect {
            let outcome = if happened { EffectOutcome::Happened(text) } else { EffectOutcome::DidNotHappen };
            self.events.push(Event::EffectSettled { handoff: handoff.id, effect: effect.clone(), outcome, reconciled: true });
        }
        let last = self.run.open_questions(handoff.id).all(|other| other.id == interrupt.id || self.settles(other.id));
        if last && matches!(handoff.phase, Phase::Waiting { awaiting: Awaiting::Answers }) {
            self.events.push(Event::HandoffReturned { handoff: handoff.id });
        }
    }

    /// What a person objects to must be carried until somebody has seen to it.
    fn add_objection(&mut self, interrupt: &Interrupt, value: crate::blob::BlobRef) {
        let Some(branch) = self.run.branches.first().map(|branch| branch.id) else { return };
        let item = self.new_item();
        let content = NewItem::to_see_to(format!("objection/{}", interrupt.id.number), value);
        self.events.push(Event::ItemAdded { item, branch, source: None, content });
    }

    /// Whether this draft already settles a question.
    fn settles(&self, id: InterruptId) -> bool {
        self.events.iter().any(|event| {
            matches!(event, Event::InterruptResolved { interrupt, .. } | Event::InterruptWithdrawn { interrupt, .. } if *interrupt == id)
        })
    }
}

/// Whether a choice is one of those that the question leaves.
fn allowed(question: &Question, choice: &str) -> Result<(), Refusal> {
    let fixed = [APPROVED.to_owned(), REJECTED.to_owned()];
    let options: &[String] = match question.asking {
        Asking::Approval => &fixed,
        Asking::Question | Asking::Reconciliation => &question.options,
    };
    if options.is_empty() || options.iter().any(|option| option == choice) {
        return Ok(());
    }
    Err(Refusal::NotAnOption { given: choice.to_owned(), options: options.to_vec() })
}
