//! Which version of a contract may be published after which.
//!
//! A published version never changes. Receivers accept ranges (`refund@1`), so all versions of one
//! caret range stand in for each other: a new one is held against its neighbours in the range, and
//! refused if it breaks senders or receivers. A pre-release promises nothing and is held against nothing.

use semver::Version;

use super::diff::{Breaks, Change, diff, is_compatible};
use super::{Contract, ContractId, ReadBackLevel};
use crate::refusal::Refusal;

/// Every difference between two versions of a contract: the schema's, and what else they ask for.
pub fn changes(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut changes = diff(&old.schema, &new.schema);
    changes.extend(read_back(old.read_back, new.read_back));
    changes.extend(switch("justification_required", old.justification_required, new.justification_required, Breaks::Senders));
    changes.extend(switch("effects_declared", old.effects_declared, new.effects_declared, Breaks::Receivers));
    changes.extend(confidence(old.confidence_min, new.confidence_min));
    changes
}

/// Whether `new` may be published beside the versions of it that are known.
pub fn check_succession<'a>(known: impl Iterator<Item = &'a Contract>, new: &Contract) -> Result<(), Refusal> {
    let mut before: Option<&Contract> = None;
    let mut after: Option<&Contract> = None;
    for other in known.filter(|other| other.id.name == new.id.name) {
        if other.id == new.id {
            return same(other, new);
        }
        if !share_a_range(&other.id.version, &new.id.version) {
            continue;
        }
        if other.id.version < new.id.version {
            before = before.filter(|nearest| nearest.id > other.id).or(Some(other));
        } else {
            after = after.filter(|nearest| nearest.id < other.id).or(Some(other));
        }
    }
    before.map_or(Ok(()), |before| compatible(before, new, &before.id, &new.id))?;
    after.map_or(Ok(()), |after| compatible(new, after, &after.id, &new.id))
}

fn same(known: &Contract, new: &Contract) -> Result<(), Refusal> {
    let published = known.digest();
    if published == new.digest() { Ok(()) } else { Err(Refusal::ContractTaken { contract: new.id.clone(), published }) }
}

fn compatible(older: &Contract, newer: &Contract, against: &ContractId, contract: &ContractId) -> Result<(), Refusal> {
    let changes = changes(older, newer);
    if is_compatible(&changes) {
        return Ok(());
    }
    let changes = changes.into_iter().filter(|change| change.breaks != Breaks::Nobody).collect();
    Err(Refusal::ContractBreaks { contract: contract.clone(), against: Box::new(against.clone()), changes })
}

/// Whether one caret range takes both, by the rules of Cargo: the first number that is not 0 decides.
fn share_a_range(one: &Version, other: &Version) -> bool {
    if !one.pre.is_empty() || !other.pre.is_empty() || one.major != other.major {
        return false;
    }
    one.major > 0 || (one.minor == other.minor && (one.minor > 0 || one.patch == other.patch))
}

fn read_back(old: ReadBackLevel, new: ReadBackLevel) -> Option<Change> {
    let told = |level| if level == ReadBackLevel::Echo { "echo" } else { "off" };
    let breaks = if new > old { Breaks::Receivers } else { Breaks::Nobody };
    (old != new).then(|| Change::new(breaks, format!("`read_back` was `{}`, and is `{}` now", told(old), told(new))))
}

/// Asking for more breaks whoever has to give it; asking for less breaks nobody.
fn switch(name: &str, old: bool, new: bool, asked: Breaks) -> Option<Change> {
    let breaks = if new { asked } else { Breaks::Nobody };
    (old != new).then(|| Change::new(breaks, format!("`{name}` was {old}, and is {new} now")))
}

fn confidence(old: Option<u8>, new: Option<u8>) -> Option<Change> {
    let told = |level: Option<u8>| level.map_or_else(|| "not set".to_owned(), |percent| format!("{percent} %"));
    let breaks = if new > old { Breaks::Receivers } else { Breaks::Nobody };
    (old != new).then(|| Change::new(breaks, format!("`confidence_min` was {}, and is {} now", told(old), told(new))))
}
