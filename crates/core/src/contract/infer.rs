//! A draft schema from payloads that were seen: a first contract for a boundary that has none.
//!
//! Every payload that was seen is valid under the draft. It says what was always so and nothing
//! about sizes or ranges, which a sample shows badly; a person reads it before it is published.
//! Payloads stream through: memory is bounded by the limits here, whatever is observed, and the order
//! of the payloads does not matter below them. [`text`] owns what is noticed about strings.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::text::Texts;

/// Names of fields in one place. An object with more of them is a map from some id to values.
const FIELDS_MAX: usize = 64;

/// Fields of which none is always there make a map from here on; below, they are optional fields.
const LOOSE_FIELDS_MAX: usize = 8;

/// Places that are told apart in the whole draft. A schema that a person can read has a few hundred.
const PLACES_MAX: usize = 10_000;

/// Levels of a payload that are described; below, anything goes.
const DEPTH_MAX: usize = 32;

/// A longer key is data, and no name of a field.
const KEY_BYTES_MAX: usize = 200;

/// A schema that all observed payloads hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Draft {
    /// From how many payloads.
    pub payloads: u64,
    /// JSON Schema 2020-12.
    pub schema: Value,
}

/// A draft of all these payloads.
pub fn infer(payloads: impl Iterator<Item = Value>) -> Draft {
    let mut observed = Observed::default();
    payloads.for_each(|payload| observed.add(&payload));
    observed.draft()
}

/// What is known of the payloads so far.
#[derive(Debug, Clone)]
pub struct Observed {
    payloads: u64,
    root: Place,
    room: Room,
}

impl Default for Observed {
    fn default() -> Self {
        Self { payloads: 0, root: Place::default(), room: Room(PLACES_MAX) }
    }
}

impl Observed {
    /// Takes in one more payload.
    pub fn add(&mut self, payload: &Value) {
        self.payloads += 1;
        self.root.add(payload, 0, &mut self.room);
    }

    /// How many payloads were taken in.
    pub fn payloads(&self) -> u64 {
        self.payloads
    }

    /// The schema that fits all of them.
    pub fn draft(&self) -> Draft {
        Draft { payloads: self.payloads, schema: self.root.schema() }
    }
}

/// How many more places can be told apart.
#[derive(Debug, Clone, Copy)]
struct Room(usize);

impl Room {
    fn take(&mut self) -> bool {
        let left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        left
    }
}

/// Everything that was seen at one place of the payloads.
#[derive(Debug, Clone, Default)]
struct Place {
    /// Which of `integer`, `number`, `boolean` and `null` were there. Nothing more is noticed about them.
    plain: BTreeSet<&'static str>,
    texts: Option<Texts>,
    arrays: Option<Box<Elements>>,
    objects: Option<Box<Fields>>,
    /// It holds more than there is room to describe.
    anything: bool,
}

#[derive(Debug, Clone, Default)]
struct Elements {
    /// All elements together; nothing if there was none, or no room.
    all: Option<Place>,
    anything: bool,
}

#[derive(Debug, Clone, Default)]
struct Fields {
    objects: u64,
    /// By name, and in how many objects.
    named: BTreeMap<String, (u64, Place)>,
    /// All values together, once there are too many names.
    values: Option<Place>,
    /// There were fields that nobody had room for.
    anything: bool,
}

impl Place {
    fn add(&mut self, value: &Value, depth: usize, room: &mut Room) {
        match value {
            Value::Null => drop(self.plain.insert("null")),
            Value::Bool(_) => drop(self.plain.insert("boolean")),
            Value::Number(number) => drop(self.plain.insert(if number.is_f64() { "number" } else { "integer" })),
            Value::String(text) => self.texts.get_or_insert_default().add(text),
            Value::Array(_) | Value::Object(_) if depth >= DEPTH_MAX => self.anything = true,
            Value::Array(elements) => {
                let known = self.arrays.get_or_insert_default();
                for element in elements {
                    known.add(element, depth + 1, room);
                }
            }
            Value::Object(fields) => self.objects.get_or_insert_default().add(fields, depth + 1, room),
        }
    }

    /// Takes in everything that was seen at another place.
    fn merge(&mut self, other: Self) {
        self.plain.extend(other.plain);
        self.anything |= other.anything;
        if let Some(texts) = other.texts {
            match &mut self.texts {
                Some(known) => known.merge(texts),
                none => *none = Some(texts),
            }
        }
        if let Some(elements) = other.arrays {
            let known = self.arrays.get_or_insert_default();
            known.anything |= elements.anything;
            merge_into(&mut known.all, elements.all);
        }
        if let Some(fields) = other.objects {
            self.objects.get_or_insert_default().merge(*fields);
        }
    }

    fn schema(&self) -> Value {
        if self.anything {
            return json!({});
        }
        let mut schema = Map::new();
        if let Some(types) = self.types() {
            schema.insert("type".to_owned(), types);
        }
        let nulls = self.plain.contains("null");
        let only_texts = self.arrays.is_none() && self.objects.is_none() && self.plain.len() == usize::from(nulls);
        if let Some(texts) = &self.texts {
            texts.describe(&mut schema, only_texts, nulls);
        }
        if let Some(items) = self.arrays.as_ref().filter(|elements| !elements.anything).and_then(|elements| elements.all.as_ref()) {
            schema.insert("items".to_owned(), items.schema());
        }
        if let Some(fields) = &self.objects {
            fields.describe(&mut schema);
        }
        Value::Object(schema)
    }

    fn types(&self) -> Option<Value> {
        let plain = |name| self.plain.contains(name);
        let all = [
            ("string", self.texts.is_some()),
            ("integer", plain("integer") && !plain("number")),
            ("number", plain("number")),
            ("boolean", plain("boolean")),
            ("array", self.arrays.is_some()),
            ("object", self.objects.is_some()),
            ("null", plain("null")),
        ];
        let seen: Vec<&str> = all.into_iter().filter(|(_, seen)| *seen).map(|(name, _)| name).collect();
        match seen.as_slice() {
            [] => None,
            [one] => Some(json!(one)),
            several => Some(json!(several)),
        }
    }
}

fn merge_into(place: &mut Option<Place>, other: Option<Place>) {
    if let Some(other) = other {
        place.get_or_insert_default().merge(other);
    }
}

impl Elements {
    fn add(&mut self, element: &Value, depth: usize, room: &mut Room) {
        if self.all.is_none() && !room.take() {
            self.anything = true;
            return;
        }
        self.all.get_or_insert_default().add(element, depth, room);
    }
}

impl Fields {
    fn add(&mut self, fields: &Map<String, Value>, depth: usize, room: &mut Room) {
        self.objects += 1;
        for (name, value) in fields {
            self.field(name, depth, value, room);
        }
        self.gather();
    }

    fn field(&mut self, name: &str, depth: usize, value: &Value, room: &mut Room) {
        if let Some(values) = &mut self.values {
            values.add(value, depth, room);
        } else if let Some((seen, place)) = self.named.get_mut(name) {
            *seen += 1;
            place.add(value, depth, room);
        } else if name.len() <= KEY_BYTES_MAX && room.take() {
            let mut place = Place::default();
            place.add(value, depth, room);
            self.named.insert(name.to_owned(), (1, place));
            self.gather();
        } else {
            self.anything = true;
        }
    }

    fn merge(&mut self, other: Self) {
        self.objects += other.objects;
        self.anything |= other.anything;
        merge_into(&mut self.values, other.values);
        for (name, (seen, place)) in other.named {
            let known = self.named.entry(name).or_default();
            known.0 += seen;
            known.1.merge(place);
        }
        self.gather();
    }

    /// Gives the names up where they are too many, or have been given up before.
    fn gather(&mut self) {
        if self.named.len() > FIELDS_MAX || (self.values.is_some() && !self.named.is_empty()) {
            for (_, place) in std::mem::take(&mut self.named).into_values() {
                merge_into(&mut self.values, Some(place));
            }
        }
    }

    /// A map has keys where an object has names of fields: too many of them, or many of which none is
    /// always there, or several that are all ids, numbers or dates.
    fn is_map(&self) -> bool {
        let none_always = self.named.values().all(|(seen, _)| *seen < self.objects);
        let loose = self.named.len() > LOOSE_FIELDS_MAX && none_always;
        self.values.is_some() || loose || (self.named.len() > 1 && self.named.keys().all(|name| text::is_key(name)))
    }

    fn describe(&self, schema: &mut Map<String, Value>) {
        if self.is_map() {
            let mut all = self.values.clone();
            self.named.values().for_each(|(_, place)| merge_into(&mut all, Some(place.clone())));
            if let Some(values) = all.filter(|_| !self.anything) {
                schema.insert("additionalProperties".to_owned(), values.schema());
            }
            return;
        }
        if self.named.is_empty() {
            return;
        }
        let properties: Map<String, Value> = self.named.iter().map(|(name, (_, place))| (name.clone(), place.schema())).collect();
        let required: Vec<&String> = self.named.iter().filter(|(_, (seen, _))| *seen == self.objects).map(|(name, _)| name).collect();
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
    }
}
