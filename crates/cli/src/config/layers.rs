//! Where each setting comes from: defaults, file, environment, flags; the last one counts.
//!
//! Values are texts here. A file is flat TOML; a key that is not among the defaults is refused by name,
//! with its line and the nearest one that exists. Paths in a file are relative to the file's folder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;
use toml::de::{DeTable, DeValue};

use crate::failure::Failure;
use crate::terminal::count;

/// The defaults, with a comment on each: the reference of what can be set.
const DEFAULTS: &str = include_str!("defaults.toml");

/// The file that counts if no other one is named.
const FILE_NAME: &str = "handclasp.toml";

/// Settings whose value is a path.
const PATHS: [&str; 3] = ["store", "tls_cert", "tls_key"];

/// A name that is at least so similar was probably meant (Jaro-Winkler, from 0 to 1).
const SIMILAR: f64 = 0.75;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The program.
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// A variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File(path, line) => write!(out, "{}:{line}", path.display()),
            Self::Environment(name) | Self::Flag(name) => out.write_str(name),
        }
    }
}

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// As it is written there.
    pub(crate) text: String,
    /// Where.
    pub(crate) source: Source,
}

/// What was said on the command line.
#[derive(Debug, Default)]
pub(crate) struct Flags(BTreeMap<&'static str, String>);

impl Flags {
    /// Notes a flag, if it was given.
    pub(crate) fn set(&mut self, key: &'static str, value: Option<String>) {
        self.0.extend(value.map(|value| (key, value)));
    }
}

/// All settings, each with its value and the source of it.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    defaults: Vec<Entry>,
    found: BTreeMap<String, Found>,
}

#[derive(Debug, Clone)]
struct Entry {
    key: String,
    text: String,
    line: usize,
}

impl Layers {
    /// Reads all places, each over the one before.
    pub(crate) fn read(file: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>, flags: &Flags) -> Result<Self, Failure> {
        let defaults = entries(DEFAULTS).expect("the defaults are TOML");
        let found = defaults.iter().map(|entry| (entry.key.clone(), Found { text: entry.text.clone(), source: Source::Default }));
        let mut layers = Self { found: found.collect(), defaults };
        layers.file(file, &variable)?;
        for entry in &layers.defaults {
            let name = format!("HANDCLASP_{}", entry.key.to_ascii_uppercase());
            // An empty variable is how many systems say "not set".
            let text = variable(&name).map(|text| text.to_string_lossy().into_owned()).filter(|text| !text.is_empty());
            layers.found.extend(text.map(|text| (entry.key.clone(), Found { text, source: Source::Environment(name) })));
        }
        for (key, text) in &flags.0 {
            let source = Source::Flag(format!("--{}", key.replace('_', "-")));
            layers.found.insert((*key).to_owned(), Found { text: text.clone(), source });
        }
        Ok(layers)
    }

    fn file(&mut self, named: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), Failure> {
        let named = named.map(Path::to_owned).or_else(|| variable("HANDCLASP_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                let message = format!("failed to read the configuration `{}`: {error}", path.display());
                return Err(Failure::misuse(message, "name another file with `--config` or HANDCLASP_CONFIG"));
            }
        };
        let entries = entries(&text).map_err(|(line, wrong)| mistakes(vec![mistake(&path, line, &wrong, None)]))?;
        let unknown = entries.iter().filter(|entry| !self.found.contains_key(&entry.key));
        let unknown: Vec<_> = unknown.map(|entry| mistake(&path, entry.line, &self.unknown(&entry.key), Some(&entry.key))).collect();
        if !unknown.is_empty() {
            return Err(mistakes(unknown));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for Entry { key, text, line } in entries {
            let is_path = PATHS.contains(&key.as_str()) && !text.is_empty();
            let text = if is_path { folder.join(text).to_string_lossy().into_owned() } else { text };
            self.found.insert(key, Found { text, source: Source::File(path.clone(), line) });
        }
        Ok(())
    }

    fn unknown(&self, key: &str) -> String {
        let similar = |known: &str| strsim::jaro_winkler(known, key);
        let nearest = self.found.keys().max_by(|one, other| similar(one).total_cmp(&similar(other)));
        match nearest {
            Some(known) if similar(known) >= SIMILAR => format!("there is no setting `{key}`; did you mean `{known}`?"),
            _ => format!("there is no setting `{key}`; `handclasp config show` lists them"),
        }
    }

    /// One setting.
    pub(crate) fn get(&self, key: &str) -> &Found {
        self.found.get(key).expect("every setting has a default")
    }

    /// What a setting is if nobody sets it.
    pub(crate) fn default_of(&self, key: &str) -> &str {
        let entry = self.defaults.iter().find(|entry| entry.key == key);
        entry.map(|entry| entry.text.as_str()).expect("every setting has a default")
    }

    /// All settings, in the order of the defaults.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Found)> {
        self.defaults.iter().map(|entry| (entry.key.as_str(), self.get(&entry.key)))
    }
}

type Mistake = (String, Option<String>, serde_json::Value);

fn mistake(path: &Path, line: usize, wrong: &str, key: Option<&str>) -> Mistake {
    let file = path.display();
    (format!("{file}:{line}: {wrong}"), None, json!({ "file": file.to_string(), "line": line, "setting": key, "problem": wrong }))
}

fn mistakes(all: Vec<Mistake>) -> Failure {
    Failure::Mistakes { message: format!("the configuration has {}", count(all.len(), "mistake")), all }
}

/// The keys of a flat TOML file, in its order; or the line and what is wrong there.
fn entries(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let line_of = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| (line_of(error.span().map_or(0, |span| span.start)), error.message().to_owned()))?;
    let mut entries = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line_of(key.span().start);
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Boolean(yes) => yes.to_string(),
            _ => return Err((line, format!("`{key}` is neither a text, a whole number, nor true or false", key = key.get_ref()))),
        };
        entries.push(Entry { key: key.get_ref().to_string(), text, line });
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn the_last_place_that_says_something_counts() {
        let (folder, path) = written("# mine\nlisten = \"127.0.0.1:1\"\nstore = \"mine.db\"\ndrain_s = 3\n");
        let environment = |name: &str| match name {
            "HANDCLASP_LISTEN" => Some("127.0.0.1:2".into()),
            "HANDCLASP_DRAIN_S" => Some("4".into()),
            "HANDCLASP_LOG" => Some("".into()),
            _ => None,
        };
        let mut flags = Flags::default();
        flags.set("listen", Some("127.0.0.1:3".to_owned()));
        flags.set("keys", None);
        let layers = Layers::read(Some(&path), environment, &flags).unwrap();
        let said = |key: &str| (layers.get(key).text.clone(), layers.get(key).source.to_string());
        let in_file = |line| format!("{}:{line}", path.display());
        assert_eq!(said("listen"), ("127.0.0.1:3".to_owned(), "--listen".to_owned()));
        assert_eq!(said("drain_s"), ("4".to_owned(), "HANDCLASP_DRAIN_S".to_owned()));
        assert_eq!(said("store"), (folder.path().join("mine.db").display().to_string(), in_file(3)));
        assert_eq!(said("keys"), ("auto".to_owned(), "default".to_owned()));
        assert_eq!(said("log").1, "default", "an empty variable says nothing");
        assert_eq!(layers.default_of("drain_s"), "20");
        assert_eq!(layers.all().next().unwrap().0, "store");
    }

    #[test]
    fn a_key_that_is_not_there_is_named_with_the_nearest_one() {
        let (_folder, path) = written("listn = \"127.0.0.1:1\"\nzzz = 1\n");
        let Err(Failure::Mistakes { all, .. }) = Layers::read(Some(&path), |_| None, &Flags::default()) else { panic!("it was taken") };
        let file = path.display();
        assert_eq!(all[0].0, format!("{file}:1: there is no setting `listn`; did you mean `listen`?"));
        assert_eq!(all[1].0, format!("{file}:2: there is no setting `zzz`; `handclasp config show` lists them"));
    }

    #[test]
    fn a_file_that_is_no_toml_is_refused_with_the_line() {
        let (_folder, path) = written("listen = \"127.0.0.1:1\"\nstore = \n");
        let Err(Failure::Mistakes { all, .. }) = Layers::read(Some(&path), |_| None, &Flags::default()) else { panic!("it was taken") };
        assert!(all[0].0.starts_with(&format!("{}:2: ", path.display())), "{}", all[0].0);
        let (_folder, path) = written("[log]\nlevel = 1\n");
        let Err(Failure::Mistakes { all, .. }) = Layers::read(Some(&path), |_| None, &Flags::default()) else { panic!("it was taken") };
        assert!(all[0].0.contains("`log` is neither"), "{}", all[0].0);
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let nowhere = Path::new("nowhere/handclasp.toml");
        assert!(matches!(Layers::read(Some(nowhere), |_| None, &Flags::default()), Err(Failure::Misuse { .. })));
        let variable = |name: &str| (name == "HANDCLASP_CONFIG").then(|| nowhere.into());
        assert!(matches!(Layers::read(None, variable, &Flags::default()), Err(Failure::Misuse { .. })));
    }
}
