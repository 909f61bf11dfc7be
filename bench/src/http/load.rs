//! What the client processes do: send, work, append, or take one step after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::connection::Connection;
use crate::desk::runtime;
use crate::figures::Times;
use crate::work::{PAYLOAD_BYTES, payload_text};

/// What is not counted at the beginning: connections, caches, the first pages of the database.
const WARMING_UP: Duration = Duration::from_millis(500);

/// Requests for work under way at once; each takes up to so many handoffs.
const CLAIMERS: usize = 16;
const CLAIMED_AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    claims: Vec<Claimed<'a>>,
}

#[derive(Deserialize)]
struct Claimed<'a> {
    handoff: &'a str,
    token: u64,
}

/// Keeps so many handoffs under way: each that a worker has finished makes room for another. With a
/// rate, no more than that are offered in a second.
pub(super) fn send(url: &str, key: &str, in_flight: usize, rate: Option<f64>) {
    let times = runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{} -", listener.local_addr().expect("an address"));
        let (mut finished, _) = listener.accept().await.expect("the workers");
        let room = Arc::new(Semaphore::new(in_flight));
        let pace = Arc::new(tokio::sync::Mutex::new(rate.map(|rate| interval(Duration::from_secs_f64(1.0 / rate)))));
        let mut lanes = JoinSet::new();
        for lane in 0..in_flight {
            let (mut connection, room, pace) = (Connection::open(url, key).await, Arc::clone(&room), Arc::clone(&pace));
            lanes.spawn(async move {
                let mut times = Times::default();
                let begun = Instant::now();
                let mut number = lane as u64;
                while let Ok(permit) = room.acquire().await {
                    permit.forget();
                    if let Some(pace) = pace.lock().await.as_mut() {
                        pace.tick().await;
                    }
                    number += 1_000;
                    let body = format!(
                        r#"{{"task":"Do what the order says.","offer":{{"to":"agent-0","contract":"work@1","payload":{}}}}}"#,
                        payload_text(number, PAYLOAD_BYTES)
                    );
                    let start = Instant::now();
                    connection.post("/v1/runs", body).await;
                    if begun.elapsed() > WARMING_UP {
                        times.took(start.elapsed());
                    }
                }
                times
            });
        }
        let begun = Instant::now();
        let mut buffer = [0; 1_024];
        // The workers hang up when the time is over.
        while let Ok(count @ 1..) = finished.read(&mut buffer).await {
            room.add_permits(count);
        }
        room.close();
        together(lanes, begun.elapsed().saturating_sub(WARMING_UP)).await
    });
    println!("{}", json!({ "offer": times.to_json() }));
}

async fn together(lanes: JoinSet<Times>, altogether: Duration) -> Times {
    let mut times = Times::default();
    for lane in lanes.join_all().await {
        times.beside(lane);
    }
    times.within(altogether)
}

/// Takes work and finishes it until the time is over.
pub(super) fn work(url: &str, key: &str, sender: &str, length: Duration) {
    let (claims, completes, handoffs) = runtime().block_on(async {
        let finished = TcpStream::connect(sender).await.expect("the sender");
        let begun = Instant::now();
        let until = begun + WARMING_UP + length;
        let (taken, work) = mpsc::channel::<(String, u64)>(CLAIMERS * CLAIMED_AT_ONCE);
        let (done, mut told) = mpsc::unbounded_channel::<()>();
        let telling = tokio::spawn(async move {
            let mut finished = finished;
            while told.recv().await.is_some() {
                let mut count = 1;
                while told.try_recv().is_ok() {
                    count += 1;
                }
                finished.write_all(&vec![1; count]).await.expect("the sender listens");
            }
        });
        let mut claimers = JoinSet::new();
        for _ in 0..CLAIMERS {
            claimers.spawn(claimer(Connection::open(url, key).await, taken.clone(), begun, until));
        }
        drop(taken);
        let work = Arc::new(tokio::sync::Mutex::new(work));
        let mut finishing = JoinSet::new();
        for _ in 0..super::IN_FLIGHT {
            finishing.spawn(completer(Connection::open(url, key).await, Arc::clone(&work), done.clone(), begun, until));
        }
        drop(done);
        let claims = together(claimers, length).await;
        let completes = together(finishing, length).await;
        telling.abort();
        let mut handoffs = Times::default();
        handoffs.beside(completes.clone());
        (claims, completes, handoffs.within(length))
    });
    println!("{}", json!({ "claim": claims.to_json(), "complete": completes.to_json(), "handoff": handoffs.to_json() }));
}

/// Asks for work and hands it to the completers. Only what brought something is counted as a call.
async fn claimer(mut connection: Connection, taken: mpsc::Sender<(String, u64)>, begun: Instant, until: Instant) -> Times {
    let mut times = Times::default();
    while Instant::now() < until {
        let start = Instant::now();
        let body = format!(r#"{{"most":{CLAIMED_AT_ONCE},"wait_ms":0,"accept":true}}"#);
        let answer = connection.post("/v1/agents/agent-0/claims", body).await;
        let took = start.elapsed();
        let claims: Claims<'_> = serde_json::from_slice(&answer).expect("claims");
        if claims.claims.is_empty() {
            let body = format!(r#"{{"most":{CLAIMED_AT_ONCE},"wait_ms":200,"accept":true}}"#);
            let answer = connection.post("/v1/agents/agent-0/claims", body).await;
            let claims: Claims<'_> = serde_json::from_slice(&answer).expect("claims");
            for claim in claims.claims {
                let _ = taken.send((claim.handoff.to_owned(), claim.token)).await;
            }
            continue;
        }
        if begun.elapsed() > WARMING_UP {
            times.took(took);
        }
        for claim in claims.claims {
            let _ = taken.send((claim.handoff.to_owned(), claim.token)).await;
        }
    }
    times
}

async fn completer(
    mut connection: Connection,
    work: Arc<tokio::sync::Mutex<mpsc::Receiver<(String, u64)>>>,
    done: mpsc::UnboundedSender<()>,
    begun: Instant,
    until: Instant,
) -> Times {
    let mut times = Times::default();
    loop {
        let Some((handoff, token)) = work.lock().await.recv().await else { return times };
        let body = format!(r#"{{"token":{token},"result":{}}}"#, payload_text(token, PAYLOAD_BYTES));
        let start = Instant::now();
        connection.post(&format!("/v1/handoffs/{handoff}/complete"), body).await;
        if begun.elapsed() > WARMING_UP && Instant::now() < until {
            times.took(start.elapsed());
        }
        let _ = done.send(());
    }
}

/// Appends to the bare server until the time is over.
pub(super) fn append(url: &str, in_flight: usize, length: Duration) {
    let times = runtime().block_on(async {
        let begun = Instant::now();
        let until = begun + WARMING_UP + length;
        let mut lanes = JoinSet::new();
        for lane in 0..in_flight {
            let mut connection = Connection::open(url, "-").await;
            lanes.spawn(async move {
                let mut times = Times::default();
                let path = format!("/append/{lane}");
                while Instant::now() < until {
                    let body = payload_text(lane as u64, PAYLOAD_BYTES);
                    let start = Instant::now();
                    connection.post(&path, body).await;
                    if begun.elapsed() > WARMING_UP {
                        times.took(start.elapsed());
                    }
                }
                times
            });
        }
        let mut times = Times::default();
        for lane in lanes.join_all().await {
            times.beside(lane);
        }
        times.within(length)
    });
    println!("{}", json!({ "append": times.to_json() }));
}

/// One piece of work goes from agent to agent: the time from sending a result that hands on until the
/// next agent, which waits for work, has it.
pub(super) fn steps(url: &str, key: &str, length: Duration) {
    let times = runtime().block_on(async {
        let mut opener = Connection::open(url, key).await;
        let mut waits = Connection::open(url, key).await;
        let mut times = Times::default();
        let begun = Instant::now();
        while begun.elapsed() < length {
            let first = format!(
                r#"{{"task":"Walk.","offer":{{"to":"agent-0","contract":"work@1","payload":{}}}}}"#,
                payload_text(0, PAYLOAD_BYTES)
            );
            opener.post("/v1/runs", first).await;
            let mut held = next(&mut opener, 0).await;
            for step in 1..50_u64 {
                let asks = tokio::spawn(async move {
                    let claimed = next(&mut waits, step).await;
                    (waits, claimed, Instant::now())
                });
                // Long enough for the next agent to sit there and wait.
                tokio::time::sleep(Duration::from_millis(1)).await;
                let body = format!(
                    r#"{{"token":{},"result":1,"next":{{"to":"agent-{}","contract":"work@1","payload":{}}}}}"#,
                    held.1,
                    step % 4,
                    payload_text(step, PAYLOAD_BYTES)
                );
                let start = Instant::now();
                opener.post(&format!("/v1/handoffs/{}/complete", held.0), body).await;
                let (back, claimed, arrived) = asks.await.expect("the next agent");
                times.took(arrived.saturating_duration_since(start));
                (waits, held) = (back, claimed);
            }
            opener.post(&format!("/v1/handoffs/{}/complete", held.0), format!(r#"{{"token":{},"result":1}}"#, held.1)).await;
        }
        times.one_by_one()
    });
    println!("{}", json!({ "step": times.to_json() }));
}

async fn next(connection: &mut Connection, agent: u64) -> (String, u64) {
    loop {
        let body = r#"{"most":1,"wait_ms":10000,"accept":true}"#.to_owned();
        let answer = connection.post(&format!("/v1/agents/agent-{}/claims", agent % 4), body).await;
        let claims: Claims<'_> = serde_json::from_slice(&answer).expect("claims");
        if let Some(claim) = claims.claims.first() {
            return (claim.handoff.to_owned(), claim.token);
        }
    }
}
