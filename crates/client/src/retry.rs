//! How long a call is tried again, and how fast.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The wait before the second try.
const FIRST: Duration = Duration::from_millis(50);

/// The longest wait between two tries that the server did not ask for.
const LONGEST: Duration = Duration::from_secs(2);

/// For how long a call that did not get through is tried again. Safe for every call: each write has an
/// idempotency key that stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// No further try begins later than this after the first.
    pub patience: Duration,
}

impl Default for Retries {
    /// Long enough for a server to be restarted.
    fn default() -> Self {
        Self { patience: Duration::from_secs(30) }
    }
}

impl Retries {
    /// Each call is made once.
    pub const NEVER: Self = Self { patience: Duration::ZERO };

    /// How long to wait before the next try, or that there is none. `tried` counts the tries so far,
    /// `asked` is what the server wants, `chance` is between 0 and 999.
    pub(crate) fn wait(self, tried: u32, spent: Duration, asked: Option<Duration>, chance: u32) -> Option<Duration> {
        let doubled = FIRST.saturating_mul(1 << tried.saturating_sub(1).min(16)).min(LONGEST);
        // Between a half and the whole, so that many clients of one server do not come back as one.
        let jittered = doubled / 2 + doubled / 2 * chance / 1_000;
        let wait = asked.map_or(jittered, |asked| asked + jittered / 2);
        (spent + wait <= self.patience).then_some(wait)
    }
}

/// A number from 0 to 999, as random as needed to spread tries: the standard library draws its hash
/// keys at random.
pub(crate) fn chance() -> u32 {
    u32::try_from(RandomState::new().build_hasher().finish() % 1_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_spread_and_end() {
        let retries = Retries { patience: Duration::from_secs(10) };
        let wait = |tried, chance| retries.wait(tried, Duration::ZERO, None, chance).unwrap();
        assert_eq!((wait(1, 0), wait(1, 999)), (Duration::from_millis(25), Duration::from_micros(49_975)));
        assert_eq!(wait(2, 0), Duration::from_millis(50));
        assert_eq!(wait(40, 0), Duration::from_secs(1), "it does not grow for ever");
        assert_eq!(retries.wait(3, Duration::from_secs(10), None, 0), None);
        assert_eq!(Retries::NEVER.wait(1, Duration::ZERO, None, 0), None);
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for() {
        let retries = Retries::default();
        let asked = Some(Duration::from_secs(3));
        assert!(retries.wait(1, Duration::ZERO, asked, 500).unwrap() >= Duration::from_secs(3));
        assert_eq!(retries.wait(1, Duration::from_secs(28), asked, 500), None, "longer than anybody is patient");
    }
}
