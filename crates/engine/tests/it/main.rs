//! The desk, the post and what looks at the whole store.

mod children;
mod claims;
mod control;
mod desk;
mod gate;
mod inspect;
mod post;
mod recovery;
mod stage;
