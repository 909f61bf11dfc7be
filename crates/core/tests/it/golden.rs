//! Golden files: compared byte by byte, written only when somebody asks for it.

use std::path::PathBuf;
use std::{env, fs};

/// How to write the golden files anew.
pub(crate) const REGENERATE: &str = "GOLDEN=write cargo test -p handclasp-core";

pub(crate) fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden"].iter().collect()
}

/// Whether golden files are written in this run instead of compared.
#[expect(clippy::disallowed_methods, reason = "a person's wish for this one run of the tests; the rules never see it")]
pub(crate) fn writing() -> bool {
    env::var("GOLDEN").is_ok_and(|wish| wish == "write")
}

/// Compares `now` with the golden file of that name.
pub(crate) fn compare(name: &str, now: &str) {
    let path = folder().join(name);
    if writing() {
        fs::write(&path, now).expect("the golden folder can be written");
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differs = golden.lines().zip(now.lines()).position(|(golden, now)| golden != now);
    if golden != now {
        let at = differs.unwrap_or_else(|| golden.lines().count().min(now.lines().count()));
        let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
        panic!(
            "`{name}` differs from line {} on:\n  golden: {}\n  now:    {}\nIf the change is meant, write it with `{REGENERATE}` and review the difference.",
            at + 1,
            line(&golden),
            line(now)
        );
    }
}
