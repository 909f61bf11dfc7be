//! People: principals who open runs and add to them, and whoever answers, cancels and redrives.

use std::collections::BTreeSet;

use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Answer, Asking, Command, DID_NOT_HAPPEN, HAPPENED, Open, Pins};
use handclasp_core::id::{HandoffId, InterruptId, RunId};
use handclasp_core::ledger::{ItemKind, NewItem};
use handclasp_core::limits::Limits;
use handclasp_core::offer::{By, Kind, Mode};
use handclasp_core::plan::{APPROVED, REJECTED};
use handclasp_core::time::Millis;
use serde_json::json;

use crate::call::{Caller, request};
use crate::dice::Dice;
use crate::laws::{QuestionSeen, Stand};
use crate::team;
use crate::world::World;

/// An item that somebody brings along.
pub(crate) fn item(dice: &mut Dice, blobs: &mut Blobs) -> NewItem {
    let kind = dice.pick(&[ItemKind::Fact, ItemKind::Constraint, ItemKind::Risk, ItemKind::Question]).unwrap_or(ItemKind::Fact);
    let visible_to = if dice.chance(250) { BTreeSet::from(["inner".parse().expect("a constant")]) } else { BTreeSet::new() };
    NewItem {
        kind,
        key: format!("{}/{}", kind.as_str(), dice.below(3)),
        value: blobs.json(&dice.below(1_000)),
        must_carry: dice.chance(600),
        confidence: None,
        visible_to,
        derived_from: BTreeSet::new(),
        inferred: false,
    }
}

/// How a run is opened: with a plan, or with a first handoff.
pub(crate) fn opening(dice: &mut Dice, blobs: &mut Blobs) -> Open {
    let planned = dice.chance(500);
    let items = (0..dice.below(3)).map(|_| item(dice, blobs)).collect();
    Open {
        task: blobs.json(&json!("make it so")),
        title: "simulated".to_owned(),
        intent: None,
        items,
        limits: Limits {
            handoffs: Some(if planned { 6 } else { 3 } + dice.below(14)),
            steps: Some(15 + dice.below(60)),
            tokens: dice.chance(300).then(|| 100 + dice.below(500)),
            depth: Some(1 + dice.below(3)),
            time_ms: dice.chance(50).then(|| Millis::seconds(60 + dice.below(600)).0),
            ..Limits::default()
        },
        trace_id: "0".repeat(31) + "1",
        conversation: None,
        pins: Pins::default(),
        input: team::good(dice.below(5), blobs),
        plan: planned.then(|| team::plan(dice)),
        first: if planned { None } else { Some(team::offer(dice, blobs, Kind::Route)) },
        parent: None,
    }
}

impl World {
    pub(crate) fn new_run(&mut self) -> RunId {
        format!("run_{:026}", self.number()).parse().expect("26 digits are an id")
    }

    pub(crate) fn key(&mut self, per_mille: u32) -> Option<String> {
        self.dice.chance(per_mille).then(|| format!("key-{}", self.number()))
    }

    fn some_run(&mut self) -> Option<RunId> {
        let runs: Vec<RunId> = self.laws.runs.keys().copied().collect();
        self.dice.pick(&runs)
    }

    /// A principal opens a run, or adds work to one.
    pub(crate) fn principal(&mut self) {
        let mut blobs = Blobs::default();
        if self.laws.runs.len() < self.runs_max {
            let (run, key) = (self.new_run(), self.key(800));
            let open = opening(&mut self.dice, &mut blobs);
            let request = request("user:paul", run, key, Command::Open(Box::new(open)));
            self.send(Caller::Person, request, blobs);
        } else if let Some(run) = self.some_run().filter(|_| self.dice.chance(300)) {
            let offer = Box::new(team::offer(&mut self.dice, &mut blobs, Kind::Route));
            let key = self.key(700);
            let command = Command::Offer { by: By::Principal, mode: Mode::Spawn, offer, continuation: None, ordinal: 0 };
            let request = request("user:paul", run, key, command);
            self.send(Caller::Person, request, blobs);
        }
    }

    /// A person looks at what is open, and does something about it; or about something else.
    pub(crate) fn person(&mut self) {
        let Some(run) = self.some_run() else { return };
        let stops = u32::from(!self.keen);
        match self.dice.weighted(&[(60, 0), (12, 1), (3 * stops, 2), (stops, 3), (20, 4), (4, 5)]) {
            0 => self.answer_one(run),
            1 => self.answer_late(run),
            2 => self.cancel(run, true),
            3 => self.cancel(run, false),
            4 => self.redrive(run),
            _ => self.reuse_a_key(run),
        }
    }

    fn answer_one(&mut self, run: RunId) {
        let open: Vec<QuestionSeen> = self.laws.runs[&run].inbox().cloned().collect();
        if open.is_empty() {
            return;
        }
        let question = &open[self.dice.index(open.len())];
        let shown = if self.dice.chance(60) { Digest::of(b"something else") } else { question.question.shown.digest };
        let choice = if self.dice.chance(40) { "perhaps".to_owned() } else { self.choice(question) };
        self.resolve(run, question.id, shown, choice);
    }

    /// Truly what happened, or whatever the person likes.
    pub(crate) fn choice(&mut self, asked: &QuestionSeen) -> String {
        if let (Some(handoff), Some(effect)) = (asked.handoff, &asked.effect) {
            let happened = self.outside.has_happened(handoff, effect);
            return if happened { HAPPENED } else { DID_NOT_HAPPEN }.to_owned();
        }
        let yes = self.dice.chance(700);
        match asked.question.asking {
            Asking::Question => {
                if yes {
                    "yes"
                } else {
                    "no"
                }
            }
            Asking::Approval | Asking::Reconciliation => {
                if yes {
                    APPROVED
                } else {
                    REJECTED
                }
            }
        }
        .to_owned()
    }

    pub(crate) fn resolve(&mut self, run: RunId, interrupt: InterruptId, shown: Digest, choice: String) {
        let key = self.key(500);
        let mut blobs = Blobs::default();
        let text = self.dice.chance(300).then(|| blobs.json(&json!("because")));
        let command = Command::Resolve { interrupt, shown, answer: Answer { choice, text } };
        let request = request("user:mary", run, key, command);
        self.send(Caller::Person, request, blobs);
    }

    /// Answers what has been answered.
    fn answer_late(&mut self, run: RunId) {
        let witness = &self.laws.runs[&run];
        let settled: Vec<QuestionSeen> = witness.questions.iter().filter(|asked| witness.is_settled(asked.id)).cloned().collect();
        if !settled.is_empty() {
            let asked = &settled[self.dice.index(settled.len())];
            let choice = self.choice(asked);
            self.resolve(run, asked.id, asked.question.shown.digest, choice);
        }
    }

    fn cancel(&mut self, run: RunId, one: bool) {
        let handoffs = self.laws.runs[&run].handoffs.len();
        let number = u32::try_from(self.dice.index(handoffs) + 1).unwrap_or(1);
        let handoff = one.then_some(HandoffId { run, number });
        let request = request("user:mary", run, None, Command::Cancel { handoff, reason: "not needed any more".to_owned() });
        self.send(Caller::Person, request, Blobs::default());
    }

    /// Sends a dead letter once more; sometimes something that is none.
    fn redrive(&mut self, run: RunId) {
        let dead: Vec<HandoffId> =
            self.laws.runs[&run].handoffs.iter().filter(|handoff| handoff.stand == Stand::Dead).map(|handoff| handoff.id).collect();
        let anything = self.dice.chance(30).then_some(HandoffId { run, number: 1 });
        let Some(handoff) = self.dice.pick(&dead).or(anything) else { return };
        let mut blobs = Blobs::default();
        let payload = self.dice.chance(400).then(|| team::good(7, &mut blobs));
        let to = if self.dice.chance(400) { self.dice.index(4) } else { usize::MAX };
        let to = team::agents().get(to).cloned();
        let key = self.key(500);
        let request = request("user:mary", run, key, Command::Redrive { handoff, payload, to });
        self.send(Caller::Person, request, blobs);
    }

    /// Uses a key for something else than the first time.
    fn reuse_a_key(&mut self, run: RunId) {
        let keys: Vec<String> = self.laws.runs[&run].keys.keys().map(ToString::to_string).collect();
        if keys.is_empty() {
            return;
        }
        let key = keys[self.dice.index(keys.len())].clone();
        let command = Command::Cancel { handoff: None, reason: "under another's key".to_owned() };
        let request = request("user:mary", run, Some(key), command);
        self.send(Caller::Person, request, Blobs::default());
    }

    /// In calm weather: answers everything that is open. Returns whether there was something.
    pub(crate) fn answer_all(&mut self) -> bool {
        let open: Vec<(RunId, QuestionSeen)> =
            self.laws.runs.iter().flat_map(|(run, witness)| witness.inbox().map(|asked| (*run, asked.clone()))).collect();
        for (run, asked) in &open {
            let choice = self.choice(asked);
            self.resolve(*run, asked.id, asked.question.shown.digest, choice);
        }
        !open.is_empty()
    }
}
