//! The YAML of a team file as a tree in which every value knows its line and column.
//!
//! Owns syntax: text in, nodes out, plain scalars resolved by the core schema of YAML 1.2. Aliases
//! and tags are refused: a mistake must lie where the reader sees it, and a file that cannot refer
//! to itself cannot blow up. What the keys mean is for the readers of the other modules.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span};
use serde_json::{Number, Value};

use crate::mistake::{Mistakes, Problem, Spot};

/// Values in one file. Twenty times the largest team that a person could review.
const NODES_MAX: usize = 100_000;

/// Collections inside each other, flow and block each. Readers walk the tree recursively.
const NESTING_MAX: usize = 64;

/// A quoted value in a message is cut here.
const FOUND_CHARS_MAX: usize = 60;

/// One value.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    /// The number of the last node inside this one.
    last: usize,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    /// A single value, and how it was written.
    Scalar {
        value: Value,
        text: String,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) spot: Spot,
    pub(crate) value: Node,
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none of anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Content::Map(entries) = &self.content { entries } else { &[] }
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn elements(&self) -> &[Self] {
        if let Content::List(elements) = &self.content { elements } else { &[] }
    }

    /// The value of a scalar.
    pub(crate) fn value(&self) -> Option<&Value> {
        if let Content::Scalar { value, .. } = &self.content { Some(value) } else { None }
    }

    /// The text of a scalar that is text: quoted, or nothing else by the rules of YAML.
    pub(crate) fn text(&self) -> Option<&str> {
        self.value().and_then(Value::as_str)
    }

    /// A scalar exactly as it was written, number or not.
    pub(crate) fn written(&self) -> Option<&str> {
        if let Content::Scalar { text, .. } = &self.content { Some(text) } else { None }
    }

    /// The text parsed as something with a form of its own.
    pub(crate) fn parsed<T: std::str::FromStr>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }

    /// Each element of a list parsed; those that cannot be are left out.
    pub(crate) fn all_parsed<C: FromIterator<T>, T: std::str::FromStr>(&self) -> C {
        self.elements().iter().filter_map(Self::parsed).collect()
    }

    /// The whole value as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar { value, .. } => value.clone(),
            Content::List(elements) => elements.iter().map(Self::to_json).collect(),
            Content::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
        }
    }

    /// The node at a JSON pointer, or the last one on the way to it.
    pub(crate) fn nearest(&self, pointer: &str) -> &Self {
        let mut node = self;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let element = step.parse().ok().and_then(|index: usize| node.elements().get(index));
            match node.get(&step).or(element) {
                Some(child) => node = child,
                None => break,
            }
        }
        node
    }

    /// True if `spot` belongs to this node or one inside it.
    pub(crate) fn holds(&self, spot: Spot) -> bool {
        (self.spot.node..=self.last).contains(&spot.node)
    }

    /// What is there, for a message.
    pub(crate) fn found(&self) -> String {
        match &self.content {
            Content::Scalar { value: Value::Null, .. } => "nothing".to_owned(),
            Content::Scalar { value: Value::Number(_), text } => format!("the number {}", shortened(text)),
            Content::Scalar { value: Value::String(text), .. } => format!("`{}`", shortened(text)),
            Content::Scalar { text, .. } => shortened(text),
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a mapping".to_owned(),
        }
    }
}

pub(crate) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && line.chars().count() <= FOUND_CHARS_MAX {
        return line.to_owned();
    }
    let cut: String = line.chars().take(FOUND_CHARS_MAX).collect();
    format!("{cut}…")
}

/// Reads the text. Nothing comes back if it has no tree, or one that must not be trusted.
pub(crate) fn parse(text: &str, mistakes: &mut Mistakes) -> Option<Node> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = NESTING_MAX;
    options.block_nesting_limit = NESTING_MAX;
    let mut builder = Builder { mistakes, open: Vec::new(), root: None, nodes: 0, documents: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                let problem = Problem::new(format!("not valid YAML: {}", error.info()));
                builder.mistakes.add(spot(error.marker(), 0), problem);
                return None;
            }
        }
    }
    builder.finish()
}

fn spot(marker: &Marker, node: usize) -> Spot {
    Spot { line: marker.line().max(1), column: marker.col() + 1, node }
}

/// A collection that is not closed yet.
enum Open {
    List { spot: Spot, elements: Vec<Node> },
    Map { spot: Spot, entries: Vec<Entry>, lines: HashMap<String, usize>, key: Option<Key> },
}

enum Key {
    Text(String, Spot),
    /// It was reported; its value is read and dropped.
    Unusable,
}

struct Builder<'m> {
    mistakes: &'m mut Mistakes,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Builder<'_> {
    /// `None` ends the reading, with the reason reported.
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let at = spot(&span.start, self.nodes);
        if let Some(tag) = event.tag() {
            let problem = Problem::new(format!("the tag `{}` is not supported", shortened(&tag.original()))).hint("leave it out");
            let at = span.tag_start().map_or(at, |marker| spot(&marker, self.nodes));
            self.mistakes.add(at, problem);
        }
        match event {
            Event::DocumentStart(..) => self.document(at)?,
            Event::Scalar(text, style, ..) => {
                let value = if style == ScalarStyle::Plain { resolve(&text) } else { Value::String(text.to_string()) };
                let content = Content::Scalar { value, text: text.into_owned() };
                self.count(at)?;
                self.place(Node { spot: at, last: at.node, content });
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let problem = Problem::new("aliases are not supported").hint("write the value out here");
                self.mistakes.add(at, problem);
                self.count(at)?;
                self.place(Node { spot: at, last: at.node, content: Content::Scalar { value: Value::Null, text: String::new() } });
            }
            Event::SequenceStart(..) => {
                self.count(at)?;
                self.open.push(Open::List { spot: at, elements: Vec::new() });
            }
            Event::MappingStart(..) => {
                self.count(at)?;
                self.open.push(Open::Map { spot: at, entries: Vec::new(), lines: HashMap::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => {}
        }
        Some(())
    }

    fn document(&mut self, at: Spot) -> Option<()> {
        self.documents += 1;
        if self.documents > 1 {
            self.mistakes.add(at, Problem::new("a second document begins here").hint("one file holds one team; remove the `---`"));
            return None;
        }
        Some(())
    }

    fn count(&mut self, at: Spot) -> Option<()> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            self.mistakes.add(at, Problem::new(format!("the file has more than {NODES_MAX} values")));
            return None;
        }
        Some(())
    }

    fn close(&mut self) {
        let last = self.nodes.saturating_sub(1);
        match self.open.pop() {
            Some(Open::List { spot, elements }) => self.place(Node { spot, last, content: Content::List(elements) }),
            Some(Open::Map { spot, entries, .. }) => self.place(Node { spot, last, content: Content::Map(entries) }),
            None => {}
        }
    }

    fn place(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { elements, .. }) => elements.push(node),
            Some(Open::Map { entries, lines, key, .. }) => match key.take() {
                None => *key = Some(usable_key(&node, lines, self.mistakes)),
                Some(Key::Unusable) => {}
                Some(Key::Text(key, spot)) => {
                    let spot = Spot { node: node.spot.node, ..spot };
                    entries.push(Entry { key, spot, value: node });
                }
            },
        }
    }

    fn finish(self) -> Option<Node> {
        if self.root.is_none() {
            self.mistakes.add(Spot::START, Problem::new("the file is empty").hint("begin with `team: NAME`"));
        }
        self.root
    }
}

fn usable_key(node: &Node, lines: &mut HashMap<String, usize>, mistakes: &mut Mistakes) -> Key {
    let Some(text) = node.written().map(str::to_owned) else {
        let problem = Problem::new("a key must be text").found(format!("found {}", node.found()));
        mistakes.add(node.spot, problem.hint("put quotes around text that begins with `{` or `[`"));
        return Key::Unusable;
    };
    if let Some(line) = lines.get(&text) {
        let problem = Problem::new(format!("`{}` is given twice", shortened(&text)));
        mistakes.add(node.spot, problem.hint(format!("the first one is on line {line}; keep one of them")));
        return Key::Unusable;
    }
    lines.insert(text.clone(), node.spot.line);
    Key::Text(text, node.spot)
}

/// What a plain scalar means (YAML 1.2.2, section 10.3.2). Infinities and not-a-number stay text,
/// since no contract and no payload, both JSON, could hold them.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+')).map(Number::from);
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E');
    if !text.chars().all(numeric) || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| text.parse().ok().and_then(Number::from_f64))
}
