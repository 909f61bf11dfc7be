//! The agents of a team: what the rules know of each, and how its driver starts it.
//!
//! Owns the defaults of an agent and the digest of its whole definition, which a run pins: the
//! keys of the file and the content of the scripts that its command line names. Running it is the
//! drivers' business; whether it can do what a step asks is the plan's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use handclasp_core::blob::Digest;
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::directory::{Agent, Justification};
use handclasp_core::id::AgentName;
use handclasp_core::time::Millis;
use serde::Serialize;

use crate::document::{Entry, Node, shortened};
use crate::mistake::{Mistakes, Problem, suggestion};

/// Long enough for a slow machine to miss two heartbeats, short enough that a person waits for it.
const LEASE: Millis = Millis::seconds(30);

/// Longer than a model takes for one answer, shorter than a coffee break that nobody notices.
const TIMEOUT: Millis = Millis::seconds(600);

/// Enough for five handoffs at once without a cold start, and no more memory than a person would grant unasked.
const POOL_SIZE: u32 = 5;

/// Longer than the pauses of a team at work, shorter than a night of doing nothing.
const POOL_IDLE: Millis = Millis::seconds(300);

/// A larger script is pinned by its length: it is data or a program, and hashing it delays every start.
const SCRIPT_BYTES_MAX: u64 = 64 << 20;

/// An agent of the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamAgent {
    /// What the rules know of it.
    pub agent: Agent,
    /// How it is started.
    pub launch: Launch,
}

/// How an agent is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// How one talks to it.
    pub kind: LaunchKind,
    /// Its command line; the first word is the program.
    pub argv: Vec<String>,
    /// The folder that it runs in, absolute.
    pub cwd: PathBuf,
    /// The environment variables that are passed on.
    pub env: Vec<String>,
    /// A handoff that takes longer is taken away.
    pub timeout_ms: Millis,
    /// What is kept of a process between its turns.
    pub pool: Pool,
}

/// How many processes of an agent are kept between its turns, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// So many wait for work at the most.
    pub size: u32,
    /// One that has worked and then waited for so long is ended.
    pub idle_ms: Millis,
    /// So many are started before there is work for them.
    pub ahead: u32,
    /// One that has worked for a run works for no other.
    pub per_run: bool,
}

/// How one talks to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchKind {
    /// It speaks the agent protocol over stdin and stdout.
    Process,
    /// Any command: the briefing on stdin, the result on stdout.
    Command {
        /// How the briefing is written.
        stdin: StdinForm,
    },
}

/// How a command gets its briefing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StdinForm {
    /// Sections of text, for models and people.
    #[default]
    Markdown,
    /// One JSON object, for programs.
    Json,
}

/// Everything that makes an agent the one it is. The folder is named as the file names it, so that
/// a team that was moved to another place is still the same.
#[derive(Serialize)]
struct Definition<'a> {
    agent: &'a Agent,
    kind: LaunchKind,
    argv: &'a [String],
    cwd: &'a str,
    env: &'a [String],
    timeout_ms: Millis,
    pool: Pool,
    scripts: BTreeMap<&'a str, Digest>,
}

/// The agents of the file.
pub(crate) fn read(agents: Option<&Node>, folder: &Path, mistakes: &mut Mistakes) -> Vec<TeamAgent> {
    let entries = agents.map(Node::entries).unwrap_or_default();
    let names: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    entries.iter().filter_map(|entry| one(entry, &names, folder, mistakes)).collect()
}

fn one(entry: &Entry, names: &[&str], folder: &Path, mistakes: &mut Mistakes) -> Option<TeamAgent> {
    let name: AgentName = entry.key.parse().ok()?;
    let node = &entry.value;
    check_fallback(&name, node.get("fallback"), names, mistakes);
    check_stdin(node, mistakes);
    let launch = launch(node, folder, mistakes);
    let mut agent = Agent {
        name,
        capabilities: node.get("capabilities").map(Node::all_parsed).unwrap_or_default(),
        accepts: node.get("accepts").map(Node::all_parsed).unwrap_or_default(),
        roles: node.get("roles").map(Node::all_parsed).unwrap_or_default(),
        capacity: node.get("capacity").and_then(Node::count).unwrap_or(1),
        fallback: node.get("fallback").and_then(Node::parsed),
        read_back: if launch.kind == LaunchKind::Process { ReadBackLevel::Echo } else { ReadBackLevel::Off },
        justification: node.get("justification_for").map(justification).unwrap_or_default(),
        lease_ms: node.get("lease").and_then(Node::duration).unwrap_or(LEASE),
        definition: Digest([0; 32]),
    };
    let files = files(node, &launch, mistakes);
    agent.definition = definition(&agent, &launch, &files, cwd_as_written(node), folder);
    Some(TeamAgent { agent, launch })
}

/// `[all]`, or the kinds of handoff.
fn justification(kinds: &Node) -> Justification {
    let named = || kinds.elements().iter().filter_map(Node::text);
    if named().any(|kind| kind == "all") {
        return Justification::Required;
    }
    Justification::For(named().filter_map(|kind| serde_json::from_value(kind.into()).ok()).collect())
}

fn check_fallback(name: &AgentName, fallback: Option<&Node>, names: &[&str], mistakes: &mut Mistakes) {
    let Some(node) = fallback.filter(|node| !mistakes.within(node)) else { return };
    let Some(fallback) = node.text() else { return };
    if fallback == name.as_str() {
        mistakes.add(node.spot, Problem::new(format!("`{name}` cannot be its own fallback")).hint("name another agent"));
    } else if !names.contains(&fallback) {
        let others = names.iter().copied().filter(|other| *other != name.as_str());
        let problem = Problem::new(format!("unknown agent `{fallback}`"));
        mistakes.add(node.spot, problem.hint(suggestion(fallback, "agents", others)));
    }
}

fn check_stdin(node: &Node, mistakes: &mut Mistakes) {
    if let (Some(stdin), Some(_), None) = (node.get("stdin"), node.get("process"), node.get("command")) {
        let problem = Problem::new("`stdin` is for a `command`; a `process` speaks the agent protocol");
        mistakes.add(stdin.spot, problem.hint("remove `stdin`, or write `command` instead of `process`"));
    }
}

fn pool(node: &Node, mistakes: &mut Mistakes) -> Pool {
    let given = node.get("pool");
    if let (Some(at), Some(_), None) = (given, node.get("command"), node.get("process")) {
        let problem = Problem::new("`pool` is for a `process`; a `command` is started for each attempt");
        mistakes.add(at.spot, problem.hint("remove `pool`, or write `process` instead of `command`"));
    }
    let key = |name| given.and_then(|pool| pool.get(name));
    let pool = Pool {
        size: key("size").and_then(Node::count).unwrap_or(POOL_SIZE),
        idle_ms: key("idle").and_then(Node::duration).unwrap_or(POOL_IDLE),
        ahead: key("ahead").and_then(Node::count).unwrap_or(0),
        per_run: key("per_run").and_then(Node::switch).unwrap_or(false),
    };
    if let Some(at) = key("ahead").filter(|at| pool.ahead > pool.size && !mistakes.within(at)) {
        let problem = Problem::new(format!("{} are started ahead, but the pool keeps at most {}", pool.ahead, pool.size));
        mistakes.add(at.spot, problem.hint("lower `ahead`, or raise `size`"));
    }
    pool
}

fn cwd_as_written(node: &Node) -> &str {
    node.get("cwd").and_then(Node::text).unwrap_or(".")
}

fn launch(node: &Node, folder: &Path, mistakes: &mut Mistakes) -> Launch {
    let command = node.get("command");
    let kind = match (node.get("process"), command) {
        (None, Some(_)) => {
            let json = node.get("stdin").and_then(Node::text) == Some("json");
            LaunchKind::Command { stdin: if json { StdinForm::Json } else { StdinForm::Markdown } }
        }
        _ => LaunchKind::Process,
    };
    let cwd = folder.join(cwd_as_written(node));
    if let Some(at) = node.get("cwd").filter(|at| !mistakes.within(at) && !cwd.is_dir()) {
        let problem = Problem::new(format!("there is no folder `{}`", shortened(cwd_as_written(node))));
        mistakes.add(at.spot, problem.hint("the path is relative to the team file"));
    }
    Launch {
        kind,
        argv: node.get("process").or(command).map(Node::all_parsed).unwrap_or_default(),
        cwd: std::path::absolute(&cwd).unwrap_or(cwd),
        env: node.get("env").map(Node::all_parsed).unwrap_or_default(),
        timeout_ms: node.get("timeout").and_then(Node::duration).unwrap_or(TIMEOUT),
        pool: pool(node, mistakes),
    }
}

/// The files that the agent says it is made of. One that is not there is a mistake.
fn files(node: &Node, launch: &Launch, mistakes: &mut Mistakes) -> Vec<String> {
    let Some(list) = node.get("files") else { return Vec::new() };
    let files: Vec<String> = list.all_parsed();
    for file in &files {
        if !launch.cwd.join(file).is_file() {
            let problem = Problem::new(format!("there is no file `{}`", shortened(file)));
            mistakes.add(list.spot, problem.hint("the path is relative to the agent's `cwd`"));
        }
    }
    files
}

fn definition(agent: &Agent, launch: &Launch, files: &[String], cwd: &str, folder: &Path) -> Digest {
    Digest::of_json(&Definition {
        agent,
        kind: launch.kind,
        argv: &launch.argv,
        cwd,
        env: &launch.env,
        timeout_ms: launch.timeout_ms,
        pool: launch.pool,
        scripts: scripts(launch, files, folder),
    })
}

/// The files of the team that the command line or `files` names, by content.
fn scripts<'a>(launch: &'a Launch, files: &'a [String], folder: &Path) -> BTreeMap<&'a str, Digest> {
    let Ok(folder) = folder.canonicalize() else { return BTreeMap::new() };
    let digest = |word: &str| {
        let path = launch.cwd.join(word).canonicalize().ok().filter(|path| path.starts_with(&folder) && path.is_file())?;
        let length = path.metadata().ok()?.len();
        if length > SCRIPT_BYTES_MAX {
            return Some(Digest::of(&length.to_be_bytes()));
        }
        std::fs::read(path).ok().map(|bytes| Digest::of(&bytes))
    };
    launch.argv.iter().chain(files).filter_map(|word| Some((word.as_str(), digest(word)?))).collect()
}
