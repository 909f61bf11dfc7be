//! Placeholders: `{input}` in a text is replaced by what the run was given; `{{` and `}}` are braces.
//!
//! Owns the notation. A text is checked when the file is read and filled in when a run is opened,
//! once: what an input says is never looked at for placeholders again.

use serde_json::{Map, Value};

use crate::document::{Node, shortened};
use crate::mistake::{Mistakes, Problem, suggestion};

/// A letter, then up to 63 letters, digits, `-` or `_`.
pub(crate) fn is_input_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Input(&'t str),
    /// A brace that opens nothing, with what follows it.
    Stray(&'t str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        pieces.push(Piece::Text(&rest[..at]));
        let (piece, length) = brace(&rest[at..]);
        pieces.push(piece);
        rest = &rest[at + length..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// What a text that begins with a brace begins with, and how long that is.
fn brace(text: &str) -> (Piece<'_>, usize) {
    if text.starts_with("{{") || text.starts_with("}}") {
        return (Piece::Text(&text[..1]), 2);
    }
    if text.starts_with('}') {
        return (Piece::Text("}"), 1);
    }
    let body = &text[1..];
    match body.find(['{', '}']) {
        Some(end) if body[end..].starts_with('}') && is_input_name(&body[..end]) => (Piece::Input(&body[..end]), end + 2),
        Some(end) => (Piece::Stray(&text[..=end]), 1),
        None => (Piece::Stray(text), 1),
    }
}

/// Reports placeholders that stand for nothing.
pub(crate) fn check(node: &Node, inputs: &[&str], mistakes: &mut Mistakes) {
    for piece in pieces(node.text().unwrap_or_default()) {
        match piece {
            Piece::Input(name) if !inputs.contains(&name) => {
                let problem = Problem::new(format!("unknown input `{name}` in a placeholder"));
                mistakes.add(node.spot, problem.hint(suggestion(name, "inputs", inputs.iter().copied())));
            }
            Piece::Stray(text) => {
                let problem =
                    Problem::new("a brace that opens no placeholder").expected("`{input}`").found(format!("`{}`", shortened(text)));
                mistakes.add(node.spot, problem.hint("write `{{` for a brace"));
            }
            Piece::Text(_) | Piece::Input(_) => {}
        }
    }
}

/// The text with every placeholder replaced.
pub(crate) fn fill(text: &str, values: &Map<String, Value>) -> String {
    let written = |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Stray(_) => "{".to_owned(),
        Piece::Input(name) => match values.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => format!("{{{name}}}"),
        },
    };
    pieces(text).into_iter().map(written).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_doubled_braces_are_braces() {
        let values = json!({ "repo": "{words}", "words": 400 });
        let values = values.as_object().unwrap();
        for (text, filled) in [
            ("{repo}: {words}", "{words}: 400"),
            ("{{words}} and {{{words}}}", "{words} and {400}"),
            ("a } b", "a } b"),
            ("no braces", "no braces"),
            ("{ä}", "{ä}"),
        ] {
            assert_eq!(fill(text, values), filled, "{text}");
        }
    }

    #[test]
    fn what_opens_nothing_is_found() {
        let strays = |text| pieces(text).into_iter().filter(|piece| matches!(piece, Piece::Stray(_))).count();
        for (text, count) in [("{", 1), ("{}", 1), ("{a b}", 1), ("{a {b}", 1), ("{a}", 0), ("{{", 0), ("{\"k\": {}}", 2)] {
            assert_eq!(strays(text), count, "{text}");
        }
    }
}
