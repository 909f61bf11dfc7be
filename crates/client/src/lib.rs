//! A thin, typed client of the Handclasp server.
//!
//! [`Client`] has every verb with the types of the wire, and makes retries safe: each write carries an
//! idempotency key that stays the same over its tries. [`Worker`] claims an agent's work, keeps its
//! leases alive and hands each piece to your function as [`Work`]. What goes wrong is an [`Error`] with
//! the server's code and hint. Knows no rule: what may happen is the server's to say.

mod call;
mod client;
mod error;
mod retry;
mod verbs;
mod work;
mod worker;

pub use handclasp_core as core;
pub use handclasp_wire as wire;

pub use self::client::Client;
pub use self::error::{Error, Problem};
pub use self::retry::Retries;
pub use self::work::{Ending, Guarded, Work};
pub use self::worker::Worker;
