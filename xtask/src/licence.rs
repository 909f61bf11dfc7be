//! Whether every dependency may be used: its licence is held against the list in `deny.toml`.
//!
//! `cargo deny` says more, but a fresh machine lacks it. An expression of licences (SPDX) is allowed if
//! one way of reading it needs allowed ones only; the older `MIT/Apache-2.0` reads as `OR`.

use std::fs;

use crate::step::cargo;

/// Looks at every package of the lock file.
pub(crate) fn check() -> Result<(), String> {
    let list = fs::read_to_string("deny.toml").map_err(|error| format!("deny.toml: {error}"))?;
    let allowed = allowed(&list);
    let output = cargo("tree --workspace --all-features --target all -e normal,build,dev --prefix none -f")
        .arg("{p} is under {l}")
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let tree = String::from_utf8_lossy(&output.stdout);
    let packages: Vec<(&str, &str)> = tree.lines().filter_map(|line| line.split_once(" is under ")).collect();
    if packages.is_empty() {
        return Err("`cargo tree` lists no package".to_owned());
    }
    let mut refused: Vec<&str> =
        packages.iter().filter(|(_, licence)| !is_allowed(licence, &allowed)).map(|(package, _)| *package).collect();
    refused.sort_unstable();
    refused.dedup();
    if refused.is_empty() { Ok(()) } else { Err(format!("not under a licence that deny.toml allows: {}", refused.join(", "))) }
}

/// The quoted names between `allow = [` and `]`.
fn allowed(list: &str) -> Vec<&str> {
    let body = list.lines().skip_while(|line| !line.starts_with("allow = [")).skip(1).take_while(|line| !line.starts_with(']'));
    body.filter_map(|line| line.split('"').nth(1)).collect()
}

fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    // `cargo tree` marks a package that it has listed before.
    let expression = expression.trim_end().trim_end_matches("(*)");
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut holds = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        // Not `||`: the words have to be read even when the answer is known.
        holds |= both(words, allowed);
    }
    holds
}

fn both(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut holds = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        holds &= one(words, allowed);
    }
    holds
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    match words.next() {
        Some("(") => {
            let holds = either(words, allowed);
            words.next_if_eq(&")").is_some() && holds
        }
        Some(name) => {
            // An exception permits more, never less.
            if words.next_if_eq(&"WITH").is_some() {
                words.next();
            }
            allowed.contains(&name)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_allowed_way_of_reading_is_enough() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
        for (expression, holds) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT OR GPL-3.0-only", true),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND MPL-2.0", false),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
            ("Unlicense/MIT", true),
            ("MIT (*)", true),
            ("", false),
            ("(MIT", false),
        ] {
            assert_eq!(is_allowed(expression, &allowed), holds, "{expression}");
        }
    }

    #[test]
    fn the_list_is_read_with_its_remarks() {
        let list = "[licenses]\nallow = [\n  \"MIT\",\n  \"Zlib\", # for one crate\n]\nignore = [\"GPL\"]\n";
        assert_eq!(allowed(list), ["MIT", "Zlib"]);
    }
}
