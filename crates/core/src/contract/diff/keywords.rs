//! Comparing what two shapes say about one value, without looking into it: types, listed values,
//! bounds, and whatever can only be the same or not.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shape::{BOUNDS, Bound, BoundKeyword, Opaque, Shape, number};
use super::types::Types;
use super::{Breaks, Change, spared};

/// Values that a message names.
const NAMED_MAX: usize = 5;

/// Every change but those of fields and elements.
pub(super) fn compare(old: &Shape<'_>, new: &Shape<'_>) -> Vec<Change> {
    let mut changes = values(old, new);
    changes.extend(BOUNDS.iter().filter_map(|keyword| bound(keyword, old, new)));
    changes.extend(opaque(old, new));
    // Where all values are listed, it is they that decide, however the rest is written.
    let mut changes = spared(changes, all_fit(old, new), all_fit(new, old));
    changes.extend(types(old, new));
    changes
}

/// Whether all values of a shape are known, and the other one takes each of them.
fn all_fit(listed: &Shape<'_>, other: &Shape<'_>) -> bool {
    let common = |value: &&Value| other.types.contains(Types::of(value));
    listed.values.as_ref().is_some_and(|values| other.takes_all(values.values().copied().filter(common)))
}

fn types(old: &Shape<'_>, new: &Shape<'_>) -> Option<Change> {
    let (gone, came) = (old.types.without(new.types), new.types.without(old.types));
    let breaks = Breaks::new(!gone.is_empty(), !came.is_empty());
    (breaks != Breaks::Nobody).then(|| Change::new(breaks, format!("the type was {}, and is {} now", old.types, new.types)))
}

fn values(old: &Shape<'_>, new: &Shape<'_>) -> Vec<Change> {
    match (&old.values, &new.values) {
        (None, None) => Vec::new(),
        (None, Some(values)) => {
            let what = format!("only listed values are allowed now: {}", listed(values.values().copied()));
            vec![Change::new(Breaks::Senders, what)]
        }
        (Some(_), None) => vec![Change::new(Breaks::Receivers, "the list of values is gone: any value of the type is allowed")],
        (Some(before), Some(now)) => {
            let common = old.types & new.types;
            let of_common = |value: &&Value| common.contains(Types::of(value));
            let gone = before.iter().filter(|(key, _)| !now.contains_key(*key)).map(|(_, value)| *value).filter(of_common);
            let came = now.iter().filter(|(key, _)| !before.contains_key(*key)).map(|(_, value)| *value).filter(of_common);
            let (gone, came) = (listed(gone), listed(came));
            let mut changes = Vec::new();
            if !gone.is_empty() {
                changes.push(
                    Change::new(Breaks::Senders, format!("no longer allowed: {gone}")).hint("keep the values, and say that they are old"),
                );
            }
            if !came.is_empty() {
                let what = format!("newly allowed: {came}");
                changes.push(
                    Change::new(Breaks::Receivers, what).hint("receivers have to know them first: publish the next incompatible version"),
                );
            }
            changes
        }
    }
}

fn listed<'v>(values: impl Iterator<Item = &'v Value>) -> String {
    let mut texts: Vec<String> = values.map(crate::contract::shortened).collect();
    if texts.len() > NAMED_MAX {
        let more = texts.len() - NAMED_MAX;
        texts.truncate(NAMED_MAX);
        texts.push(format!("and {more} more"));
    }
    texts.join(", ")
}

fn bound(keyword: &BoundKeyword, old: &Shape<'_>, new: &Shape<'_>) -> Option<Change> {
    if (old.types & new.types & keyword.applies_to).is_empty() {
        return None;
    }
    let name = keyword.name;
    let told = |bound: &Bound| format!("{}{}", number(bound.at), if bound.exclusive { " (excluded)" } else { "" });
    match (old.bounds.get(name), new.bounds.get(name)) {
        (None, None) => None,
        (None, Some(now)) => Some(Change::new(Breaks::Senders, format!("`{name}` is {} now, there was none", told(now)))),
        (Some(before), None) => Some(Change::new(Breaks::Receivers, format!("`{name}` {} is gone", told(before)))),
        (Some(before), Some(now)) => {
            let breaks = Breaks::new(now.is_stricter(*before, keyword.is_lower), before.is_stricter(*now, keyword.is_lower));
            (breaks != Breaks::Nobody).then(|| Change::new(breaks, format!("`{name}` was {}, and is {} now", told(before), told(now))))
        }
    }
}

/// All of them hold together: one more only narrows, one less only widens, and one for another cannot be judged.
fn opaque<'o>(old: &'o Shape<'_>, new: &'o Shape<'_>) -> Vec<Change> {
    let common = old.types & new.types;
    let applies = |opaque: &&Opaque| !(opaque.applies_to() & common).is_empty();
    let only_in = |one: &'o BTreeSet<Opaque>, other: &BTreeSet<Opaque>| -> Vec<&'o Opaque> {
        one.iter().filter(applies).filter(|opaque| !opaque.is_known() || !other.contains(opaque)).collect()
    };
    let (gone, came) = (only_in(&old.opaque, &new.opaque), only_in(&new.opaque, &old.opaque));
    if let Some(change) = multiple(&gone, &came) {
        return vec![change];
    }
    let keywords: BTreeSet<&str> = gone.iter().chain(&came).map(|opaque| opaque.keyword.as_str()).collect();
    keywords.into_iter().map(|keyword| one_keyword(keyword, &gone, &came)).collect()
}

fn one_keyword(keyword: &str, gone: &[&Opaque], came: &[&Opaque]) -> Change {
    let texts = |all: &[&Opaque]| {
        let of_keyword = all.iter().filter(|opaque| opaque.keyword == keyword);
        of_keyword.map(|opaque| format!("`{}`", opaque.text.trim_matches('"'))).collect::<Vec<_>>().join(", ")
    };
    let (gone, came) = (texts(gone), texts(came));
    match (gone.is_empty(), came.is_empty()) {
        _ if is_unknown(keyword) => Change::unjudged(format!("`{keyword}` has changed, and what it means is not known")),
        (true, _) => Change::new(Breaks::Senders, format!("`{keyword}` is new: {came}")),
        (_, true) => Change::new(Breaks::Receivers, format!("`{keyword}` is gone: {gone}")),
        _ => Change::unjudged(format!("`{keyword}` was {gone}, and is {came} now")),
    }
}

/// Whether JSON Schema gives the keyword no meaning that a check would hold a value against.
fn is_unknown(keyword: &str) -> bool {
    const CHECKED: [&str; 13] = [
        "$ref",
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "format",
        "if",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "propertyNames",
        "unevaluatedItems",
        "uniqueItems",
    ];
    !CHECKED.contains(&keyword)
}

/// Multiples of 10 are multiples of 5, too.
fn multiple(gone: &[&Opaque], came: &[&Opaque]) -> Option<Change> {
    let ([gone], [came]) = (gone, came) else { return None };
    let factor = |opaque: &Opaque| opaque.text.parse::<f64>().ok().filter(|factor| opaque.keyword == "multipleOf" && *factor > 0.0);
    let (before, now) = (factor(gone)?, factor(came)?);
    let divides = |small: f64, large: f64| (large / small).fract() == 0.0;
    let breaks = Breaks::new(!divides(now, before), !divides(before, now));
    Some(Change::new(breaks, format!("`multipleOf` was {}, and is {} now", number(before), number(now))))
}
