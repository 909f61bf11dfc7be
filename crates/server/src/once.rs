//! Idempotency keys of writes that belong to no run: agents, contracts, many dead letters at once.
//!
//! A run keeps the keys of its own commands. What was asked and answered under these others is kept in
//! the store, so that a repeated request gets the first answer (law 5) and does nothing a second time.
//! Refusals are not kept: whoever mends the request may send it under the same key.

use std::sync::Arc;

use handclasp_core::blob::Digest;
use handclasp_core::refusal::Refusal;
use handclasp_store::{Expected, Kept};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::problem::{Door, Problem};

/// How the store calls these. API keys are another kind.
const KIND: &str = "idempotency_key";

/// What was asked under a key, and what came of it.
#[derive(Serialize, Deserialize)]
struct Noted {
    asked: Digest,
    answer: Value,
}

impl Call {
    /// Does the work, or gives the answer of the request that used the caller's key first. `asked` is
    /// what makes a request another one.
    pub(crate) async fn once<A: Serialize + DeserializeOwned>(
        &self,
        asked: &impl Serialize,
        work: impl Future<Output = Result<A, Problem>>,
    ) -> Result<A, Problem> {
        let Some(key) = self.key()? else { return work.await };
        let (name, asked) = (Digest::of(key.as_str().as_bytes()).to_string(), Digest::of_json(asked));
        let store = self.house.engine.store();
        if let Some(bytes) = store.kept_one(&self.caller.tenant, KIND, &name).await? {
            return first_answer(&bytes, asked);
        }
        let answer = work.await?;
        let noted = Noted { asked, answer: serde_json::to_value(&answer).expect("answers serialise") };
        let bytes = Arc::from(serde_json::to_vec(&noted).expect("answers serialise"));
        let kept = Kept { tenant: self.caller.tenant.clone(), kind: KIND.to_owned(), name, bytes };
        // Of two that came at the same time one is the first. Both have the answer that they asked for.
        store.keep(kept, Expected::Absent).await?;
        Ok(answer)
    }
}

fn first_answer<A: DeserializeOwned>(bytes: &[u8], now: Digest) -> Result<A, Problem> {
    let unreadable = |error: serde_json::Error| Door::Failed.problem(format!("the first answer cannot be read: {error}"));
    let noted: Noted = serde_json::from_slice(bytes).map_err(unreadable)?;
    if noted.asked != now {
        return Err(Refusal::KeyReused { first: noted.asked, now }.into());
    }
    serde_json::from_value(noted.answer).map_err(unreadable)
}
