//! Writing a schema as YAML, for a person to paste into a team file.
//!
//! Mappings one key to a line, everything else as JSON, which is YAML too.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Words that some readers of YAML take for something else than text.
const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// The value as YAML, with a line end.
pub(super) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let Some(fields) = value.as_object().filter(|fields| !fields.is_empty()) else {
        text.push_str(&escaped(&value.to_string()));
        text.push('\n');
        return;
    };
    if depth > 0 {
        text.push('\n');
    }
    for (name, value) in fields {
        let _ = write!(text, "{:indent$}{}:", "", key(name), indent = depth * 2);
        if value.as_object().is_none_or(Map::is_empty) {
            text.push(' ');
        }
        write(value, depth + 1, text);
    }
}

fn key(name: &str) -> String {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_inner);
    if is_plain && !WORDS.contains(&name.to_ascii_lowercase().as_str()) {
        return name.to_owned();
    }
    escaped(&Value::from(name).to_string())
}

/// JSON leaves characters as they are that YAML does not print.
fn escaped(json: &str) -> String {
    let is_unprintable = |c: char| c.is_control() || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    json.chars().map(|c| if is_unprintable(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let value = json!({
            "contracts": { "refund@1.0.0": { "schema": {
                "type": ["object", "null"],
                "properties": { "": {}, "a: b": true, "null": [], "#x": { "enum": ["a", null, 1.5, "\u{7f}\u{85}\u{feff}\n\"", {}] }, "ü": {}, "12": {}, "- a": {} },
                "required": ["a: b"]
            } } }
        });
        let text = yaml(&value);
        assert!(text.starts_with("contracts:\n  refund@1.0.0:\n    schema:\n      type: [\"object\",\"null\"]\n"), "{text}");
        assert_eq!(handclasp_team::yaml(&text), Ok(value), "{text}");
    }
}
