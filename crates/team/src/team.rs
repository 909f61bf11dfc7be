//! A team, ready to run: read from its file, with every mistake at once, and opened as a run.
//!
//! Owns the order of reading (syntax, shape, then what names refer to and whether it fits) and the
//! digests that a run pins. Storing and running what it says is the engine's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Open, Pins};
use handclasp_core::contract::{Contract, ContractId};
use handclasp_core::directory::Directory;
use handclasp_core::limits::Limits;
use handclasp_core::offer::{Receiver, Terms};
use handclasp_core::plan::Plan;
use serde_json::Value;
use thiserror::Error;

use crate::agent::{self, TeamAgent};
use crate::cast::{self, Cast};
use crate::contract::{self, Included, bounded};
use crate::document::{self, Node};
use crate::format::TEAM;
use crate::input::{self, Input, InputMistake};
use crate::item::{self, TeamItem};
use crate::mistake::{Mistake, Mistakes, Problem, Spot};
use crate::shape::Shape;
use crate::{opening, plan, step, template, terms};

/// What a team file is called when only its folder is named.
const FILE_NAME: &str = "team.yaml";

/// A team of agents.
#[derive(Debug, Clone)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub description: Option<String>,
    /// The task, with placeholders.
    pub task: String,
    /// What the user is after, with placeholders.
    pub intent: Option<String>,
    /// The file itself, absolute; none if the team was read from a text.
    pub file: Option<PathBuf>,
    /// The folder of the file, absolute. Paths in the file are relative to it.
    pub folder: PathBuf,
    /// What a run is given.
    pub inputs: Vec<Input>,
    /// What is known from the start, constraints first.
    pub items: Vec<TeamItem>,
    /// What may cross between agents.
    pub contracts: Vec<Contract>,
    /// Who works here.
    pub agents: Vec<TeamAgent>,
    /// How they work together; none when they hand on freely.
    pub plan: Option<Plan>,
    /// Without a plan: the first handoff.
    pub first: Option<FirstHandoff>,
    /// Bounds on a run. What is not set here is bounded by the core's own.
    pub limits: Limits,
    /// Identifies what the file and everything that it includes say. Comments and layout do not count.
    pub digest: Digest,
}

/// The handoff that opens a run without a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstHandoff {
    /// Who gets it.
    pub to: Receiver,
    /// What the inputs must be.
    pub contract: Option<ContractId>,
    /// The conditions.
    pub terms: Terms,
}

/// Why there is no team.
#[derive(Debug, Error)]
pub enum TeamError {
    /// The file cannot be read.
    #[error("read the team file `{path}`", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file says what cannot be. In the order of the file, never empty.
    #[error("use the team file: it has {} mistake{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Mistakes(Vec<Mistake>),
}

impl Team {
    /// Reads a team file, or the `team.yaml` of a folder.
    pub fn read(path: &Path) -> Result<Self, TeamError> {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
        let unreadable = |source| TeamError::Unreadable { path: path.clone(), source };
        let bytes = bounded(&path).map_err(unreadable)?;
        let file = std::path::absolute(&path).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| TeamError::Mistakes(not_utf8(&bytes[..error.valid_up_to()])))?;
        let folder = file.parent().unwrap_or(Path::new("/"));
        let team = Self::parse(text, folder).map_err(TeamError::Mistakes)?;
        Ok(Self { file: Some(file), ..team })
    }

    /// Reads the text of a team file that lies in `folder`. Files that it includes are read.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Mistakes::default();
        if text.len() as u64 > contract::FILE_BYTES_MAX {
            mistakes.add(Spot::START, Problem::new(format!("the file is larger than {} bytes", contract::FILE_BYTES_MAX)));
            return Err(mistakes.finish(None));
        }
        let Some(root) = document::parse(text, &mut mistakes) else { return Err(mistakes.finish(None)) };
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let team = from_tree(&root, folder, &mut mistakes);
        if mistakes.is_empty() { Ok(team) } else { Err(mistakes.finish(Some(&root))) }
    }

    /// Every agent and contract, as the rules look them up.
    pub fn directory(&self) -> Directory {
        cast::directory(&self.agents, &self.contracts)
    }

    /// The digests of everything that a run of this team relies on.
    pub fn pins(&self) -> Pins {
        Pins {
            team: Some(self.digest),
            team_file: self.file.as_ref().and_then(|file| file.to_str()).map(str::to_owned),
            contracts: self.contracts.iter().map(|contract| (contract.id.clone(), contract.digest())).collect(),
            agents: self.agents.iter().map(|agent| (agent.agent.name.clone(), agent.agent.definition)).collect(),
        }
    }

    /// The command that opens a run, with its contents. `given` says for each input what was typed;
    /// relative paths are resolved against `base`. All mistakes at once.
    pub fn open(&self, given: &BTreeMap<String, String>, base: &Path, trace_id: String) -> Result<(Open, Blobs), Vec<InputMistake>> {
        let values = input::values(&self.inputs, given, base)?;
        Ok(opening::open(self, &values, trace_id))
    }
}

/// The place of the first byte that is no text.
fn not_utf8(valid: &[u8]) -> Vec<Mistake> {
    let valid = String::from_utf8_lossy(valid);
    let line = valid.split('\n').count();
    let column = valid.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let mut mistakes = Mistakes::default();
    mistakes.add(Spot { line, column, node: 0 }, Problem::new("the file is not UTF-8 text").hint("save it as UTF-8"));
    mistakes.finish(None)
}

/// What the tree says. Only good for use if no mistake was added.
fn from_tree(root: &Node, folder: PathBuf, mistakes: &mut Mistakes) -> Team {
    Shape::Object(&TEAM).check(root, "", mistakes);
    let mut included = Included::new();
    let inputs = input::read(root.get("inputs"), mistakes);
    let contracts = contract::read(root.get("contracts"), &folder, &mut included, mistakes);
    let agents = agent::read(root.get("agents"), &folder, mistakes);
    let cast = Cast::new(root, &agents, &contracts, mistakes);
    cast.check_accepts(mistakes);
    root.get("task").into_iter().chain(root.get("intent")).for_each(|text| template::check(text, &cast.inputs, mistakes));
    let items = item::read(root, &cast, mistakes);
    let plan = root.get("plan").and_then(|node| plan::read(node, &cast, mistakes));
    let first = root.get("first").and_then(|node| step::read(node, step::By::Opening, &cast, mistakes));
    let text = |key| root.get(key).and_then(Node::text).map(str::to_owned);
    Team {
        name: text("team").unwrap_or_default(),
        description: text("description"),
        task: text("task").unwrap_or_default(),
        intent: text("intent"),
        file: None,
        folder,
        inputs,
        items,
        contracts,
        agents,
        plan,
        first: first.map(|first| FirstHandoff { to: first.to, contract: first.contract, terms: first.terms }),
        limits: terms::limits(root.get("limits")),
        digest: digest(&root.to_json(), &included),
    }
}

fn digest(file: &Value, included: &Included) -> Digest {
    Digest::of_json(&serde_json::json!({ "file": file, "included": included }))
}
