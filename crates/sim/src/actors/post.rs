//! The post: hands what is due to the engine or to an agent; lost, late and twice as the dice say.

use handclasp_core::blob::Blobs;
use handclasp_core::command::{Command, ReadBack, Voice};
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::id::{AgentName, HandoffId, ItemId, RunId};
use handclasp_core::run::{Slot, Standing};
use handclasp_core::time::{Millis, Timestamp};
use handclasp_engine::Clock as _;
use handclasp_store::{Dispatch, Due, Store as _};

use crate::call::{Call, Caller, request};
use crate::store::at_once;
use crate::team;
use crate::world::World;

/// Once at rest, the world does not wait longer than this for anything: the run's own time limit of
/// a week would otherwise end every run that hangs, and nobody would see that it hung.
const LATE: Millis = Millis::seconds(24 * 3_600);

/// A child run that is told to open is told again; in calm weather so often proves the point.
const REMINDERS_MAX: u64 = 2;

impl World {
    fn due(&self) -> (Vec<Dispatch>, Vec<Dispatch>, Option<Timestamp>) {
        let agents = team::agents().into_iter().map(|agent| (team::tenant(), agent)).collect();
        let due = at_once(self.store.memory.due(Due { now: self.clock.now(), agents, limit: 100 }));
        (due.deliveries, due.others, due.next)
    }

    /// One row that is due, or what belongs to nobody's row.
    pub(crate) fn post(&mut self) {
        if self.dice.chance(80) {
            self.calls.push(Call::flush(&self.engine));
            return;
        }
        if self.dice.chance(50) {
            self.claim_out_of_turn();
            return;
        }
        let (deliveries, others, _) = self.due();
        let rows: Vec<Dispatch> = deliveries.into_iter().chain(others).filter(|row| !self.is_aside(row)).collect();
        if rows.is_empty() {
            return;
        }
        let row = rows[self.dice.index(rows.len())].clone();
        match (&row.standing, row.slot) {
            // The engine's own post asks nobody without room either, but two posts may race.
            (Standing::Deliver { to, .. }, _) if !self.has_room(to) && self.dice.chance(800) => {}
            (Standing::Deliver { to, .. }, Slot::Handoff(number)) => {
                let accept = self.dice.chance(400);
                self.claim(HandoffId { run: row.run, number }, to.clone(), accept);
            }
            _ => self.attend(row),
        }
    }

    fn attend(&mut self, row: Dispatch) {
        if self.dice.chance(self.faults.duplicate) {
            self.calls.push(Call::attend(&self.engine, row.clone()));
        }
        self.trail.note(|| format!("the post attends to {} {} {:?}", row.run, row.slot, row.standing));
        self.calls.push(Call::attend(&self.engine, row));
    }

    fn is_aside(&self, row: &Dispatch) -> bool {
        self.aside.get(&(row.run, row.slot)).is_some_and(|until| *until > self.clock.now())
    }

    /// Claims a handoff: for a driver inside the engine, or for a worker outside of it.
    fn claim(&mut self, handoff: HandoffId, by: AgentName, accept: bool) {
        let inside = !self.calm && self.dice.chance(500);
        let holder = if inside { format!("engine:{}", self.engines) } else { format!("worker:{}", self.number()) };
        let accept = accept.then(|| self.says_everything(handoff));
        let command = Command::Claim { handoff, by: by.clone(), holder: holder.clone(), accept };
        let key = self.key(500);
        let request = request(&format!("agent:{by}"), handoff.run, key, command);
        self.send(Caller::Claimer { by, holder }, request, Blobs::default());
    }

    /// A read-back that names every item of the run: more than is asked is enough.
    fn says_everything(&self, handoff: HandoffId) -> ReadBack {
        let known = self.laws.runs.get(&handoff.run).and_then(|witness| witness.run());
        let items = known.map_or(0, |run| run.ledger.next_number());
        let offered = known.and_then(|run| run.handoff(handoff));
        ReadBack {
            by: Voice::Agent,
            level: ReadBackLevel::Echo,
            contract: offered.and_then(|offered| offered.contract.clone()),
            payload: offered.map(|offered| offered.payload.digest),
            items: (1..items).map(|number| ItemId { run: handoff.run, number }).collect(),
            criteria: (0..4).collect(),
            confidence: None,
        }
    }

    /// Claims what nobody has offered, is not due, or is for somebody else.
    fn claim_out_of_turn(&mut self) {
        let runs: Vec<RunId> = self.laws.runs.keys().copied().collect();
        let Some(run) = self.dice.pick(&runs) else { return };
        let number = 1 + u32::try_from(self.dice.index(self.laws.runs[&run].handoffs.len() + 1)).unwrap_or_default();
        let handoff = HandoffId { run, number };
        let receiver = self.laws.runs[&run].handoff(handoff).map(|seen| seen.to.clone());
        let stranger = team::agents()[self.dice.index(4)].clone();
        let by = receiver.filter(|_| self.dice.chance(600)).unwrap_or(stranger);
        self.claim(handoff, by, false);
    }

    /// In calm weather: attends to everything that is due. Returns whether there was something.
    pub(crate) fn attend_all(&mut self) -> bool {
        let (deliveries, others, _) = self.due();
        let mut busy = false;
        for row in deliveries {
            let (Standing::Deliver { to, .. }, Slot::Handoff(number)) = (&row.standing, row.slot) else { continue };
            // As the engine's own post does: no row is fetched for whoever has no room.
            if self.has_room(to) && !self.is_aside(&row) {
                self.claim(HandoffId { run: row.run, number }, to.clone(), true);
                busy = true;
            }
        }
        for row in others {
            if !self.is_aside(&row) && self.is_news(&row) {
                *self.reminders.entry((row.run, row.slot, row.standing.kind())).or_default() += 1;
                self.attend(row);
                busy = true;
            }
        }
        busy
    }

    /// A child run that waits for a person is told to open for ever; a few times prove the point.
    fn is_news(&self, row: &Dispatch) -> bool {
        let times = self.reminders.get(&(row.run, row.slot, row.standing.kind())).copied().unwrap_or(0);
        !matches!(row.standing, Standing::OpenChild | Standing::CancelChild) || times < REMINDERS_MAX
    }

    /// Whether an agent may hold one more, as far as the engine knows.
    fn has_room(&self, agent: &AgentName) -> bool {
        self.engine.load(&team::tenant()).get(agent).copied().unwrap_or(0) < team::capacity(agent)
    }

    /// In calm weather, with nothing to do: goes on to when something is due. Returns whether there is.
    pub(crate) fn wait_for_next(&mut self) -> bool {
        let now = self.clock.now();
        let (_, others, next) = self.due();
        let later = others.iter().filter(|row| self.is_news(row)).filter_map(|row| self.aside.get(&(row.run, row.slot)).copied());
        match next.into_iter().chain(later).filter(|next| *next > now && *next <= now + LATE).min() {
            Some(next) => {
                self.clock.forward_to(next);
                true
            }
            None => false,
        }
    }
}
