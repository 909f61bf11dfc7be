//! A team file as the commands need it: read or refused with all its mistakes, compared with what a
//! run was opened with, and turned into what an engine and its post work with.

use std::path::Path;

use handclasp_agents::{Form, LaunchKind};
use handclasp_core::Run;
use handclasp_core::command::Pins;
use handclasp_core::refusal::Refusal;
use handclasp_engine::Registry;
use handclasp_engine::post::Drivers;
use handclasp_team::{Launch, StdinForm, Team, TeamError};
use serde_json::json;

use crate::failure::Failure;
use crate::terminal::count;

/// A team that was read from a file.
#[derive(Debug)]
pub(crate) struct TeamFile {
    /// What the file says.
    pub(crate) team: Team,
}

impl TeamFile {
    /// Reads a team file, or the `team.yaml` of a folder.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        match Team::read(path) {
            Ok(team) => Ok(Self { team }),
            Err(TeamError::Unreadable { path, source }) => {
                let message = format!("failed to read the team file `{}`: {source}", path.display());
                Err(Failure::misuse(message, "name a team file, or a folder with a `team.yaml` in it"))
            }
            Err(TeamError::Mistakes(mistakes)) => {
                let say = |mistake: handclasp_team::Mistake| {
                    let value = json!(mistake);
                    (format!("{}:{mistake}", path.display()), mistake.hint, value)
                };
                let message = format!("the team file has {}", count(mistakes.len(), "mistake"));
                Err(Failure::Mistakes { message, all: mistakes.into_iter().map(say).collect() })
            }
        }
    }

    /// Reads the team file that a run was opened with.
    pub(crate) fn of_run(run: &Run) -> Result<Self, Failure> {
        if !has_team(run) {
            let message = format!("{} has no team: a caller of the server opened it", run.id);
            return Err(Failure::misuse(message, "`handclasp up` goes on with it"));
        }
        let Some(path) = &run.pins.team_file else {
            let message = format!("{} does not say where its team file lies", run.id);
            return Err(Failure::misuse(message, "name it: `handclasp resume RUN --team PATH`"));
        };
        Self::read(Path::new(path)).map_err(|failure| failure.hinted("if the file was moved, `handclasp resume RUN --team PATH` names it"))
    }

    /// Refuses, by name, a team that is not the one that the run relies on.
    pub(crate) fn unchanged_since(self, run: &Run) -> Result<Self, Failure> {
        let changed = changes(&run.pins, &self.team.pins());
        if changed.is_empty() {
            return Ok(self);
        }
        let refused = Failure::from(Refusal::DefinitionChanged { what: changed.join(", ") });
        Err(refused.about(run.id))
    }

    /// Agents and contracts, with the contracts compiled.
    pub(crate) fn registry(&self) -> Result<Registry, Failure> {
        Registry::new(self.team.directory()).map_err(|error| Failure::broken("compile the contracts of the team", &error))
    }

    /// What runs the agents.
    pub(crate) fn drivers(&self) -> Drivers {
        handclasp_agents::drivers(self.team.agents.iter().map(|agent| (agent.agent.name.clone(), launch(&agent.launch))))
    }
}

/// Whether a run was opened with a team, and not by a caller of the server.
pub(crate) fn has_team(run: &Run) -> bool {
    run.pins.team.is_some() || run.pins.team_file.is_some()
}

fn launch(launch: &Launch) -> handclasp_agents::Launch {
    let kind = match launch.kind {
        handclasp_team::LaunchKind::Process => LaunchKind::Process,
        handclasp_team::LaunchKind::Command { stdin: StdinForm::Markdown } => LaunchKind::Command { stdin: Form::Markdown },
        handclasp_team::LaunchKind::Command { stdin: StdinForm::Json } => LaunchKind::Command { stdin: Form::Json },
    };
    handclasp_agents::Launch {
        kind,
        argv: launch.argv.clone(),
        cwd: launch.cwd.clone(),
        env: launch.env.clone(),
        timeout: launch.timeout_ms,
        pool: handclasp_agents::Pool {
            size: launch.pool.size,
            ahead: launch.pool.ahead,
            idle: launch.pool.idle_ms,
            per_run: launch.pool.per_run,
        },
    }
}

/// What is not as it was, by name. The file itself is named only if no part of it is.
fn changes(then: &Pins, now: &Pins) -> Vec<String> {
    let mut changed = Vec::new();
    for (name, definition) in &then.agents {
        match now.agents.get(name) {
            Some(known) if known == definition => {}
            Some(_) => changed.push(format!("agent `{name}`")),
            None => changed.push(format!("agent `{name}` (it is gone)")),
        }
    }
    for (id, digest) in &then.contracts {
        match now.contracts.get(id) {
            Some(known) if known == digest => {}
            Some(_) => changed.push(format!("contract `{id}`")),
            None => changed.push(format!("contract `{id}` (it is gone)")),
        }
    }
    if changed.is_empty() && then.team.is_some() && then.team != now.team {
        changed.push("the team file".to_owned());
    }
    changed
}

#[cfg(test)]
mod tests {
    use handclasp_core::blob::Digest;

    use super::*;

    #[test]
    fn changes_are_named_and_the_file_only_when_no_part_of_it_is() {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let agents = |writer: &str| [("writer".parse().unwrap(), digest(writer))].into();
        let then = Pins { team: Some(digest("1")), agents: agents("a"), ..Pins::default() };
        assert!(changes(&then, &then).is_empty());
        assert_eq!(changes(&then, &Pins { team: Some(digest("2")), ..then.clone() }), ["the team file"]);
        assert_eq!(changes(&then, &Pins { team: Some(digest("2")), agents: agents("b"), ..Pins::default() }), ["agent `writer`"]);
        assert_eq!(changes(&then, &Pins::default()), ["agent `writer` (it is gone)"]);
        let moved = Pins { team_file: Some("/elsewhere".to_owned()), ..then.clone() };
        assert!(changes(&then, &moved).is_empty(), "where the file lies is no definition");
    }
}
