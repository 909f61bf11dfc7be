//! The contracts of a team: read from the file or from files of their own, and compiled once to see
//! that they can be used.
//!
//! Owns bounded reading of included files. Which step is held against which contract is the plan's.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use handclasp_core::blob::Digest;
use handclasp_core::contract::{Checker, Contract, ContractId, ReadBackLevel};
use serde_json::Value;

use crate::document::{Entry, Node, shortened};
use crate::mistake::{Mistakes, Problem, Spot};

/// A file that a person wrote or reads. A schema above this would take seconds to compile.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Files that a team file includes, by the name it gives them.
pub(crate) type Included = BTreeMap<String, Digest>;

/// The contracts of the file. One that cannot be used is reported and stands in with a schema that
/// takes anything, so that whoever refers to it is not reported as well.
pub(crate) fn read(contracts: Option<&Node>, folder: &Path, included: &mut Included, mistakes: &mut Mistakes) -> Vec<Contract> {
    let entries = contracts.map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|entry| one(entry, folder, included, mistakes)).collect()
}

fn one(entry: &Entry, folder: &Path, included: &mut Included, mistakes: &mut Mistakes) -> Option<Contract> {
    let id: ContractId = entry.key.parse().ok()?;
    let node = &entry.value;
    let switch = |key| node.get(key).and_then(Node::switch).unwrap_or_default();
    let mut contract = Contract {
        id,
        schema: Value::Bool(true),
        read_back: if node.get("read_back").and_then(Node::text) == Some("echo") { ReadBackLevel::Echo } else { ReadBackLevel::Off },
        justification_required: switch("justification_required"),
        effects_declared: switch("effects_declared"),
        confidence_min: node.get("confidence_min").and_then(Node::count),
    };
    let schema = match (node.get("schema"), node.get("file")) {
        (Some(schema), None) if !mistakes.within(schema) => Some(schema.to_json()),
        (None, Some(file)) if !mistakes.within(file) => from_file(file, folder, included, mistakes),
        _ => None,
    };
    if let Some(schema) = schema {
        contract.schema = schema;
        if let Err(bad) = Checker::new(&contract) {
            let at =
                node.get("schema").map(|schema| schema.nearest(&bad.pointer)).or(node.get("file")).map_or(entry.spot, |node| node.spot);
            let place = if bad.pointer.is_empty() { String::new() } else { format!(" (at `{}`)", bad.pointer) };
            let problem =
                Problem::new(format!("the schema of `{}` cannot be used{place}: {}", bad.contract, shortened_problem(&bad.problem)));
            mistakes.add(at, problem.hint("contracts are JSON Schema 2020-12, without references to other files or addresses"));
            contract.schema = Value::Bool(true);
        }
    }
    Some(contract)
}

/// The validator quotes the whole value in its message; a schema can be long.
fn shortened_problem(problem: &str) -> String {
    const CHARS_MAX: usize = 300;
    let line = problem.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= CHARS_MAX { line } else { line.chars().take(CHARS_MAX).chain(['…']).collect() }
}

fn from_file(file: &Node, folder: &Path, included: &mut Included, mistakes: &mut Mistakes) -> Option<Value> {
    let name = file.text()?;
    match bounded(&folder.join(name)) {
        Ok(bytes) => {
            included.insert(name.to_owned(), Digest::of(&bytes));
            json(name, &bytes, file.spot, mistakes)
        }
        Err(problem) => {
            let problem = Problem::new(format!("the contract file `{}` cannot be read: {problem}", shortened(name)));
            mistakes.add(file.spot, problem.hint("the path is relative to the team file"));
            None
        }
    }
}

fn json(name: &str, bytes: &[u8], at: Spot, mistakes: &mut Mistakes) -> Option<Value> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(schema @ (Value::Object(_) | Value::Bool(_))) => Some(schema),
        Ok(_) => {
            mistakes.add(at, Problem::new(format!("the contract file `{}` holds no JSON Schema", shortened(name))).expected("an object"));
            None
        }
        Err(error) => {
            mistakes.add(at, Problem::new(format!("the contract file `{}` is not JSON: {error}", shortened(name))));
            None
        }
    }
}

/// The bytes of a file of bounded size.
pub(crate) fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    // A pipe or a device would never end.
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}
