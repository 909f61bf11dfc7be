//! What a command brings along: bounded, there, and held against the contracts, before the desk.

use std::sync::Arc;

use handclasp_core::Run;
use handclasp_core::blob::{BlobRef, Blobs, Digest};
use handclasp_core::command::{Command, Request};
use handclasp_core::contract::Verdicts;
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::refusal::Refusal;
use handclasp_store::{Appended, Content};

use crate::desk::Desk;
use crate::engine::Engine;
use crate::error::{EngineError, Rejection};
use crate::limits;
use crate::write::Write;

impl Engine {
    /// Makes sure that every content is there, and holds against the contracts what has to be held.
    pub(crate) async fn contents(&self, desk: &Arc<Desk>, request: &Request, blobs: &Blobs) -> Result<Verdicts, Rejection> {
        let mut verdicts = Verdicts::default();
        for named in request.command.contents() {
            if blobs.get(&named.digest).is_none() && self.content(&request.tenant, request.run, named.digest).await? == Content::Missing {
                let problem = "it names a content that was neither sent along nor stored before";
                return Err(Refusal::BadField { field: "contents", problem }.into());
            }
        }
        let registry = self.registry(&request.tenant);
        let wanted = if needs_run(&request.command) {
            let mut seat = desk.seat.lock().await;
            desk.load(&mut seat, self.inner.store.as_ref()).await?;
            let wanted = Run::wanted_checks(seat.run.as_ref(), &request.command, &registry.directory);
            let mut unknown = Vec::new();
            for (contract, digest) in wanted {
                match registry.digest(&contract).filter(|contract| seat.holds(*contract, digest)) {
                    // Neither can have changed: both are named by their hashes.
                    Some(contract) => verdicts.insert(contract, digest, Vec::new()),
                    None => unknown.push((contract, digest, seat.content(&digest))),
                }
            }
            unknown
        } else {
            let wanted = Run::wanted_checks(None, &request.command, &registry.directory);
            wanted.into_iter().map(|(contract, digest)| (contract, digest, None)).collect()
        };
        for (contract, digest, at_hand) in wanted {
            let bytes = match blobs.get(&digest).cloned().or(at_hand) {
                Some(bytes) => Some(bytes),
                None => match self.content(&request.tenant, request.run, digest).await? {
                    Content::Bytes(bytes) => Some(bytes),
                    Content::Erased | Content::Missing => None,
                },
            };
            if let Some(bytes) = bytes {
                registry.check(&contract, digest, &bytes, &mut verdicts);
            }
        }
        Ok(verdicts)
    }

    /// Stores a content of an open run, for commands that name it later; nothing happens in the run.
    pub async fn store_content(&self, tenant: &Tenant, run: RunId, bytes: Arc<[u8]>) -> Result<BlobRef, Rejection> {
        let found = bytes.len() as u64;
        if found > limits::CONTENT_BYTES_MAX {
            return Err(Refusal::TooLarge { field: "content", found, allowed: limits::CONTENT_BYTES_MAX }.into());
        }
        let reference = BlobRef { digest: Digest::of(&bytes), bytes: found };
        for _ in 0..limits::ROUNDS_MAX {
            let desk = self.desk(tenant, run);
            let (written, generation) = {
                let mut seat = desk.seat.lock().await;
                desk.load(&mut seat, self.inner.store.as_ref()).await?;
                let over = seat.run.as_ref().ok_or(Refusal::UnknownRun)?.outcome.is_some();
                let append = seat.store(&desk, reference.digest, Arc::clone(&bytes)).filter(|_| !over).ok_or(Refusal::RunClosed)?;
                (Write::new(self, &desk, self.inner.store.append(append)), seat.generation)
            };
            match written.heard().await {
                Ok(Appended::At(_)) => return Ok(reference),
                Ok(Appended::Conflict | Appended::Opened { .. }) => self.forget(&desk, generation),
                Err(error) => {
                    self.forget(&desk, generation);
                    return Err(error.into());
                }
            }
        }
        Err(EngineError::Contended { run }.into())
    }

    /// One content of a run.
    pub async fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> Result<Content, EngineError> {
        self.inner.store.content(tenant, run, digest).await.map_err(EngineError::Store)
    }
}

/// Whether the contracts that a command is checked against depend on the run's state.
fn needs_run(command: &Command) -> bool {
    matches!(command, Command::Claim { .. } | Command::Complete { .. } | Command::Redrive { .. })
}

/// Content that is too large is refused before anything is looked at.
pub(crate) fn bounded(command: &Command, blobs: &Blobs) -> Result<(), Refusal> {
    let too_large = |field, found, allowed| Err(Refusal::TooLarge { field, found, allowed });
    let mut total = 0;
    for bytes in blobs.0.values() {
        let found = bytes.len() as u64;
        if found > limits::CONTENT_BYTES_MAX {
            return too_large("content", found, limits::CONTENT_BYTES_MAX);
        }
        total += found;
    }
    if total > limits::COMMAND_BYTES_MAX {
        return too_large("contents", total, limits::COMMAND_BYTES_MAX);
    }
    let checked: Option<(&'static str, BlobRef)> = match command {
        Command::Open(open) => Some(("input", open.input)),
        Command::Offer { offer, .. } => Some(("payload", offer.payload)),
        Command::EffectBegin { arguments, .. } => Some(("arguments", *arguments)),
        Command::Complete { completion, .. } => Some(("result", completion.result)),
        Command::Redrive { payload: Some(payload), .. } => Some(("payload", *payload)),
        _ => None,
    };
    match checked {
        Some((field, blob)) if blob.bytes > limits::PAYLOAD_BYTES_MAX => too_large(field, blob.bytes, limits::PAYLOAD_BYTES_MAX),
        _ => Ok(()),
    }
}
