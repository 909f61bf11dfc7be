//! What each endpoint does: reads what crossed, submits, and says what came of it.

pub(crate) mod agents;
pub(crate) mod claims;
pub(crate) mod contents;
pub(crate) mod contracts;
pub(crate) mod dead_letters;
pub(crate) mod events;
pub(crate) mod handoffs;
pub(crate) mod inbox;
pub(crate) mod pages;
pub(crate) mod refusals;
pub(crate) mod runs;
pub(crate) mod work;
