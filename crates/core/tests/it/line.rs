//! One line of a script, taken apart: `complete 1 result=draft tokens=5`.
//!
//! A verb, bare words, and `name=value` pairs. Every part must be taken by whoever reads the line;
//! a misspelt argument fails the test instead of being passed over.

use std::cell::RefCell;
use std::fmt::Debug;
use std::str::FromStr;

/// A line of a script.
pub(crate) struct Line<'a> {
    text: &'a str,
    verb: &'a str,
    words: RefCell<Vec<&'a str>>,
    pairs: RefCell<Vec<(&'a str, &'a str)>>,
}

impl<'a> Line<'a> {
    pub(crate) fn read(text: &'a str) -> Self {
        let mut parts = text.split_whitespace();
        let verb = parts.next().expect("a line begins with a verb");
        let (pairs, words): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.contains('='));
        let pairs = pairs.into_iter().map(|pair| pair.split_once('=').expect("just looked")).collect();
        Self { text, verb, words: RefCell::new(words), pairs: RefCell::new(pairs) }
    }

    pub(crate) fn verb(&self) -> &'a str {
        self.verb
    }

    /// The next bare word.
    pub(crate) fn word(&self) -> Option<&'a str> {
        let mut words = self.words.borrow_mut();
        if words.is_empty() { None } else { Some(words.remove(0)) }
    }

    /// Whether this bare word is there.
    pub(crate) fn has(&self, word: &str) -> bool {
        let mut words = self.words.borrow_mut();
        let found = words.iter().position(|known| *known == word);
        found.map(|at| words.remove(at)).is_some()
    }

    /// Every value under this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&'a str> {
        let mut pairs = self.pairs.borrow_mut();
        let found = pairs.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value).collect();
        pairs.retain(|(known, _)| *known != name);
        found
    }

    /// The value under this name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let mut all = self.all(name);
        assert!(all.len() <= 1, "`{name}` twice in `{}`", self.text);
        all.pop()
    }

    /// The value under this name, read.
    pub(crate) fn read_as<T: FromStr<Err: Debug>>(&self, name: &str) -> Option<T> {
        self.get(name).map(|value| self.parse(value))
    }

    /// The values under this name, separated by commas.
    pub(crate) fn list<T: FromStr<Err: Debug>, L: FromIterator<T>>(&self, name: &str) -> L {
        self.get(name).into_iter().flat_map(|value| value.split(',')).map(|value| self.parse(value)).collect()
    }

    /// The next bare word, which must be there, read.
    pub(crate) fn next<T: FromStr<Err: Debug>>(&self) -> T {
        self.parse(self.word().unwrap_or_else(|| panic!("`{}` needs one more word", self.text)))
    }

    fn parse<T: FromStr<Err: Debug>>(&self, value: &str) -> T {
        value.parse().unwrap_or_else(|error| panic!("`{value}` in `{}`: {error:?}", self.text))
    }

    /// Fails if a part of the line meant nothing to anybody.
    pub(crate) fn done(&self) {
        assert!(
            self.words.borrow().is_empty() && self.pairs.borrow().is_empty(),
            "not understood in `{}`: {:?} {:?}",
            self.text,
            self.words,
            self.pairs
        );
    }
}
