//! Agents: they accept, work, ask, do things outside, hand on, fail and die.
//!
//! One rule they do keep: an effect really happens in the moment in which the go-ahead arrives, and
//! only if the token still holds then. What an agent does long after its lease has gone, no ledger in
//! front of it can prevent.

use handclasp_core::Reply;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{
    AgentError, Asking, Command, Completion, EffectId, EffectKey, EffectOutcome, Park, Question, ReadBack, Reconciler, Verdict, Voice,
    WorkState,
};
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::event::Awaiting;
use handclasp_core::handoff::{Handoff, Phase, Returned};
use handclasp_core::id::AgentName;
use handclasp_core::ledger::{ItemKind, Settlement};
use handclasp_core::limits::{Budget, Usage};
use handclasp_core::offer::{By, Kind, Mode, Receiver};
use handclasp_core::plan::Plan;
use handclasp_core::refusal::Refusal;
use handclasp_core::time::Millis;
use handclasp_engine::{Clock as _, Rejection};
use serde_json::json;

use super::person::{item, opening};
use super::{KNOWN_TO_BE_GONE, Session};
use crate::call::{Caller, Sent};
use crate::laws::{Held, Stand};
use crate::team;
use crate::world::World;

/// Refused results after which an agent gives up.
const REFUSALS_MAX: u32 = 3;

/// What comes out of a turn: a command with its contents, if the agent has anything to say.
type Said = Option<(Command, Blobs)>;

fn bare(command: Command) -> Said {
    Some((command, Blobs::default()))
}

impl World {
    /// One agent at work takes a turn.
    pub(crate) fn agent(&mut self) -> Held {
        if self.sessions.is_empty() {
            return Ok(());
        }
        let index = self.dice.index(self.sessions.len());
        if self.sessions[index].waits || self.sessions[index].silent_until > self.clock.now() {
            return Ok(());
        }
        if self.dice.chance(self.faults.agent_dies) {
            self.dies(index);
        } else if self.dice.chance(self.faults.agent_silent) {
            self.sessions[index].silent_until = self.clock.now() + Millis(self.dice.below(2 * team::LEASE.0));
        } else {
            let said = self.turn(index);
            self.say(index, said);
        }
        Ok(())
    }

    fn dies(&mut self, index: usize) {
        self.coverage.reach("an agent dies");
        let Session { handoff, token, .. } = self.sessions.swap_remove(index);
        if self.dice.chance(300) {
            let reason = KNOWN_TO_BE_GONE.to_owned();
            let request = self.request("engine", handoff.run, None, Command::LoseLease { handoff, token, reason });
            self.send(Caller::Person, request, Blobs::default());
        }
    }

    fn say(&mut self, index: usize, said: Said) {
        let Some((command, blobs)) = said else { return };
        // Only with a key does a client dare to send about effects: a late second copy of "it did not
        // happen" could otherwise speak of the next try.
        let about_effects = matches!(command, Command::EffectBegin { .. } | Command::EffectFinish { .. } | Command::EffectReconcile { .. });
        let key = self.key(if about_effects { 1_000 } else { 600 });
        let session = &mut self.sessions[index];
        session.waits = true;
        let (id, run, name) = (session.id, session.handoff.run, format!("agent:{}", session.by));
        let request = self.request(&name, run, key, command);
        self.send(Caller::Session(id), request, blobs);
    }

    /// What the agent does next.
    fn turn(&mut self, index: usize) -> Said {
        if let Some((request, blobs)) = self.sessions[index].again.take() {
            let session = &mut self.sessions[index];
            session.waits = true;
            let id = session.id;
            self.send(Caller::Session(id), request, blobs);
            return None;
        }
        let Session { handoff, token, accepted, .. } = self.sessions[index];
        let Some(known) = self.laws.runs[&handoff.run].run().and_then(|run| run.handoff(handoff)).cloned() else { return None };
        if !accepted {
            return self.answer_the_offer(&known, index);
        }
        if let Some(said) = self.settle_effects(index) {
            return Some(said);
        }
        if self.sessions[index].open_questions {
            return bare(Command::Release { handoff, token });
        }
        if self.calm || self.sessions[index].refusals > REFUSALS_MAX {
            return self.diligent(&known, index);
        }
        let planned = self.laws.runs[&handoff.run].planned;
        // A plan gets somewhere only if its steps are done more often than not.
        let (done, next, broken) = if planned { (80, 6, 12) } else { (26, 14, 3) };
        match self.dice.weighted(&[
            (12, 0),
            (8, 1),
            (18, 2),
            (9, 3),
            (10, 4),
            (4, 5),
            (5, 6),
            (done, 7),
            (next, 8),
            (6, 9),
            (2, 10),
            (3, 11),
            (broken, 12),
        ]) {
            0 => bare(Command::Heartbeat { handoff, token }),
            1 => bare(Command::Progress { handoff, token, state: self.state() }),
            2 => self.begin(index),
            3 => self.ask(index),
            4 => self.delegate(&known, index),
            5 => self.spawn(index),
            6 => self.child(index),
            7 => self.complete(&known, index),
            8 => self.hand_on(&known, index),
            9 => self.fail(index, true),
            10 => self.fail(index, false),
            11 => bare(Command::Release { handoff, token }),
            _ => self.give_bad_result(&known, index),
        }
    }

    fn answer_the_offer(&mut self, known: &Handoff, index: usize) -> Said {
        let Session { handoff, token, .. } = self.sessions[index];
        match if self.calm { 0 } else { self.dice.below(10) } {
            7 => bare(Command::Decline { handoff, token, reason: "not for me".to_owned() }),
            8 => bare(Command::Heartbeat { handoff, token }),
            9 => bare(Command::Accept { handoff, token, read_back: ReadBack::delivered() }),
            _ => bare(Command::Accept { handoff, token, read_back: echo(known) }),
        }
    }

    fn state(&mut self) -> WorkState {
        WorkState { percent: u8::try_from(self.dice.below(101)).ok(), ..WorkState::default() }
    }

    /// First of all, it says what became of effects.
    fn settle_effects(&mut self, index: usize) -> Said {
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

    fn begin(&mut self, index: usize) -> Said {
        let Session { handoff, token, effects, .. } = self.sessions[index];
        self.sessions[index].effects += 1;
        let (name, key) = match self.dice.below(3) {
            0 => ("refund", EffectKey::Business("order-1".to_owned())),
            1 => ("refund", EffectKey::Ordinal(0)),
            _ => ("mail", EffectKey::Ordinal(effects)),
        };
        let reconcile = if name == "mail" { Reconciler::Agent } else { Reconciler::Human };
        let effect = EffectId { name: name.to_owned(), key };
        let arguments = Digest::of(&self.dice.below(2).to_le_bytes());
        bare(Command::EffectBegin { handoff, token, effect, arguments, reconcile })
    }

    fn ask(&mut self, index: usize) -> Said {
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
        Some((Command::Ask { handoff, token, question, ordinal: questions, park }, blobs))
    }

    fn delegate(&mut self, known: &Handoff, index: usize) -> Said {
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
        Some((Command::Offer { by, mode: Mode::Delegate, offer, continuation, ordinal: 0 }, blobs))
    }

    fn spawn(&mut self, index: usize) -> Said {
        let Session { handoff, token, spawned, .. } = self.sessions[index];
        self.sessions[index].spawned += 1;
        let mut blobs = Blobs::default();
        let offer = Box::new(team::offer(&mut self.dice, &mut blobs, Kind::Delegate));
        let by = By::Holder { handoff, token };
        Some((Command::Offer { by, mode: Mode::Spawn, offer, continuation: None, ordinal: spawned }, blobs))
    }

    fn child(&mut self, index: usize) -> Said {
        let Session { handoff, token, .. } = self.sessions[index];
        let mut blobs = Blobs::default();
        let child = self.new_run();
        let open = Box::new(opening(&mut self.dice, &mut blobs));
        let reserve = Budget { tokens: self.dice.below(60), cost_micros: 0 };
        Some((Command::OpenChild { handoff, token, child, reserve, continuation: None, open }, blobs))
    }

    fn usage(&mut self) -> Usage {
        Usage { tokens_in: self.dice.below(20), tokens_out: self.dice.below(20), cost_micros: 0 }
    }

    fn fail(&mut self, index: usize, retryable: bool) -> Said {
        let Session { handoff, token, .. } = self.sessions[index];
        let error =
            AgentError { kind: "trouble".to_owned(), message: "it did not work".to_owned(), retryable, attempted: None, hint: None };
        let usage = self.usage();
        bare(Command::Fail { handoff, token, error, usage })
    }

    fn complete(&mut self, known: &Handoff, index: usize) -> Said {
        let mut blobs = Blobs::default();
        let mut completion = Completion::of(team::good(self.dice.below(100), &mut blobs));
        completion.usage = self.usage();
        completion.effects = Some(Vec::new());
        completion.items = (0..self.dice.below(3)).map(|_| item(&mut self.dice, &mut blobs)).collect();
        self.see_to_items(known, &mut completion);
        completion.verdict = self.verdict(known, &mut blobs);
        Some((self.completing(index, completion), blobs))
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

    fn hand_on(&mut self, known: &Handoff, index: usize) -> Said {
        let (command, mut blobs) = self.complete(known, index)?;
        let Command::Complete { mut completion, handoff, token } = command else { return None };
        let mut next = team::offer(&mut self.dice, &mut blobs, Kind::Route);
        if self.dice.chance(50) {
            next.to = Receiver::Agent(team::agent("nobody"));
        }
        completion.next = Some(next);
        Some((Command::Complete { handoff, token, completion }, blobs))
    }

    fn give_bad_result(&mut self, known: &Handoff, index: usize) -> Said {
        let mut blobs = Blobs::default();
        let mut completion = Completion::of(team::bad(&mut blobs));
        completion.effects = Some(Vec::new());
        completion.verdict = self.verdict(known, &mut blobs);
        Some((self.completing(index, completion), blobs))
    }

    /// The shortest way to an honest end.
    fn diligent(&mut self, known: &Handoff, index: usize) -> Said {
        if self.sessions[index].refusals > REFUSALS_MAX {
            return self.fail(index, true);
        }
        let mut blobs = Blobs::default();
        let mut completion = Completion::of(team::good(1, &mut blobs));
        completion.effects = Some(Vec::new());
        let critic = known.place.as_ref().is_some_and(|place| self.plan_of(known).is_some_and(|plan| plan.is_critic(place)));
        completion.verdict = critic.then_some(Verdict::Approved { score: None });
        Some((self.completing(index, completion), blobs))
    }

    /// In calm weather: everybody at work goes on. Returns whether there is anybody.
    pub(crate) fn work_on(&mut self) -> bool {
        for index in (0..self.sessions.len()).rev() {
            let said = self.turn(index);
            if said.is_none() && !self.sessions[index].waits {
                self.sessions.swap_remove(index);
            } else {
                self.say(index, said);
            }
        }
        !self.sessions.is_empty()
    }

    /// A claim was answered: somebody is at work, or asks again, or gives up.
    pub(crate) fn claimer_told(&mut self, by: AgentName, holder: String, sent: Sent, result: Result<Reply, Rejection>) {
        match result {
            Ok(Reply::Claimed { handoff, token, .. }) => {
                let accepted = matches!(sent.request.command, Command::Claim { accept: Some(_), .. });
                // Claimed twice with one key: it is one and the same worker.
                if !self.sessions.iter().any(|session| session.handoff == handoff && session.token == token) {
                    let id = self.number();
                    self.sessions.push(Session::new(id, by, holder, handoff, token, accepted));
                }
            }
            Err(Rejection::Failed(_)) if sent.times < 4 => self.ask_again(Caller::Claimer { by, holder }, sent),
            Ok(_) | Err(_) => {}
        }
    }

    /// Nobody will ever answer; an agent at work simply goes on.
    pub(crate) fn never_told(&mut self, caller: &Caller) {
        if let Caller::Session(id) = caller
            && let Some(session) = self.sessions.iter_mut().find(|session| session.id == *id)
        {
            session.waits = false;
        }
    }

    /// An agent at work gets its answer.
    pub(crate) fn session_told(&mut self, id: u64, sent: Sent, result: Result<Reply, Rejection>) -> Held {
        let Some(index) = self.sessions.iter().position(|session| session.id == id) else { return Ok(()) };
        self.sessions[index].waits = false;
        match result {
            Ok(reply) => self.goes_on(index, &sent.request.command, &reply),
            Err(Rejection::Refused(refusal)) => {
                self.is_refused(index, &sent.request.command, refusal);
                Ok(())
            }
            Err(Rejection::Failed(_)) => {
                // Not knowing is no reason to give up.
                self.sessions[index].again = (!self.dice.chance(150)).then_some((sent.request, sent.blobs));
                Ok(())
            }
        }
    }

    fn goes_on(&mut self, index: usize, command: &Command, reply: &Reply) -> Held {
        let session = &mut self.sessions[index];
        match (command, reply) {
            (Command::Accept { .. }, _) => session.accepted = true,
            (_, Reply::EffectProceed { effect }) => return self.acts(index, effect),
            (Command::EffectFinish { .. } | Command::EffectReconcile { .. }, _) => {
                session.begun = None;
                session.unknown = None;
            }
            (Command::Heartbeat { .. }, _) if !self.calm => self.coverage.reach("a heartbeat keeps a lease"),
            (
                Command::Decline { .. }
                | Command::Release { .. }
                | Command::Fail { .. }
                | Command::Complete { .. }
                | Command::OpenChild { .. }
                | Command::Offer { mode: Mode::Delegate, .. }
                | Command::Ask { park: Some(_), .. },
                _,
            ) => {
                let parked_in_vain = matches!(reply, Reply::Asked { answer: Some(_), .. });
                if !parked_in_vain {
                    self.sessions.swap_remove(index);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The go-ahead has arrived. It happens now, or not at all.
    fn acts(&mut self, index: usize, effect: &EffectId) -> Held {
        let Session { handoff, token, .. } = self.sessions[index];
        let stand = self.laws.runs[&handoff.run].handoff(handoff).map(|seen| seen.stand);
        if stand != Some(Stand::Held(token, true)) {
            self.coverage.reach("a go-ahead comes too late");
            self.sessions.swap_remove(index);
            return Ok(());
        }
        self.sessions[index].begun = Some(effect.clone());
        if self.dice.chance(850) {
            self.outside.happen(handoff, effect)?;
        }
        if self.dice.chance(2 * self.faults.agent_dies) {
            self.dies(index);
        }
        Ok(())
    }

    fn is_refused(&mut self, index: usize, command: &Command, refusal: Refusal) {
        let session = &mut self.sessions[index];
        match refusal {
            Refusal::EffectUnknown(effect) => session.unknown = Some(effect),
            Refusal::EffectInFlight(effect) => session.begun = Some(effect),
            Refusal::OpenQuestions => session.open_questions = true,
            Refusal::StaleLease { .. } | Refusal::RunClosed | Refusal::UnknownHandoff(_) | Refusal::UnknownRun => {
                self.sessions.swap_remove(index);
            }
            // It had accepted before, and never heard so.
            Refusal::WrongPhase { phase: "accepted", .. } => session.accepted = true,
            Refusal::WrongPhase { .. } => {
                self.sessions.swap_remove(index);
            }
            _ if matches!(command, Command::Complete { .. } | Command::Accept { .. }) => session.refusals += 1,
            _ => {}
        }
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
