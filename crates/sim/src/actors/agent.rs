//! Agents: they accept, work, ask, do things outside, hand on, fail and die.
//!
//! One rule they do keep: an effect really happens in the moment in which the go-ahead arrives, and
//! only if the token still holds then. What an agent does long after its lease has gone, no ledger in
//! front of it can prevent.

use handclasp_core::Reply;
use handclasp_core::blob::Blobs;
use handclasp_core::command::{Command, EffectId};
use handclasp_core::id::AgentName;
use handclasp_core::offer::Mode;
use handclasp_core::refusal::Refusal;
use handclasp_core::time::Millis;
use handclasp_engine::{Clock as _, Rejection};

use super::work::{REFUSALS_MAX, Said, bare};
use super::{KNOWN_TO_BE_GONE, Session};
use crate::call::{Caller, Sent, request};
use crate::laws::{Held, Stand};
use crate::team;
use crate::world::World;

impl World {
    /// One agent at work takes a turn.
    pub(crate) fn agent(&mut self) {
        if self.sessions.is_empty() {
            return;
        }
        let index = self.dice.index(self.sessions.len());
        if self.sessions[index].waits || self.sessions[index].silent_until > self.clock.now() {
            return;
        }
        if self.dice.chance(self.faults.agent_dies) {
            self.dies(index);
        } else if self.dice.chance(self.faults.agent_silent) {
            self.sessions[index].silent_until = self.clock.now() + Millis(self.dice.below(2 * team::LEASE.0));
        } else {
            let said = self.turn(index);
            self.say(index, said);
        }
    }

    fn dies(&mut self, index: usize) {
        self.coverage.reach("an agent dies");
        let Session { handoff, token, .. } = self.sessions.swap_remove(index);
        if self.dice.chance(300) {
            let reason = KNOWN_TO_BE_GONE.to_owned();
            let request = request("engine", handoff.run, None, Command::LoseLease { handoff, token, reason });
            self.send(Caller::Person, request, Blobs::default());
        }
    }

    fn say(&mut self, index: usize, said: Option<Said>) {
        let Some((command, blobs)) = said else { return };
        // Only with a key does a client dare to send about effects: a late second copy of "it did not
        // happen" could otherwise speak of the next try.
        let about_effects = matches!(command, Command::EffectBegin { .. } | Command::EffectFinish { .. } | Command::EffectReconcile { .. });
        let key = self.key(if about_effects { 1_000 } else { 600 });
        let session = &mut self.sessions[index];
        session.waits = true;
        let (id, run, name) = (session.id, session.handoff.run, format!("agent:{}", session.by));
        let request = request(&name, run, key, command);
        self.send(Caller::Session(id), request, blobs);
    }

    /// What the agent does next.
    fn turn(&mut self, index: usize) -> Option<Said> {
        if let Some((request, blobs)) = self.sessions[index].again.take() {
            let session = &mut self.sessions[index];
            session.waits = true;
            let id = session.id;
            self.send(Caller::Session(id), request, blobs);
            return None;
        }
        let Session { handoff, token, accepted, .. } = self.sessions[index];
        let known = self.laws.runs[&handoff.run].run()?.handoff(handoff)?.clone();
        if !accepted {
            return Some(self.answer_the_offer(&known, index));
        }
        if let Some(said) = self.settle_effects(index) {
            return Some(said);
        }
        if self.sessions[index].open_questions {
            return Some(bare(Command::Release { handoff, token }));
        }
        if self.calm || self.sessions[index].refusals > REFUSALS_MAX {
            return Some(self.diligent(&known, index));
        }
        let planned = self.laws.runs[&handoff.run].planned;
        // A plan gets somewhere only if its steps are done more often than not.
        let (done, next, broken) = match (planned, self.keen) {
            (true, true) => (500, 4, 20),
            (true, false) => (80, 6, 12),
            (false, _) => (26, 14, 3),
        };
        let said = match self.dice.weighted(&[
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
        };
        Some(said)
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
    pub(crate) fn claimer_told(&mut self, by: AgentName, holder: String, sent: Sent, result: &Result<Reply, Rejection>) {
        match result {
            Ok(Reply::Claimed { handoff, token, .. }) => {
                let (handoff, token) = (*handoff, *token);
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
            // It had accepted before, and never heard so.
            Refusal::WrongPhase { phase: "accepted", .. } => session.accepted = true,
            Refusal::WrongPhase { .. }
            | Refusal::StaleLease { .. }
            | Refusal::RunClosed
            | Refusal::UnknownHandoff(_)
            | Refusal::UnknownRun => {
                self.sessions.swap_remove(index);
            }
            _ if matches!(command, Command::Complete { .. } | Command::Accept { .. }) => session.refusals += 1,
            _ => {}
        }
    }
}
