//! `handclasp-sim [SEED] [--seeds N] [--from N] [--coverage]`: lives simulated worlds, and breaks one at every step.
//!
//! With a seed: that world alone, and what it came to. Without: N worlds (1,000 unless told) from
//! seed 0 or `--from`, on two threads, then the fixed scenario broken at every step; `--coverage` adds
//! how often each situation was reached. Data goes to stdout, failures to stderr. Ends with 1 if a law was broken or a situation was not reached, with 2
//! on wrong use.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use handclasp_sim::{Coverage, Failure, Faults, Report, SITUATIONS, break_at_every_step, run};

/// Worlds that are lived if nothing is said.
const SEEDS: u64 = 1_000;
/// The machine that this is measured on has so many cores; each takes the seeds of one parity.
const THREADS: u64 = 2;
/// Seeds from which every situation must have been reached.
const SEEDS_FOR_COVERAGE: u64 = 1_000;
/// Failures that are shown; the first ones say it.
const FAILURES_SHOWN: usize = 5;

#[derive(Debug, Clone, Copy)]
struct Wanted {
    one: Option<u64>,
    seeds: u64,
    from: u64,
    coverage: bool,
}

fn wanted(arguments: impl Iterator<Item = String>) -> Option<Wanted> {
    let mut wanted = Wanted { one: None, seeds: SEEDS, from: 0, coverage: false };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => wanted.seeds = arguments.next()?.parse().ok()?,
            "--from" => wanted.from = arguments.next()?.parse().ok()?,
            "--coverage" => wanted.coverage = true,
            seed => wanted.one = Some(seed.parse().ok()?),
        }
    }
    Some(wanted)
}

#[derive(Default)]
struct Lived {
    coverage: Coverage,
    commits: u64,
    events: u64,
    failures: Vec<Failure>,
}

impl Lived {
    fn add(&mut self, world: Result<Report, Failure>) {
        match world {
            Ok(report) => {
                self.coverage.add(&report.coverage);
                self.commits += report.commits;
                self.events += report.events;
            }
            Err(failure) => self.failures.push(failure),
        }
    }

    fn join(mut self, other: Self) -> Self {
        self.coverage.add(&other.coverage);
        self.commits += other.commits;
        self.events += other.events;
        self.failures.extend(other.failures);
        self.failures.sort_by_key(|failure| failure.seed);
        self
    }
}

fn live(wanted: Wanted) -> Lived {
    let seeds = |first: u64| (wanted.from..wanted.from + wanted.seeds).filter(move |seed| seed % THREADS == first);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| {
                scope.spawn(move || {
                    let mut lived = Lived::default();
                    seeds(first).for_each(|seed| lived.add(run(seed, &Faults::default())));
                    lived
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("a world does not panic"));
        joined.fold(Lived::default(), Lived::join)
    })
}

fn one(seed: u64) -> io::Result<ExitCode> {
    match run(seed, &Faults::default()) {
        Ok(report) => {
            let mut out = io::stdout().lock();
            writeln!(out, "seed {seed}: {} runs, {} commits, {} events", report.runs, report.commits, report.events)?;
            writeln!(out, "{} engines, logs {}", report.engines, report.digest)?;
            table(&mut out, &report.coverage)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            writeln!(io::stderr().lock(), "{failure}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn table(out: &mut impl io::Write, coverage: &Coverage) -> io::Result<()> {
    for situation in SITUATIONS.iter().filter(|situation| coverage.times(situation) > 0) {
        writeln!(out, "{:8} {situation}", coverage.times(situation))?;
    }
    Ok(())
}

fn many(wanted: Wanted) -> io::Result<ExitCode> {
    let begun = Instant::now();
    let lived = live(wanted);
    let mut code = ExitCode::SUCCESS;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} worlds from seed {} in {:.1} s: {} commits, {} events, {} broken laws",
        wanted.seeds,
        wanted.from,
        begun.elapsed().as_secs_f64(),
        lived.commits,
        lived.events,
        lived.failures.len()
    )?;
    for failure in lived.failures.iter().take(FAILURES_SHOWN) {
        code = ExitCode::FAILURE;
        writeln!(io::stderr().lock(), "{failure}\n")?;
    }
    if wanted.coverage {
        table(&mut out, &lived.coverage)?;
    }
    let missing = lived.coverage.missing();
    writeln!(out, "{} of {} situations reached under faults", SITUATIONS.len() - missing.len(), SITUATIONS.len())?;
    if wanted.seeds >= SEEDS_FOR_COVERAGE && !missing.is_empty() {
        code = ExitCode::FAILURE;
        writeln!(io::stderr().lock(), "not reached: {}", missing.join("; "))?;
    }
    match break_at_every_step() {
        Ok(breaks) => {
            let (appends, commands) = (breaks.appends, breaks.commands);
            writeln!(
                out,
                "the scenario ({appends} appends, {commands} commands) came to one end in {} broken performances",
                breaks.performances
            )?;
        }
        Err(difference) => {
            code = ExitCode::FAILURE;
            writeln!(io::stderr().lock(), "the scenario ends otherwise {difference}")?;
        }
    }
    Ok(code)
}

fn main() -> io::Result<ExitCode> {
    match wanted(std::env::args().skip(1)) {
        Some(Wanted { one: Some(seed), .. }) => one(seed),
        Some(wanted) => many(wanted),
        None => {
            writeln!(io::stderr().lock(), "usage: handclasp-sim [SEED] [--seeds N] [--from N] [--coverage]")?;
            Ok(ExitCode::from(2))
        }
    }
}
