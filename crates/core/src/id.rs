//! Names and ids: parsed once at a door, trusted everywhere inside.
//!
//! Ids carry their kind (`run_…`, `hnd_…`, `int_…`, `itm_…`), so that a person can read a log and a
//! wrong one is refused by name. Only the run id is random (a ULID, in time order, minted by the
//! engine). Everything inside a run is numbered by the rules themselves: two replays of one log
//! give the same ids, and no id ever comes from a model.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use ulid::Ulid;

/// Why a string is not the id or name that was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{found}` is not {expected}")]
pub struct NotAnId {
    /// What was given.
    pub found: String,
    /// What would have been taken, as a phrase.
    pub expected: &'static str,
}

fn no(found: &str, expected: &'static str) -> NotAnId {
    let found: String = found.chars().take(80).collect();
    NotAnId { found, expected }
}

/// One end-to-end task. `run_` and a ULID in lower case, in time order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub Ulid);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; ulid::ULID_LEN];
        let text = self.0.array_to_str(&mut buffer);
        text.make_ascii_lowercase();
        write!(f, "run_{text}")
    }
}

impl FromStr for RunId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        const EXPECTED: &str = "a run id (`run_` and 26 letters and digits)";
        let body = text.strip_prefix("run_").ok_or_else(|| no(text, EXPECTED))?;
        Ulid::from_string(body).map(Self).map_err(|_| no(text, EXPECTED))
    }
}

crate::text_form!(RunId, "^run_[0-7][0-9a-hjkmnp-tv-z]{25}$");

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// The run it belongs to.
            pub run: RunId,
            /// Its number in that run, from 1.
            pub number: u32,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0; ulid::ULID_LEN];
                let text = self.run.0.array_to_str(&mut buffer);
                text.make_ascii_lowercase();
                write!(f, concat!($prefix, "{}_{}"), text, self.number)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let body = text.strip_prefix($prefix).ok_or_else(|| no(text, $expected))?;
                let (run, number) = body.split_once('_').ok_or_else(|| no(text, $expected))?;
                let run = Ulid::from_string(run).map_err(|_| no(text, $expected))?;
                let number = number.parse().map_err(|_| no(text, $expected))?;
                Ok(Self { run: RunId(run), number })
            }
        }

        crate::text_form!($name, $pattern);
    };
}

numbered!(
    /// One handoff: `hnd_<run>_<number>`.
    HandoffId, "hnd_", "a handoff id (`hnd_<run>_<number>`)", "^hnd_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9]{1,9}$"
);
numbered!(
    /// One line of work with exactly one owner at every moment: `brn_<run>_<number>`.
    BranchId, "brn_", "a branch id (`brn_<run>_<number>`)", "^brn_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9]{1,9}$"
);
numbered!(
    /// One question or approval: `int_<run>_<number>`.
    InterruptId, "int_", "an interrupt id (`int_<run>_<number>`)", "^int_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9]{1,9}$"
);
numbered!(
    /// One item of the run's ledger: `itm_<run>_<number>`.
    ItemId, "itm_", "an item id (`itm_<run>_<number>`)", "^itm_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9]{1,9}$"
);

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $expected:literal, $length_max:literal, $allowed:expr, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let allowed: fn(char) -> bool = $allowed;
                if text.is_empty() || text.len() > $length_max || !text.chars().all(allowed) {
                    return Err(no(text, $expected));
                }
                Ok(Self(text.into()))
            }
        }

        crate::text_form!($type, $pattern);
    };
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')
}

name!(
    /// Who owns the data. `local` unless a server says otherwise.
    Tenant, "a tenant name (1 to 64 of a-z A-Z 0-9 - _ . /)", 64, is_name, "^[A-Za-z0-9._/-]{1,64}$"
);
name!(
    /// On whose authority a request acts: a user, a key, an agent. Free of blanks.
    Principal, "a principal (1 to 128 visible characters)", 128, |c| !c.is_whitespace() && !c.is_control(), "^\\S{1,128}$"
);
name!(
    /// An agent's name.
    AgentName, "an agent name (1 to 64 of a-z A-Z 0-9 - _ . /)", 64, is_name, "^[A-Za-z0-9._/-]{1,64}$"
);
name!(
    /// Something an agent can do, or a tool that it has.
    Capability, "a capability (1 to 64 of a-z A-Z 0-9 - _ . /)", 64, is_name, "^[A-Za-z0-9._/-]{1,64}$"
);
name!(
    /// A role that may see an item.
    Role, "a role (1 to 64 of a-z A-Z 0-9 - _ . /)", 64, is_name, "^[A-Za-z0-9._/-]{1,64}$"
);
name!(
    /// The name of a step in a plan.
    StepName, "a step name (1 to 64 of a-z A-Z 0-9 - _ . /)", 64, is_name, "^[A-Za-z0-9._/-]{1,64}$"
);
name!(
    /// A caller's own idempotency key. The same key gives the same outcome for as long as the run is kept.
    IdempotencyKey, "an idempotency key (1 to 200 visible characters)", 200, |c| !c.is_control(), "^[ -~]{1,200}$"
);

impl Tenant {
    /// The tenant of a single-user installation.
    pub fn local() -> Self {
        Self("local".into())
    }
}

/// A fencing token: new on every claim, compared on everything a holder does (law 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Token(pub u64);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_print_and_refuse_each_other_by_name() {
        let run = RunId(Ulid::from_parts(1_700_000_000_000, 42));
        let handoff = HandoffId { run, number: 7 };
        assert_eq!(run.to_string().parse::<RunId>().unwrap(), run);
        assert_eq!(handoff.to_string().parse::<HandoffId>().unwrap(), handoff);
        let wrong = handoff.to_string().parse::<InterruptId>().unwrap_err();
        assert_eq!(wrong.expected, "an interrupt id (`int_<run>_<number>`)");
        assert!("coder two".parse::<AgentName>().is_err());
        assert!("".parse::<AgentName>().is_err());
    }
}
