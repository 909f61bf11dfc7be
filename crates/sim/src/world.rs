//! One simulated world: an engine, a store with weather, and people and agents that take turns.
//!
//! A world lives twice. First everything goes wrong that its faults allow; then the weather clears,
//! whoever is at work is diligent, and everything has to come to rest. The laws look on all the time.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use handclasp_core::Reply;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Command, Request};
use handclasp_core::id::RunId;
use handclasp_core::run::Slot;
use handclasp_core::time::{Millis, Timestamp};
use handclasp_engine::{Clock as _, Engine, EngineError, Rejection, inspect};

use crate::actors::Session;
use crate::call::{Answer, Call, Caller, Sent, poll, request};
use crate::clock::StoppedClock;
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::faults::Faults;
use crate::laws::{self, Held, Laws, broken, require};
use crate::outside::Outside;
use crate::report::{Failure, Report, Trail};
use crate::store::{Door, FaultyStore, at_once};
use crate::team;

/// Turns after which something that has not ended never will.
pub(crate) const PATIENCE: u32 = 20_000;

/// Everything there is.
pub(crate) struct World {
    seed: u64,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<StoppedClock>,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) engine: Engine,
    pub(crate) engines: u32,
    pub(crate) calls: Vec<Call>,
    pub(crate) sessions: Vec<Session>,
    /// What the network has kept for later.
    late: Vec<(Request, Blobs)>,
    pub(crate) laws: Laws,
    pub(crate) outside: Outside,
    pub(crate) coverage: Coverage,
    pub(crate) trail: Trail,
    /// Once the weather has cleared.
    pub(crate) calm: bool,
    /// Rows that are left alone for a while.
    pub(crate) aside: BTreeMap<(RunId, Slot), Timestamp>,
    /// How often each row was attended to, once calm.
    pub(crate) reminders: BTreeMap<(RunId, Slot, &'static str), u64>,
    numbers: u64,
    /// How likely the store settles an append in a turn.
    settles: u32,
    /// How many runs principals open: few go far, many get in each other's way.
    pub(crate) runs_max: usize,
    /// Whether people and agents are keen to get to the end: in other worlds few plans do.
    pub(crate) keen: bool,
}

/// An engine over the store with weather.
pub(crate) fn engine(store: &Arc<FaultyStore>, clock: &Arc<StoppedClock>, number: u32) -> Engine {
    let door = Door { store: Arc::clone(store), at_once: false };
    let clock: Arc<StoppedClock> = Arc::clone(clock);
    Engine::named(Arc::new(door), clock, team::registry(), format!("engine:{number}"))
}

impl World {
    pub(crate) fn new(seed: u64, faults: &Faults, trail: bool) -> Self {
        let mut dice = Dice::new(seed);
        let faults = faults.varied(&mut dice);
        let clock = Arc::new(StoppedClock::new());
        let store = Arc::new(FaultyStore::new(dice.apart(), faults.clone()));
        let engine = engine(&store, &clock, 1);
        let settles = if dice.chance(faults.held_back) { 6 } else { 40 };
        let keen = dice.chance(250);
        let runs_max = if keen { 1 } else { 1 + dice.index(4) };
        Self {
            seed,
            dice,
            faults,
            clock,
            store,
            engine,
            engines: 1,
            calls: Vec::new(),
            sessions: Vec::new(),
            late: Vec::new(),
            laws: Laws::default(),
            outside: Outside::default(),
            coverage: Coverage::default(),
            trail: Trail::kept(trail),
            calm: false,
            aside: BTreeMap::new(),
            reminders: BTreeMap::new(),
            numbers: 0,
            settles,
            runs_max,
            keen,
        }
    }

    /// Lives the whole life of the world.
    pub(crate) fn live(mut self) -> Result<Report, Failure> {
        let held = self.trouble().and_then(|()| self.come_to_rest()).and_then(|()| self.last_look());
        match held {
            Ok(digest) => Ok(Report {
                seed: self.seed,
                commits: self.laws.moment,
                events: self.laws.runs.values().map(|witness| witness.version).sum(),
                runs: self.laws.runs.len() as u64,
                engines: self.engines,
                digest,
                coverage: self.coverage,
            }),
            Err(violation) => Err(self.trail.failure(self.seed, violation)),
        }
    }

    fn trouble(&mut self) -> Held {
        let turns = 400 + self.dice.below(1_200);
        for _ in 0..turns {
            match self.dice.weighted(&[(40, 0), (self.settles, 1), (45, 2), (8, 3)]) {
                0 => (0..3).try_for_each(|_| self.poll_one())?,
                1 => self.settle_one()?,
                2 => self.act(),
                _ => self.time_passes(),
            }
            if self.dice.chance(self.faults.crash) {
                self.crash()?;
            }
        }
        Ok(())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Hands a command in; the network may bring it twice, or once more later.
    pub(crate) fn send(&mut self, caller: Caller, request: Request, blobs: Blobs) {
        if self.dice.chance(self.faults.duplicate) {
            self.coverage.reach("a command arrives twice and gets one answer");
            self.submit(Caller::Nobody, request.clone(), blobs.clone(), 1);
        }
        if self.dice.chance(self.faults.late_duplicate) {
            self.late.push((request.clone(), blobs.clone()));
        }
        self.submit(caller, request, blobs, 1);
    }

    fn submit(&mut self, caller: Caller, request: Request, blobs: Blobs, times: u32) {
        let known = self.laws.knows(&request);
        let sent = Sent { request, blobs, moment: self.laws.moment, at: self.clock.now(), known, times };
        self.trail.note(|| format!("{caller:?} sends {} {:?} {:?}", sent.request.run, sent.request.key, sent.request.command));
        self.calls.push(Call::submit(&self.engine, caller, sent));
    }

    /// What the network kept arrives now.
    pub(crate) fn arrive_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let (request, blobs) = self.late.swap_remove(self.dice.index(self.late.len()));
        self.coverage.reach("a command arrives once more, late");
        self.submit(Caller::Nobody, request, blobs, 1);
    }

    /// Gives one of the commands under way a turn.
    fn poll_one(&mut self) -> Held {
        if self.calls.is_empty() {
            return Ok(());
        }
        let index = self.dice.index(self.calls.len());
        if self.dice.chance(self.faults.caller_leaves) && self.calls[index].sent.is_some() {
            self.coverage.reach("a caller leaves while its command is under way");
            let call = self.calls.swap_remove(index);
            self.unheard(call);
            return Ok(());
        }
        if self.calls[index].is_go_ahead() && self.dice.chance(700) {
            // What tells an agent to go ahead travels slowly: the lease may be gone when it arrives.
            return Ok(());
        }
        self.poll_at(index).map(|_| ())
    }

    fn poll_at(&mut self, index: usize) -> Held<bool> {
        let Some(answer) = self.calls[index].poll() else { return Ok(false) };
        let call = self.calls.swap_remove(index);
        self.answered(call, answer)?;
        Ok(true)
    }

    fn answered(&mut self, call: Call, answer: Answer) -> Held {
        let result = match answer {
            Answer::Reply(result) => result,
            Answer::Attended(result) => {
                self.trail.note(|| format!("{:?} was attended to: {result:?}", call.caller));
                return self.attended(&call.caller, result);
            }
        };
        let Some(sent) = call.sent else { return Ok(()) };
        self.trail.note(|| format!("{:?} is told {result:?}", call.caller));
        match &result {
            Ok(reply) => {
                self.laws.acknowledged(sent.asked(), reply)?;
                if !self.calm {
                    self.coverage.reply(&sent.request.command, reply);
                    if sent.times > 1 && sent.known {
                        self.coverage.reach("an answer is lost and the repeated command gets it again");
                    }
                }
            }
            Err(Rejection::Refused(refusal)) => {
                laws::refused(sent.asked(), refusal)?;
                if !self.calm {
                    self.coverage.refusal(refusal);
                }
            }
            Err(Rejection::Failed(error)) => self.only_the_weather(error)?,
        }
        if result.is_ok() && self.dice.chance(self.faults.answer_lost) {
            self.ask_again(call.caller, sent);
            return Ok(());
        }
        self.told(call.caller, sent, result)
    }

    /// The store may fail; the rules and the engine may not.
    pub(crate) fn only_the_weather(&self, error: &EngineError) -> Held {
        match error {
            EngineError::Store(_) | EngineError::Contended { .. } if !self.calm => Ok(()),
            other => broken("no defect", format!("{other} ({other:?})")),
        }
    }

    fn attended(&mut self, caller: &Caller, result: Result<Option<Millis>, EngineError>) -> Held {
        match (caller, result) {
            (Caller::Post(run, slot), Ok(Some(wait))) => {
                self.aside.insert((*run, *slot), self.clock.now() + wait);
                Ok(())
            }
            (_, Ok(_)) => Ok(()),
            (_, Err(error)) => self.only_the_weather(&error),
        }
    }

    /// A caller asks the same again, under the same key.
    pub(crate) fn ask_again(&mut self, caller: Caller, sent: Sent) {
        self.submit(caller, sent.request, sent.blobs, sent.times + 1);
    }

    /// An answer will never come: the caller asks again, or lives with not knowing.
    pub(crate) fn unheard(&mut self, call: Call) {
        let Some(sent) = call.sent else { return };
        if matches!(call.caller, Caller::Nobody) || sent.times > 4 || self.dice.chance(250) {
            self.never_told(&call.caller);
        } else {
            self.ask_again(call.caller, sent);
        }
    }

    /// Lets everything that is under way end.
    pub(crate) fn settle_all(&mut self) -> Held {
        let mut patience = PATIENCE;
        while !self.calls.is_empty() || self.store.under_way() > 0 {
            let mut index = 0;
            while index < self.calls.len() {
                if !self.poll_at(index)? {
                    index += 1;
                }
            }
            while self.store.under_way() > 0 {
                self.settle_one()?;
            }
            patience -= 1;
            let first = || self.calls.first().map(|call| format!("{:?} {:?}", call.caller, call.sent));
            require(patience > 0, "nothing hangs", || format!("a command gets no answer: {:?}", first()))?;
        }
        Ok(())
    }

    fn come_to_rest(&mut self) -> Held {
        self.faults = Faults::none();
        self.store.clear_up();
        self.late.clear();
        // What has failed already is heard of once more; whoever was at work is gone, and the leases
        // will run out.
        self.settle_all()?;
        self.calm = true;
        self.aside.clear();
        self.sessions.clear();
        let person_answers = self.dice.chance(500);
        for _ in 0..PATIENCE {
            self.calls.push(Call::flush(&self.engine));
            self.settle_all()?;
            if self.work_on() || self.attend_all() || (person_answers && self.answer_all()) {
                continue;
            }
            if !self.wait_for_next() {
                return Ok(());
            }
        }
        broken("nothing hangs", "the world does not come to rest")
    }

    /// Everything is at rest: does it all fit together?
    fn last_look(&mut self) -> Held<Digest> {
        let runs: Vec<RunId> = self.laws.runs.keys().copied().collect();
        for run in &runs {
            // Whatever failed last is read again by this.
            let request = request("engine", *run, None, Command::Wake);
            self.send(Caller::Nobody, request, Blobs::default());
        }
        self.settle_all()?;
        self.laws.engine_agrees(&self.engine)?;
        for run in &runs {
            let state = poll(pin!(self.engine.inspect(&team::tenant(), *run, Clone::clone)));
            let Some(Ok(state)) = state else { return broken("nothing hangs", format!("{run} cannot be looked at: {state:?}")) };
            self.laws.state_agrees(*run, state.as_ref())?;
        }
        self.laws.at_rest(&self.store)?;
        let verified = at_once(inspect::verify(&self.store.memory, None, |_| {}));
        require(verified.problems.is_empty(), "chain", || format!("{:?}", verified.problems))?;
        let logs: Vec<u8> = runs.iter().flat_map(|run| self.store.log(*run)).flatten().collect();
        Ok(Digest::of(&logs))
    }

    /// Passes an answer on to whoever asked.
    fn told(&mut self, caller: Caller, sent: Sent, result: Result<Reply, Rejection>) -> Held {
        match caller {
            Caller::Session(id) => self.session_told(id, sent, result),
            Caller::Claimer { by, holder } => {
                self.claimer_told(by, holder, sent, &result);
                Ok(())
            }
            Caller::Person => {
                if let Err(Rejection::Failed(_)) = result {
                    self.ask_again(Caller::Person, sent);
                }
                Ok(())
            }
            Caller::Nobody | Caller::Post(..) => Ok(()),
        }
    }
}
