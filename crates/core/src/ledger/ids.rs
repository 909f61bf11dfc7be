//! Lists of item ids as they are stored: neighbours are written as one, `itm_<run>_3-17`.
//!
//! Each claim records what it was given of the ledger. Written one by one, the ids of a run that
//! shares a hundred items would soon outweigh the items themselves. A list is still a list of text,
//! and an id without neighbours is written as everywhere else.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use crate::id::ItemId;

/// No run has as many items; a damaged log must not fill the memory.
const NEIGHBOURS_MAX: u32 = 1_000_000;

pub(super) fn serialize<S: Serializer>(ids: &[ItemId], to: S) -> Result<S::Ok, S::Error> {
    let neighbours = |a: &ItemId, b: &ItemId| a.run == b.run && a.number.checked_add(1) == Some(b.number);
    to.collect_seq(ids.chunk_by(neighbours).map(|chunk| match chunk {
        [first, .., last] => format!("{first}-{}", last.number),
        _ => chunk[0].to_string(),
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ItemId>, D::Error> {
    let mut ids = Vec::new();
    for text in Vec::<String>::deserialize(from)? {
        let Some((first, last)) = text.split_once('-') else {
            ids.push(text.parse().map_err(D::Error::custom)?);
            continue;
        };
        let first: ItemId = first.parse().map_err(D::Error::custom)?;
        let last: u32 = last.parse().map_err(D::Error::custom)?;
        if last.checked_sub(first.number).is_none_or(|more| more >= NEIGHBOURS_MAX) {
            return Err(D::Error::custom(format!("`{text}` is not a list of neighbouring items")));
        }
        ids.extend((first.number..=last).map(|number| ItemId { run: first.run, number }));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::id::{ItemId, RunId};
    use crate::ledger::Delivery;

    fn carried(numbers: &[u32]) -> Delivery {
        let run: RunId = "run_01arz3ndektsv4rrffq69g5fav".parse().unwrap();
        Delivery { carried: numbers.iter().map(|&number| ItemId { run, number }).collect(), ..Delivery::default() }
    }

    #[test]
    fn neighbours_are_written_as_one_and_read_back() {
        let delivery = carried(&[1, 2, 3, 7, 9, 10]);
        let stored = serde_json::to_value(&delivery).unwrap();
        let id = "itm_01arz3ndektsv4rrffq69g5fav";
        assert_eq!(stored, json!({ "carried": [format!("{id}_1-3"), format!("{id}_7"), format!("{id}_9-10")] }));
        assert_eq!(serde_json::from_value::<Delivery>(stored).unwrap(), delivery);
        for numbers in [&[][..], &[u32::MAX - 1, u32::MAX], &[3, 2, 1], &[5, 5, 6]] {
            let delivery = carried(numbers);
            let stored = serde_json::to_string(&delivery).unwrap();
            assert_eq!(serde_json::from_str::<Delivery>(&stored).unwrap(), delivery, "{stored}");
        }
    }

    #[test]
    fn a_damaged_list_is_refused_before_it_fills_the_memory() {
        for end in ["5-4", "1-4294967295", "1-", "-3", "1-2-3"] {
            let stored: Value = json!({ "carried": [format!("itm_01arz3ndektsv4rrffq69g5fav_{end}")] });
            assert!(serde_json::from_value::<Delivery>(stored).is_err(), "{end}");
        }
    }
}
