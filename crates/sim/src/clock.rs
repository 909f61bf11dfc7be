//! The simulated clock: the world moves it, nobody waits for it.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use handclasp_core::time::{Millis, Timestamp};
use handclasp_engine::Clock;

/// Where simulated time begins: late enough that setting the clock back stays positive.
const START_MS: u64 = 1_700_000_000_000;

/// A clock that stands until somebody moves it.
#[derive(Debug)]
pub(crate) struct StoppedClock(AtomicU64);

impl StoppedClock {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(START_MS))
    }

    pub(crate) fn forward(&self, by: Millis) {
        self.0.fetch_add(by.0, Ordering::Relaxed);
    }

    pub(crate) fn back(&self, by: Millis) {
        self.0.fetch_sub(by.0, Ordering::Relaxed);
    }

    /// Forward to `moment`, never back.
    pub(crate) fn forward_to(&self, moment: Timestamp) {
        self.0.fetch_max(moment.0, Ordering::Relaxed);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn sleep_until(&self, _moment: Timestamp) -> BoxFuture<'static, ()> {
        // The world wakes runs itself, by what the store says is due.
        Box::pin(std::future::pending())
    }
}
