//! Handoffs over HTTP: a server, a sender and workers, each a process of its own.
//!
//! Held against a bare loop in the same run: the same client, the same web framework and the same
//! store, with nothing in between ([`server::bare`]). [`load`] is what the client processes do,
//! [`connection`] how they speak.

mod connection;
mod load;
mod server;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::figures::{Bound, Ratio, Row, Times};

/// Handoffs under way at once.
const IN_FLIGHT: usize = crate::MANY;

/// One part of the measurement, as a process of its own. `None` if the words ask for something else.
pub(crate) fn part(words: &[&str]) -> Option<()> {
    match words {
        ["http-serve", path] => server::handclasp(Path::new(path)),
        ["http-bare", path] => server::bare(Path::new(path)),
        ["http-send", url, key] => load::send(url, key, IN_FLIGHT, None),
        ["http-send", url, key, rate] => load::send(url, key, IN_FLIGHT, Some(rate.parse().ok()?)),
        ["http-work", url, key, sender, seconds] => load::work(url, key, sender, length(seconds)?),
        ["http-append", url, _, seconds] => load::append(url, IN_FLIGHT, length(seconds)?),
        ["http-steps", url, key, seconds] => load::steps(url, key, length(seconds)?),
        _ => return None,
    }
    Some(())
}

fn length(seconds: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.parse().ok()?).ok()
}

/// Measures everything.
pub(crate) fn measure(place: &Path, length: Duration) -> (Vec<Row>, Vec<Ratio>) {
    let seconds = length.as_secs_f64().to_string();
    let mut bare = bare(&place.join("bare-1.db"), &seconds);
    let many = many(&place.join("many.db"), &seconds);
    bare.add(self::bare(&place.join("bare-2.db"), &seconds));
    let steps = {
        let server = Part::start(&["http-serve", &text(&place.join("steps.db"))]);
        let (url, key) = server.address();
        Part::start(&["http-steps", &url, &key, &seconds]).times("step")
    };
    let calls = [&many.offers, &many.claims, &many.completes].map(|times| times.micros(0.99)).into_iter().fold(0.0, f64::max);
    let ratios = vec![
        Ratio::new(
            "handoffs × 3 ÷ bare HTTP appends, 64 in flight",
            many.handoffs.per_second() * 3.0 / bare.per_second(),
            Bound::AtLeast(0.6),
        ),
        Ratio::new("handoffs per second, 64 in flight", many.handoffs.per_second(), Bound::None),
        Ratio::new("one call, p99, 64 in flight, ms", calls / 1_000.0, Bound::AtMost(10.0)),
        Ratio::new("step to step, p50, one in flight, ms", steps.micros(0.5) / 1_000.0, Bound::AtMost(0.8)),
        Ratio::new("memory of the server afterwards, MB", many.megabytes, Bound::None),
    ];
    let rows = vec![
        Row::new("bare HTTP: append", IN_FLIGHT, &bare),
        Row::new("HTTP: offer (opens a run)", IN_FLIGHT, &many.offers),
        Row::new("HTTP: claim with accept", IN_FLIGHT, &many.claims),
        Row::new("HTTP: complete", IN_FLIGHT, &many.completes),
        Row::new("HTTP: handoff, offered to completed", IN_FLIGHT, &many.handoffs),
        Row::new("HTTP: step to step", 1, &steps),
    ];
    (rows, ratios)
}

/// A long time at half of what the server can take: whether it grows, and whether it gets slower. A line
/// for each minute.
pub(crate) fn soak(place: &Path, minutes: u32) {
    let server = Part::start(&["http-serve", &text(&place.join("soak.db"))]);
    let (url, key) = server.address();
    let most = handoffs(&server, &url, &key, "10", None).handoffs.per_second();
    println!("half of {most:.0} handoffs per second");
    println!("{:>6} {:>12} {:>10} {:>10} {:>10} {:>10}", "minute", "handoffs/s", "offer p50", "offer p99", "done p99", "MB");
    for minute in 1..=minutes {
        let many = handoffs(&server, &url, &key, "60", Some(most / 2.0));
        let millis = |times: &Times, share| times.micros(share) / 1_000.0;
        println!(
            "{minute:>6} {:>12.0} {:>10.2} {:>10.2} {:>10.2} {:>10.1}",
            many.handoffs.per_second(),
            millis(&many.offers, 0.5),
            millis(&many.offers, 0.99),
            millis(&many.completes, 0.99),
            many.megabytes
        );
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn bare(path: &Path, seconds: &str) -> Times {
    let server = Part::start(&["http-bare", &text(path)]);
    let (url, key) = server.address();
    Part::start(&["http-append", &url, &key, seconds]).times("append")
}

struct Many {
    offers: Times,
    claims: Times,
    completes: Times,
    handoffs: Times,
    megabytes: f64,
}

fn many(path: &Path, seconds: &str) -> Many {
    let server = Part::start(&["http-serve", &text(path)]);
    let (url, key) = server.address();
    handoffs(&server, &url, &key, seconds, None)
}

/// Handoffs through a server that runs, as many as it can take or so many in a second.
fn handoffs(server: &Part, url: &str, key: &str, seconds: &str, rate: Option<f64>) -> Many {
    let rate = rate.map(|rate| rate.to_string());
    let mut words = vec!["http-send", url, key];
    words.extend(rate.as_deref());
    let mut sender = Part::start(&words);
    let (feedback, _) = sender.address();
    let workers = Part::start(&["http-work", url, key, &feedback, seconds]);
    let worked = workers.result();
    // The sender ends when nobody takes its work any more.
    let sent = sender.read_result();
    let megabytes = server.megabytes();
    let of = |value: &Value, name: &str| Times::from_json(&value[name]);
    Many {
        offers: of(&sent, "offer"),
        claims: of(&worked, "claim"),
        completes: of(&worked, "complete"),
        handoffs: of(&worked, "handoff"),
        megabytes,
    }
}

/// A process of the measurement. It says in its first line where it can be reached, if it can; a
/// client says in its last line what it measured.
struct Part {
    process: Child,
    output: std::cell::RefCell<BufReader<std::process::ChildStdout>>,
}

impl Part {
    fn start(words: &[&str]) -> Self {
        let program = std::env::current_exe().expect("this program lies somewhere");
        let mut process = Command::new(program).args(words).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("a process");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, output: output.into() }
    }

    fn address(&self) -> (String, String) {
        let mut line = String::new();
        self.output.borrow_mut().read_line(&mut line).expect("a line");
        let (url, key) = line.trim().split_once(' ').expect("an address and a key");
        (url.to_owned(), key.to_owned())
    }

    fn read_result(&mut self) -> Value {
        let mut text = String::new();
        self.output.borrow_mut().read_to_string(&mut text).expect("what was measured");
        let line = text.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|_| panic!("a part of the measurement failed: {text}"))
    }

    fn result(mut self) -> Value {
        self.read_result()
    }

    fn times(self, name: &str) -> Times {
        Times::from_json(&self.result()[name])
    }

    /// What it holds in memory now.
    fn megabytes(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<f64>().ok()).map_or(f64::NAN, |kilobytes| kilobytes / 1024.0)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
