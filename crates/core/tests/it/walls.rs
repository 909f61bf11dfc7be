//! The walls of the core: what it must not reach for, read from its manifest, lints and sources.

use std::fs;
use std::path::{Path, PathBuf};

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_manifest_names_no_runtime_and_no_logging() {
    let manifest = read(&crate_folder().join("Cargo.toml"));
    for forbidden in ["tokio", "async", "futures", "tracing", "log", "chrono", "time", "rand", "reqwest", "rusqlite"] {
        let named = manifest.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(forbidden));
        assert!(!named, "the core depends on `{forbidden}`");
    }
}

#[test]
fn the_lints_forbid_the_clock_the_environment_and_unordered_maps() {
    let lints = read(&crate_folder().join("clippy.toml"));
    for forbidden in [
        "std::time::SystemTime::now",
        "std::time::Instant::now",
        "std::env::var",
        "std::thread::sleep",
        "std::collections::HashMap",
        "std::collections::HashSet",
    ] {
        let line = lints.lines().find(|line| line.contains(&format!("\"{forbidden}\"")));
        assert!(line.is_some_and(|line| line.contains("reason = \"")), "`{forbidden}` is not forbidden with a reason");
    }
}

#[test]
fn no_source_waits_logs_or_looks_at_the_clock() {
    let sources = sources(&crate_folder().join("src"));
    assert!(sources.len() > 20, "these are all sources: {sources:?}");
    for path in sources {
        let text = read(&path);
        for forbidden in [
            "tokio",
            "async fn",
            ".await",
            "SystemTime",
            "Instant",
            "println!",
            "eprintln!",
            "dbg!",
            "tracing::",
            "std::env",
            "std::fs",
            "std::net",
            "HashMap",
            "unsafe ",
        ] {
            assert!(!text.contains(forbidden), "{} contains `{forbidden}`", path.display());
        }
        assert!(text.starts_with("//!"), "{} does not say what it owns", path.display());
    }
}
