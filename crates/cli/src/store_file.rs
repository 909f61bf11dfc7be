//! The store as a file: opened to read by anybody, to write by one process at a time.
//!
//! A command that changes something goes to the engine that has the store, or if nobody has it,
//! through an engine made for this one command. What follows from it is left to the next `resume`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Command, Request};
use handclasp_core::id::{IdempotencyKey, Principal, RunId, Tenant};
use handclasp_core::{Reply, Run};
use handclasp_engine::{Engine, Registry, SystemClock, control};
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Content, OpenError, Store};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::team_file::{TeamFile, has_team};

/// The file of a store.
#[derive(Debug, Clone)]
pub(crate) struct StoreFile(pub(crate) PathBuf);

/// Whether the rules need agents and contracts for what comes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Definitions {
    /// Something may be handed on because of it.
    Needed,
    /// It only ends things.
    NotNeeded,
}

/// Who goes on with what follows from a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The process that has the store.
    Owner,
    /// Nobody, before somebody resumes the run.
    Resume,
    /// Nobody, before there is a server again.
    Up,
}

impl Next {
    /// What to do now, in a few words. The owner leaves runs of other teams alone, so there is always an "else".
    pub(crate) fn of(self, run: RunId) -> String {
        match self {
            Self::Owner => format!("the process that has the store goes on with it; once that has ended: handclasp resume {run}"),
            Self::Resume => format!("go on with: handclasp resume {run}"),
            Self::Up => "go on with: handclasp up".to_owned(),
        }
    }
}

impl StoreFile {
    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens the store to read from, whoever writes to it.
    pub(crate) fn read(&self) -> Result<Arc<dyn Store>, Failure> {
        Ok(Arc::new(Sqlite::read(&self.0)?))
    }

    /// Opens the store to write to, and nobody else can until it is dropped.
    pub(crate) fn own(&self, access: Access) -> Result<Arc<dyn Store>, OpenError> {
        Ok(Arc::new(Sqlite::open(&self.0, access)?))
    }

    /// Submits one command about a run, through whoever has the store.
    pub(crate) async fn submit(
        &self,
        run: &Run,
        command: Command,
        contents: Blobs,
        definitions: Definitions,
    ) -> Result<(Reply, Next), Failure> {
        let request = request(run.id, None, command);
        match self.own(Access::Existing) {
            Err(OpenError::InUse { .. }) => Ok((control::send(&self.0, request, contents).await?, Next::Owner)),
            Err(other) => Err(other.into()),
            Ok(store) => {
                let next = if has_team(run) { Next::Resume } else { Next::Up };
                let registry = match definitions {
                    Definitions::Needed if has_team(run) => TeamFile::of_run(run)?.unchanged_since(run)?.registry()?,
                    Definitions::Needed | Definitions::NotNeeded => Registry::default(),
                };
                let engine = Engine::new(store, Arc::new(SystemClock), registry);
                engine.recover().await?;
                engine.learn().await?;
                let reply = engine.submit(request, contents).await;
                engine.flush().await?;
                Ok((reply?, next))
            }
        }
    }
}

/// A command on the authority of whoever types it.
pub(crate) fn request(run: RunId, key: Option<IdempotencyKey>, command: Command) -> Request {
    Request { tenant: Tenant::local(), principal: principal(), run, key, command }
}

/// `user:` and the name of the account, as far as it has one that can be written down.
fn principal() -> Principal {
    let account = std::env::var("USER").ok().filter(|name| !name.is_empty());
    let named = account.and_then(|name| format!("user:{name}").parse().ok());
    named.unwrap_or_else(|| "user:local".parse().expect("a principal"))
}

/// A content as JSON. One that was erased, or is no JSON, is said to be so.
pub(crate) async fn content(store: &dyn Store, run: RunId, digest: Digest) -> Result<Value, Failure> {
    Ok(match store.content(&Tenant::local(), run, digest).await? {
        Content::Bytes(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({ "not_json": String::from_utf8_lossy(&bytes) })),
        Content::Erased => json!({ "erased": digest }),
        Content::Missing => json!({ "missing": digest }),
    })
}
