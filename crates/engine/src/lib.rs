//! The desk of Handclasp: the only place where rules, ledger and clock meet.
//!
//! [`Engine::submit`] is the only way in: people, agents, timers and child runs all come through it.
//! A command costs one read of a cached state, one pure step and one write ([`desk`]). What is owed
//! because of it is attended to by the [`post`], which hands work to [`driver`]s and wakes runs.
//! Everything is bounded, each bound with its reason in [`limits`].

mod claims;
pub mod clock;
mod contents;
pub mod control;
mod definitions;
mod desk;
pub mod driver;
mod engine;
mod error;
pub mod inspect;
pub mod keys;
pub mod limits;
mod load;
mod notes;
pub mod post;
mod queue;
mod recovery;
pub mod redact;
mod registry;
pub mod turn;
mod write;

pub use self::claims::{Ask, Given};
pub use self::clock::{Clock, SystemClock};
pub use self::driver::Driver;
pub use self::engine::{Committed, Engine};
pub use self::error::{EngineError, Rejection};
pub use self::registry::Registry;
pub use self::turn::Turn;
