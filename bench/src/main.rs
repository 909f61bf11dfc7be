//! Measures the disk, the bare store and the engine in one run, and holds them against each other.
//!
//! Ratios decide: a figure alone says as much about the machine as about the program. Each row of the
//! table is explained in `bench/README.md`. [`disk`], [`bare`], [`desk`], [`rules`] and [`size`]
//! measure one thing each; [`work`] says what the agents hand to each other, [`recorder`] takes down
//! what the engine asks of a store, [`figures`] adds up and prints. [`http`] measures handoffs between
//! processes, [`peers`] is our part in a table with other systems.
#![expect(clippy::print_stdout, reason = "the table is what this program makes")]

mod bare;
mod desk;
mod disk;
mod figures;
mod http;
mod peers;
mod recorder;
mod rules;
mod size;
mod work;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use figures::{Bound, Ratio, Row};

/// As in the shipped program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Commands at once where there are many: what a team of some dozen agents keeps under way.
const MANY: usize = 64;

/// How long each row is measured unless somebody has more time: long enough for several checkpoints
/// of the database at full speed, short enough for all rows in half a minute.
const SECONDS: f64 = 3.0;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    if http::part(&plain).or_else(|| peers::part(&plain)).is_some() {
        return ExitCode::SUCCESS;
    }
    if let [word, minutes] = words.as_slice()
        && word == "soak"
        && let Ok(minutes) = minutes.parse()
    {
        let place = tempfile::tempdir_in("target").or_else(|_| tempfile::tempdir()).expect("a folder for the store");
        http::soak(place.path(), minutes);
        return ExitCode::SUCCESS;
    }
    let over_http = words.first().is_some_and(|word| word == "http");
    let Some((length, json)) = asked(if over_http { &words[1..] } else { &words }) else {
        println!("usage: cargo xtask bench [http] [--seconds N] [--json] | soak MINUTES");
        return ExitCode::from(2);
    };
    let place = tempfile::tempdir_in("target").or_else(|_| tempfile::tempdir()).expect("a folder for the stores");
    let (rows, ratios) = if over_http { http::measure(place.path(), length) } else { measure(place.path(), length) };
    if json {
        println!("{:#}", figures::json(&rows, &ratios));
    } else {
        print!("{}", figures::table(&rows, &ratios));
    }
    ExitCode::SUCCESS
}

fn asked(words: &[String]) -> Option<(Duration, bool)> {
    let (mut length, mut json) = (Duration::from_secs_f64(SECONDS), false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => json = true,
            "--seconds" => length = Duration::try_from_secs_f64(words.next()?.parse().ok()?).ok()?,
            _ => return None,
        }
    }
    Some((length, json))
}

fn measure(place: &Path, length: Duration) -> (Vec<Row>, Vec<Ratio>) {
    let chain = recorder::chain(desk::HOPS);
    let (accepted, disk) = desk::offer_to_accepted(place, length * 2);
    let bare_one = bare::appends(&place.join("bare-1.db"), &chain, 1, length);
    let hops_one = desk::hops(&place.join("hops-1.db"), 1, length);
    // Bare, engine, bare again: a machine that gets slower or faster meanwhile shows in both.
    let mut bare_many = bare::appends(&place.join("bare-64.db"), &chain, MANY, length);
    let hops_many = desk::hops(&place.join("hops-64.db"), MANY, length * 2);
    bare_many.add(bare::appends(&place.join("bare-64-again.db"), &chain, MANY, length));
    let branches = desk::branches(&place.join("branches.db"), MANY, length);
    let decided = rules::decide(Duration::from_secs(1).min(length));
    let stored = size::hundred_hops(&place.join("size.db"));
    let ratios = vec![
        Ratio::new(
            "engine ÷ bare store, commits/s, 64 in flight",
            hops_many.commits.per_second() / bare_many.per_second(),
            Bound::AtLeast(0.5),
        ),
        Ratio::new("one run with 64 branches ÷ bare store, commits/s", branches.commits.per_second() / bare_many.per_second(), Bound::None),
        Ratio::new("offer to accepted, p50 ÷ one fdatasync", accepted.micros(0.5) / disk.micros(0.5), Bound::AtMost(4.0)),
        Ratio::new("offer to accepted, p99 ÷ one fdatasync", accepted.micros(0.99) / disk.micros(0.5), Bound::AtMost(12.0)),
        Ratio::new("decide and validate 2 KiB, µs", decided.micros(0.5), Bound::AtMost(20.0)),
        Ratio::new("100 hops over 1 MB of context, MB stored", stored, Bound::AtMost(1.3)),
    ];
    let rows = vec![
        Row::new("fdatasync: append 1 KiB", 1, &disk),
        Row::new("bare store: commit", 1, &bare_one),
        Row::new("bare store: commit", MANY, &bare_many),
        Row::new("engine: commit", 1, &hops_one.commits),
        Row::new("engine: commit", MANY, &hops_many.commits),
        Row::new("engine: hop (two commits)", 1, &hops_one.hops),
        Row::new("engine: hop (two commits)", MANY, &hops_many.hops),
        Row::new("engine: commit, one run, 64 branches", MANY, &branches.commits),
        Row::new("engine: hop, one run, 64 branches", MANY, &branches.hops),
        Row::new("offer to accepted (two commits)", 1, &accepted),
        Row::new("decide and validate 2 KiB", 1, &decided),
    ];
    (rows, ratios)
}
