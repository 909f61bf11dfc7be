//! `erase`: removes one content for good; the log still verifies.

use clap::Args;
use handclasp_core::id::Tenant;
use handclasp_store::sqlite::Access;
use serde_json::json;

use super::Place;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ids;
use crate::terminal::json_data;

/// Erases one content of a run, such as a person's data.
///
/// The bytes are gone, the digest stays: `verify` calls it erased, not altered. Whoever gets it in a
/// briefing later is told that it was erased. It cannot be undone, and nothing else may have the store.
#[derive(Debug, Args)]
pub(crate) struct Erase {
    /// Which run, by id, the end of one, or its trace id.
    run: String,
    /// Which content, by digest or its first 12 digits, as `handclasp trace` names them.
    digest: String,
}

impl Erase {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.own(Access::Existing)?;
        let run = ids::run(store.as_ref(), &self.run).await?;
        let digest = ids::content(store.as_ref(), run, &self.digest).await?;
        if !store.erase(&Tenant::local(), run, digest).await? {
            let message = format!("{run} has no content `{digest}`");
            return Err(Failure::misuse(message, "`handclasp events RUN --json` names every content of a run"));
        }
        if terminal.json {
            json_data(&json!({ "run": run, "digest": digest, "erased": true }))?;
        } else {
            terminal.talk(format_args!("{digest} is erased"));
        }
        Ok(Exit::DONE)
    }
}
