//! What crosses the doors of Handclasp, as JSON. Nothing else knows these field names.
//!
//! Server and client share these types: one for each request and each answer. What a request says is
//! turned into the core's terms here, and nothing is decided. Unknown fields of a request are refused by name. Contents travel inline as JSON; inside they are
//! stored once by hash. Ids and names are read where they come in.

pub mod agent;
pub mod context;
pub mod event;
pub mod handoff;
mod malformed;
pub mod people;
pub mod run;
pub mod work;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::agent::*;
pub use self::context::*;
pub use self::event::*;
pub use self::handoff::*;
pub use self::malformed::Malformed;
pub use self::people::*;
pub use self::run::*;
pub use self::work::*;

/// Nothing to say beside "done".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// Always true.
    pub done: bool,
}

impl Done {
    /// It is so.
    pub const YES: Self = Self { done: true };
}

/// How long to wait for something to happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// Waits until it is over, at most so many milliseconds (and never longer than 55,000).
    #[serde(default)]
    pub wait_ms: u64,
}
