//! What is written down beside the log: heartbeats and refusals. Losing some of it costs little.

use std::collections::BTreeMap;

use handclasp_core::command::Request;
use handclasp_core::refusal::Refusal;
use handclasp_store::RefusalNote;

use crate::engine::{Engine, lock};
use crate::error::EngineError;
use crate::limits;
use crate::redact::redact;

impl Engine {
    /// Takes down a refusal, for those who look after the house.
    pub(crate) fn note(&self, request: &Request, refusal: &Refusal) {
        let note = RefusalNote {
            tenant: request.tenant.clone(),
            run: request.run,
            at: self.now(),
            principal: request.principal.to_string(),
            command: request.command.name().to_owned(),
            code: refusal.code().to_owned(),
            // It quotes what was found, and what was found may be anything.
            message: redact(&refusal.to_string()).into_owned(),
            pointer: refusal.violations().first().map(|violation| violation.pointer.clone()),
        };
        let mut waiting = lock(&self.inner.refused);
        if waiting.len() < limits::REFUSALS_WAITING_MAX {
            waiting.push(note);
        }
    }

    /// Writes down what is not part of the log, heartbeats and refusals, and reads again what a failure
    /// has made void.
    pub async fn flush(&self) -> Result<(), EngineError> {
        self.remember().await?;
        let beats = std::mem::take(&mut *lock(&self.inner.beats));
        if !beats.is_empty() {
            let mut newest = BTreeMap::new();
            for beat in beats {
                newest.insert(beat.handoff, beat);
            }
            self.inner.store.beat(newest.into_values().collect()).await.map_err(EngineError::Store)?;
        }
        let refused = std::mem::take(&mut *lock(&self.inner.refused));
        if !refused.is_empty() {
            self.inner.store.note_refusals(refused).await.map_err(EngineError::Store)?;
        }
        Ok(())
    }
}
