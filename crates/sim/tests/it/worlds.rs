//! Worlds of the first seeds: no law is broken, every situation is reached, each world is its seed.

use handclasp_sim::{Coverage, Faults, run};

/// Enough for every situation to be reached; more seeds are lived by `cargo xtask sim`.
const SEEDS: u64 = 600;
const THREADS: u64 = 2;

fn live(seeds: impl Iterator<Item = u64>) -> Coverage {
    let mut coverage = Coverage::default();
    for seed in seeds {
        match run(seed, &Faults::default()) {
            Ok(report) => coverage.add(&report.coverage),
            Err(failure) => panic!("\n{failure}"),
        }
    }
    coverage
}

#[test]
fn every_law_holds_and_every_situation_is_reached_under_faults() {
    let coverage = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|first| scope.spawn(move || live((0..SEEDS).filter(|seed| seed % THREADS == first)))).collect();
        threads.into_iter().fold(Coverage::default(), |mut all, thread| {
            all.add(&thread.join().expect("a law was broken; its seed is above"));
            all
        })
    });
    assert_eq!(coverage.missing(), Vec::<&str>::new(), "situations that {SEEDS} seeds no longer reach");
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [3, 379, 4_164] {
        let (first, second) = (run(seed, &Faults::default()), run(seed, &Faults::default()));
        assert_eq!(first, second, "seed {seed}");
    }
    let (one, other) = (run(1, &Faults::default()).unwrap(), run(2, &Faults::default()).unwrap());
    assert_ne!(one.digest, other.digest, "two seeds are two worlds");
}

#[test]
fn without_faults_nothing_is_lost_late_or_repeated() {
    for seed in 0..20 {
        let report = run(seed, &Faults::none()).unwrap_or_else(|failure| panic!("\n{failure}"));
        assert_eq!(report.engines, 1, "no engine dies");
        let troubles = ["the store is full", "a rival was faster", "an agent dies", "the clock is set back"];
        assert!(troubles.iter().all(|trouble| report.coverage.times(trouble) == 0), "seed {seed} had trouble");
    }
}
