//! What is noticed about the strings at one place: a format that all of them have, or that they are
//! always the same few.
//!
//! Formats are judged by the same validators that will check the payloads, so a draft never refuses
//! what it was made from.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Different strings that can still be a list of choices.
const CHOICES_MAX: usize = 8;

/// How often each of them must have been seen. A rare one says that others have not shown yet.
const SEEN_MIN: u64 = 3;

/// Longer strings are prose.
const CHOICE_BYTES_MAX: usize = 40;

/// Longer strings have none of the formats; mail addresses and addresses in the web end well before.
const FORMAT_BYTES_MAX: usize = 2_048;

/// The formats that are noticed; of several the first. Nearly any word with a colon is a `uri`, so it
/// has to look like one, too.
static FORMATS: LazyLock<[(&str, Validator); 5]> = LazyLock::new(|| {
    ["date-time", "date", "uuid", "email", "uri"]
        .map(|format| (format, crate::contract::validator(&json!({ "format": format })).expect("a schema of one keyword")))
});

/// The strings at one place.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    /// How often each was seen, as long as they are few and short.
    choices: Option<BTreeMap<String, u64>>,
    /// Which formats all of them have, in the order of [`FORMATS`].
    formats: [bool; 5],
}

impl Default for Texts {
    fn default() -> Self {
        Self { choices: Some(BTreeMap::new()), formats: [true; 5] }
    }
}

impl Texts {
    pub(super) fn add(&mut self, text: &str) {
        for (known, (format, validator)) in self.formats.iter_mut().zip(FORMATS.iter()) {
            *known = *known && has_format(text, format, validator);
        }
        if text.len() > CHOICE_BYTES_MAX {
            self.choices = None;
        }
        self.count(text, 1);
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (known, others) in self.formats.iter_mut().zip(other.formats) {
            *known &= others;
        }
        match other.choices {
            Some(choices) => choices.iter().for_each(|(text, seen)| self.count(text, *seen)),
            None => self.choices = None,
        }
    }

    fn count(&mut self, text: &str, seen: u64) {
        let Some(choices) = &mut self.choices else { return };
        *choices.entry(text.to_owned()).or_default() += seen;
        if choices.len() > CHOICES_MAX {
            self.choices = None;
        }
    }

    /// Adds what was noticed to a schema. A list of choices is the whole truth about a place, so it is
    /// only made where nothing but strings, and perhaps null, was seen.
    pub(super) fn describe(&self, schema: &mut Map<String, Value>, only_texts: bool, nulls: bool) {
        let format = FORMATS.iter().zip(self.formats).find(|(_, all)| *all).map(|((name, _), _)| *name);
        if let Some(format) = format {
            schema.insert("format".to_owned(), json!(format));
        } else if let Some(choices) = self.choices.as_ref().filter(|choices| only_texts && is_choice(choices)) {
            let null = nulls.then_some(Value::Null);
            schema.insert("enum".to_owned(), choices.keys().map(|text| json!(text)).chain(null).collect());
        }
    }
}

/// At least two, each seen several times: one alone may be a constant or a small sample.
fn is_choice(choices: &BTreeMap<String, u64>) -> bool {
    choices.len() > 1 && choices.values().all(|seen| *seen >= SEEN_MIN)
}

fn has_format(text: &str, format: &str, validator: &Validator) -> bool {
    let looks_so = match format {
        "uri" => text.contains("://") || text.starts_with("urn:") || text.starts_with("mailto:"),
        _ => true,
    };
    looks_so && text.len() <= FORMAT_BYTES_MAX && validator.is_valid(&json!(text))
}

/// Whether a key of an object is an id, a number or a date rather than the name of a field.
pub(super) fn is_key(name: &str) -> bool {
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    is_number || FORMATS.iter().any(|(format, validator)| has_format(name, format, validator))
}
