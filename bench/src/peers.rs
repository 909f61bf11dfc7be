//! Our own row beside the peers: agents that hand on, and callers that wait, over the real server.
//!
//! Agents and callers are a process each. `bench/peers/handclasp_rust_peer.py` starts them with the
//! server, asks them for what they saw, and does the counting: windows, rates and percentiles are the
//! same arithmetic for every peer. What the work is stands in `bench/peers/README.md`.

use std::collections::{BTreeSet, HashMap};
use std::io::BufRead as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use handclasp_client::core::id::{AgentName, RunId};
use handclasp_client::core::limits::Limits;
use handclasp_client::wire::{Complete, OfferIn, OpenRun, Register};
use handclasp_client::{Client, Ending, Error, Work, Worker};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::desk::runtime;

/// What one request waits for the end of a run: as long as the server allows. No workflow of the table
/// takes as long, so one that does has failed.
const END_WAIT_MS: u64 = 55_000;

/// One of the two processes. `None` if the words ask for something else.
pub(crate) fn part(words: &[&str]) -> Option<()> {
    match words {
        ["peers-work", url, steps, at_once] => work(url, steps.parse().ok()?, at_once.parse().ok()?),
        ["peers-call", row] => call(serde_json::from_str(row).ok()?),
        _ => return None,
    }
    Some(())
}

fn agent(step: usize) -> AgentName {
    format!("agent-{step}").parse().expect("a name")
}

/// The agents of all steps. Each line that comes in is an age in seconds: answered with the gaps, in
/// milliseconds, that ended since then. Ends with its input.
fn work(url: &str, steps: usize, at_once: usize) {
    let (runtime, gaps) = (runtime(), Arc::new(Gaps::default()));
    let client = Client::new(url).expect("the server's address");
    for step in 0..steps {
        let (client, gaps) = (client.clone(), Arc::clone(&gaps));
        runtime.spawn(async move {
            client.register_agent(&agent(step), &Register::default()).await.expect("an agent");
            let worker = Worker::new(client, agent(step)).at_once(at_once);
            let handle = move |work| one_step(work, Arc::clone(&gaps), step, steps);
            worker.run(std::future::pending(), handle).await.expect("a server that gives out work");
        });
    }
    for line in std::io::stdin().lock().lines() {
        let age = line.ok().and_then(|age| Duration::try_from_secs_f64(age.trim().parse().ok()?).ok()).expect("an age in seconds");
        println!("{}", json!(gaps.since(age)));
    }
}

/// One agent's step: it adds one field and hands on, in the commit that ends its own work.
async fn one_step(work: Work, gaps: Arc<Gaps>, step: usize, steps: usize) -> Result<Ending, Error> {
    let run = work.handoff().run;
    gaps.step_begins(run);
    let mut payload = work.payload().clone();
    payload[format!("step_{step}")] = "done".into();
    if step + 1 == steps {
        return Ok(Ending::Result(payload));
    }
    gaps.step_ends(run);
    let next = OfferIn { to: Some(agent(step + 1)), payload, ..OfferIn::default() };
    work.complete(&Complete { next: Some(next), ..work.result(Value::Null) }).await?;
    Ok(Ending::Said)
}

/// The time from the end of one step to the start of the next, taken inside the agents.
#[derive(Default)]
struct Gaps(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    step_ended: HashMap<RunId, Instant>,
    /// When each gap ended, and how long it was.
    gaps: Vec<(Instant, Duration)>,
}

impl Gaps {
    fn step_begins(&self, run: RunId) {
        let now = Instant::now();
        let mut seen = self.0.lock().expect("nobody panics in here");
        if let Some(ended) = seen.step_ended.remove(&run) {
            seen.gaps.push((now, now - ended));
        }
    }

    fn step_ends(&self, run: RunId) {
        let mut seen = self.0.lock().expect("nobody panics in here");
        seen.step_ended.insert(run, Instant::now());
    }

    fn since(&self, age: Duration) -> Vec<f64> {
        let seen = self.0.lock().expect("nobody panics in here");
        let within = seen.gaps.iter().filter(|(ended, _)| ended.elapsed() <= age);
        within.map(|(_, gap)| gap.as_secs_f64() * 1e3).collect()
    }
}

/// What the callers are told.
#[derive(Deserialize)]
struct Row {
    url: String,
    concurrent: usize,
    warm_seconds: f64,
    seconds: f64,
    payload: Value,
    expected: Value,
}

/// All callers of a row. They go on until everything that was under way when the window closed has
/// ended, so that the load is the same for all that counts.
struct Load {
    row: Row,
    client: Client,
    opens: Instant,
    closes: Instant,
    still_counting: Mutex<BTreeSet<usize>>,
    failures: Mutex<Vec<String>>,
}

/// Keeps so many runs under way, and prints what was seen, with times in seconds after the opening.
fn call(row: Row) {
    let opens = Instant::now() + Duration::from_secs_f64(row.warm_seconds);
    let load = Arc::new(Load {
        client: Client::new(&row.url).expect("the server's address"),
        closes: opens + Duration::from_secs_f64(row.seconds),
        opens,
        still_counting: Mutex::new((0..row.concurrent).collect()),
        failures: Mutex::default(),
        row,
    });
    let callers = runtime().block_on(async {
        let callers: JoinSet<_> = (0..load.row.concurrent).map(|caller| one_caller(Arc::clone(&load), caller)).collect();
        callers.join_all().await
    });
    let failures = load.failures.lock().expect("nobody panics in here");
    println!(
        "{}",
        json!({
            "opened_ago": load.opens.elapsed().as_secs_f64(),
            "closes": load.row.seconds,
            "callers": callers,
            "failed": failures.len(),
            "first_failure": failures.first(),
        })
    );
}

/// One run after the other: when each that was answered rightly began, and when it ended.
async fn one_caller(load: Arc<Load>, caller: usize) -> Vec<(f64, f64)> {
    let mut workflows = Vec::new();
    while load.goes_on() {
        let began = Instant::now();
        let outcome = load.workflow().await;
        let ended = Instant::now();
        load.ended(caller, ended);
        match outcome {
            Ok(()) => workflows.push((load.after_opening(began), load.after_opening(ended))),
            Err(why) => load.failures.lock().expect("nobody panics in here").push(why),
        }
    }
    workflows
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.still_counting.lock().expect("nobody panics in here").is_empty()
    }

    fn ended(&self, caller: usize, now: Instant) {
        if now >= self.closes {
            self.still_counting.lock().expect("nobody panics in here").remove(&caller);
        }
    }

    fn after_opening(&self, moment: Instant) -> f64 {
        let before = self.opens.saturating_duration_since(moment).as_secs_f64();
        moment.saturating_duration_since(self.opens).as_secs_f64() - before
    }

    async fn workflow(&self) -> Result<(), String> {
        let said = |error: Error| error.to_string();
        let run = self.client.open_run(&self.opening()).await.map_err(said)?.run;
        let seen = self.client.get_run(run, END_WAIT_MS).await.map_err(said)?;
        if seen.result.as_ref() == Some(&self.row.expected) {
            return Ok(());
        }
        Err(format!("wrong answer from {run}, which is {:?}: {:?}", seen.line.condition, seen.result))
    }

    fn opening(&self) -> OpenRun {
        let offer = OfferIn { to: Some(agent(0)), payload: self.row.payload.clone(), ..OfferIn::default() };
        OpenRun {
            task: self.row.payload["task"].clone(),
            title: None,
            intent: None,
            items: Vec::new(),
            limits: Limits::default(),
            conversation: None,
            offer: Some(offer),
        }
    }
}

#[cfg(test)]
mod tests {
    use handclasp_engine::Engine;

    use super::*;

    #[test]
    fn a_gap_lies_between_two_steps_of_one_run() {
        let gaps = Gaps::default();
        let [one, other] = [Engine::new_run_id(), Engine::new_run_id()];
        gaps.step_begins(one);
        gaps.step_ends(one);
        gaps.step_begins(other);
        assert_eq!(gaps.since(Duration::MAX).len(), 0);
        gaps.step_begins(one);
        gaps.step_begins(one);
        assert_eq!(gaps.since(Duration::MAX).len(), 1);
        assert_eq!(gaps.since(Duration::ZERO).len(), 0);
    }
}
