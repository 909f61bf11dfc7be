//! What the weather does: how appends end, who writes in between, when the clock jumps and the engine
//! dies, and how another engine takes over.

use std::pin::pin;
use std::sync::Arc;

use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Command, Pins};
use handclasp_core::id::RunId;
use handclasp_core::time::Millis;
use handclasp_engine::{Engine, Registry, Rejection};

use crate::actors::Session;
use crate::call::{poll, request};
use crate::clock::StoppedClock;
use crate::laws::{Held, broken, require};
use crate::store::{Door, Fate};
use crate::world::{PATIENCE, World, engine};

impl World {
    /// The store settles the first append under way, in one of its ways.
    pub(crate) fn settle_one(&mut self) -> Held {
        let Some((run, of_this_run)) = self.store.first_under_way() else { return Ok(()) };
        if of_this_run > 1 && !self.calm {
            self.coverage.reach("several appends of one run under way");
        }
        if self.dice.chance(self.faults.rival) {
            self.rival(run)?;
        }
        let fate = self.fate();
        self.trail.note(|| format!("an append of {run}: {fate:?}"));
        let taken = self.store.settle(fate);
        if fate == Fate::Written && taken == Some(false) && !self.calm {
            self.coverage.reach("a rival was faster");
        }
        self.observe()
    }

    fn fate(&mut self) -> Fate {
        for (rate, fate, situation) in [
            (self.faults.unavailable_written, Fate::WrittenUnheard, "the store does not answer and has written"),
            (self.faults.unavailable_unwritten, Fate::Unwritten, "the store does not answer and has not written"),
            (self.faults.full, Fate::Full, "the store is full"),
        ] {
            if self.dice.chance(rate) {
                self.coverage.reach(situation);
                return fate;
            }
        }
        Fate::Written
    }

    /// Somebody else, with the same store, changes something that binds nobody: the run's pins.
    fn rival(&mut self, run: RunId) -> Held {
        let door = Door { store: Arc::clone(&self.store), at_once: true };
        let clock: Arc<StoppedClock> = Arc::clone(&self.clock);
        let rival = Engine::named(Arc::new(door), clock, Registry::default(), "rival".to_owned());
        let team = Some(Digest::of(&self.number().to_le_bytes()));
        let command = Command::AcceptChange { pins: Pins { team, ..Pins::default() } };
        let request = request("rival", run, None, command);
        let answer = poll(pin!(rival.submit(request, Blobs::default())));
        self.trail.note(|| format!("a rival changes {run}: {answer:?}"));
        match answer {
            Some(Ok(_) | Err(Rejection::Refused(_))) => self.observe(),
            other => broken("no defect", format!("a rival with a store of its own got {other:?}")),
        }
    }

    /// The laws look at what was written.
    fn observe(&mut self) -> Held {
        for written in self.store.take_written() {
            let rows = self.store.owed(written.run);
            let taken = self.laws.runs.get(&written.run).map_or(0, |witness| witness.places_taken);
            self.laws.observe(&written, &rows)?;
            if let Some(witness) = self.laws.runs.get(&written.run) {
                self.trail.note(|| format!("written: {} {:?}", witness.version, witness.last));
                if !self.calm {
                    if witness.places_taken > taken {
                        self.coverage.reach("a transfer takes the place of what somebody waits for");
                    }
                    self.coverage.commit(&witness.last);
                }
            }
        }
        Ok(())
    }

    /// The engine dies, with all that was under way in it; another one takes over.
    pub(crate) fn crash(&mut self) -> Held {
        let calls = std::mem::take(&mut self.calls);
        let under_way = self.store.under_way();
        let kept = self.dice.index(under_way + 1);
        self.trail.note(|| format!("crash: {} commands and {under_way} appends under way, {kept} are kept", calls.len()));
        let (lost_calls, own): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.sent.is_some());
        drop(own);
        for _ in 0..kept {
            self.coverage.reach("a crash keeps commits that nobody heard of");
            self.store.settle(Fate::Written);
            self.observe()?;
        }
        if self.store.lose() > 0 {
            self.coverage.reach("a crash loses commits under way");
        }
        self.sessions.retain(Session::outlives_the_engine);
        if !self.sessions.is_empty() {
            self.coverage.reach("a worker goes on after the engine's crash");
        }
        self.aside.clear();
        self.start()?;
        for call in lost_calls {
            self.unheard(call);
        }
        Ok(())
    }

    /// Starts engines until one has taken up what the one before left.
    fn start(&mut self) -> Held {
        loop {
            self.engines += 1;
            self.engine = engine(&self.store, &self.clock, self.engines);
            let engine = self.engine.clone();
            let mut recovery = pin!(engine.recover());
            let mut patience = PATIENCE;
            let recovered = loop {
                if let Some(recovered) = poll(recovery.as_mut()) {
                    break recovered;
                }
                self.settle_one()?;
                patience -= 1;
                require(patience > 0, "nothing hangs", || "a recovery does not end".to_owned())?;
            };
            self.trail.note(|| format!("engine {} has recovered: {recovered:?}", self.engines));
            match recovered {
                Ok(given_back) => {
                    if !given_back.is_empty() {
                        self.coverage.reach("a recovery gives back what the engine's own agents held");
                    }
                    return Ok(());
                }
                Err(error) => {
                    self.only_the_weather(&error)?;
                    self.coverage.reach("a recovery fails and is repeated");
                    self.store.lose();
                }
            }
        }
    }

    pub(crate) fn time_passes(&mut self) {
        let by = if self.dice.chance(100) { 5_000 + self.dice.below(15_000) } else { self.dice.below(1_500) };
        self.clock.forward(Millis(by));
        if self.dice.chance(self.faults.clock_ahead) {
            self.coverage.reach("the clock jumps ahead");
            self.clock.forward(Millis::seconds(30 + self.dice.below(600)));
        }
        if self.dice.chance(self.faults.clock_back) {
            self.coverage.reach("the clock is set back");
            self.clock.back(Millis::seconds(1 + self.dice.below(60)));
            self.laws.clock_went_back = true;
        }
    }
}
