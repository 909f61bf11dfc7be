//! The demo: a server, a sender and two workers, of which one dies in the middle of a refund.
//!
//! Everything in it is real: processes, leases, the effect's line in a file. Here is the order of the
//! show and the proof at its end; [`crew`] has the workers' processes, [`worker`] what they do.

mod crew;
pub(crate) mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use handclasp_client::Client;
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::event::Event;
use handclasp_core::id::RunId;
use handclasp_core::ledger::ItemKind;
use handclasp_core::run::Condition;
use handclasp_engine::post::Drivers;
use handclasp_engine::{Committed, Engine, Registry, SystemClock, inspect};
use handclasp_server::Options;
use handclasp_server::wire::{ItemIn, OfferIn, OpenRun, Opened, Publish, Register};
use handclasp_store::sqlite::Access;
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::oneshot;
use tokio::time::Instant;

use self::crew::{Crew, Heard};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::house::House;
use crate::store_file::StoreFile;
use crate::terminal::{Terminal, count, json_line, strong};

/// Short, so that the show is: a worker that is silent for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(2);

/// As long as somebody needs to read the line and type it into another terminal.
const ASKED: Duration = Duration::from_secs(20);

/// Without anybody to ask: long enough for a heartbeat or two.
const UNASKED: Duration = Duration::from_millis(1_500);

/// Everything that is left to do after the kill takes a few seconds. More than this is a defect.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the show takes place.
struct Stage {
    terminal: Terminal,
    store: StoreFile,
    /// One line for each refund.
    refunds: PathBuf,
    /// How long the worker that is to die is left to the user.
    respite: Duration,
}

/// What the show comes to, as data.
#[derive(Debug, Serialize)]
struct Proof {
    run: RunId,
    store: PathBuf,
    /// The process that died.
    killed: Option<u32>,
    attempts: u32,
    /// Refunds in the file.
    refunds: usize,
    /// Events of the log.
    events: u64,
    /// What is wrong with the log.
    altered: usize,
    completed: bool,
}

/// Plays the demo.
pub(crate) async fn play(terminal: Terminal, kill: bool) -> Result<Exit, Failure> {
    let folder = tempfile::Builder::new().prefix("handclasp-demo-").tempdir();
    // It is left there: whoever has seen the show may want to look closer.
    let folder = folder.map_err(|error| Failure::broken("make a folder for the demo", &error))?.keep();
    let respite = if terminal.draws() && !kill { ASKED } else { UNASKED };
    let stage = Stage { terminal, store: StoreFile(folder.join("demo.db")), refunds: folder.join("refunds.txt"), respite };
    let engine = Engine::new(stage.store.own(Access::Create)?, Arc::new(SystemClock), Registry::default());
    engine.recover().await?;
    let commits = engine.watch();
    let options = Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() };
    let (bound, url) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let house = House { engine, options, drivers: Drivers::new() };
    let serving = house.serve(
        async {
            // That nobody can say so any more is an end, too.
            let _ = stopped.await;
        },
        move |address| {
            let _ = bound.send(address.url.clone());
        },
    );
    let playing = async {
        let played = match url.await {
            Ok(url) => Some(stage.play(&url, commits).await),
            // The server says why.
            Err(_) => None,
        };
        drop(stop);
        played
    };
    let (served, played) = tokio::join!(serving, playing);
    served?;
    let Some(played) = played else { return Ok(Exit::FAILED) };
    stage.prove(played?).await
}

/// A show that is over.
struct Played {
    run: RunId,
    killed: Option<u32>,
    attempts: u32,
    completed: bool,
}

/// Where the show stands.
#[derive(Default)]
struct Scene {
    /// Who has the work in its hands.
    busy: Option<String>,
    /// When this command does what the user has not done.
    kill_at: Option<Instant>,
    /// The process that died with the work in its hands.
    killed: Option<u32>,
}

impl Scene {
    async fn time_to_kill(&self) {
        match self.kill_at {
            Some(moment) => tokio::time::sleep_until(moment).await,
            None => std::future::pending().await,
        }
    }
}

impl Stage {
    fn say(&self, text: impl std::fmt::Display) {
        if self.terminal.talks() {
            self.terminal.talk(text);
        }
    }

    async fn play(&self, url: &str, commits: Receiver<Committed>) -> Result<Played, Failure> {
        let client = Client::new(url)?;
        introduce(&client).await?;
        let mut crew = Crew::new(url, &self.refunds);
        self.say(format_args!("A server is up at {url}. Nothing but this program is needed."));
        let (ada, bob) = (crew.hire("ada")?, crew.hire("bob")?);
        self.say(format_args!("Two workers wait for the agent `billing`: ada (pid {ada}) and bob (pid {bob}).\n"));
        let Opened { run, handoff, .. } = client.open_run(&order()).await?;
        let handoff = handoff.ok_or_else(|| Failure::misuse("the run has no handoff", "please report this"))?;
        self.say(format_args!("sender  hands over: refund order 17, 20 EUR, under the contract refund@1  ({handoff})"));
        let killed = self.until_over(&client, &mut crew, commits, run).await?;
        let (view, handoff) = (client.get_run(run, 0).await?, client.get_handoff(handoff, 0).await?);
        Ok(Played { run, killed, attempts: handoff.attempts, completed: view.line.condition == Condition::Completed })
    }

    /// Tells what happens until the run is over, and sees to it that somebody dies. Says who did.
    async fn until_over(
        &self,
        client: &Client,
        crew: &mut Crew,
        mut commits: Receiver<Committed>,
        run: RunId,
    ) -> Result<Option<u32>, Failure> {
        let longest = self.respite + PATIENCE;
        let mut end = std::pin::pin!(tokio::time::sleep(longest));
        let mut over = std::pin::pin!(client.get_run(run, u64::try_from(longest.as_millis()).unwrap_or(u64::MAX)));
        let mut scene = Scene::default();
        loop {
            tokio::select! {
                heard = crew.heard() => self.heard(heard, crew, &mut scene)?,
                commit = commits.recv() => if let Ok(commit) = commit {
                    commit.events.iter().for_each(|event| self.tell(event));
                },
                () = scene.time_to_kill() => self.kill(crew, &mut scene),
                ended = &mut over => {
                    ended?;
                    break;
                }
                () = &mut end => break,
            }
        }
        Ok(scene.killed)
    }

    fn heard(&self, heard: Heard, crew: &mut Crew, scene: &mut Scene) -> Result<(), Failure> {
        match heard {
            Heard::Said { name, said } => {
                self.say(format_args!("{name:<7} {}", said.text));
                if said.inside {
                    self.ask_for_a_kill(crew, &name);
                    scene.kill_at = Some(Instant::now() + self.respite);
                }
                scene.busy = Some(name);
            }
            Heard::Gone { name, pid } if scene.busy.as_ref() == Some(&name) => {
                self.say(format_args!(
                    "\n{name} is dead, in the middle of its work. Nobody tells the server; it only hears no heartbeat any more."
                ));
                *scene = Scene { killed: Some(pid), ..Scene::default() };
            }
            Heard::Gone { name, .. } => {
                let pid = crew.hire("eve")?;
                self.say(format_args!("{name} is dead; it had nothing in its hands. eve (pid {pid}) takes its place."));
            }
        }
        Ok(())
    }

    fn kill(&self, crew: &mut Crew, scene: &mut Scene) {
        scene.kill_at = None;
        if let Some(pid) = scene.busy.as_deref().and_then(|name| crew.kill(name)) {
            self.say(format_args!("\nkill -9 {pid}   (by this demo itself)"));
        }
    }

    fn ask_for_a_kill(&self, crew: &Crew, name: &str) {
        if self.respite == ASKED {
            let (pid, seconds) = (crew.pid(name).unwrap_or_default(), ASKED.as_secs());
            let command = strong(format_args!("kill -9 {pid}"));
            self.say(format_args!("\nNow kill it, from another terminal:   {command}   (in {seconds} s this demo does it itself)"));
        }
    }

    fn tell(&self, event: &Event) {
        match event {
            Event::LeaseLost { .. } => {
                self.say(format_args!(
                    "server  has heard nothing for {} s: the lease is lost, and its token is worth nothing any more",
                    LEASE.as_secs()
                ));
            }
            Event::HandoffRequeued { .. } => self.say("server  offers the work once more"),
            _ => {}
        }
    }

    /// Shows that it happened exactly once, and that the log is whole.
    async fn prove(&self, played: Played) -> Result<Exit, Failure> {
        let Played { run, killed, attempts, completed } = played;
        let store = self.store.read()?;
        let verified = inspect::verify(store.as_ref(), Some(run), |_| ()).await?;
        let refunds = lines(&self.refunds).map_err(|error| Failure::broken("read the refunds", &error))?;
        let path = self.store.path().to_owned();
        let proof =
            Proof { run, store: path, killed, attempts, refunds, events: verified.events, altered: verified.problems.len(), completed };
        let held = proof.completed && proof.refunds == 1 && proof.altered == 0 && proof.killed.is_some();
        if self.terminal.json {
            json_line(&proof)?;
        } else {
            self.say(self.account(&proof, held));
        }
        Ok(if held { Exit::DONE } else { Exit::FAILED })
    }

    fn account(&self, proof: &Proof, held: bool) -> String {
        let Proof { run, store, attempts, refunds, events, altered, completed, .. } = proof;
        let (store, file) = (store.display(), self.refunds.display());
        let ended = if *completed { "it completed, once" } else { "it did not complete" };
        let chained = if *altered == 0 { "each chained to the one before: nothing is altered" } else { "and they do not fit together" };
        let verdict = if held {
            "Finished exactly once, although one of two died."
        } else {
            "This is not what should have happened; please report it."
        };
        format!(
            "
{verdict}
  the file   {refunds} ({file})
  the work   {attempts}; {ended}
  the log    {events}, {chained}

Look closer:
  handclasp trace {run} --store {store}
  handclasp events {run} --store {store}
Then your own agents, in any language:
  handclasp up",
            verdict = strong(verdict),
            refunds = count(*refunds as u64, "refund"),
            attempts = count(*attempts, "attempt"),
            events = count(*events, "event"),
        )
    }
}

/// Says what a refund is, and who does them.
async fn introduce(client: &Client) -> Result<(), Failure> {
    let schema = json!({
        "type": "object",
        "required": ["order", "euros"],
        "properties": { "order": { "type": "integer" }, "euros": { "type": "integer", "minimum": 1 } },
    });
    let contract = Publish {
        contract: "refund@1.0.0".parse().expect("a contract"),
        schema,
        read_back: ReadBackLevel::Echo,
        justification_required: false,
        effects_declared: false,
        confidence_min: None,
    };
    client.publish_contract(&contract).await?;
    let lease_ms = u64::try_from(LEASE.as_millis()).ok();
    let register = Register { accepts: vec!["refund@1".parse().expect("a range")], lease_ms, ..Register::default() };
    client.register_agent(&worker::agent(), &register).await?;
    Ok(())
}

/// What the sender wants.
fn order() -> OpenRun {
    let constraint = ItemIn {
        kind: ItemKind::Constraint,
        key: "once".to_owned(),
        value: json!("An order is refunded once."),
        must_carry: true,
        confidence: None,
        visible_to: [].into(),
        derived_from: [].into(),
    };
    let offer = OfferIn {
        to: Some(worker::agent()),
        payload: json!({ "order": 17, "euros": 20 }),
        contract: Some("refund@1".parse().expect("a range")),
        ..OfferIn::default()
    };
    OpenRun {
        task: json!("Refund order 17: 20 EUR."),
        title: None,
        intent: None,
        items: vec![constraint],
        limits: handclasp_core::limits::Limits::default(),
        conversation: None,
        offer: Some(offer),
    }
}

fn lines(path: &Path) -> io::Result<usize> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().count()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}
