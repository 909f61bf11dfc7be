//! The weather of Handclasp: a simulated world in which everything goes wrong, and the laws hold.
//!
//! A world is a seed (`run`). Agents, people and the post take turns at random, over the real engine
//! and the real rules; the store loses and delays, the engine dies, the clock jumps. Checkers that
//! share no code with the rules look on all the time. `break_at_every_step` breaks one fixed
//! scenario at each of its writes instead, and compares the end with the undisturbed one.
//!
//! Same seed, same world: nothing here knows the time of day, draws from the system, or walks a hash map.

mod actors;
mod breaks;
mod call;
mod clock;
mod coverage;
mod dice;
mod faults;
mod laws;
mod outside;
mod report;
mod scene;
mod store;
mod team;
mod weather;
mod world;

pub use self::breaks::{Breaks, Difference, break_at_every_step};
pub use self::coverage::{Coverage, SITUATIONS};
pub use self::faults::Faults;
pub use self::report::{Failure, Report};

/// Lives the world of a seed. One that fails is lived once more, to write down how it came about.
pub fn run(seed: u64, faults: &Faults) -> Result<Report, Failure> {
    match world::World::new(seed, faults, false).live() {
        Ok(report) => Ok(report),
        Err(_) => world::World::new(seed, faults, true).live(),
    }
}
