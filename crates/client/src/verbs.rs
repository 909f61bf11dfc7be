//! Every verb of the server, each with the types of the wire.
//!
//! One method for one endpoint, under the endpoint's name. What the holder of a claim says needs its
//! token; [`Work`](crate::Work) says the same without it.

use handclasp_briefing::Briefing;
use handclasp_core::contract::ContractId;
use handclasp_core::id::{AgentName, HandoffId, InterruptId, RunId};
use handclasp_wire::{
    Accept, Agent, Agents, Ask, Asked, Cancel, Claim, Claims, Complete, Completed, Contracts, DeadLetters, Decline, Diff, Differences,
    Done, Effect, EffectBegin, EffectEnd, Events, Fail, FindDeadLetters, FindEvents, FindItems, FindQuestions, FindRefusals, FindRuns,
    HandOut, Handoff, Health, Held, Inbox, Items, OfferIn, Offered, OpenRun, Opened, Progress, Publish, Published, Question, Redrive,
    RedriveMany, Redriven, Refusals, Register, Resolve, Resolved, RunView, Runs, Waiting,
};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::Error;

/// Nothing to ask for.
const NOTHING: [(); 0] = [];

impl Client {
    /// Opens a run, with a first handoff if you like.
    pub async fn open_run(&self, run: &OpenRun) -> Result<Opened, Error> {
        self.post("/v1/runs", run).await
    }

    /// Opens at most one run under this key of your own: the same again gives the same run.
    pub async fn open_run_under(&self, key: &str, run: &OpenRun) -> Result<Opened, Error> {
        self.answered(self.write_under(key, Method::POST, "/v1/runs", run)?).await
    }

    /// Lists runs, newest first.
    pub async fn list_runs(&self, find: &FindRuns) -> Result<Runs, Error> {
        self.get("/v1/runs", find).await
    }

    /// Shows a run; waits for its end if you like.
    pub async fn get_run(&self, run: RunId, wait_ms: u64) -> Result<RunView, Error> {
        self.get_waiting(&format!("/v1/runs/{run}"), wait_ms).await
    }

    /// Stops a run and everything in it.
    pub async fn cancel_run(&self, run: RunId, cancel: &Cancel) -> Result<Done, Error> {
        self.post(&format!("/v1/runs/{run}/cancel"), cancel).await
    }

    /// Hands work to somebody, on the run's own authority.
    pub async fn offer(&self, run: RunId, offer: &OfferIn) -> Result<Offered, Error> {
        self.post(&format!("/v1/runs/{run}/handoffs"), offer).await
    }

    /// Lists what the run knows.
    pub async fn list_items(&self, run: RunId, find: &FindItems) -> Result<Items, Error> {
        self.get(&format!("/v1/runs/{run}/items"), find).await
    }

    /// Shows a handoff; waits for its end if you like.
    pub async fn get_handoff(&self, handoff: HandoffId, wait_ms: u64) -> Result<Handoff, Error> {
        self.get_waiting(&format!("/v1/handoffs/{handoff}"), wait_ms).await
    }

    /// Shows what a handoff's receiver gets.
    pub async fn get_briefing(&self, handoff: HandoffId) -> Result<Briefing, Error> {
        self.get(&format!("/v1/handoffs/{handoff}/briefing"), &NOTHING).await
    }

    /// Sends a dead letter once more.
    pub async fn redrive(&self, handoff: HandoffId, redrive: &Redrive) -> Result<Offered, Error> {
        self.post(&format!("/v1/handoffs/{handoff}/redrive"), redrive).await
    }

    /// Stops a handoff and everything below it.
    pub async fn cancel_handoff(&self, handoff: HandoffId, cancel: &Cancel) -> Result<Done, Error> {
        self.post(&format!("/v1/handoffs/{handoff}/cancel"), cancel).await
    }

    /// Takes an agent's next work; waits for it if you like.
    pub async fn claim(&self, agent: &AgentName, claim: &Claim) -> Result<Claims, Error> {
        self.claim_under(&self.new_key(), agent, claim).await
    }

    /// The same under a key: asked again, it gives what it gave.
    pub(crate) async fn claim_under(&self, key: &str, agent: &AgentName, claim: &Claim) -> Result<Claims, Error> {
        let call = self.write_under(key, Method::POST, &format!("/v1/agents/{agent}/claims"), claim)?;
        self.answered(call.waiting(claim.wait_ms)).await
    }

    /// Says what was understood, and starts.
    pub async fn accept(&self, handoff: HandoffId, accept: &Accept) -> Result<Done, Error> {
        self.holder(handoff, "accept", accept).await
    }

    /// Hands it back at once, with a reason.
    pub async fn decline(&self, handoff: HandoffId, decline: &Decline) -> Result<Done, Error> {
        self.holder(handoff, "decline", decline).await
    }

    /// Gives it back unfinished, without counting an attempt.
    pub async fn release(&self, handoff: HandoffId, held: &Held) -> Result<Done, Error> {
        self.holder(handoff, "release", held).await
    }

    /// Says "still here".
    pub async fn heartbeat(&self, handoff: HandoffId, held: &Held) -> Result<Done, Error> {
        self.holder(handoff, "heartbeat", held).await
    }

    /// Says how the work stands.
    pub async fn progress(&self, handoff: HandoffId, progress: &Progress) -> Result<Done, Error> {
        self.holder(handoff, "progress", progress).await
    }

    /// Asks a person something.
    pub async fn ask(&self, handoff: HandoffId, ask: &Ask) -> Result<Asked, Error> {
        self.holder(handoff, "ask", ask).await
    }

    /// Announces a side effect before it happens.
    pub async fn begin_effect(&self, handoff: HandoffId, begin: &EffectBegin) -> Result<Effect, Error> {
        self.holder(handoff, "effects/begin", begin).await
    }

    /// Says how a side effect went.
    pub async fn finish_effect(&self, handoff: HandoffId, end: &EffectEnd) -> Result<Effect, Error> {
        self.holder(handoff, "effects/finish", end).await
    }

    /// Says what became of a side effect that was cut short.
    pub async fn reconcile_effect(&self, handoff: HandoffId, end: &EffectEnd) -> Result<Effect, Error> {
        self.holder(handoff, "effects/reconcile", end).await
    }

    /// Hands something out in the middle of the work: waits for it, or goes on.
    pub async fn hand_out(&self, handoff: HandoffId, out: &HandOut) -> Result<Offered, Error> {
        self.holder(handoff, "hand-out", out).await
    }

    /// Gives the result, and hands on in the same commit if you like.
    pub async fn complete(&self, handoff: HandoffId, complete: &Complete) -> Result<Completed, Error> {
        self.holder(handoff, "complete", complete).await
    }

    /// Says that this attempt did not succeed.
    pub async fn fail(&self, handoff: HandoffId, fail: &Fail) -> Result<Done, Error> {
        self.holder(handoff, "fail", fail).await
    }

    /// Says who an agent is.
    pub async fn register_agent(&self, agent: &AgentName, register: &Register) -> Result<Agent, Error> {
        self.answered(self.write(Method::PUT, &format!("/v1/agents/{agent}"), register)?).await
    }

    /// Forgets an agent; what waits for it goes on waiting.
    pub async fn remove_agent(&self, agent: &AgentName) -> Result<(), Error> {
        self.answered(self.write(Method::DELETE, &format!("/v1/agents/{agent}"), &NOTHING)?).await
    }

    /// Lists the agents, and how they stand.
    pub async fn list_agents(&self) -> Result<Agents, Error> {
        self.get("/v1/agents", &NOTHING).await
    }

    /// Shows an agent, and how it stands.
    pub async fn get_agent(&self, agent: &AgentName) -> Result<Agent, Error> {
        self.get(&format!("/v1/agents/{agent}"), &NOTHING).await
    }

    /// Lists the contracts.
    pub async fn list_contracts(&self) -> Result<Contracts, Error> {
        self.get("/v1/contracts", &NOTHING).await
    }

    /// Publishes a contract; a breaking change under a compatible version is refused.
    pub async fn publish_contract(&self, publish: &Publish) -> Result<Published, Error> {
        self.post("/v1/contracts", publish).await
    }

    /// Shows a contract.
    pub async fn get_contract(&self, contract: &ContractId) -> Result<Published, Error> {
        self.get(&format!("/v1/contracts/{contract}"), &NOTHING).await
    }

    /// Says what changes between two schemas, and for whom it breaks.
    pub async fn diff_contracts(&self, diff: &Diff) -> Result<Differences, Error> {
        self.post("/v1/contracts/diff", diff).await
    }

    /// Lists the questions that nobody has answered.
    pub async fn list_questions(&self, find: &FindQuestions) -> Result<Inbox, Error> {
        self.get("/v1/inbox", find).await
    }

    /// Shows a question; waits for its answer if you like.
    pub async fn get_question(&self, question: InterruptId, wait_ms: u64) -> Result<Question, Error> {
        self.get_waiting(&format!("/v1/interrupts/{question}"), wait_ms).await
    }

    /// Answers a question, once.
    pub async fn resolve(&self, question: InterruptId, resolve: &Resolve) -> Result<Resolved, Error> {
        self.post(&format!("/v1/interrupts/{question}/resolve"), resolve).await
    }

    /// Lists the dead letters.
    pub async fn list_dead_letters(&self, find: &FindDeadLetters) -> Result<DeadLetters, Error> {
        self.get("/v1/dead-letters", find).await
    }

    /// Sends many dead letters once more.
    pub async fn redrive_many(&self, redrive: &RedriveMany) -> Result<Redriven, Error> {
        self.post("/v1/dead-letters/redrive", redrive).await
    }

    /// Lists events in the order in which they happened.
    pub async fn list_events(&self, find: &FindEvents) -> Result<Events, Error> {
        self.get("/v1/events", find).await
    }

    /// Lists what was refused lately.
    pub async fn list_refusals(&self, find: &FindRefusals) -> Result<Refusals, Error> {
        self.get("/v1/refusals", find).await
    }

    /// Whether the server takes work.
    pub async fn ready(&self) -> Result<Health, Error> {
        self.get("/ready", &NOTHING).await
    }

    async fn holder<A: DeserializeOwned>(&self, handoff: HandoffId, verb: &str, body: &impl Serialize) -> Result<A, Error> {
        self.post(&format!("/v1/handoffs/{handoff}/{verb}"), body).await
    }

    async fn get_waiting<A: DeserializeOwned>(&self, path: &str, wait_ms: u64) -> Result<A, Error> {
        let call = self.look(path, &Waiting { wait_ms })?;
        self.answered(call.waiting(wait_ms)).await
    }
}
