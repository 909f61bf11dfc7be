//! `run`: opens a run of a team and keeps it moving.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use handclasp_core::Reply;
use handclasp_core::blob::Digest;
use handclasp_core::command::Command;
use handclasp_core::id::{IdempotencyKey, RunId};
use handclasp_engine::{Engine, SystemClock};
use handclasp_store::sqlite::Access;
use serde_json::json;

use super::Place;
use crate::drive::{Drive, Ended};
use crate::ending::{self, Told};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store_file::request;
use crate::team_file::TeamFile;

/// Hex digits of a W3C trace id.
const TRACE_ID_CHARS: usize = 32;

/// Runs a team.
///
/// Opens a run, keeps it moving, and shows on standard error who works on what. Ends when the run is
/// over, when nothing but dead letters is left, or when only a person can go on (exit code 4). The
/// result goes to standard output: its `markdown` or `text` if it has one, else all of it as JSON.
/// Meanwhile it also moves the store's other open runs of the same team.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A team file, or a folder with a `team.yaml` in it.
    team: PathBuf,
    /// An input of the team. Relative paths are relative to the folder you are in.
    #[arg(long = "input", short, value_name = "NAME=VALUE", value_parser = assignment)]
    inputs: Vec<(String, String)>,
    /// Opens at most one run under this key: the same command again goes on with that run.
    #[arg(long)]
    key: Option<IdempotencyKey>,
    /// Goes on while a person is asked, until somebody answers from another terminal.
    #[arg(long)]
    wait: bool,
}

impl Run {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let file = TeamFile::read(&self.team)?;
        let run = Engine::new_run_id();
        let trace_id = self.trace_id(run);
        let given: BTreeMap<String, String> = self.inputs.into_iter().collect();
        let base = std::env::current_dir().map_err(|error| Failure::broken("find out which folder this is", &error))?;
        let (open, contents) = file.team.open(&given, &base, trace_id).map_err(inputs)?;

        let store = place.store.own(Access::Create)?;
        let engine = Engine::new(Arc::clone(&store), Arc::new(SystemClock), file.registry()?);
        engine.recover().await?;
        // What callers of the server left in this store is decided rightly, too.
        engine.learn().await?;
        let commits = engine.watch();
        let reply = engine.submit(request(run, self.key, Command::Open(Box::new(open))), contents).await?;
        let run = if let Reply::Opened { run, .. } = reply { run } else { run };

        let mut progress = Progress::new(terminal);
        let drive = Drive { engine: &engine, store: place.store.path(), drivers: file.drivers(), runs: &[run], wait: self.wait, terminal };
        let ended = drive.until_settled(commits, &mut progress).await?;
        let exit = ending::tell(store.as_ref(), run, terminal, Told::InFull).await?;
        Ok(if ended == Ended::Interrupted { Exit::INTERRUPTED } else { exit })
    }

    /// Under a key the command must be the same every time, and with it the trace id.
    fn trace_id(&self, run: RunId) -> String {
        let seed = self.key.as_ref().map_or_else(|| run.to_string(), ToString::to_string);
        let digest = Digest::of(seed.as_bytes()).to_string();
        digest.chars().skip("sha256:".len()).take(TRACE_ID_CHARS).collect()
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn inputs(mistakes: Vec<handclasp_team::InputMistake>) -> Failure {
    let message = "the inputs are not what the team takes".to_owned();
    let all = mistakes.into_iter().map(|mistake| (format!("--input {}: {mistake}", mistake.input), mistake.hint.clone(), json!(mistake)));
    Failure::Mistakes { message, all: all.collect() }
}
