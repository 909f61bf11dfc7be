//! The rules of Handclasp: what a handoff is, what may happen to it, and what is owed afterwards.
//!
//! Pure, synchronous and total. Nothing here reads a clock, draws a number, opens a file, waits or
//! logs; the world comes in as an argument. Read in this order:
//!
//! - [`offer`], [`command`]: what somebody says and wants. [`event`]: what has happened.
//!   [`refusal`]: every way of saying no.
//! - [`handoff`], [`run`]: the state, and the three functions about it: `decide`, `apply`, `owed`.
//! - [`ledger`]: what a run knows and must not lose. [`plan`]: how a team works together.
//! - [`contract`], [`directory`], [`limits`]: what the rules hold a command against.
//! - [`id`], [`time`], [`blob`]: the small change. [`encoding`]: events as they are stored.

pub mod blob;
pub mod command;
pub mod contract;
pub mod directory;
pub mod encoding;
pub mod event;
pub mod handoff;
pub mod id;
pub mod ledger;
pub mod limits;
pub mod offer;
pub mod plan;
mod references;
pub mod refusal;
pub mod run;
mod text_form;
pub mod time;

use text_form::text_form;

pub use run::{Outcome, Reply, Run, World};
