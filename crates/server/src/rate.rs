//! How many requests per second one caller may send.
//!
//! A good key has its own measure wherever it is used from; without one, the address counts. What a
//! caller merely claims to be does not.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::limits;
use crate::problem::{Door, Problem};

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// Those with a key, by its id.
    Key(String),
    /// Those from an address.
    From(IpAddr),
}

impl Counted {
    /// Those from an address. Of an IPv6 address the first half counts: the other is its owner's to choose.
    pub(crate) fn from(address: IpAddr) -> Self {
        Self::From(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// The measure.
pub(crate) struct Rate<C: Clock = DefaultClock> {
    seen: RateLimiter<Counted, HashMapStateStore<Counted>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

impl Rate {
    /// As many requests per second, and at once.
    pub(crate) fn new(per_s: NonZeroU32) -> Self {
        Self::on(DefaultClock::default(), per_s)
    }
}

impl<C: Clock + Clone> Rate<C> {
    fn on(clock: C, per_s: NonZeroU32) -> Self {
        Self { seen: RateLimiter::hashmap_with_clock(Quota::per_second(per_s), clock.clone()), clock }
    }

    /// Counts a request; refuses it if it comes too early.
    pub(crate) fn check(&self, who: &Counted) -> Result<(), Problem> {
        if self.seen.len() >= limits::RATES_KEPT_MAX {
            self.seen.retain_recent();
        }
        let Err(early) = self.seen.check_key(who) else { return Ok(()) };
        let wait = early.wait_time_from(self.clock.now());
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let detail = format!("more than {} requests in a second", early.quota().burst_size());
        Err(Problem { retry_after_s: Some(seconds.max(1)), ..Door::TooFast.problem(detail) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn at(address: &str) -> Counted {
        Counted::from(address.parse().unwrap())
    }

    #[test]
    fn each_caller_has_its_own_measure_and_time_gives_it_back() {
        let clock = FakeRelativeClock::default();
        let rate = Rate::on(clock.clone(), NonZeroU32::new(2).unwrap());
        let (one, other) = (at("10.0.0.1"), Counted::Key("1a2b3c4d".to_owned()));
        assert!(rate.check(&one).is_ok() && rate.check(&one).is_ok());
        let refused = rate.check(&one).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.status, refused.retry_after_s), ("HC-103", 429, Some(1)));
        assert!(rate.check(&other).is_ok());
        clock.advance(Duration::from_millis(500));
        assert!(rate.check(&one).is_ok());
        assert!(rate.check(&one).is_err());
    }

    #[test]
    fn whoever_owns_a_network_has_one_measure() {
        assert_eq!(at("2001:db8:1:2:3:4:5:6"), at("2001:db8:1:2::9"));
        assert_ne!(at("2001:db8:1:2::9"), at("2001:db8:1:3::9"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }

    #[test]
    fn those_who_were_not_seen_lately_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let rate = Rate::on(clock.clone(), NonZeroU32::new(1).unwrap());
        for n in 0..limits::RATES_KEPT_MAX {
            rate.check(&Counted::Key(n.to_string())).unwrap();
        }
        clock.advance(Duration::from_secs(2));
        rate.check(&at("10.0.0.1")).unwrap();
        assert_eq!(rate.seen.len(), 1);
    }
}
