//! What one simulated world comes to: a report, or a failure that says how to see it again.

use std::collections::VecDeque;
use std::fmt;

use handclasp_core::blob::Digest;

use crate::coverage::Coverage;
use crate::laws::Violation;

/// A world in which every law held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Commits that were written.
    pub commits: u64,
    /// Events in them.
    pub events: u64,
    /// Runs that were opened.
    pub runs: u64,
    /// Engines that lived, one after the other.
    pub engines: u32,
    /// Hash over all logs: two worlds of one seed have the same.
    pub digest: Digest,
    /// The situations it got into while faults were on.
    pub coverage: Coverage,
}

/// A law that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// Which checker saw it.
    pub law: &'static str,
    /// What it saw.
    pub what: String,
    /// What happened last.
    pub trail: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trail {
            writeln!(f, "    {line}")?;
        }
        writeln!(f, "broken: {}: {}", self.law, self.what)?;
        write!(f, "SIM_SEED={seed} … run again: cargo xtask sim {seed}", seed = self.seed)
    }
}

impl std::error::Error for Failure {}

/// Steps that a failure shows. Enough to see how it came about, few enough to read.
const TRAIL_LENGTH: usize = 60;

/// What a line shows of a command or an event: its names and ids come first.
const LINE_CHARS_MAX: usize = 400;

/// The last steps of a world. Kept only in the second run of a seed that has failed: writing them
/// down takes longer than the world itself.
#[derive(Debug, Default)]
pub(crate) struct Trail(Option<VecDeque<String>>);

impl Trail {
    pub(crate) fn kept(kept: bool) -> Self {
        Self(kept.then(VecDeque::new))
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        let Some(lines) = &mut self.0 else { return };
        if lines.len() == TRAIL_LENGTH {
            lines.pop_front();
        }
        let mut line = line();
        if let Some((cut, _)) = line.char_indices().nth(LINE_CHARS_MAX) {
            line.truncate(cut);
            line.push('…');
        }
        lines.push_back(line);
    }

    pub(crate) fn failure(self, seed: u64, violation: Violation) -> Failure {
        let Violation { law, what } = violation;
        Failure { seed, law, what, trail: self.0.unwrap_or_default().into() }
    }
}
