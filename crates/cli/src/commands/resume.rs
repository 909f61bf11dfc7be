//! `resume`: goes on with runs that are not over.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use handclasp_core::Run;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::Command;
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::run::Condition;
use handclasp_engine::{Engine, Registry, SystemClock};
use handclasp_store::sqlite::Access;
use handclasp_store::{Find, Store};

use super::Place;
use crate::drive::{Drive, Ended};
use crate::ending::Told;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store_file::request;
use crate::team_file::{TeamFile, has_team};
use crate::terminal::count;
use crate::{ending, ids, log};

/// Runs that are looked at in one go.
const PAGE: u32 = 500;

/// Goes on with runs that are not over.
///
/// After a crash, a Ctrl-C, an answer or a redrive. What is finished is not done again. A run whose
/// team, agents or contracts have changed since it was opened is refused by name; `--accept-change`
/// goes on with what they are now. The plan stays the one that the run was opened with.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Which runs, by id, the end of one, or its trace id; without any, all that are not over.
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// Goes on with the team, agents and contracts as they are now.
    #[arg(long)]
    accept_change: bool,
    /// The team file, if it is no longer where it was.
    #[arg(long, value_name = "PATH")]
    team: Option<PathBuf>,
    /// Goes on while a person is asked, until somebody answers from another terminal.
    #[arg(long)]
    wait: bool,
}

/// Runs of one team as it is now.
struct Group {
    file: TeamFile,
    digest: Digest,
    runs: Vec<Run>,
}

impl Resume {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.own(Access::Existing)?;
        let mut runs = self.chosen(store.as_ref()).await?;
        if self.runs.is_empty() && self.team.is_none() {
            let all = runs.len();
            runs.retain(has_team);
            if runs.len() < all {
                let opened = count(all - runs.len(), "open run");
                terminal.talk(format_args!("left alone: {opened} of callers of the server; `handclasp up` goes on with that"));
            }
        }
        if runs.is_empty() {
            terminal.talk("nothing to resume: no run of a team is open in this store");
            return Ok(Exit::DONE);
        }
        let groups = self.by_team(runs)?;
        let engine = Engine::new(Arc::clone(&store), Arc::new(SystemClock), Registry::default());
        engine.recover().await?;
        let mut exit = Exit::DONE;
        for group in groups {
            let ended = Box::pin(self.go_on(&engine, &group, place)).await?;
            for run in &group.runs {
                // What stood still before and was not asked for needs no trace, but it still needs somebody.
                let told = if self.runs.is_empty() && stands_still(run) { Told::InShort } else { Told::InFull };
                exit = exit.worse(ending::tell(store.as_ref(), run.id, terminal, told).await?);
            }
            if ended == Ended::Interrupted {
                return Ok(Exit::INTERRUPTED);
            }
        }
        Ok(exit)
    }

    /// The runs that were named, or all that are not over, oldest first.
    async fn chosen(&self, store: &dyn Store) -> Result<Vec<Run>, Failure> {
        let mut ids = Vec::new();
        for text in &self.runs {
            ids.push(ids::run(store, text).await?);
        }
        if ids.is_empty() {
            ids = unfinished(store).await?;
        }
        ids.sort();
        ids.dedup();
        let mut runs = Vec::with_capacity(ids.len());
        for id in ids {
            runs.push(log::state(store, id).await?);
        }
        Ok(runs)
    }

    /// One team at a time: agents of two teams may have one name. Refuses before anything has moved.
    fn by_team(&self, runs: Vec<Run>) -> Result<Vec<Group>, Failure> {
        let mut groups: Vec<Group> = Vec::new();
        for run in runs {
            let file = match &self.team {
                Some(path) => TeamFile::read(path)?,
                None => TeamFile::of_run(&run)?,
            };
            let file = if self.accept_change || run.outcome.is_some() { file } else { file.unchanged_since(&run)? };
            let digest = Digest::of_json(&file.team.pins());
            match groups.iter_mut().find(|group| group.digest == digest) {
                Some(group) => group.runs.push(run),
                None => groups.push(Group { file, digest, runs: vec![run] }),
            }
        }
        Ok(groups)
    }

    async fn go_on(&self, engine: &Engine, group: &Group, place: &Place) -> Result<Ended, Failure> {
        let terminal = place.terminal;
        engine.set_registry(&Tenant::local(), group.file.registry()?);
        engine.learn().await?;
        let commits = engine.watch();
        let mut progress = Progress::new(terminal);
        for run in group.runs.iter().filter(|run| run.outcome.is_none()) {
            if self.accept_change {
                let command = Command::AcceptChange { pins: group.file.team.pins() };
                engine.submit(request(run.id, None, command), Blobs::default()).await?;
            }
            progress.knows(run);
            if !stands_still(run) {
                terminal.talk(format_args!("going on with {}: {}", run.id, run.title));
            }
        }
        let runs: Vec<RunId> = group.runs.iter().map(|run| run.id).collect();
        let drive = Drive { engine, store: place.store.path(), drivers: group.file.drivers(), runs: &runs, wait: self.wait, terminal };
        drive.until_settled(commits, &mut progress).await
    }
}

/// Whether only a redrive can move it.
fn stands_still(run: &Run) -> bool {
    run.condition() == Condition::Stopped
}

async fn unfinished(store: &dyn Store) -> Result<Vec<RunId>, Failure> {
    let conditions = vec![Condition::Running, Condition::WaitingForPerson, Condition::Stopped];
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let find = Find { tenant: Some(Tenant::local()), conditions: conditions.clone(), before, limit: PAGE, ..Find::default() };
        let page = store.find(find).await?;
        let Some((_, last)) = page.last() else { return Ok(found) };
        before = Some(last.run);
        found.extend(page.iter().map(|(_, summary)| summary.run));
    }
}
