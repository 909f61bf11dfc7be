//! The client against the real server in the same process, and against a network that misbehaves.

mod network;
mod stage;
mod working;
