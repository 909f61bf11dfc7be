//! Commands under way: futures that the world polls by hand, one turn at a time.
//!
//! Nobody is called from inside another: a caller hands its command in and gets the answer in a later
//! turn, or never. What becomes of the answer is the caller's business.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use handclasp_core::Reply;
use handclasp_core::blob::Blobs;
use handclasp_core::command::{Command, Request};
use handclasp_core::id::{AgentName, RunId};
use handclasp_core::run::Slot;
use handclasp_core::time::{Millis, Timestamp};
use handclasp_engine::{Engine, EngineError, Rejection};
use handclasp_store::Dispatch;

use crate::laws::Asked;
use crate::team;

/// Who waits for an answer.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// An agent at work.
    Session(u64),
    /// Whoever would like to have a handoff.
    Claimer { by: AgentName, holder: String },
    /// A principal or a person; nothing depends on the answer.
    Person,
    /// The network brought it twice, or the caller has left.
    Nobody,
    /// The post.
    Post(RunId, Slot),
}

/// A command as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) request: Request,
    pub(crate) blobs: Blobs,
    pub(crate) moment: u64,
    pub(crate) at: Timestamp,
    pub(crate) known: bool,
    /// The how-manieth time.
    pub(crate) times: u32,
}

impl Sent {
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked { request: &self.request, moment: self.moment, at: self.at, known: self.known }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a command.
    Reply(Result<Reply, Rejection>),
    /// To a row that was attended to: how long to leave it alone.
    Attended(Result<Option<Millis>, EngineError>),
}

/// Something that is under way.
pub(crate) struct Call {
    pub(crate) caller: Caller,
    /// The command, unless it is the engine's own affair.
    pub(crate) sent: Option<Sent>,
    future: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

impl Call {
    pub(crate) fn submit(engine: &Engine, caller: Caller, sent: Sent) -> Self {
        let (engine, request, blobs) = (engine.clone(), sent.request.clone(), sent.blobs.clone());
        let future = Box::pin(async move { Answer::Reply(engine.submit(request, blobs).await) });
        Self { caller, sent: Some(sent), future }
    }

    pub(crate) fn attend(engine: &Engine, row: Dispatch) -> Self {
        let engine = engine.clone();
        let caller = Caller::Post(row.run, row.slot);
        Self { caller, sent: None, future: Box::pin(async move { Answer::Attended(engine.attend_to(&row).await) }) }
    }

    pub(crate) fn flush(engine: &Engine) -> Self {
        let engine = engine.clone();
        let future = Box::pin(async move { Answer::Attended(engine.flush().await.map(|()| None)) });
        Self { caller: Caller::Nobody, sent: None, future }
    }

    /// Whether an agent will act outside when this is answered.
    pub(crate) fn is_go_ahead(&self) -> bool {
        matches!(&self.sent, Some(Sent { request: Request { command: Command::EffectBegin { .. }, .. }, .. }))
    }

    /// One turn.
    pub(crate) fn poll(&mut self) -> Option<Answer> {
        poll(self.future.as_mut())
    }
}

/// A command in the name of somebody.
pub(crate) fn request(principal: &str, run: RunId, key: Option<String>, command: Command) -> Request {
    let principal = principal.parse().expect("principals have no blanks");
    let key = key.map(|key| key.parse().expect("keys are visible"));
    Request { tenant: team::tenant(), principal, run, key, command }
}

/// Polls a future once. Nobody is woken: the world comes back by itself.
pub(crate) fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}
