//! What can go wrong in a simulated world, as named options.
//!
//! Rates are per thousand occasions. [`Faults::default`] turns everything on; a world then varies
//! each rate by its seed (none, as given, three times), so that some worlds have one fault only and
//! no fault hides another.

use crate::dice::Dice;

/// What can go wrong, and how often in a thousand occasions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// The engine dies; of the appends under way some front part is written, the rest is lost.
    pub crash: u32,
    /// The store writes, but says that it did not answer.
    pub unavailable_written: u32,
    /// The store does not write, and says that it did not answer.
    pub unavailable_unwritten: u32,
    /// The store has no room.
    pub full: u32,
    /// A read fails.
    pub read_fails: u32,
    /// A read takes several turns.
    pub read_slow: u32,
    /// Somebody else writes to the run between a decision and its append.
    pub rival: u32,
    /// Appends wait long, so that many are under way at once.
    pub held_back: u32,
    /// An answer does not arrive; the caller asks again, with the same key if it has one.
    pub answer_lost: u32,
    /// A command arrives twice at once.
    pub duplicate: u32,
    /// A command arrives once more, much later.
    pub late_duplicate: u32,
    /// A caller stops waiting while its command is under way.
    pub caller_leaves: u32,
    /// An agent dies in the middle of its work.
    pub agent_dies: u32,
    /// An agent says nothing for a while.
    pub agent_silent: u32,
    /// The clock jumps ahead.
    pub clock_ahead: u32,
    /// The clock is set back.
    pub clock_back: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            crash: 8,
            unavailable_written: 25,
            unavailable_unwritten: 25,
            full: 10,
            read_fails: 8,
            read_slow: 60,
            rival: 30,
            held_back: 400,
            answer_lost: 50,
            duplicate: 60,
            late_duplicate: 40,
            caller_leaves: 10,
            agent_dies: 25,
            agent_silent: 40,
            clock_ahead: 10,
            clock_back: 5,
        }
    }
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self {
            crash: 0,
            unavailable_written: 0,
            unavailable_unwritten: 0,
            full: 0,
            read_fails: 0,
            read_slow: 0,
            rival: 0,
            held_back: 0,
            answer_lost: 0,
            duplicate: 0,
            late_duplicate: 0,
            caller_leaves: 0,
            agent_dies: 0,
            agent_silent: 0,
            clock_ahead: 0,
            clock_back: 0,
        }
    }

    /// These faults as one seed has them.
    pub(crate) fn varied(&self, dice: &mut Dice) -> Self {
        let mut varied = self.clone();
        for rate in varied.rates() {
            *rate *= dice.weighted(&[(2, 0), (3, 1), (1, 3)]);
        }
        varied
    }

    fn rates(&mut self) -> [&mut u32; 16] {
        [
            &mut self.crash,
            &mut self.unavailable_written,
            &mut self.unavailable_unwritten,
            &mut self.full,
            &mut self.read_fails,
            &mut self.read_slow,
            &mut self.rival,
            &mut self.held_back,
            &mut self.answer_lost,
            &mut self.duplicate,
            &mut self.late_duplicate,
            &mut self.caller_leaves,
            &mut self.agent_dies,
            &mut self.agent_silent,
            &mut self.clock_ahead,
            &mut self.clock_back,
        ]
    }
}
