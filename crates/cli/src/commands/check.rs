//! `check`: reads a team file and names every mistake in it.

use std::path::PathBuf;

use clap::Args;
use handclasp_core::contract::ReadBackLevel;
use handclasp_team::{LaunchKind, Team};
use serde_json::{Value, json};

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_text::picture;
use crate::team_file::TeamFile;
use crate::terminal::{data, json_data, strong};

/// Checks a team file.
///
/// Names every mistake at once, with line and column (exit code 2), or shows what the team is.
/// Nothing is started and no store is touched.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A team file, or a folder with a `team.yaml` in it.
    team: PathBuf,
}

impl Check {
    pub(super) fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let file = TeamFile::read(&self.team)?;
        if place.terminal.json {
            json_data(&value(&file.team))?;
        } else {
            data(text(&file.team))?;
        }
        Ok(Exit::DONE)
    }
}

fn value(team: &Team) -> Value {
    let agents: Vec<Value> = team.agents.iter().map(|agent| json!(agent.agent)).collect();
    let contracts: Vec<String> = team.contracts.iter().map(|contract| contract.id.to_string()).collect();
    let inputs: Vec<Value> = team.inputs.iter().map(|input| json!({ "name": input.name, "default": input.default })).collect();
    json!({
        "team": team.name,
        "description": team.description,
        "digest": team.digest,
        "inputs": inputs,
        "agents": agents,
        "contracts": contracts,
        "plan": team.plan,
        "limits": team.limits,
    })
}

fn text(team: &Team) -> String {
    let description = team.description.as_ref().map_or_else(String::new, |description| format!(": {description}"));
    let mut lines = vec![format!("{}{description}", strong(&team.name))];
    let mut section = |name: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            lines.push(format!("\n{}", strong(name)));
            lines.extend(rows);
        }
    };
    section("inputs", team.inputs.iter().map(input).collect());
    section("agents", team.agents.iter().map(agent).collect());
    section("contracts", team.contracts.iter().map(contract).collect());
    section("plan", team.plan.as_ref().map(picture).unwrap_or_default());
    section("first", team.first.iter().map(|first| format!("{} gets the inputs and hands on freely", first.to)).collect());
    lines.join("\n")
}

fn input(input: &handclasp_team::Input) -> String {
    let default = input.default.as_ref().map_or_else(|| " (must be given)".to_owned(), |value| format!(" = {value}"));
    let description = input.description.as_ref().map_or_else(String::new, |description| format!("  {description}"));
    format!("{}{default}{description}", input.name)
}

fn agent(agent: &handclasp_team::TeamAgent) -> String {
    let speaks = match agent.launch.kind {
        LaunchKind::Process => "speaks the agent protocol",
        LaunchKind::Command { .. } => "any command",
    };
    let accepts: Vec<String> = agent.agent.accepts.iter().map(ToString::to_string).collect();
    let accepts = if accepts.is_empty() { String::new() } else { format!(", accepts {}", accepts.join(", ")) };
    format!("{} ({speaks}){accepts}: {}", agent.agent.name, agent.launch.argv.join(" "))
}

fn contract(contract: &handclasp_core::contract::Contract) -> String {
    let asks = match contract.read_back {
        ReadBackLevel::Off => "",
        ReadBackLevel::Echo => "  the receiver reads back what it got",
    };
    format!("{}{asks}", contract.id)
}
