//! Who acts in the world. Each takes one small turn when the dice say so, and waits for its answer.

mod agent;
mod person;
mod post;
mod session;
mod work;

pub(crate) use self::session::Session;

/// The word of somebody who knows that a holder is gone, against which a lease gives no protection.
pub(crate) const KNOWN_TO_BE_GONE: &str = "its process is gone";

use crate::world::World;

impl World {
    /// Lets somebody take a turn.
    pub(crate) fn act(&mut self) {
        let sessions = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX).min(6);
        match self.dice.weighted(&[(4, 0), (8 * sessions, 1), (16, 2), (7, 3), (1, 4)]) {
            0 => self.principal(),
            1 => self.agent(),
            2 => self.post(),
            3 => self.person(),
            _ => self.arrive_late(),
        }
    }
}
