//! `contracts diff`: what is different between two contracts, and whom it breaks.

use std::io::Read as _;
use std::path::Path;

use clap::Args;
use handclasp_core::contract::{Breaks, Change, Checker, Contract, ContractRange, ReadBackLevel, diff, is_compatible, succession};
use serde_json::{Value, json};

use super::super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::team_file::TeamFile;
use crate::terminal::{count, data, json_data, table};

/// A schema above this would take seconds to compile; the team file has the same bound.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Compares two contracts: whether the new one may follow the old one under a compatible version.
///
/// Senders break when what they send may be refused now; receivers break when what they get may be
/// what they were promised never to see. Ends with 1 if somebody breaks. Each side is a JSON Schema
/// in a JSON or YAML file, or a contract of a team: `TEAM#NAME@VERSION`, such as
/// `team.yaml#refund@1.2.0`; of a range the newest version is taken.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// What is published: a schema file, or TEAM#NAME@VERSION.
    old: String,
    /// What shall be: a schema file, or TEAM#NAME@VERSION.
    new: String,
}

/// One side of a comparison.
enum Side {
    /// A schema alone: nothing is known of what else its contract asks for.
    Schema(Value),
    Contract(Box<Contract>),
}

impl Diff {
    pub(super) fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let changes = match (read(&self.old)?, read(&self.new)?) {
            (Side::Contract(old), Side::Contract(new)) => succession::changes(&old, &new),
            (old, new) => diff(old.schema(), new.schema()),
        };
        let compatible = is_compatible(&changes);
        if place.terminal.json {
            json_data(&json!({ "compatible": compatible, "changes": changes }))?;
        } else {
            if !changes.is_empty() {
                data(table(&["POINTER", "BREAKS", "WHAT", "MEND"], changes.iter().map(row)))?;
            }
            place.terminal.talk(summary(&changes));
        }
        Ok(if compatible { Exit::DONE } else { Exit::FAILED })
    }
}

impl Side {
    fn schema(&self) -> &Value {
        match self {
            Self::Schema(schema) => schema,
            Self::Contract(contract) => &contract.schema,
        }
    }
}

fn row(change: &Change) -> Vec<String> {
    let pointer = if change.pointer.is_empty() { "(the value)".to_owned() } else { change.pointer.clone() };
    vec![pointer, change.breaks.to_string(), change.what.clone(), change.hint.clone()]
}

fn summary(changes: &[Change]) -> String {
    let breaking = changes.iter().filter(|change| change.breaks != Breaks::Nobody).count();
    match (changes.len(), breaking) {
        (0, _) => "compatible: nothing has changed that a check would see".to_owned(),
        (all, 0) => format!("compatible: {}, and nobody breaks", count(all, "change")),
        (all, breaking) => format!("not compatible: {}, {breaking} of them breaking", count(all, "change")),
    }
}

fn read(named: &str) -> Result<Side, Failure> {
    match named.rsplit_once('#').filter(|_| !Path::new(named).is_file()) {
        Some((team, contract)) => of_team(Path::new(team), contract),
        None => from_file(named),
    }
}

fn of_team(path: &Path, named: &str) -> Result<Side, Failure> {
    let range: ContractRange = named.parse().map_err(|error| Failure::misuse(format!("{error}"), "name it as `team.yaml#refund@1.2.0`"))?;
    let team = TeamFile::read(path)?.team;
    let newest = team.contracts.iter().filter(|contract| range.takes(&contract.id)).max_by(|one, other| one.id.cmp(&other.id));
    newest.map(|contract| Side::Contract(Box::new(contract.clone()))).ok_or_else(|| {
        let known = team.contracts.iter().map(|contract| format!("`{}`", contract.id)).collect::<Vec<_>>().join(", ");
        Failure::misuse(format!("`{}` has no contract `{range}`", path.display()), format!("it has: {known}"))
    })
}

fn from_file(path: &str) -> Result<Side, Failure> {
    let schema = yaml(path)?;
    if schema.get("team").is_some() && schema.get("contracts").is_some() {
        let message = format!("`{path}` is a team file, and no JSON Schema");
        return Err(Failure::misuse(message, format!("name a contract in it: `{path}#NAME@VERSION`")));
    }
    let contract = Contract {
        id: "schema@0.0.0".parse().map_err(|error| Failure::broken("name a schema", &error))?,
        schema,
        read_back: ReadBackLevel::Off,
        justification_required: false,
        effects_declared: false,
        confidence_min: None,
    };
    let usable = Checker::new(&contract);
    usable.map(|_| Side::Schema(contract.schema)).map_err(|bad| {
        let place = if bad.pointer.is_empty() { String::new() } else { format!(" (at `{}`)", bad.pointer) };
        let message = format!("`{path}` is not a usable JSON Schema 2020-12{place}: {}", bad.problem);
        Failure::misuse(message, "contracts do not refer to other files or addresses, and their patterns look neither ahead nor back")
    })
}

fn yaml(path: &str) -> Result<Value, Failure> {
    let text = bounded(path).map_err(|error| {
        let message = format!("failed to read the schema `{path}`: {error}");
        Failure::misuse(message, "name a JSON Schema in a JSON or YAML file, or a contract of a team as `team.yaml#NAME@VERSION`")
    })?;
    handclasp_team::yaml(&text).map_err(|mistakes| {
        let say = |mistake: handclasp_team::Mistake| {
            (format!("{path}:{}:{}: {}", mistake.line, mistake.column, mistake.message), None, json!(mistake))
        };
        Failure::Mistakes { message: format!("`{path}` is neither JSON nor YAML"), all: mistakes.into_iter().map(say).collect() }
    })
}

fn bounded(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}
