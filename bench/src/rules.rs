//! The rules by themselves: what it costs to hold a payload against its contract and to decide.

use std::hint::black_box;
use std::time::{Duration, Instant};

use handclasp_core::command::{Command, Request};
use handclasp_core::contract::{Checker, Verdicts};
use handclasp_core::directory::{Beats, Directory, Load};
use handclasp_core::offer::{By, Mode};
use handclasp_core::time::Timestamp;
use handclasp_core::{Run, World};
use handclasp_engine::Engine;

use crate::figures::Times;
use crate::work;

/// Offers before the run is taken back to its opening: it stays as small as an ordinary one.
const OFFERS: u64 = 32;

/// Parses and checks a payload of 2 KiB, decides its offer and applies what was decided.
pub(crate) fn decide(length: Duration) -> Times {
    let rules = Rules::new();
    let run = rules.opened();
    let mut times = Times::default();
    let begun = Instant::now();
    while begun.elapsed() < length {
        let mut run = Some(run.clone());
        for number in 0..OFFERS {
            let (blobs, payload) = work::payload(number, 2 * 1024);
            let bytes = blobs.get(&payload.digest).expect("the payload came along");
            let offer = Box::new(work::offer(0, payload));
            let command = Command::Offer { by: By::Principal, mode: Mode::Spawn, offer, continuation: None, ordinal: 0 };
            let request = work::request(run.as_ref().expect("an open run").id, command);
            let start = Instant::now();
            let verdicts = rules.check(bytes, payload.digest);
            let outcome = rules.submit(&mut run, &request, &verdicts);
            times.took(start.elapsed());
            black_box(outcome);
        }
    }
    times.one_by_one()
}

struct Rules {
    directory: Directory,
    checker: Checker,
    beats: Beats,
    load: Load,
}

impl Rules {
    fn new() -> Self {
        let checker = Checker::new(&work::contract()).expect("a contract that compiles");
        Self { directory: work::directory(), checker, beats: Beats::new(), load: Load::new() }
    }

    fn opened(&self) -> Run {
        let (blobs, payload) = work::payload(0, 2 * 1024);
        let bytes = blobs.get(&payload.digest).expect("the payload came along");
        let request = work::request(Engine::new_run_id(), work::opening(payload, Vec::new()));
        let mut run = None;
        self.submit(&mut run, &request, &self.check(bytes, payload.digest));
        run.expect("an opened run")
    }

    fn check(&self, bytes: &[u8], digest: handclasp_core::blob::Digest) -> Verdicts {
        let value = serde_json::from_slice(bytes).expect("a payload is JSON");
        let mut verdicts = Verdicts::default();
        verdicts.insert(self.checker.contract_digest(), digest, self.checker.check(&value));
        verdicts
    }

    fn submit(&self, run: &mut Option<Run>, request: &Request, verdicts: &Verdicts) -> handclasp_core::Outcome {
        let world = World { now: Timestamp(1_700_000_000_000), directory: &self.directory, verdicts, beats: &self.beats, load: &self.load };
        Run::submit(run, request, &world).expect("nothing that is measured is refused")
    }
}
