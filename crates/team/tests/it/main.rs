//! The team file as a user meets it: what a good file becomes, what a broken one is told, and what
//! no file may do.

mod broken;
mod good;
mod hostile;
mod published;

use std::path::Path;

use handclasp_team::{Mistake, Team};

/// A small team of three with a plan, used as the good file from which others are derived.
pub(crate) const GOOD: &str = include_str!("good.yaml");

/// Reads a text that lies in an empty folder.
pub(crate) fn parse(text: &str) -> Result<Team, Vec<Mistake>> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    Team::parse(text, folder.path())
}

/// The repository's own folder.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
