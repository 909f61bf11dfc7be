//! The proof of the rules.
//!
//! Read [`table`] and its golden file first: every phase against every command. The modules after it
//! hold one small table per rule, in the words of [`script`]; every line that they run also passes
//! through [`stage`], which holds each new state against the laws, the log and what is owed.
//! [`random`] does the same with runs that nobody thought of.

mod chain;
mod children;
mod compatibility;
mod delegation;
mod effects;
mod endings;
mod events;
mod golden;
mod guards;
mod inference;
mod justification;
mod laws;
mod leases;
mod ledger;
mod line;
mod plans;
mod questions;
mod random;
mod receiving;
mod room;
mod script;
mod stage;
mod table;
mod verbs;
mod walls;
