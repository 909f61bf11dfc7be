//! What each verb of a script stands for: a line becomes a command, or sets the stage.
//!
//! The verbs are the commands' own. Names stand for contents ([`Stage::content`]), numbers for ids, and
//! what a line leaves out is the plainest thing that works.

use handclasp_core::blob::Digest;
use handclasp_core::command::{
    AgentError, Answer, Asking, Command, Completion, DeclaredEffect, EffectId, EffectKey, EffectOutcome, Open, Park, Pins, Question,
    ReadBack, Reconciler, Verdict, Voice, WorkState,
};
use handclasp_core::contract::{Contract, ReadBackLevel};
use handclasp_core::directory::{Agent, Justification};
use handclasp_core::id::{HandoffId, InterruptId, ItemId, Role, Tenant, Token};
use handclasp_core::ledger::{ItemKind, NewItem, Settlement};
use handclasp_core::limits::{Budget, Limits, Retry, Usage};
use handclasp_core::offer::{By, Kind, Mode, Offer, Reason, Receiver, Terms, WhenFull};
use handclasp_core::refusal::Refusal;
use handclasp_core::run::{Outcome, Reply};
use handclasp_core::time::{Millis, Timestamp};

use crate::line::Line;
use crate::stage::Stage;

impl Stage {
    /// Does what a line says. `None` when the line sets the stage and asks nothing of the run.
    pub(crate) fn perform(&mut self, text: &str) -> Option<Result<Outcome, Refusal>> {
        let line = Line::read(text);
        if let Some(at) = line.read_as("at") {
            self.now = Timestamp(at);
        }
        if self.set(&line) {
            line.done();
            return None;
        }
        let key = line.read_as("key");
        let tenant = line.read_as("tenant").unwrap_or_else(Tenant::local);
        let command = self.command(&line);
        line.done();
        let result = self.submit(command, tenant, key);
        if let Ok(Outcome { reply: Reply::Claimed { handoff, token, .. }, .. }) = &result {
            self.tokens.insert(handoff.number, *token);
        }
        Some(result)
    }

    /// Lines about the world around the run.
    fn set(&mut self, line: &Line<'_>) -> bool {
        match line.verb() {
            "agent" => self.add_agent(line),
            "contract" => {
                let id = line.next();
                self.add_contract(Contract {
                    id,
                    schema: serde_json::json!({ "type": "object", "required": line.list::<String, Vec<_>>("needs") }),
                    read_back: if line.has("echo") { ReadBackLevel::Echo } else { ReadBackLevel::Off },
                    justification_required: line.has("justified"),
                    effects_declared: line.has("effects"),
                    confidence_min: line.read_as("confidence"),
                });
            }
            "plan" => self.plan = Some(crate::plans::read(line)),
            "beat" => {
                self.beats.insert(Stage::handoff_id(line.next()), self.now);
            }
            "busy" => {
                self.elsewhere.insert(line.next(), line.next());
            }
            _ => return false,
        }
        true
    }

    fn add_agent(&mut self, line: &Line<'_>) {
        self.directory.add_agent(Agent {
            name: line.next(),
            capabilities: line.list("can"),
            accepts: line.list("accepts"),
            roles: line.list("roles"),
            capacity: line.read_as("capacity").unwrap_or(9),
            fallback: line.read_as("fallback"),
            read_back: if line.has("silent") { ReadBackLevel::Off } else { ReadBackLevel::Echo },
            justification: match line.get("asks") {
                None => Justification::Off,
                Some("why") => Justification::Required,
                Some(kinds) => Justification::For(kinds.split(',').map(kind).collect()),
            },
            lease_ms: Millis(line.read_as("lease").unwrap_or(1_000)),
            definition: Digest::of(line.get("definition").unwrap_or("first").as_bytes()),
        });
    }

    /// The command that a line stands for.
    pub(crate) fn command(&mut self, line: &Line<'_>) -> Command {
        match line.verb() {
            "open" => Command::Open(Box::new(self.opening(line))),
            "offer" => self.offer_command(line),
            "claim" => self.claim(line),
            "accept" => self.held(line, |stage, line, handoff, token| {
                let read_back = stage.read_back(line, handoff);
                Command::Accept { handoff, token, read_back }
            }),
            "decline" => self.held(line, |_, line, handoff, token| Command::Decline { handoff, token, reason: text(line, "why") }),
            "release" => self.held(line, |_, _, handoff, token| Command::Release { handoff, token }),
            "heartbeat" => self.held(line, |_, _, handoff, token| Command::Heartbeat { handoff, token }),
            "progress" => self.held(line, |_, line, handoff, token| {
                let state = WorkState { note: line.read_as("note"), percent: line.read_as("percent"), ..WorkState::default() };
                Command::Progress { handoff, token, state }
            }),
            "ask" => self.held(line, |stage, line, handoff, token| {
                let question = stage.question(line);
                let park = line.has("park").then_some(Park { continuation: None });
                Command::Ask { handoff, token, question, ordinal: line.read_as("ordinal").unwrap_or(0), park }
            }),
            "resolve" => Command::Resolve {
                interrupt: InterruptId { run: Stage::run_id(), number: line.next() },
                answer: Answer {
                    choice: line.word().unwrap_or_default().to_owned(),
                    text: line.get("text").map(|text| self.content(text)),
                },
                shown: match line.get("shown") {
                    Some(shown) => self.content(shown).digest,
                    None => self.asked_last(),
                },
            },
            "begin" => self.held(line, |stage, line, handoff, token| {
                let arguments = stage.content(line.get("with").unwrap_or("arguments"));
                let reconcile = if line.has("lookup") { Reconciler::Agent } else { Reconciler::Human };
                Command::EffectBegin { handoff, token, effect: effect(line), arguments, reconcile }
            }),
            "finish" => self.held(line, |_, line, handoff, token| {
                let outcome = happened(line);
                Command::EffectFinish { handoff, token, effect: effect(line), outcome }
            }),
            "reconcile" => self.held(line, |_, line, handoff, token| {
                let outcome = happened(line);
                Command::EffectReconcile { handoff, token, effect: effect(line), outcome }
            }),
            "complete" => self.held(line, |stage, line, handoff, token| {
                let completion = Box::new(stage.completion(line));
                Command::Complete { handoff, token, completion }
            }),
            "fail" => self.held(line, |_, line, handoff, token| {
                let error = error(!line.has("permanently"));
                Command::Fail { handoff, token, error, usage: usage(line) }
            }),
            "redrive" => Command::Redrive {
                handoff: handoff(line),
                payload: line.get("payload").map(|payload| self.content(payload)),
                to: line.read_as("to"),
            },
            "cancel" => Command::Cancel {
                handoff: line.word().map(|number| Stage::handoff_id(number.parse().expect("a number"))),
                reason: text(line, "why"),
            },
            "lose" => self.held(line, |_, line, handoff, token| Command::LoseLease { handoff, token, reason: text(line, "why") }),
            "wake" => Command::Wake,
            "child" => self.held(line, |stage, line, handoff, token| {
                let child = Stage::child_id(line.next());
                let reserve = Budget { tokens: line.read_as("reserve").unwrap_or(0), cost_micros: 0 };
                let open = Box::new(Open { plan: None, ..stage.opening(line) });
                Command::OpenChild { handoff, token, child, reserve, continuation: None, open }
            }),
            "child-closed" => Command::ChildClosed {
                child: Stage::child_id(line.next()),
                usage: usage(line),
                result: line.get("result").map(|result| self.content(result)),
                error: line.has("failed").then(|| error(false)),
            },
            "accept-change" => {
                Command::AcceptChange { pins: Pins { team: line.get("team").map(|team| Digest::of(team.as_bytes())), ..Pins::default() } }
            }
            other => panic!("what is `{other}`?"),
        }
    }

    fn held(&mut self, line: &Line<'_>, make: impl FnOnce(&mut Self, &Line<'_>, HandoffId, Token) -> Command) -> Command {
        let handoff = handoff(line);
        let last = self.tokens.get(&handoff.number).copied().unwrap_or(Token(1));
        let token = line.read_as("token").map_or(last, Token);
        make(self, line, handoff, token)
    }

    fn claim(&mut self, line: &Line<'_>) -> Command {
        let handoff = handoff(line);
        let known = self.run.as_ref().and_then(|run| run.handoff(handoff)).map(|handoff| handoff.to.clone());
        let by = line.read_as("by").or(known).unwrap_or_else(|| "nobody".parse().expect("a name"));
        let accept = line.has("accept").then(|| self.read_back(line, handoff));
        Command::Claim { handoff, by, holder: "process-1".to_owned(), accept }
    }

    fn read_back(&mut self, line: &Line<'_>, handoff: HandoffId) -> ReadBack {
        let confidence = line.read_as("confidence");
        if !line.has("echo") {
            return ReadBack { confidence, ..ReadBack::delivered() };
        }
        let known = self.run.as_ref().and_then(|run| run.handoff(handoff));
        let (contract, payload) = known.map(|known| (known.contract.clone(), known.payload.digest)).unzip();
        ReadBack {
            by: Voice::Agent,
            level: ReadBackLevel::Echo,
            contract: line.read_as("contract").or(contract.flatten()),
            payload: line.get("payload").map(|payload| self.content(payload).digest).or(payload),
            items: line.list::<u32, Vec<_>>("items").into_iter().map(item).collect(),
            criteria: line.list("criteria"),
            confidence,
        }
    }

    fn opening(&mut self, line: &Line<'_>) -> Open {
        let pins = Pins {
            contracts: self.directory.contracts().map(|(contract, digest)| (contract.id.clone(), digest)).collect(),
            agents: self.directory.agents().map(|agent| (agent.name.clone(), agent.definition)).collect(),
            ..Pins::default()
        };
        Open {
            task: self.content("task"),
            title: "a task".to_owned(),
            intent: None,
            items: self.items(line),
            limits: limits(&line.list::<String, Vec<_>>("run-limit")),
            trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
            conversation: None,
            pins: if line.has("unpinned") { Pins::default() } else { pins },
            input: self.content(line.get("input").unwrap_or("input")),
            plan: self.plan.take(),
            first: line.get("to").map(|to| self.offer_of(line, to)),
            parent: None,
        }
    }

    fn offer_command(&mut self, line: &Line<'_>) -> Command {
        let modes = [("delegate", Mode::Delegate), ("transfer", Mode::Transfer), ("spawn", Mode::Spawn)];
        let mode = modes.into_iter().find(|(word, _)| line.has(word)).map_or(Mode::Spawn, |(_, mode)| mode);
        let by = match line.word() {
            Some(number) => {
                let number = number.parse().expect("a handoff's number");
                let last = self.tokens.get(&number).copied().unwrap_or(Token(1));
                By::Holder { handoff: Stage::handoff_id(number), token: line.read_as("token").map_or(last, Token) }
            }
            None => By::Principal,
        };
        let to = line.get("to").expect("an offer is to somebody");
        let offer = Box::new(self.offer_of(line, to));
        Command::Offer { by, mode, offer, continuation: None, ordinal: line.read_as("ordinal").unwrap_or(0) }
    }

    fn offer_of(&mut self, line: &Line<'_>, to: &str) -> Offer {
        let retry = Retry::default();
        Offer {
            to: match to.strip_prefix('@') {
                Some(capability) => Receiver::Capability(capability.parse().expect("a capability")),
                None => Receiver::Agent(to.parse().expect("an agent")),
            },
            kind: line.get("kind").map_or(Kind::Route, kind),
            reason: line.read_as("reason").unwrap_or(Reason::TaskClassification),
            contract: line.read_as("contract"),
            payload: self.content(line.get("payload").unwrap_or("order")),
            terms: Terms {
                acceptance: line.list("accept"),
                requires: line.list("requires"),
                justification: line.read_as("because"),
                returns: line.read_as("returns"),
                limits: limits(&line.list::<String, Vec<_>>("limit")),
                retry: Retry {
                    attempts: line.read_as("attempts").unwrap_or(retry.attempts),
                    backoff_ms: line.read_as("backoff").unwrap_or(0),
                    ..retry
                },
                answer_within_ms: line.read_as("answer").map(Millis),
                finish_within_ms: line.read_as("finish").map(Millis),
                fallback: line.read_as("fallback"),
                when_full: when_full(line.get("full").unwrap_or("queue")),
            },
        }
    }

    fn question(&mut self, line: &Line<'_>) -> Question {
        Question {
            asking: if line.has("approval") { Asking::Approval } else { Asking::Question },
            shown: self.content(line.get("shown").unwrap_or("question")),
            options: line.list("options"),
            within_ms: line.read_as("within").map(Millis),
            on_silence: line.read_as("silence"),
        }
    }

    /// What the last question shows; an answer is bound to it unless a line says otherwise.
    fn asked_last(&mut self) -> Digest {
        let last = self.run.as_ref().and_then(|run| run.interrupts().last()).map(|last| last.question.shown.digest);
        last.unwrap_or_else(|| self.content("question").digest)
    }

    fn completion(&mut self, line: &Line<'_>) -> Completion {
        let result = self.content(line.get("result").unwrap_or("result"));
        let verdict = line.get("verdict").map(|verdict| self.verdict(verdict));
        Completion {
            items: self.items(line),
            discharged: settlements(line, "discharge"),
            dropped: settlements(line, "drop"),
            effects: line.get("did").map(|name| vec![DeclaredEffect { name: name.to_owned(), target: None }]),
            usage: usage(line),
            verdict,
            next: line.get("next").map(|to| self.offer_of(line, to)),
            ..Completion::of(result)
        }
    }

    fn verdict(&mut self, text: &str) -> Verdict {
        match text.split_once(':').unwrap_or((text, "")) {
            ("approved", score) => Verdict::Approved { score: score.parse().ok() },
            ("revise", score) => Verdict::Revise { feedback: self.content("feedback"), score: score.parse().ok() },
            ("back", step) => Verdict::SendBack { to: step.parse().expect("a step"), question: self.content("unclear") },
            other => panic!("what is the verdict {other:?}?"),
        }
    }

    /// `item=constraint:words`, and after it, separated by commas: `must`, `for:role`, `from:3`, `says:value`.
    fn items(&mut self, line: &Line<'_>) -> Vec<NewItem> {
        line.all("item").into_iter().map(|text| self.new_item(text)).collect()
    }

    fn new_item(&mut self, text: &str) -> NewItem {
        let mut parts = text.split(',');
        let (kind, key) = parts.next().and_then(|first| first.split_once(':')).expect("`kind:key`");
        let mut new = NewItem {
            kind: ItemKind::ALL.into_iter().find(|known| known.as_str() == kind).expect("a kind of item"),
            key: key.to_owned(),
            value: self.content(key),
            must_carry: false,
            confidence: None,
            visible_to: std::collections::BTreeSet::new(),
            derived_from: std::collections::BTreeSet::new(),
            inferred: false,
        };
        for part in parts {
            match part.split_once(':').unwrap_or((part, "")) {
                ("must", _) => new.must_carry = true,
                ("for", role) => new.visible_to.extend(role.parse::<Role>()),
                ("from", number) => new.derived_from.extend(number.parse().map(item)),
                ("says", value) => new.value = self.content(value),
                other => panic!("what is {other:?} of an item?"),
            }
        }
        new
    }
}

fn item(number: u32) -> ItemId {
    ItemId { run: Stage::run_id(), number }
}

fn handoff(line: &Line<'_>) -> HandoffId {
    Stage::handoff_id(line.next())
}

fn text(line: &Line<'_>, name: &str) -> String {
    line.get(name).unwrap_or("because").to_owned()
}

fn usage(line: &Line<'_>) -> Usage {
    Usage { tokens_in: line.read_as("tokens").unwrap_or(0), tokens_out: 0, cost_micros: line.read_as("cost").unwrap_or(0) }
}

fn error(retryable: bool) -> AgentError {
    AgentError { kind: "broken".to_owned(), message: "it broke".to_owned(), retryable, attempted: None, hint: None }
}

/// `refund#0` or `refund(A1)`.
fn effect(line: &Line<'_>) -> EffectId {
    let word = line.word().expect("an effect");
    if let Some((name, ordinal)) = word.split_once('#') {
        return EffectId { name: name.to_owned(), key: EffectKey::Ordinal(ordinal.parse().expect("an ordinal")) };
    }
    let (name, key) = word.trim_end_matches(')').split_once('(').expect("`name#0` or `name(key)`");
    EffectId { name: name.to_owned(), key: EffectKey::Business(key.to_owned()) }
}

fn kind(word: &str) -> Kind {
    serde_json::from_value(word.into()).unwrap_or_else(|error| panic!("what is the kind `{word}`? {error}"))
}

/// What `full=refuse` stands for.
pub(crate) fn when_full(word: &str) -> WhenFull {
    match word {
        "queue" => WhenFull::Queue,
        "refuse" => WhenFull::Refuse,
        "fallback" => WhenFull::Fallback,
        other => panic!("what is `full={other}`?"),
    }
}

fn happened(line: &Line<'_>) -> EffectOutcome {
    if line.has("not") { EffectOutcome::DidNotHappen } else { EffectOutcome::Happened(None) }
}

fn settlements(line: &Line<'_>, name: &str) -> Vec<Settlement> {
    let of = |text: &str| {
        let (number, why) = text.split_once(':').unwrap_or((text, "done"));
        Settlement { item: item(number.parse().expect("an item's number")), why: why.to_owned() }
    };
    line.all(name).into_iter().map(of).collect()
}

/// `steps:3,tokens:100`.
fn limits(parts: &[String]) -> Limits {
    let mut limits = Limits::default();
    for part in parts {
        let (name, value) = part.split_once(':').expect("`limit=steps:3`");
        let value = Some(value.parse().expect("a number"));
        match name {
            "steps" => limits.steps = value,
            "handoffs" => limits.handoffs = value,
            "visits" => limits.visits = value,
            "depth" => limits.depth = value,
            "tokens" => limits.tokens = value,
            "cost" => limits.cost_micros = value,
            "time" => limits.time_ms = value,
            other => panic!("what is the limit `{other}`?"),
        }
    }
    limits
}
