//! Reads a team file: agents, contracts, plan and inputs become the core's types, and every mistake
//! is reported at once with line, column and a way to mend it.
//!
//! Decides nothing about runs and starts nothing; it touches the file system to read the team file,
//! the contract files that it names and, for their digests, the scripts of its agents. Main path:
//! [`Team::read`] → `document` (syntax) → `shape` over the table in `format` (keys and values) →
//! `cast`, `step`, `plan` (what names refer to, and whether it fits) → [`Team::open`].

mod agent;
mod cast;
mod contract;
mod document;
mod format;
mod input;
mod item;
mod measure;
mod mistake;
mod opening;
mod plan;
mod schema;
mod shape;
mod step;
mod team;
mod template;
mod terms;
mod yaml;

pub use agent::{Launch, LaunchKind, Pool, StdinForm, TeamAgent};
pub use input::{Input, InputKind, InputMistake};
pub use item::TeamItem;
pub use mistake::Mistake;
pub use schema::schema;
pub use team::{FirstHandoff, Team, TeamError};
pub use yaml::yaml;
