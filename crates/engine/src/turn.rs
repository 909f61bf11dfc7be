//! A turn: one claimed handoff in the hands of a driver, with everything that it may do.
//!
//! Every method is a command through [`Engine::submit`] under the turn's own fencing token; the turn
//! adds nothing to the rules. What the rules refuse comes back as a refusal, to be shown to the agent.

use std::sync::Arc;

use handclasp_briefing::Briefing;
use handclasp_core::Reply;
use handclasp_core::blob::{BlobRef, Blobs, Digest};
use handclasp_core::command::{
    AgentError, Answer, Command, Completion, EffectId, EffectOutcome, Park, Question, ReadBack, Reconciler, Request, WorkState,
};
use handclasp_core::id::{AgentName, HandoffId, InterruptId, ItemId, Principal, Tenant, Token};
use handclasp_core::limits::Usage;
use handclasp_core::offer::{By, Mode, Offer};
use handclasp_core::run::InterruptState;
use handclasp_core::time::Millis;
use handclasp_store::Content;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::engine::Engine;
use crate::error::Rejection;

/// One claimed handoff in the hands of a driver.
#[derive(Clone)]
pub struct Turn {
    engine: Engine,
    tenant: Tenant,
    principal: Principal,
    handoff: HandoffId,
    token: Token,
    lease: Millis,
    briefing: Arc<Briefing>,
    closing: watch::Receiver<bool>,
}

/// Something that is watched in a task of its own, until it comes or the watch is dropped.
pub struct Watch<T>(JoinSet<T>);

impl<T: Send + 'static> Watch<T> {
    fn on(what: impl Future<Output = T> + Send + 'static) -> Self {
        let mut task = JoinSet::new();
        task.spawn(what);
        Self(task)
    }

    /// Ends when it has come. Can be asked again if nobody waited for the answer.
    pub async fn seen(&mut self) -> T {
        match self.0.join_next().await {
            Some(Ok(seen)) => seen,
            // Seen before, or its task broke: then there is nothing to come any more.
            Some(Err(_)) | None => std::future::pending().await,
        }
    }
}

/// Why a turn is over although its driver has not ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The handoff was taken away: cancelled, overdue, or with somebody else.
    TakenAway,
    /// The engine is shutting down.
    ShuttingDown,
}

impl Turn {
    pub(crate) fn new(
        engine: Engine,
        tenant: Tenant,
        handoff: HandoffId,
        token: Token,
        lease: Millis,
        briefing: Briefing,
        closing: watch::Receiver<bool>,
    ) -> Self {
        let principal = format!("agent:{}", briefing.agent).parse().expect("agent names have no blanks");
        Self { engine, tenant, principal, handoff, token, lease, briefing: Arc::new(briefing), closing }
    }

    /// What the agent gets.
    pub fn briefing(&self) -> &Briefing {
        &self.briefing
    }

    /// Whose data.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Which agent.
    pub fn agent(&self) -> &AgentName {
        &self.briefing.agent
    }

    /// Which handoff.
    pub fn handoff(&self) -> HandoffId {
        self.handoff
    }

    /// How long the lease lasts without a heartbeat.
    pub fn lease(&self) -> Millis {
        self.lease
    }

    async fn submit(&self, command: Command, blobs: Blobs) -> Result<Reply, Rejection> {
        let request = Request { tenant: self.tenant.clone(), principal: self.principal.clone(), run: self.handoff.run, key: None, command };
        self.engine.submit(request, blobs).await
    }

    /// Accepts.
    pub async fn accept(&self, read_back: ReadBack) -> Result<Reply, Rejection> {
        self.submit(Command::Accept { handoff: self.handoff, token: self.token, read_back }, Blobs::default()).await
    }

    /// Declines.
    pub async fn decline(&self, reason: String) -> Result<Reply, Rejection> {
        self.submit(Command::Decline { handoff: self.handoff, token: self.token, reason }, Blobs::default()).await
    }

    /// Gives it back unfinished.
    pub async fn release(&self) -> Result<Reply, Rejection> {
        self.submit(Command::Release { handoff: self.handoff, token: self.token }, Blobs::default()).await
    }

    /// Says "still here".
    pub async fn heartbeat(&self) -> Result<Reply, Rejection> {
        self.submit(Command::Heartbeat { handoff: self.handoff, token: self.token }, Blobs::default()).await
    }

    /// Says how the work stands.
    pub async fn progress(&self, state: WorkState) -> Result<Reply, Rejection> {
        self.submit(Command::Progress { handoff: self.handoff, token: self.token, state }, Blobs::default()).await
    }

    /// Asks a person. The answer may be there already.
    pub async fn ask(&self, question: Question, ordinal: u32, park: Option<Park>, blobs: Blobs) -> Result<Reply, Rejection> {
        self.submit(Command::Ask { handoff: self.handoff, token: self.token, question, ordinal, park }, blobs).await
    }

    /// Announces an effect. `blobs` brings the arguments.
    pub async fn effect_begin(
        &self,
        effect: EffectId,
        arguments: BlobRef,
        reconcile: Reconciler,
        blobs: Blobs,
    ) -> Result<Reply, Rejection> {
        let command = Command::EffectBegin { handoff: self.handoff, token: self.token, effect, arguments, reconcile };
        self.submit(command, blobs).await
    }

    /// Records what came of an effect.
    pub async fn effect_finish(&self, effect: EffectId, outcome: EffectOutcome, blobs: Blobs) -> Result<Reply, Rejection> {
        self.submit(Command::EffectFinish { handoff: self.handoff, token: self.token, effect, outcome }, blobs).await
    }

    /// Records what was found out about an effect.
    pub async fn effect_reconcile(&self, effect: EffectId, outcome: EffectOutcome, blobs: Blobs) -> Result<Reply, Rejection> {
        self.submit(Command::EffectReconcile { handoff: self.handoff, token: self.token, effect, outcome }, blobs).await
    }

    /// Gives the result.
    pub async fn complete(&self, completion: Completion, blobs: Blobs) -> Result<Reply, Rejection> {
        self.submit(Command::Complete { handoff: self.handoff, token: self.token, completion: Box::new(completion) }, blobs).await
    }

    /// Says that the attempt failed.
    pub async fn fail(&self, error: AgentError, usage: Usage) -> Result<Reply, Rejection> {
        self.submit(Command::Fail { handoff: self.handoff, token: self.token, error, usage }, Blobs::default()).await
    }

    /// Delegates and waits.
    pub async fn delegate(&self, offer: Offer, continuation: Option<BlobRef>, blobs: Blobs) -> Result<Reply, Rejection> {
        let by = By::Holder { handoff: self.handoff, token: self.token };
        self.submit(Command::Offer { by, mode: Mode::Delegate, offer: Box::new(offer), continuation, ordinal: 0 }, blobs).await
    }

    /// Spawns other work and goes on.
    pub async fn spawn(&self, offer: Offer, ordinal: u32, blobs: Blobs) -> Result<Reply, Rejection> {
        let by = By::Holder { handoff: self.handoff, token: self.token };
        self.submit(Command::Offer { by, mode: Mode::Spawn, offer: Box::new(offer), continuation: None, ordinal }, blobs).await
    }

    /// One content of the run.
    pub async fn content(&self, digest: Digest) -> Result<Content, Rejection> {
        Ok(self.engine.content(&self.tenant, self.handoff.run, digest).await?)
    }

    /// The content of an item that the briefing carried.
    pub async fn item(&self, item: ItemId) -> Result<Content, Rejection> {
        let carried = self.briefing.items.iter().any(|known| known.id == item);
        let look = |run: &handclasp_core::Run| run.ledger.item(item).map(|item| item.content.value.digest);
        let digest = if carried { self.engine.inspect(&self.tenant, self.handoff.run, look).await?.flatten() } else { None };
        match digest {
            Some(digest) => self.content(digest).await,
            None => Ok(Content::Missing),
        }
    }

    /// Ends with the answer to a question, once there is one; `None` if it was withdrawn. Watches in a
    /// task of its own.
    pub fn answer(&self, interrupt: InterruptId) -> Watch<Result<Option<Answer>, Rejection>> {
        let turn = self.clone();
        Watch::on(async move { turn.answered(interrupt).await })
    }

    async fn answered(&self, interrupt: InterruptId) -> Result<Option<Answer>, Rejection> {
        let look = |run: &handclasp_core::Run| match run.interrupt(interrupt).map(|interrupt| &interrupt.state) {
            Some(InterruptState::Open) => None,
            Some(InterruptState::Resolved(answer)) => Some(Some(answer.clone())),
            Some(InterruptState::Withdrawn) | None => Some(None),
        };
        let mut commits = self.engine.watch();
        loop {
            if let Some(known) = self.engine.inspect(&self.tenant, self.handoff.run, look).await?.flatten() {
                return Ok(known);
            }
            self.next_commit(&mut commits).await;
        }
    }

    /// Ends when the turn is over without its driver's doing. Watches in a task of its own, so that a
    /// driver may do other things with the turn meanwhile.
    pub fn interruption(&self) -> Watch<Interruption> {
        let turn = self.clone();
        Watch::on(async move { turn.interrupted().await })
    }

    async fn interrupted(&self) -> Interruption {
        let mut closing = self.closing.clone();
        let mut commits = self.engine.watch();
        let token = self.token;
        let handoff = self.handoff;
        loop {
            let look = move |run: &handclasp_core::Run| {
                run.handoff(handoff).and_then(|handoff| handoff.phase.lease()).is_some_and(|lease| lease.token == token)
            };
            // A store that does not answer is no reason to stop an agent that works.
            let held = self.engine.inspect(&self.tenant, self.handoff.run, look).await;
            if matches!(held, Ok(Some(false) | None)) {
                return Interruption::TakenAway;
            }
            tokio::select! {
                closed = closing.wait_for(|closing| *closing) => {
                    let _ = closed;
                    return Interruption::ShuttingDown;
                }
                () = self.next_commit(&mut commits) => {}
            }
        }
    }

    /// Ends with the next commit of this run, or when some may have been missed.
    async fn next_commit(&self, commits: &mut tokio::sync::broadcast::Receiver<crate::engine::Committed>) {
        loop {
            match commits.recv().await {
                Ok(commit) if commit.run != self.handoff.run || commit.tenant != self.tenant => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
