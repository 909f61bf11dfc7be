//! The real binary on real files with real processes: what a person types and a script relies on.
//!
//! Each test has a folder of its own with a small team in it. What commands mean in detail is tested
//! where it is decided; here it is tested that the handle is hooked up to it.

mod answering;
mod breaking;
mod contracts;
mod help;
mod keys;
mod running;
mod serving;
mod stage;
mod tampering;
