//! A run with one agent, and what became of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handclasp_agents::{Launch, LaunchKind, Pool, drivers};
use handclasp_core::Run;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Answer, Command, Open, Pins, Request};
use handclasp_core::contract::{Contract, ReadBackLevel};
use handclasp_core::directory::{Agent, Directory, Justification};
use handclasp_core::event::{Closing, Event};
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::ledger::{ItemKind, NewItem};
use handclasp_core::limits::{Limits, Retry};
use handclasp_core::offer::{Kind, Offer, Reason, Receiver, Terms};
use handclasp_core::run::Condition;
use handclasp_core::time::Millis;
use handclasp_engine::post::Post;
use handclasp_engine::{Engine, Registry, SystemClock};
use handclasp_store::memory::Memory;
use serde_json::{Value, json};

/// Nothing here takes longer unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A run for one agent.
pub(crate) struct House {
    /// The script that the agent is.
    pub(crate) script: &'static str,
    /// The program that runs it.
    pub(crate) argv: Vec<&'static str>,
    pub(crate) kind: LaunchKind,
    pub(crate) timeout: Millis,
    pub(crate) attempts: u32,
    pub(crate) read_back: ReadBackLevel,
    pub(crate) env: Vec<String>,
    pub(crate) pool: Pool,
    pub(crate) capacity: u32,
    /// What a person answers, if the agent asks.
    pub(crate) answer: Option<&'static str>,
}

/// What became of it.
pub(crate) struct Ended {
    pub(crate) run: Run,
    pub(crate) events: Vec<Event>,
    pub(crate) result: Option<Value>,
}

impl House {
    /// A Python agent that speaks the protocol.
    pub(crate) fn python(script: &'static str) -> Self {
        Self {
            script,
            argv: vec!["python3", "agent"],
            kind: LaunchKind::Process,
            timeout: Millis::seconds(20),
            attempts: 1,
            read_back: ReadBackLevel::Off,
            env: vec!["PATH".to_owned()],
            pool: Pool { size: 5, ahead: 0, idle: Millis::seconds(300), per_run: false },
            capacity: 1,
            answer: None,
        }
    }

    fn directory(&self) -> Directory {
        let mut directory = Directory::default();
        for name in ["work@1.0.0", "done@1.0.0"] {
            directory.add_contract(Contract {
                id: name.parse().unwrap(),
                schema: json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } } }),
                read_back: if name.starts_with("work") { self.read_back } else { ReadBackLevel::Off },
                justification_required: false,
                effects_declared: false,
                confidence_min: None,
            });
        }
        for name in ["worker", "other"] {
            directory.add_agent(Agent {
                name: name.parse().unwrap(),
                capabilities: std::iter::once("words".parse().unwrap()).collect(),
                accepts: vec!["work@1".parse().unwrap()],
                roles: std::collections::BTreeSet::new(),
                capacity: self.capacity,
                fallback: None,
                read_back: ReadBackLevel::Echo,
                justification: Justification::Off,
                lease_ms: Millis::seconds(5),
                definition: Digest::of(name.as_bytes()),
            });
        }
        directory
    }

    fn open(&self, blobs: &mut Blobs) -> Open {
        let retry = Retry { attempts: self.attempts, backoff_ms: 1, factor: 1, backoff_max_ms: 1 };
        let input = blobs.json(&json!({ "text": "one two three" }));
        Open {
            task: blobs.json(&"Count the words."),
            title: "a test".to_owned(),
            intent: None,
            items: vec![NewItem {
                kind: ItemKind::Constraint,
                key: "limit".to_owned(),
                value: blobs.json(&"At most three words."),
                must_carry: true,
                confidence: None,
                visible_to: std::collections::BTreeSet::new(),
                derived_from: std::collections::BTreeSet::new(),
                inferred: false,
            }],
            limits: Limits::default(),
            trace_id: "0".repeat(32),
            conversation: None,
            pins: Pins::default(),
            input,
            plan: None,
            first: Some(Offer {
                to: Receiver::Agent("worker".parse().unwrap()),
                kind: Kind::Route,
                reason: Reason::TaskClassification,
                contract: Some("work@1".parse().unwrap()),
                payload: input,
                terms: Terms { returns: Some("done@1".parse().unwrap()), retry, ..Terms::default() },
            }),
            parent: None,
        }
    }

    fn launch(&self, folder: &Path) -> Launch {
        Launch {
            kind: self.kind,
            argv: self.argv.iter().map(|word| (*word).to_owned()).collect(),
            cwd: folder.to_owned(),
            env: self.env.clone(),
            timeout: self.timeout,
            pool: self.pool,
        }
    }

    /// Runs once, until nothing moves any more.
    pub(crate) fn run(self) -> Ended {
        self.attended(async |site| site.run().await)
    }

    /// Does something while the post of the house is at work; then closes it.
    pub(crate) fn attended<T>(self, doing: impl AsyncFnOnce(&Site) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent"), self.script).unwrap();
        runtime.block_on(async {
            let engine = Engine::new(Arc::new(Memory::new()), Arc::new(SystemClock), Registry::new(self.directory()).unwrap());
            let launch = self.launch(folder.path());
            let both = ["worker", "other"].map(|name| (name.parse().unwrap(), launch.clone()));
            let post = Post::new(engine.clone(), Tenant::local(), drivers(both.into_iter()));
            let site = Site { house: self, engine, folder };
            let mut done = None;
            let until = async { done = Some(doing(&site).await) };
            tokio::time::timeout(PATIENCE, Box::pin(post.run(until))).await.expect("it hangs").unwrap();
            done.expect("the post was not closed before")
        })
    }
}

/// A house whose post is at work.
pub(crate) struct Site {
    house: House,
    engine: Engine,
    /// Where the agents run.
    pub(crate) folder: tempfile::TempDir,
}

impl Site {
    /// Opens a run and follows it until nothing moves any more.
    pub(crate) async fn run(&self) -> Ended {
        let mut blobs = Blobs::default();
        let open = self.house.open(&mut blobs);
        let run = Engine::new_run_id();
        let mut commits = self.engine.watch();
        submit(&self.engine, run, Command::Open(Box::new(open)), blobs).await;
        let mut events = Vec::new();
        loop {
            let commit = commits.recv().await.unwrap();
            if commit.run != run {
                continue;
            }
            events.extend(commit.events.iter().cloned());
            self.answer(run, &commit.events).await;
            if !matches!(commit.condition, Condition::Running | Condition::WaitingForPerson) {
                break;
            }
        }
        let result = self.result(run, &events).await;
        let run = self.engine.inspect(&Tenant::local(), run, Run::clone).await.unwrap().unwrap();
        Ended { run, events, result }
    }

    async fn answer(&self, run: RunId, events: &[Event]) {
        for event in events {
            if let (Event::InterruptRaised { interrupt, question, .. }, Some(choice)) = (event, self.house.answer) {
                let answer = Answer { choice: choice.to_owned(), text: None };
                let resolve = Command::Resolve { interrupt: *interrupt, shown: question.shown.digest, answer };
                submit(&self.engine, run, resolve, Blobs::default()).await;
            }
        }
    }

    async fn result(&self, run: RunId, events: &[Event]) -> Option<Value> {
        let result = events.iter().rev().find_map(|event| match event {
            Event::HandoffCompleted { result, .. } => Some(*result),
            _ => None,
        })?;
        match self.engine.content(&Tenant::local(), run, result.digest).await.unwrap() {
            handclasp_store::Content::Bytes(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
            other => panic!("the result is {other:?}"),
        }
    }
}

async fn submit(engine: &Engine, run: RunId, command: Command, blobs: Blobs) {
    let request = Request { tenant: Tenant::local(), principal: "user:test".parse().unwrap(), run, key: None, command };
    engine.submit(request, blobs).await.unwrap();
}

impl Ended {
    /// The text of the result.
    pub(crate) fn text(&self) -> String {
        let text = self.result.as_ref().and_then(|result| result["text"].as_str());
        text.unwrap_or_else(|| panic!("it has no result: {:#?}", self.events)).to_owned()
    }

    /// Why it is a dead letter: the kind and the message of the last error.
    pub(crate) fn error(&self) -> (String, String) {
        let dead = self.events.iter().rev().find_map(|event| match event {
            Event::DeadLettered { closing, .. } => Some(closing.clone()),
            _ => None,
        });
        match dead {
            Some(Closing::Failed(error)) => (error.kind, error.message),
            other => panic!("it should be a dead letter by a failure, and is {other:?}; {:#?}", self.events),
        }
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }
}
