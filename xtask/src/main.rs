//! Every chore of the repository: `cargo xtask check | test | sim | bench | api | clients | example | chaos | …`.
//!
//! The same commands serve a newcomer, the README and CI. Nothing here needs more than Rust, git and
//! Python 3 with its `venv`; where `cargo-nextest` is installed it runs the tests. [`step`] runs one step and
//! says how long it took, [`suite`] lists the steps of `check` and `test`, [`example`] puts the example team
//! to work and kills it, [`chaos`] kills server, workers and sender, [`python`] has what the Python client
//! needs, [`clients`] holds that client to the real server, [`api`] holds the API's
//! description against the real server, [`idle`] measures what waiting costs, [`licence`] looks at what the
//! dependencies may be used for.
#![expect(clippy::print_stderr, reason = "a chore talks to the person who runs it")]

mod api;
mod chaos;
mod clients;
mod example;
mod idle;
mod licence;
mod python;
mod server;
mod step;
mod suite;

use std::path::Path;
use std::process::{Command, ExitCode};

use step::{Report, cargo};

const USAGE: &str = "usage: cargo xtask <chore>

  check          formatting, lints, licences: what a commit needs, without running anything
  test           all of it: check, every test, a short simulation, the example team, alive and killed
  sim [SEED]     10,000 simulated runs; with a seed, that one, step by step
  bench [...]    measures disk, store and engine in one run (--seconds N, --json);
                 `bench http` with a server between processes, `bench soak MINUTES` for long
  api            lints the HTTP API's description, and sends made-up requests to the server
  clients        the Python client: types, lints, its tests and all scenarios against the real server
  example        the example team on this repository, alive and killed
  chaos [...]    kills server, workers and sender at random (--handoffs 1000, --seed S, --kills K)
  idle           what ten thousand waiting workers cost in memory
  golden         writes the golden files anew; look at the difference before you commit it
  fmt            formats every file
";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository");
    std::env::set_current_dir(root).expect("the repository is there, or cargo would not have found xtask");
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let passed = match words.as_slice() {
        ["check"] => report(suite::check),
        ["test"] => report(suite::test),
        ["sim"] => run(cargo("run --release -p handclasp-sim -- --seeds 10000")),
        ["sim", seed] => run(cargo("run --release -p handclasp-sim --").arg(seed)),
        ["bench", more @ ..] => run(cargo("run --release -p handclasp-bench --").args(more)),
        ["api"] => report(suite::api),
        ["clients"] => report(suite::clients),
        ["example"] => report(suite::example),
        ["chaos", options @ ..] => report(|report| suite::chaos(report, options)),
        ["idle"] => report(suite::idle),
        ["golden"] => run(cargo("test --workspace --no-fail-fast").env("GOLDEN", "write")),
        ["fmt"] => run(&mut cargo("fmt --all")),
        ["help" | "-h" | "--help"] => {
            eprint!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(steps: impl FnOnce(&mut Report)) -> bool {
    let mut report = Report::default();
    steps(&mut report);
    report.close()
}

fn run(command: impl std::borrow::BorrowMut<Command>) -> bool {
    let mut command = command;
    command.borrow_mut().status().is_ok_and(|status| status.success())
}
