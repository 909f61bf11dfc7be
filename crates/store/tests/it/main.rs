//! The stores from outside: the same suite, a race between them, and what happens to real files.

mod erasing;
mod kill;
mod opening;
mod race;
mod reading;
mod room;
mod suite;
