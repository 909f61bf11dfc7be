//! Shapes: which keys an object of the team file has and what each may hold, as data.
//!
//! One table ([`crate::format`]) says it all, and three readers use it: the check here, the
//! published JSON Schema ([`crate::schema`]) and the test that holds the reference page against it.
//! What names refer to, and whether agents and steps fit each other, is checked elsewhere.

use crate::document::{Content, Node, shortened};
use crate::measure;
use crate::mistake::{Mistakes, Problem, closest, names};

/// Elements of one list, entries of one mapping: the core takes no more in one command.
pub(crate) const ENTRIES_MAX: usize = 1_000;

/// An object with named keys.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [Key],
    /// Keys of which one must be there, and not two.
    pub(crate) exactly_one: &'static [&'static str],
}

/// A key of an object.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
}

impl Key {
    pub(crate) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, required: true, about }
    }

    pub(crate) const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, required: false, about }
    }
}

/// Text of a certain form.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) expected: &'static str,
    pub(crate) fits: fn(&str) -> bool,
    /// The same as a regular expression, for the published schema.
    pub(crate) pattern: &'static str,
}

/// What a key may hold.
#[derive(Debug)]
pub(crate) enum Shape {
    Text {
        bytes_max: usize,
    },
    Word(&'static Word),
    Choice(&'static [&'static str]),
    Whole {
        min: u64,
        max: u64,
    },
    Switch,
    Duration {
        zero: bool,
    },
    Cost,
    List {
        of: &'static Shape,
        min: usize,
    },
    Object(&'static Object),
    /// Names that the team chooses, each with an object.
    Named(&'static Word, &'static Object),
    /// A bare word, or an object that says more.
    WordOr(&'static Word, &'static Object),
    /// One of several objects, told apart by their first key.
    Case(&'static [&'static Object]),
    /// Any single value.
    Scalar,
    /// A JSON Schema.
    Schema,
}

impl Object {
    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    fn check(&self, node: &Node, mistakes: &mut Mistakes) {
        let Content::Map(entries) = &node.content else {
            let problem = Problem::new(format!("{} must be a mapping", self.name)).found(format!("found {}", node.found()));
            mistakes.add(node.spot, problem.hint(format!("its keys are {}", names(&self.key_names()))));
            return;
        };
        let mut meant = Vec::new();
        for entry in entries {
            match self.key(&entry.key) {
                Some(key) => key.shape.check(&entry.value, key.name, mistakes),
                None => mistakes.add(entry.spot, self.unknown(&entry.key, node, &mut meant)),
            }
        }
        let is_there = |name: &str| node.get(name).is_some() || meant.contains(&name);
        for key in self.keys.iter().filter(|key| key.required && !is_there(key.name)) {
            mistakes.add(node.spot, Problem::new(format!("`{}` is missing in {}", key.name, self.name)).hint(key.about));
        }
        if !self.exactly_one.is_empty() && !self.exactly_one.iter().any(|name| is_there(name)) {
            mistakes.add(node.spot, Problem::new(format!("{} needs one of {}", self.name, names(self.exactly_one))));
        }
        self.check_only_one(node, mistakes);
    }

    fn key_names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    /// A key that does not exist. One that it was `meant` to be is not reported as missing as well.
    fn unknown(&self, key: &str, node: &Node, meant: &mut Vec<&'static str>) -> Problem {
        let free = self.key_names().into_iter().filter(|name| node.get(name).is_none());
        let closest = closest(key, free);
        meant.extend(closest);
        let hint = closest.map_or_else(|| format!("known keys: {}", names(&self.key_names())), |name| format!("did you mean `{name}`?"));
        Problem::new(format!("unknown key `{}` in {}", shortened(key), self.name)).hint(hint)
    }

    fn check_only_one(&self, node: &Node, mistakes: &mut Mistakes) {
        let given = node.entries().iter().filter(|entry| self.exactly_one.contains(&entry.key.as_str()));
        for entry in given.skip(1) {
            mistakes.add(entry.spot, Problem::new(format!("{} takes only one of {}", self.name, names(self.exactly_one))));
        }
    }
}

fn wrong(name: &str, node: &Node) -> Problem {
    Problem::new(format!("wrong value for `{name}`")).found(node.found())
}

impl Shape {
    /// Reports everything below `node` that is not of this shape. `name` is the key it stands under.
    pub(crate) fn check(&self, node: &Node, name: &str, mistakes: &mut Mistakes) {
        match self {
            Self::List { of, min } => check_list(node, name, of, *min, mistakes),
            Self::Object(object) => object.check(node, mistakes),
            Self::Named(word, object) => check_named(node, name, word, object, mistakes),
            Self::WordOr(_, object) if matches!(node.content, Content::Map(_)) => object.check(node, mistakes),
            Self::Case(objects) => check_case(node, name, objects, mistakes),
            // What an alias stands for is unknown; that it is one was reported.
            _ if mistakes.within(node) => {}
            leaf if leaf.holds(node) => {}
            leaf => {
                let problem = wrong(name, node).expected(leaf.expected()).maybe_hint(leaf.hint(node));
                mistakes.add(node.spot, problem);
            }
        }
    }

    fn holds(&self, node: &Node) -> bool {
        match self {
            Self::Text { bytes_max } => node.text().is_some_and(|text| !text.trim().is_empty() && text.len() <= *bytes_max),
            Self::Word(word) | Self::WordOr(word, _) => node.text().is_some_and(word.fits),
            Self::Choice(choices) => node.text().is_some_and(|text| choices.contains(&text)),
            Self::Whole { min, max } => node.whole().is_some_and(|number| (*min..=*max).contains(&number)),
            Self::Switch => node.switch().is_some(),
            Self::Duration { zero } => node.duration().is_some_and(|length| *zero || length.0 > 0),
            Self::Cost => node.cost_micros().is_some_and(|micros| micros > 0),
            Self::Scalar => node.value().is_some_and(|value| !value.is_null()),
            Self::Schema => matches!(node.content, Content::Map(_)) || node.switch().is_some(),
            Self::List { .. } | Self::Object(_) | Self::Named(..) | Self::Case(_) => false,
        }
    }

    fn expected(&self) -> String {
        match self {
            Self::Text { bytes_max } => format!("text (1 to {bytes_max} bytes)"),
            Self::Word(word) => word.expected.to_owned(),
            Self::WordOr(word, object) => format!("{} or {}", word.expected, object.name),
            Self::Choice(choices) => format!("one of {}", names(choices)),
            Self::Whole { min, max: measure::WHOLE_MAX } => format!("a whole number of at least {min}"),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Switch => "`true` or `false`".to_owned(),
            Self::Duration { zero: false } => "a length of time above zero (`500ms`, `30s`, `10m`, `1h`, `2d`)".to_owned(),
            Self::Duration { zero: true } => "a length of time (`0s`, `500ms`, `30s`, `10m`, `1h`, `2d`)".to_owned(),
            Self::Cost => "an amount above zero with at most 6 decimals, such as `1.50`".to_owned(),
            Self::Scalar => "a single value".to_owned(),
            Self::Schema => "a JSON Schema (a mapping, `true` or `false`)".to_owned(),
            Self::List { .. } => "a list".to_owned(),
            Self::Object(_) | Self::Named(..) | Self::Case(_) => "a mapping".to_owned(),
        }
    }

    fn hint(&self, node: &Node) -> Option<String> {
        let is_plain_value = node.value().is_some_and(|value| !value.is_string() && !value.is_null());
        let written = node.written().unwrap_or_default();
        match self {
            Self::Text { .. } | Self::Word(_) | Self::WordOr(..) if is_plain_value => {
                Some("put it in quotes if it is meant as text".to_owned())
            }
            Self::Text { .. } if matches!(node.content, Content::Map(_)) => Some("put quotes around text that begins with `{`".to_owned()),
            Self::Duration { .. } if node.whole().is_some_and(|number| number > 0) => Some(format!("add a unit, as in `{written}s`")),
            Self::Choice(choices) => closest(written, choices.iter().copied()).map(|choice| format!("did you mean `{choice}`?")),
            _ => None,
        }
    }
}

fn check_list(node: &Node, name: &str, of: &Shape, min: usize, mistakes: &mut Mistakes) {
    let Content::List(elements) = &node.content else {
        mistakes
            .add(node.spot, wrong(name, node).expected("a list").hint(format!("write `{name}: [...]`, or one line with `- ` for each")));
        return;
    };
    if elements.len() < min || elements.len() > ENTRIES_MAX {
        let expected = format!("a list of {min} to {ENTRIES_MAX}");
        mistakes.add(node.spot, Problem::new(format!("wrong value for `{name}`")).expected(expected).found(elements.len().to_string()));
    }
    for element in elements {
        of.check(element, name, mistakes);
    }
}

fn check_named(node: &Node, name: &str, word: &Word, object: &Object, mistakes: &mut Mistakes) {
    let Content::Map(entries) = &node.content else {
        mistakes.add(node.spot, wrong(name, node).expected("a mapping").hint(format!("each key is {}", word.expected)));
        return;
    };
    if entries.len() > ENTRIES_MAX {
        mistakes.add(node.spot, Problem::new(format!("too many entries in `{name}`: at most {ENTRIES_MAX}")));
    }
    for entry in entries {
        if !(word.fits)(&entry.key) {
            mistakes.add(entry.spot, misnamed(&entry.key, name, word));
        }
        object.check(&entry.value, mistakes);
    }
}

fn misnamed(key: &str, name: &str, word: &Word) -> Problem {
    Problem::new(format!("wrong name in `{name}`")).expected(word.expected).found(format!("`{}`", shortened(key)))
}

fn check_case(node: &Node, name: &str, objects: &[&'static Object], mistakes: &mut Mistakes) {
    let heads: Vec<&str> = objects.iter().map(|object| object.keys[0].name).collect();
    if !matches!(node.content, Content::Map(_)) {
        mistakes.add(node.spot, wrong(name, node).expected(format!("a mapping with one of {}", names(&heads))));
        return;
    }
    if let Some(object) = case(node, objects) {
        object.check(node, mistakes);
        return;
    }
    let meant = node.entries().iter().find_map(|entry| closest(&entry.key, heads.iter().copied()));
    let problem = Problem::new(format!("no pattern in `{name}`")).expected(format!("one of the keys {}", names(&heads)));
    let keys: Vec<String> = node.entries().iter().map(|entry| shortened(&entry.key)).collect();
    let found = if keys.is_empty() { "none".to_owned() } else { names(&keys) };
    mistakes.add(node.spot, problem.found(found).maybe_hint(meant.map(|head| format!("did you mean `{head}`?"))));
}

/// The object that a node is meant to be, by its first key.
pub(crate) fn case(node: &Node, objects: &[&'static Object]) -> Option<&'static Object> {
    objects.iter().copied().find(|object| node.get(object.keys[0].name).is_some())
}
