//! A piece of work: one claimed handoff, and everything that its holder can say, under its token.

use std::sync::Arc;
use std::time::Duration;

use handclasp_briefing::Briefing;
use handclasp_core::command::{Reconciler, Voice};
use handclasp_core::id::HandoffId;
use handclasp_core::limits::Usage;
use handclasp_wire::{
    Accept, Ask, Asked, Claimed, Complete, Completed, Decline, EffectBegin, EffectEnd, Fail, HandOut, Held, Offered, Progress,
};
use serde_json::Value;

use crate::client::Client;
use crate::error::Error;

/// The code that says that an effect began once, and nobody knows whether it happened.
const UNKNOWN: &str = "HC-024";

/// One claimed handoff. Cheap to clone.
#[derive(Clone)]
pub struct Work {
    client: Client,
    claimed: Arc<Claimed>,
}

/// How a worker's function ends a piece of work.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// With this result.
    Result(Value),
    /// Without one.
    Failed {
        /// What happened.
        message: String,
        /// Whether trying again can help.
        retryable: bool,
    },
    /// As the function itself has said: completed with more, declined, given back, or parked.
    Said,
}

/// A side effect that must not happen twice: its name, and what tells it from others of that name.
#[derive(Debug, Clone)]
pub struct Guarded<'a> {
    /// What is done, such as `refund`.
    pub name: &'a str,
    /// A name from the business, such as the order's number.
    pub key: &'a str,
    /// What it is called with.
    pub arguments: Value,
}

impl Work {
    pub(crate) fn new(client: Client, claimed: Claimed) -> Self {
        Self { client, claimed: Arc::new(claimed) }
    }

    /// The claim, as the server gave it.
    pub fn claimed(&self) -> &Claimed {
        &self.claimed
    }

    /// Which handoff.
    pub fn handoff(&self) -> HandoffId {
        self.claimed.handoff
    }

    /// What the agent gets.
    pub fn briefing(&self) -> &Briefing {
        &self.claimed.briefing
    }

    /// The work itself.
    pub fn payload(&self) -> &Value {
        &self.claimed.briefing.payload
    }

    /// For everything that is not about this handoff.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Says back exactly what the briefing asks for, and starts.
    pub async fn accept(&self, by: Voice) -> Result<(), Error> {
        let asked = &self.claimed.briefing.read_back;
        let accept = Accept {
            token: self.claimed.token,
            by: Some(by),
            contract: asked.contract.clone(),
            payload: asked.payload,
            items: asked.items.clone(),
            criteria: asked.criteria.clone(),
            confidence: None,
        };
        self.client.accept(self.handoff(), &accept).await.map(|_| ())
    }

    /// Hands it back at once, with a reason.
    pub async fn decline(&self, reason: impl Into<String>) -> Result<(), Error> {
        let decline = Decline { token: self.claimed.token, reason: reason.into() };
        self.client.decline(self.handoff(), &decline).await.map(|_| ())
    }

    /// Gives it back unfinished, without counting an attempt.
    pub async fn release(&self) -> Result<(), Error> {
        self.client.release(self.handoff(), &self.held()).await.map(|_| ())
    }

    /// Says "still here".
    pub async fn heartbeat(&self) -> Result<(), Error> {
        self.client.heartbeat(self.handoff(), &self.held()).await.map(|_| ())
    }

    /// Says how the work stands, in a line for people.
    pub async fn progress(&self, note: impl Into<String>) -> Result<(), Error> {
        let note = Some(note.into());
        let progress = Progress { token: self.claimed.token, waiting_for: None, blocked_on: None, percent: None, note };
        self.client.progress(self.handoff(), &progress).await.map(|_| ())
    }

    /// Asks a person something. The token is filled in.
    pub async fn ask(&self, ask: Ask) -> Result<Asked, Error> {
        self.client.ask(self.handoff(), &Ask { token: self.claimed.token, ..ask }).await
    }

    /// Hands something out in the middle of the work. The token is filled in.
    pub async fn hand_out(&self, out: HandOut) -> Result<Offered, Error> {
        self.client.hand_out(self.handoff(), &HandOut { token: self.claimed.token, ..out }).await
    }

    /// A result with nothing beside it, to be filled with what else belongs to it.
    pub fn result(&self, result: Value) -> Complete {
        Complete {
            token: self.claimed.token,
            result,
            items: Vec::new(),
            discharged: Vec::new(),
            dropped: Vec::new(),
            effects: None,
            usage: Usage::default(),
            provenance: None,
            confidence: None,
            verdict: None,
            next: None,
        }
    }

    /// Gives the result, and hands on in the same commit if it says so.
    pub async fn complete(&self, complete: &Complete) -> Result<Completed, Error> {
        self.client.complete(self.handoff(), complete).await
    }

    /// Says that this attempt did not succeed.
    pub async fn fail(&self, message: impl Into<String>, retryable: bool) -> Result<(), Error> {
        let fail = Fail {
            token: self.claimed.token,
            kind: "failed".to_owned(),
            message: message.into(),
            retryable,
            attempted: None,
            hint: None,
            usage: Usage::default(),
        };
        self.client.fail(self.handoff(), &fail).await.map(|_| ())
    }

    /// Does something outside at most once, over all attempts, and gives what came of it. If an earlier
    /// attempt was cut short in the middle of it, `look` finds out whether it happened; `act` does it, and
    /// says with an error that it did not happen.
    pub async fn effect<Look, Act>(
        &self,
        effect: Guarded<'_>,
        look: impl FnOnce() -> Look,
        act: impl FnOnce() -> Act,
    ) -> Result<Value, Error>
    where
        Look: Future<Output = Option<Value>>,
        Act: Future<Output = Result<Value, String>>,
    {
        let announced = EffectBegin {
            token: self.claimed.token,
            name: effect.name.to_owned(),
            key: Some(effect.key.to_owned()),
            ordinal: 0,
            arguments: effect.arguments.clone(),
            reconcile: Reconciler::Agent,
        };
        let mut begun = self.client.begin_effect(self.handoff(), &announced).await;
        if begun.as_ref().is_err_and(|error| error.code() == Some(UNKNOWN)) {
            let seen = look().await;
            let happened = seen.is_some();
            self.client.reconcile_effect(self.handoff(), &self.end(&effect, happened, seen.clone())).await?;
            if let Some(result) = seen {
                return Ok(result);
            }
            begun = self.client.begin_effect(self.handoff(), &announced).await;
        }
        let begun = begun?;
        if !begun.proceed {
            return Ok(begun.result.unwrap_or_default());
        }
        match act().await {
            Ok(result) => {
                self.client.finish_effect(self.handoff(), &self.end(&effect, true, Some(result.clone()))).await?;
                Ok(result)
            }
            Err(why) => {
                self.client.finish_effect(self.handoff(), &self.end(&effect, false, None)).await?;
                Err(Error::NotDone(why))
            }
        }
    }

    fn end(&self, effect: &Guarded<'_>, happened: bool, result: Option<Value>) -> EffectEnd {
        let (name, key) = (effect.name.to_owned(), Some(effect.key.to_owned()));
        EffectEnd { token: self.claimed.token, name, key, ordinal: 0, happened, result }
    }

    /// Ends as a worker's function says.
    pub(crate) async fn ended(&self, ending: Result<Ending, Error>) -> Result<(), Error> {
        match ending {
            Ok(Ending::Result(result)) => self.complete(&self.result(result)).await.map(|_| ()),
            Ok(Ending::Failed { message, retryable }) => self.fail(message, retryable).await,
            Ok(Ending::Said) => Ok(()),
            Err(error) if error.is_lost() => Err(error),
            // Somebody else, or a later attempt, may be luckier.
            Err(error) => self.fail(error.to_string(), true).await,
        }
    }

    /// Sends heartbeats, and ends when the work is somebody else's.
    pub(crate) async fn beat_until_lost(&self) {
        // Two beats may get lost before the lease does.
        let pause = Duration::from_millis(self.claimed.lease_ms.0 / 3);
        loop {
            tokio::time::sleep(pause).await;
            if self.heartbeat().await.is_err_and(|error| error.is_lost()) {
                return;
            }
        }
    }

    fn held(&self) -> Held {
        Held { token: self.claimed.token }
    }
}
