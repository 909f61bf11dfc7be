//! `erase`: removes one content for good; the log still verifies.

use clap::Args;
use handclasp_core::blob::Digest;
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
    /// Which content; `handclasp trace` and `handclasp events` name them.
    digest: Digest,
}

impl Erase {
    pub(super) async fn execute(self, place: &Place) -> Result<Exit, Failure> {
        let terminal = place.terminal;
        let store = place.store.own(Access::Existing)?;
        let run = ids::run(store.as_ref(), &self.run).await?;
        if !store.erase(&Tenant::local(), run, self.digest).await? {
            let message = format!("{run} has no content `{}`", self.digest);
            return Err(Failure::misuse(message, "`handclasp events RUN --json` names every content of a run"));
        }
        if terminal.json {
            json_data(&json!({ "run": run, "digest": self.digest, "erased": true }))?;
        } else {
            terminal.talk(format_args!("{} is erased", self.digest));
        }
        Ok(Exit::DONE)
    }
}
