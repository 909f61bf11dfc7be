//! What it costs to wait: ten thousand workers that ask for work and get none.
//!
//! Each is a connection of its own with a long poll on it, as workers on as many machines would be. The
//! server is the optimised one; its memory is read while all of them wait. Too many open files for a
//! machine that tests something else, so this is a chore of its own and no part of the suite.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::server::Server;

const WORKERS: u32 = 10_000;

/// What the server may take for all of them together.
const BYTES_MAX: u64 = 300_000_000;

/// How long one of them waits: as long as the server lets anybody.
const WAIT_MS: u32 = 55_000;

/// The last one must wait before the first has waited enough.
const ARRIVED_IN: Duration = Duration::from_secs(40);

/// Lets them all wait and measures; says what was measured.
pub(crate) fn measure() -> Result<String, String> {
    let store = std::env::current_dir().map_err(said)?.join("target/idle.db");
    let mut server = Server::start(Path::new("target/release/handclasp"), &store)?;
    let address = server.url.trim_start_matches("http://").to_owned();
    let registered = answer(&mut request(&address, "PUT", "/v1/agents/worker", "{}")?)?;
    if !registered.starts_with("HTTP/1.1 200") {
        return Err(format!("the agent was not registered: {registered}"));
    }
    let before = server.resident()?;
    let started = Instant::now();
    let body = format!("{{\"wait_ms\":{WAIT_MS}}}");
    let polls: Result<Vec<TcpStream>, String> =
        (0..WORKERS).map(|_| request(&address, "POST", "/v1/agents/worker/claims", &body)).collect();
    let polls = polls.map_err(|error| format!("{error} (`ulimit -n` must be above {WORKERS})"))?;
    while waiting(&address)? < WORKERS {
        if started.elapsed() > ARRIVED_IN {
            return Err(format!("only {} of {WORKERS} wait", waiting(&address)?));
        }
        sleep(Duration::from_millis(100));
    }
    let resident = server.resident()?;
    server.is_alive()?;
    drop(polls);
    let (mib, each) = (resident / 1_048_576, (resident - before.min(resident)) / u64::from(WORKERS));
    let measured = format!("{WORKERS} idle long polls: {mib} MiB resident, {each} bytes for each of them");
    if resident < BYTES_MAX { Ok(measured) } else { Err(measured) }
}

/// How many workers the server knows of.
fn waiting(address: &str) -> Result<u32, String> {
    let agent = answer(&mut request(address, "GET", "/v1/agents/worker", "")?)?;
    let (_, workers) = agent.split_once("\"workers\":").ok_or_else(|| format!("no workers in {agent}"))?;
    let digits = workers.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().map_err(said)
}

fn request(address: &str, method: &str, path: &str, body: &str) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(address).map_err(said)?;
    let last = if method == "POST" { "keep-alive" } else { "close" };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: {last}\r\nContent-Type: application/json\r\n");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).map_err(said)?;
    Ok(stream)
}

fn answer(stream: &mut TcpStream) -> Result<String, String> {
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(said)?;
    Ok(text)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn said(error: impl ToString) -> String {
    error.to_string()
}
