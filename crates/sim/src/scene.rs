//! The stage on which the fixed scenario is played, step by step, and where it is broken once.
//!
//! Whoever acts looks at the log and does what is next, so the play goes on from wherever a crash has
//! left it. Every command has a key that follows from the state, and is repeated under it until it is
//! answered.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use handclasp_core::Reply;
use handclasp_core::blob::Blobs;
use handclasp_core::command::{
    Answer as PersonsAnswer, Asking, Command, Completion, DID_NOT_HAPPEN, EffectId, EffectKey, EffectOutcome, HAPPENED, Open, Park, Pins,
    Question, ReadBack, Reconciler, Request, Verdict,
};
use handclasp_core::encoding;
use handclasp_core::handoff::{Handoff, Phase};
use handclasp_core::id::{RunId, Token};
use handclasp_core::ledger::{ItemKind, NewItem, Settlement};
use handclasp_core::limits::Limits;
use handclasp_core::offer::{Receiver, Terms};
use handclasp_core::plan::{APPROVED, Approve, Node, Plan, Review, Step, Unapproved};
use handclasp_core::run::{InterruptState, Run};
use handclasp_engine::{Engine, Rejection};
use serde_json::json;

use crate::breaks::{Break, End};
use crate::call::{Answer, Call, Caller, Sent, poll};
use crate::clock::StoppedClock;
use crate::dice::Dice;
use crate::faults::Faults;
use crate::laws::{self, Held, Laws, broken as break_of, require};
use crate::outside::Outside;
use crate::store::{Door, Fate, FaultyStore};
use crate::team;

/// Commands after which a scenario of some twenty does not end any more.
const COMMANDS_MAX: u64 = 200;

/// One performance.
pub(crate) struct Scene {
    broken: Break,
    /// Whether the agents live inside the engine and die with it.
    inside: bool,
    store: Arc<FaultyStore>,
    clock: Arc<StoppedClock>,
    engine: Engine,
    engines: u32,
    laws: Laws,
    outside: Outside,
    run: RunId,
    pub(crate) appends: u64,
    pub(crate) commands: u64,
}

type Asked = (Request, Blobs);

fn engine(store: &Arc<FaultyStore>, clock: &Arc<StoppedClock>, number: u32) -> Engine {
    let door = Door { store: Arc::clone(store), at_once: false };
    let clock: Arc<StoppedClock> = Arc::clone(clock);
    Engine::named(Arc::new(door), clock, team::registry(), format!("engine:{number}"))
}

impl Scene {
    pub(crate) fn new(broken: Break, inside: bool) -> Self {
        let store = Arc::new(FaultyStore::new(Dice::new(0), Faults::none()));
        let clock = Arc::new(StoppedClock::new());
        Self {
            broken,
            inside,
            engine: engine(&store, &clock, 1),
            engines: 1,
            store,
            clock,
            laws: Laws::default(),
            outside: Outside::default(),
            run: format!("run_{:026}", 1).parse().expect("26 digits are an id"),
            appends: 0,
            commands: 0,
        }
    }

    /// Plays to the end.
    pub(crate) fn play(&mut self) -> Held<End> {
        while let Some((request, blobs)) = self.next() {
            self.commands += 1;
            require(self.commands < COMMANDS_MAX, "nothing hangs", || format!("the play does not end: {:?}", request.command))?;
            self.ask(&request, &blobs)?;
        }
        self.laws.at_rest(&self.store)?;
        self.end()
    }

    fn state(&self) -> Option<&Run> {
        self.laws.runs.get(&self.run)?.run()
    }

    fn end(&self) -> Held<End> {
        let Some(run) = self.state() else { return break_of("acknowledged", "there is no run") };
        let result = |handoff: &Handoff| match &handoff.phase {
            Phase::Completed { result, .. } => Some(*result),
            _ => None,
        };
        let mut events = Vec::new();
        for bytes in self.store.log(self.run) {
            match encoding::decode(&bytes) {
                Ok(recorded) => events.push(recorded.event),
                Err(error) => return break_of("chain", error.to_string()),
            }
        }
        Ok(End {
            outcome: run.outcome.clone().expect("the play goes on until the run is over"),
            results: run.handoffs().iter().map(|handoff| (handoff.id, result(handoff))).collect(),
            ledger: run.ledger.clone(),
            effects: self.outside.all().map(|(effect, times)| (effect.to_string(), times)).collect(),
            events,
        })
    }

    /// Asks until there is an answer. What was asked under a token that died with an engine is void.
    fn ask(&mut self, request: &Request, blobs: &Blobs) -> Held {
        if self.broken == Break::Twice(self.commands) {
            self.hand_in(request, blobs, 2)?;
            return Ok(());
        }
        for _ in 0..3 {
            if self.hand_in(request, blobs, 1)? {
                return Ok(());
            }
        }
        break_of("nothing hangs", format!("{:?} gets no answer", request.command))
    }

    /// Hands a command in, once or twice at once. Returns whether there was an answer.
    fn hand_in(&mut self, request: &Request, blobs: &Blobs, times: u32) -> Held<bool> {
        let known = self.laws.knows(request);
        let at = handclasp_engine::Clock::now(self.clock.as_ref());
        let sent = Sent { request: request.clone(), blobs: blobs.clone(), moment: self.laws.moment, at, known, times };
        let mut calls: Vec<Call> = (0..times).map(|_| Call::submit(&self.engine, Caller::Person, sent.clone())).collect();
        let mut acted = false;
        loop {
            let mut index = 0;
            while index < calls.len() {
                let Some(Answer::Reply(answer)) = calls[index].poll() else {
                    index += 1;
                    continue;
                };
                calls.swap_remove(index);
                match answer {
                    Ok(reply) => {
                        self.laws.acknowledged(sent.asked(), &reply)?;
                        if !acted {
                            self.act(request, &reply)?;
                            acted = true;
                        }
                    }
                    Err(Rejection::Refused(refusal)) if self.inside => laws::refused(sent.asked(), &refusal)?,
                    Err(Rejection::Refused(refusal)) => return break_of("keys", format!("{:?} was refused: {refusal}", request.command)),
                    Err(Rejection::Failed(_)) => return Ok(false),
                }
            }
            if calls.is_empty() {
                return Ok(true);
            }
            if !self.settle()? {
                drop(calls);
                self.restart()?;
                return Ok(false);
            }
        }
    }

    /// Settles the first append under way, as this performance has it. `false` if the engine dies.
    fn settle(&mut self) -> Held<bool> {
        require(self.store.under_way() > 0, "nothing hangs", || "a command waits for no append".to_owned())?;
        self.appends += 1;
        let (fate, lives) = match self.broken {
            Break::CrashBefore(append) if append == self.appends => {
                self.store.lose();
                return Ok(false);
            }
            Break::CrashAfter(append) if append == self.appends => (Fate::Written, false),
            Break::Append(append, fate) if append == self.appends => (fate, true),
            _ => (Fate::Written, true),
        };
        self.store.settle(fate);
        for written in self.store.take_written() {
            let rows = self.store.owed(written.run);
            self.laws.observe(&written, &rows)?;
        }
        Ok(lives)
    }

    fn restart(&mut self) -> Held {
        self.engines += 1;
        self.engine = engine(&self.store, &self.clock, self.engines);
        let engine = self.engine.clone();
        let mut recovery = pin!(engine.recover());
        loop {
            match poll(recovery.as_mut()) {
                Some(Ok(_)) => return Ok(()),
                Some(Err(error)) => return break_of("no defect", error.to_string()),
                None => self.settle()?,
            };
        }
    }

    /// A go-ahead makes the effect happen.
    fn act(&mut self, request: &Request, reply: &Reply) -> Held {
        match (&request.command, reply) {
            (Command::EffectBegin { handoff, effect, .. }, Reply::EffectProceed { .. }) => self.outside.happen(*handoff, effect),
            _ => Ok(()),
        }
    }

    fn asked(&self, principal: &str, key: &str, command: Command, blobs: Blobs) -> Asked {
        let request = Request {
            tenant: team::tenant(),
            principal: principal.parse().expect("a constant"),
            run: self.run,
            key: Some(key.parse().expect("visible")),
            command,
        };
        (request, blobs)
    }

    /// What is next, by the log; nothing once the run is over.
    fn next(&self) -> Option<Asked> {
        let Some(run) = self.state() else { return Some(self.open()) };
        if run.outcome.is_some() {
            return None;
        }
        if let Some(open) = run.interrupts().iter().find(|interrupt| interrupt.state == InterruptState::Open) {
            let truly =
                |effect| if open.handoff.is_some_and(|id| self.outside.has_happened(id, effect)) { HAPPENED } else { DID_NOT_HAPPEN };
            let choice = open.effect.as_ref().map_or(APPROVED, truly).to_owned();
            let answer = PersonsAnswer { choice, text: None };
            let command = Command::Resolve { interrupt: open.id, shown: open.question.shown.digest, answer };
            return Some(self.asked("user:mary", &format!("answer/{}", open.id.number), command, Blobs::default()));
        }
        let handoff = run.open_handoffs().next()?;
        match &handoff.phase {
            Phase::Accepted { lease, .. } => Some(self.work(run, handoff, lease.token)),
            _ => Some(self.claim(handoff)),
        }
    }

    fn open(&self) -> Asked {
        let mut blobs = Blobs::default();
        let step = |name: &str, to: &str| Step {
            name: name.parse().expect("a constant"),
            to: Receiver::Agent(team::agent(to)),
            contract: None,
            terms: Terms { returns: (name == "publish").then(|| (&team::report()).into()), ..Terms::default() },
        };
        let review = Review { author: step("write", "bob"), critic: step("judge", "cid"), rounds: 3, unapproved: Unapproved::KeepBest };
        let allow = Approve { name: "allow".parse().expect("a constant"), within_ms: None, on_silence: None, send_back: None };
        let nodes = vec![Node::Step(step("draft", "ann")), Node::Review(review), Node::Approve(allow), Node::Step(step("publish", "dee"))];
        let open = Open {
            task: blobs.json(&json!("write it")),
            title: "scenario".to_owned(),
            intent: None,
            items: Vec::new(),
            limits: Limits::default(),
            trace_id: "0".repeat(31) + "1",
            conversation: None,
            pins: Pins::default(),
            input: team::good(1, &mut blobs),
            plan: Some(Plan { root: Node::Sequence(nodes) }),
            first: None,
            parent: None,
        };
        self.asked("user:paul", "open", Command::Open(Box::new(open)), blobs)
    }

    fn claim(&self, handoff: &Handoff) -> Asked {
        let holder = if self.inside { format!("engine:{}", self.engines) } else { "worker:1".to_owned() };
        let accept = Some(ReadBack::delivered());
        let command = Command::Claim { handoff: handoff.id, by: handoff.to.clone(), holder, accept };
        self.asked("agent:any", &format!("claim/{}/{}", handoff.id.number, handoff.claims), command, Blobs::default())
    }

    fn work(&self, run: &Run, known: &Handoff, token: Token) -> Asked {
        let handoff = known.id;
        let mut blobs = Blobs::default();
        let command = match known.to.as_str() {
            "ann" if known.asked.is_empty() => ask(known, token, &mut blobs),
            "dee" => match known.effects.iter().next() {
                Some((effect, seen)) if seen.outcome.is_none() => {
                    let happened = self.outside.has_happened(handoff, effect);
                    let outcome = if happened { EffectOutcome::Happened(None) } else { EffectOutcome::DidNotHappen };
                    Command::EffectFinish { handoff, token, effect: effect.clone(), outcome }
                }
                Some((_, seen)) if seen.outcome == Some(EffectOutcome::Happened(None)) => complete(run, known, token, &mut blobs),
                _ => {
                    let effect = EffectId { name: "publish".to_owned(), key: EffectKey::Business("page".to_owned()) };
                    let arguments = blobs.json(&json!("the page"));
                    Command::EffectBegin { handoff, token, effect, arguments, reconcile: Reconciler::Human }
                }
            },
            _ => complete(run, known, token, &mut blobs),
        };
        let name = match command {
            Command::Ask { .. } => "ask",
            Command::EffectBegin { .. } => "begin",
            Command::EffectFinish { .. } => "finish",
            _ => "complete",
        };
        self.asked("agent:any", &format!("{name}/{}/{token}", handoff.number), command, blobs)
    }
}

fn ask(known: &Handoff, token: Token, blobs: &mut Blobs) -> Command {
    let shown = blobs.json(&json!("may I?"));
    let question = Question { asking: Asking::Approval, shown, options: Vec::new(), within_ms: None, on_silence: None };
    Command::Ask { handoff: known.id, token, question, ordinal: 0, park: Some(Park { continuation: None }) }
}

/// The result of a step: the critic wants a second round, the author and the last step leave and see
/// to items.
fn complete(run: &Run, known: &Handoff, token: Token, blobs: &mut Blobs) -> Command {
    let mut completion = Completion::of(team::good(u64::from(known.id.number), blobs));
    completion.effects = Some(Vec::new());
    match known.to.as_str() {
        "bob" => completion.items.push(NewItem {
            kind: ItemKind::Risk,
            key: format!("risk/{}", known.id.number),
            value: blobs.json(&json!("it may be wrong")),
            must_carry: true,
            confidence: None,
            visible_to: BTreeSet::new(),
            derived_from: BTreeSet::new(),
            inferred: false,
        }),
        "cid" => {
            let first = run.handoffs().iter().filter(|handoff| handoff.to == known.to).count() == 1;
            completion.verdict = Some(if first {
                Verdict::Revise { feedback: blobs.json(&json!("shorter")), score: None }
            } else {
                Verdict::Approved { score: Some(1) }
            });
        }
        "dee" => {
            if let Phase::Accepted { delivery, .. } = &known.phase {
                let settled = |item: &_| Settlement { item: *item, why: "looked at".to_owned() };
                completion.discharged = delivery.carried.iter().map(settled).collect();
            }
        }
        _ => {}
    }
    Command::Complete { handoff: known.id, token, completion: Box::new(completion) }
}
