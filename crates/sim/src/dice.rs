//! The dice of a simulated world: every choice comes from here, so a seed is a whole run.
//!
//! A 64-bit counter is stepped by a large odd number and mixed (the construction of `SplitMix64`,
//! Steele, Lea & Flood 2014): fast, no state to seed badly, and good enough to choose with.

/// Draws numbers. Two dice of one seed draw the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

/// The golden ratio in 64 bits: steps of this size visit every number once.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// The dice of a seed. Neighbouring seeds draw unrelated numbers.
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(STEP) ^ STEP.rotate_left(17));
        dice.draw();
        dice
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Dice of their own for another part of the world.
    pub(crate) fn apart(&mut self) -> Self {
        Self::new(self.draw())
    }

    /// A number below `bound`; 0 if there is none.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.draw() % bound }
    }

    /// An index below `bound`; 0 if there is none.
    pub(crate) fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }

    /// True `per_mille` times in a thousand.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.index(all.len())).copied()
    }

    /// One of these, by weight.
    pub(crate) fn weighted<T: Copy>(&mut self, all: &[(u32, T)]) -> T {
        let total = all.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut drawn = self.below(total);
        for (weight, one) in all {
            match drawn.checked_sub(u64::from(*weight)) {
                Some(rest) => drawn = rest,
                None => return *one,
            }
        }
        all[0].1
    }
}
