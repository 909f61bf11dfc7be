//! The doors, as those see them who come through.

mod admission;
mod agents;
mod api_keys;
mod bounds;
mod certificates;
mod following;
mod guarded;
mod keys;
mod published;
mod runs;
mod samples;
mod stage;
mod stories;
mod unreadable;
mod waiting;
mod wanted;
