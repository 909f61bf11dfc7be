//! Reading a request's JSON, and saying where it cannot be read.
//!
//! A good request is read once. One that is not is read a second time, slower, for the place: an
//! RFC 6901 pointer, what was expected there and what was found. The words are taken from serde's
//! messages; one that is not recognised is passed on as it is.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::problem::{Door, Problem};

/// The request, or what is wrong with it.
pub(crate) fn read<B: DeserializeOwned>(bytes: &[u8]) -> Result<B, Problem> {
    // Serde would take the fields in their order, without names; a caller who sends that is mistaken.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::malformed("", "an object", "an array"));
    }
    serde_json::from_slice(bytes).map_err(|_| misread::<B>(bytes))
}

fn misread<B: DeserializeOwned>(bytes: &[u8]) -> Problem {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, B>(&mut reader) {
        Ok(_) => Problem::malformed("", "one JSON value", "more after it"),
        Err(error) => wrong(pointer(error.path()), &error.inner().to_string()),
    }
}

fn wrong(mut pointer: String, said: &str) -> Problem {
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _)| said);
    let Some(Mismatch { member, expected, found }) = mismatch(said) else {
        let detail = if pointer.is_empty() { said.to_owned() } else { format!("`{pointer}`: {said}") };
        return Problem { pointer: Some(pointer), ..Door::Malformed.problem(detail) };
    };
    if let Some(member) = member
        && !pointer.ends_with(&segment(member))
    {
        pointer.push_str(&segment(member));
    }
    Problem::malformed(pointer, expected, found)
}

/// What serde says of a value that it cannot take.
struct Mismatch<'a> {
    /// The field that is missing, or that nobody knows.
    member: Option<&'a str>,
    expected: &'a str,
    found: &'a str,
}

fn mismatch(said: &str) -> Option<Mismatch<'_>> {
    let quoted = |text: &'_ str| -> Option<usize> { text.strip_prefix('`')?.find('`').map(|end| end + 2) };
    if let Some(rest) = said.strip_prefix("missing field ") {
        return Some(Mismatch { member: Some(rest.trim_matches('`')), expected: "a value", found: "nothing" });
    }
    if let Some(rest) = said.strip_prefix("unknown field ") {
        let (name, expected) = rest.split_at(quoted(rest)?);
        let expected = expected.strip_prefix(", expected ").unwrap_or("no fields");
        return Some(Mismatch { member: Some(name.trim_matches('`')), expected, found: "an unknown field" });
    }
    if said.starts_with('`') {
        let (found, expected) = said.split_at(quoted(said)?);
        return Some(Mismatch { member: None, expected: expected.strip_prefix(" is not ")?, found });
    }
    let rest =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "].iter().find_map(|start| said.strip_prefix(start))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    Some(Mismatch { member: None, expected, found })
}

/// The place as an RFC 6901 pointer.
fn pointer(path: &Path) -> String {
    let part = |part: &Segment| match part {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => segment(key),
        Segment::Enum { variant } => segment(variant),
        Segment::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}

fn segment(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is of interest")]
        inner: Option<BTreeMap<String, Vec<Inner>>>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is of interest")]
        steps: u8,
    }

    fn said(text: &str) -> (String, String, String) {
        let problem = read::<Outer>(text.as_bytes()).unwrap_err();
        (problem.pointer.unwrap(), problem.expected.unwrap_or_default(), problem.found.unwrap_or_default())
    }

    #[test]
    fn the_place_is_a_pointer_whatever_the_keys_are() {
        let words = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(said(r#"{"inner":{"a":[{"steps":"x"}]}}"#), words("/inner/a/0/steps", "u8", "string \"x\""));
        assert_eq!(said(r#"{"inner":{"a/b.c~d[0]":[{"steps":-1}]}}"#), words("/inner/a~1b.c~0d[0]/0/steps", "u8", "integer `-1`"));
        assert_eq!(said(r#"{"inner":{"a":[{"steps":300}]}}"#), words("/inner/a/0/steps", "u8", "integer `300`"));
        assert_eq!(said(r#"{"inner":{"a":[{}]}}"#), words("/inner/a/0/steps", "a value", "nothing"));
        assert_eq!(said(r#"{"inner":{"a":[{"steps":1,"~/":2}]}}"#), words("/inner/a/0/~0~1", "`steps`", "an unknown field"));
        assert_eq!(said(r#"{"other":1}"#), words("/other", "`inner`", "an unknown field"));
        assert_eq!(said(r"{} {}"), words("", "one JSON value", "more after it"));
        assert_eq!(said(r"[{}]"), words("", "an object", "an array"));
        assert_eq!(said(r"{").0, "");
    }

    #[test]
    fn names_that_are_none_say_what_would_be_one() {
        let problem = read::<BTreeMap<String, handclasp_core::id::AgentName>>(br#"{"a":"a","b":"b, expected c"}"#).unwrap_err();
        assert_eq!(problem.pointer.as_deref(), Some("/b"));
        assert_eq!(problem.found.as_deref(), Some("`b, expected c`"));
        assert!(problem.expected.unwrap().starts_with("an agent name"));
    }
}
