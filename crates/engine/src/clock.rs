//! The time, as the engine sees it. Replaced in simulations and tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use handclasp_core::time::Timestamp;

/// Tells the time and waits.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Ends when `moment` has come.
    fn sleep_until(&self, moment: Timestamp) -> BoxFuture<'static, ()>;
}

/// The system's clock. If it is set back, leases and deadlines wait that much longer; tokens and
/// versions, not times, decide who is right.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, moment: Timestamp) -> BoxFuture<'static, ()> {
        let wait = Duration::from_millis(moment.since(self.now()).0);
        Box::pin(tokio::time::sleep(wait))
    }
}
