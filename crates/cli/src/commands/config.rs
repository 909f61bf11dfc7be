//! `config`: what is set, and where.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{data, json_data, table};

/// Shows the configuration.
///
/// Each setting is read from the embedded defaults, then from `handclasp.toml` in this folder (or the
/// file that `--config` or `HANDCLASP_CONFIG` names), then from the environment, then from flags; the
/// last one counts. `docs/configuration.md` explains each setting.
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Prints every setting, its value, and where the value comes from.
    Show,
}

impl Config {
    pub(super) fn execute(self, place: &Place) -> Result<Exit, Failure> {
        match self.verb {
            Verb::Show => show(place),
        }
    }
}

fn show(place: &Place) -> Result<Exit, Failure> {
    let all = place.settings.layers.all();
    if place.terminal.json {
        let all = all.map(|(key, found)| (key.to_owned(), json!({ "value": found.text, "source": found.source.to_string() })));
        json_data(&Value::Object(all.collect::<Map<_, _>>()))?;
    } else {
        data(table(
            &["SETTING", "VALUE", "FROM"],
            all.map(|(key, found)| vec![key.to_owned(), found.text.clone(), found.source.to_string()]),
        ))?;
    }
    Ok(Exit::DONE)
}
