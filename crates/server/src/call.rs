//! One request: whose it is, what its path names, and how it becomes a command.

use axum::http::{HeaderMap, Uri};
use handclasp_core::Reply;
use handclasp_core::blob::Blobs;
use handclasp_core::command::{Command, Request};
use handclasp_core::id::{AgentName, HandoffId, IdempotencyKey, RunId};
use handclasp_core::refusal::Refusal;
use handclasp_core::time::{Millis, Timestamp};
use std::fmt::Display;
use std::str::FromStr;

use crate::caller::Caller;
use crate::house::House;
use crate::limits;
use crate::problem::{Door, Problem};

/// One request.
pub(crate) struct Call {
    pub(crate) house: House,
    pub(crate) caller: Caller,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
    /// What stands for each `{name}` in the path.
    pub(crate) path: Vec<(String, String)>,
}

impl Call {
    /// What stands for `{name}` in the path.
    pub(crate) fn path<T: FromStr>(&self, name: &str) -> Result<T, Problem>
    where
        T::Err: Display,
    {
        let text = self.path.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str()).unwrap_or_default();
        text.parse().map_err(|error: T::Err| Door::Malformed.problem(format!("in the path: {error}")))
    }

    /// The run in the path.
    pub(crate) fn run(&self) -> Result<RunId, Problem> {
        self.path("run")
    }

    /// The agent in the path.
    pub(crate) fn agent(&self) -> Result<AgentName, Problem> {
        self.path("agent")
    }

    /// The caller's own key, from the `Idempotency-Key` header.
    pub(crate) fn key(&self) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(value) = self.headers.get("idempotency-key") else { return Ok(None) };
        let text = value.to_str().map_err(|_| Problem::malformed("Idempotency-Key", "visible characters", "other bytes"))?;
        text.parse().map(Some).map_err(|error| Door::Malformed.problem(format!("the header `Idempotency-Key`: {error}")))
    }

    /// The handoff in the path, for whoever acts as its holder: an agent's key works on that agent's
    /// handoffs only.
    pub(crate) async fn held(&self) -> Result<HandoffId, Problem> {
        let handoff: HandoffId = self.path("handoff")?;
        if self.caller.agents.is_some() {
            let look = |run: &handclasp_core::Run| run.handoff(handoff).map(|handoff| handoff.to.clone());
            let to = self.house.engine.inspect(&self.caller.tenant, handoff.run, look).await?.flatten();
            self.must_be(&to.ok_or(Refusal::UnknownHandoff(handoff))?)?;
        }
        Ok(handoff)
    }

    /// Refuses whoever may not act as that agent.
    pub(crate) fn must_be(&self, agent: &AgentName) -> Result<(), Problem> {
        if self.caller.may_be(agent) {
            return Ok(());
        }
        Err(Door::Forbidden.problem(format!("this key is not for the agent `{agent}`")))
    }

    /// Submits a command under the caller's name and key.
    pub(crate) async fn submit(&self, run: RunId, command: Command, blobs: Blobs) -> Result<Reply, Problem> {
        let request = self.request(run, command)?;
        Ok(self.house.engine.submit(request, blobs).await?)
    }

    /// A command under the caller's name and key.
    pub(crate) fn request(&self, run: RunId, command: Command) -> Result<Request, Problem> {
        let (tenant, principal) = (self.caller.tenant.clone(), self.caller.principal.clone());
        Ok(Request { tenant, principal, run, key: self.key()?, command })
    }

    /// Until when a caller may wait.
    pub(crate) fn deadline(&self, wait_ms: u64) -> Timestamp {
        self.house.engine.now() + Millis(wait_ms).min(limits::WAIT_MAX)
    }
}

/// A reply of another sort than the command's own would be a defect of the engine.
pub(crate) fn unexpected(reply: &Reply) -> Problem {
    tracing::error!(?reply, "a reply of the wrong sort");
    Door::Failed.problem("the engine gave a reply of the wrong sort")
}

impl Call {
    /// Waits for something, but not beyond the closing time.
    pub(crate) async fn or_closing<T>(
        &self,
        waited: impl Future<Output = Result<Option<T>, handclasp_engine::EngineError>>,
    ) -> Result<(), Problem> {
        let mut closing = self.house.closing.clone();
        // Both are polled to the end or dropped: nobody is left sitting at a desk.
        tokio::select! {
            seen = waited => { seen?; }
            _ = closing.wait_for(|closing| *closing) => {}
        }
        Ok(())
    }
}
