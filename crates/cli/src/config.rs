//! The configuration: one struct, read from four places of which the last one counts.
//!
//! Embedded defaults, then a file, then the environment, then flags. A setting has one name everywhere:
//! `drain_s` in the file, `HANDCLASP_DRAIN_S` in the environment, `--drain-s` as a flag. The defaults
//! are a file like any other (`config/defaults.toml`), which is also the list of what can be set.
//! [`layers`] knows where a value comes from; here it is read for what it means.

mod layers;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use handclasp_server::{Keys, Options, Tls};
use serde_json::json;
use tracing_subscriber::EnvFilter;

pub(crate) use self::layers::{Flags, Found, Layers};

use crate::failure::Failure;
use crate::terminal::count;

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Everything that can be set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The store's file.
    pub(crate) store: PathBuf,
    /// How to serve.
    pub(crate) options: Options,
    /// What is logged; none for as much as the command needs.
    pub(crate) log: Option<String>,
    /// How it is logged.
    pub(crate) log_format: LogFormat,
    /// Where each value comes from.
    pub(crate) layers: Layers,
}

impl Settings {
    /// Reads all places. `file` is the one that a flag or the environment names; otherwise it is
    /// `handclasp.toml` in this folder, if it is there.
    pub(crate) fn read(file: Option<&Path>, flags: &Flags) -> Result<Self, Failure> {
        Self::of(Layers::read(file, |name| std::env::var_os(name), flags)?)
    }

    fn of(layers: Layers) -> Result<Self, Failure> {
        let mut reader = Reader { layers: &layers, mistakes: Vec::new() };
        let (cert, key) = (reader.path("tls_cert"), reader.path("tls_key"));
        let tls = match (cert, key) {
            (Some(cert), Some(key)) => Some(Tls { cert, key }),
            (None, None) => None,
            (Some(_), None) => reader.missing("tls_cert", "`tls_key` beside it"),
            (None, Some(_)) => reader.missing("tls_key", "`tls_cert` beside it"),
        };
        let options = Options {
            listen: reader.parsed("listen", "an address with a port, such as `127.0.0.1:4040`", |text| text.parse::<SocketAddr>().ok()),
            tls,
            keys: reader.parsed("keys", "`auto` or `required`", |text| match text {
                "auto" => Some(Keys::Auto),
                "required" => Some(Keys::Required),
                _ => None,
            }),
            rate_per_s: reader.parsed("rate_per_s", "a whole number", |text| text.parse().ok().map(NonZeroU32::new)),
            connections_max: reader.parsed("connections_max", "a whole number above 0", |text| text.parse().ok().map(NonZeroUsize::get)),
            drain: reader.parsed("drain_s", "a whole number of seconds", |text| text.parse().ok().map(Duration::from_secs)),
            behind_tls_proxy: reader.parsed("behind_tls_proxy", "`true` or `false`", |text| text.parse().ok()),
        };
        let store = reader.path("store").unwrap_or_else(|| reader.missing("store", "the path of a file").unwrap_or_default());
        let log = reader.parsed("log", "a level, or directives such as `warn,handclasp_server=debug`", |text| {
            EnvFilter::try_new(text).ok().map(|_| (!text.is_empty()).then(|| text.to_owned()))
        });
        let log_format = reader.parsed("log_format", "`text` or `json`", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        reader.finish()?;
        Ok(Self { store, options, log, log_format, layers })
    }
}

/// Reads values for what they mean, and collects what is wrong with them.
struct Reader<'a> {
    layers: &'a Layers,
    mistakes: Vec<(String, Option<String>, serde_json::Value)>,
}

impl Reader<'_> {
    /// The value of a setting. Where it is wrong, the default stands in until all is read.
    fn parsed<T>(&mut self, key: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> T {
        let found = self.layers.get(key);
        let default = self.layers.default_of(key);
        parse(&found.text).unwrap_or_else(|| {
            self.mistake(key, expected);
            parse(default).expect("the default can be read")
        })
    }

    /// A path; none if it is empty.
    fn path(&mut self, key: &str) -> Option<PathBuf> {
        let found = self.layers.get(key);
        (!found.text.is_empty()).then(|| PathBuf::from(&found.text))
    }

    fn missing<T>(&mut self, key: &str, expected: &str) -> Option<T> {
        self.mistake(key, expected);
        None
    }

    fn mistake(&mut self, key: &str, expected: &str) {
        let Found { text, source } = self.layers.get(key);
        let line = format!("{source}: `{key}` is `{text}`, expected {expected}");
        self.mistakes.push((line, None, json!({ "setting": key, "source": source.to_string(), "found": text, "expected": expected })));
    }

    fn finish(self) -> Result<(), Failure> {
        if self.mistakes.is_empty() {
            return Ok(());
        }
        let message = format!("the configuration has {}", count(self.mistakes.len(), "mistake"));
        Err(Failure::Mistakes { message, all: self.mistakes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_defaults_are_those_of_the_server() {
        let settings = Settings::of(Layers::read(None, |_| None, &Flags::default()).unwrap()).unwrap();
        let (ours, theirs) = (settings.options, Options::default());
        assert_eq!(ours.listen, theirs.listen);
        assert_eq!((ours.tls, ours.keys, ours.rate_per_s), (theirs.tls, theirs.keys, theirs.rate_per_s));
        assert_eq!((ours.connections_max, ours.drain), (theirs.connections_max, theirs.drain));
        assert_eq!(ours.behind_tls_proxy, theirs.behind_tls_proxy);
        assert_eq!((settings.store, settings.log), (PathBuf::from("handclasp.db"), None));
    }

    #[test]
    fn every_value_that_is_wrong_is_named_with_its_source() {
        let mut flags = Flags::default();
        flags.set("listen", Some("here".to_owned()));
        let environment = |name: &str| (name == "HANDCLASP_KEYS").then(|| "never".into());
        let layers = Layers::read(None, environment, &flags).unwrap();
        let Err(Failure::Mistakes { all, .. }) = Settings::of(layers) else { panic!("it was taken") };
        let lines: Vec<String> = all.into_iter().map(|(line, ..)| line).collect();
        assert_eq!(
            lines,
            [
                "--listen: `listen` is `here`, expected an address with a port, such as `127.0.0.1:4040`",
                "HANDCLASP_KEYS: `keys` is `never`, expected `auto` or `required`",
            ]
        );
    }
}
