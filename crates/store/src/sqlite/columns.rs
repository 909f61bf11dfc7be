//! How the project's words look in columns, so that the order of keys is the order of the contract.
//!
//! Runs are 16 bytes in time order, slots are text that sorts as slots do, times are integers. What
//! cannot be read back is an error of the column, never a default: [`super::failure`] calls it corrupt.

use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, RunId, Tenant};
use handclasp_core::run::Slot;
use handclasp_core::time::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::de::DeserializeOwned;
use ulid::Ulid;

/// A value as a column holds it.
pub(super) struct Stored<T>(pub(super) T);

/// A value that a column holds as JSON.
pub(super) struct Json<T>(pub(super) T);

impl FromSql for Stored<Tenant> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

impl FromSql for Stored<AgentName> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

impl FromSql for Stored<RunId> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(|bytes| Self(RunId(Ulid::from_bytes(bytes))))
    }
}

impl FromSql for Stored<Digest> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(|bytes| Self(Digest(bytes)))
    }
}

impl FromSql for Stored<Slot> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        slot_from(text).map(Self).ok_or_else(|| FromSqlError::Other(format!("`{text}` is not a slot").into()))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

/// A run as the 16 bytes of its ULID, big-endian.
pub(super) fn run(run: RunId) -> [u8; 16] {
    run.0.to_bytes()
}

/// The last moment that a column can tell from later ones: 146 million years from now. Half of what
/// an integer holds, so that a heartbeat plus a lease's length never overflows into a float.
const LAST_MOMENT: i64 = i64::MAX / 2;

/// A number of milliseconds, the same for everything beyond the last moment.
pub(super) fn millis(millis: u64) -> i64 {
    i64::try_from(millis).map_or(LAST_MOMENT, |millis| millis.min(LAST_MOMENT))
}

/// The moment in a column.
pub(super) fn timestamp(millis: i64) -> Timestamp {
    Timestamp(u64::try_from(millis).unwrap_or(0))
}

/// A version or token, bit by bit.
pub(super) fn number(number: u64) -> i64 {
    number.cast_signed()
}

/// A slot as text: its rank, its kind, and digits enough that `10` comes after `2`.
pub(super) fn slot(slot: Slot) -> String {
    match slot {
        Slot::Run => "0 run".to_owned(),
        Slot::Handoff(number) => format!("1 handoff {number:010}"),
        Slot::Deadline(number) => format!("2 deadline {number:010}"),
        Slot::Interrupt(number) => format!("3 interrupt {number:010}"),
        Slot::Child(run) => format!("4 child {run}"),
        Slot::Parent => "5 parent".to_owned(),
    }
}

fn slot_from(text: &str) -> Option<Slot> {
    let mut words = text.split(' ').skip(1);
    let found = match (words.next()?, words.next()) {
        ("run", None) => Slot::Run,
        ("handoff", Some(number)) => Slot::Handoff(number.parse().ok()?),
        ("deadline", Some(number)) => Slot::Deadline(number.parse().ok()?),
        ("interrupt", Some(number)) => Slot::Interrupt(number.parse().ok()?),
        ("child", Some(run)) => Slot::Child(run.parse().ok()?),
        ("parent", None) => Slot::Parent,
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_sort_as_text_as_they_sort_as_slots_and_read_back() {
        let child = |number| Slot::Child(RunId(Ulid::from_parts(1_700_000_000_000, number)));
        let mut slots = vec![Slot::Run, Slot::Parent, child(1), child(40)];
        for number in [1, 2, 10, 99, 100, u32::MAX] {
            slots.extend([Slot::Handoff(number), Slot::Deadline(number), Slot::Interrupt(number)]);
        }
        slots.sort();
        let texts: Vec<String> = slots.iter().map(|one| slot(*one)).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        let back: Vec<Slot> = texts.iter().map(|text| slot_from(text).unwrap()).collect();
        assert_eq!(back, slots);
        assert_eq!(slot_from("1 handoff"), None);
    }

    #[test]
    fn a_time_that_no_column_holds_is_the_last_moment_and_still_sorts_last() {
        assert_eq!(millis(5), 5);
        assert_eq!(millis(u64::MAX), LAST_MOMENT);
        assert!(LAST_MOMENT.checked_add(LAST_MOMENT).is_some());
    }
}
