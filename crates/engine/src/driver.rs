//! How work reaches an agent: a trait that the engine owns and other crates fill in.

use futures_util::future::BoxFuture;
use handclasp_core::id::{RunId, Tenant};

use crate::turn::Turn;

/// Runs one agent. Knows how to reach it and no rule.
pub trait Driver: Send + Sync + 'static {
    /// Works on one handoff until its turn has ended: completed, failed, declined, parked, released
    /// or taken away. A turn that is still held when the future ends is failed by the engine.
    fn work(&self, turn: Turn) -> BoxFuture<'_, ()>;

    /// The run is over, or stands still: lets go of what was kept warm for it.
    fn run_ended(&self, tenant: &Tenant, run: RunId) -> BoxFuture<'_, ()>;

    /// Lets go of everything.
    fn stop(&self) -> BoxFuture<'_, ()>;
}
