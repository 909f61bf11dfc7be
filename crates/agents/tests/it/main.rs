//! Real processes, well-behaved and otherwise, against a real engine over the reference store.

mod bad_agents;
mod commands;
mod good_agents;
mod house;
mod pools;
