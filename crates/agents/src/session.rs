//! One turn of an agent that speaks the protocol.
//!
//! A loop over whatever happens first: the agent says something, a person answers, time is up, or
//! the work is taken away. While the process lives its lease is kept alive for it; a process that
//! hangs is ended by the turn's timeout, which does not run while a person is being waited for.

mod calls;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use handclasp_core::Reply;
use handclasp_core::command::{AgentError, Answer};
use handclasp_core::limits::Usage;
use handclasp_core::refusal::Refusal;
use handclasp_core::time::Millis;
use handclasp_engine::turn::{Interruption, Watch};
use handclasp_engine::{Rejection, Turn};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use self::calls::Called;
use crate::instance::Instance;
use crate::lines::Line;
use crate::tail::last_words;
use crate::warm::Place;
use crate::wire::{self, Ending, Message, Worked};

/// A refused result is sent back to be mended so often; then the attempt has failed.
const MENDS_MAX: u32 = 2;

/// How long a cancelled agent may take to answer before its process is ended.
const CANCEL_PATIENCE: Duration = Duration::from_secs(2);

/// How long a process is kept waiting for a person. After that it makes room; the next attempt asks
/// the same and gets the answer at once.
const ASK_PATIENCE: Duration = Duration::from_mins(10);

type Waiting = Watch<Result<Option<Answer>, Rejection>>;

struct Session {
    turn: Turn,
    instance: Instance,
    accepted: bool,
    /// Effects begun so far in this attempt, by name: what an effect without a key is numbered by.
    begun: BTreeMap<String, u32>,
    spawned: u32,
    asked: u32,
    mends: u32,
    /// The id of the request that the agent has to answer.
    open: String,
    place: Arc<Place>,
}

/// What a session comes to.
enum End {
    /// The turn is over and the process is fit for another.
    Warm,
    /// The turn is over; the process is not to be used again.
    Done,
    /// The process had ended while it waited for work: it was asked for nothing.
    NotAsked,
    /// The attempt failed through the process.
    Broken { kind: &'static str, message: String, hint: &'static str },
}

/// What a turn leaves behind.
pub(crate) enum Left {
    /// A process that is fit for another turn.
    Warm(Instance),
    /// The turn is over, and so is the process.
    Gone,
    /// The turn has not begun: the process had ended before. Another one can work it.
    NotAsked,
}

/// Works one turn. Tells its place when the process is about to be free.
pub(crate) async fn work(turn: Turn, mut instance: Instance, timeout: Millis, place: Arc<Place>) -> Left {
    let open = instance.next_id();
    let mut session = Session { turn, instance, accepted: false, begun: BTreeMap::new(), spawned: 0, asked: 0, mends: 0, open, place };
    match session.run(timeout).await {
        End::Warm => return Left::Warm(session.instance),
        End::Done => session.instance.kill().await,
        End::NotAsked => {
            session.instance.kill().await;
            return Left::NotAsked;
        }
        End::Broken { kind, message, hint } => {
            session.instance.kill().await;
            let heard = last_words(&session.instance.stderr.rest().await);
            let message = if heard.is_empty() { message } else { format!("{message}; its last words were: {heard}") };
            session.fail(kind, message, Some(hint)).await;
        }
    }
    Left::Gone
}

impl Session {
    async fn run(&mut self, timeout: Millis) -> End {
        let briefing = serde_json::to_value(self.turn.briefing()).expect("briefings serialise");
        let hello = wire::request(&self.open, "work", &briefing);
        let mut deadline = Instant::now() + Duration::from_millis(timeout.0);
        let mut beat = interval(Duration::from_millis((self.turn.lease().0 / 3).max(10)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut interruption = self.turn.interruption();
        if let Some(end) = self.send(&hello, deadline).await {
            return end;
        }
        // The question that the agent waits for: its request, since when, and the answer to come.
        let mut pending: Option<(Value, Instant, Waiting)> = None;
        loop {
            let asking = pending.as_ref().map(|(_, since, _)| *since);
            let until = asking.map_or(deadline, |since| since + ASK_PATIENCE);
            let answered: OptionFuture<_> = pending.as_mut().map(|(_, _, answer)| answer.seen()).into();
            tokio::select! {
                biased;
                why = interruption.seen() => return self.leave(why).await,
                Some(answer) = answered => {
                    let (id, since, _) = pending.take().expect("it has just been answered");
                    // The time that a person took is not the agent's.
                    deadline += since.elapsed();
                    let outcome = self.told(answer).await;
                    if let Some(end) = self.send(&wire::response(&id, &outcome), deadline).await {
                        return end;
                    }
                }
                line = self.instance.line() => match self.heard(line, deadline).await {
                    Heard::End(end) => return end,
                    Heard::Go => {}
                    Heard::Wait(id, answer) => pending = Some((id, Instant::now(), answer)),
                },
                _ = beat.tick() => {
                    // If it is refused the work was taken away, which the watch says as well.
                    let _ = self.turn.heartbeat().await;
                }
                () = sleep_until(until) => {
                    if asking.is_some() {
                        return self.leave(Interruption::ShuttingDown).await;
                    }
                    let message = format!("it was not done within {timeout}");
                    return End::Broken { kind: "timed_out", message, hint: "make it faster, or raise the agent's `timeout`" };
                }
            }
        }
    }

    /// Writes to the agent. An agent that has stopped reading does not hold up the turn for ever.
    async fn send(&mut self, bytes: &[u8], deadline: Instant) -> Option<End> {
        match tokio::time::timeout_at(deadline, self.instance.write(bytes)).await {
            Ok(Ok(())) => None,
            // It may have read the beginning of a line, which asks for nothing.
            Ok(Err(_)) if self.instance.is_untried() => Some(End::NotAsked),
            Ok(Err(_)) => Some(self.exited().await),
            Err(_) => Some(End::Broken {
                kind: "timed_out",
                message: "it does not read its standard input".to_owned(),
                hint: "read messages while working, or raise the agent's `timeout`",
            }),
        }
    }

    async fn heard(&mut self, line: Line, deadline: Instant) -> Heard {
        let line = match line {
            Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => return Heard::Go,
            Line::Whole(line) => line,
            Line::End | Line::Broken => return Heard::End(self.exited().await),
            Line::TooLong => {
                let message = format!("a line on standard output is longer than {} bytes", crate::lines::LINE_BYTES_MAX);
                return Heard::End(End::Broken { kind: "line_too_long", message, hint: "put large content into several items" });
            }
        };
        match wire::message(&line) {
            Err(message) => {
                Heard::End(End::Broken { kind: "garbage", message, hint: "standard output is for messages only; print to standard error" })
            }
            Ok(Message::Response { id, outcome }) => {
                if id == Value::String(self.open.clone()) {
                    return self.answered(outcome, deadline).await;
                }
                let message = format!("it answered request {id}, which it was not asked; `{}` is open", self.open);
                Heard::End(End::Broken { kind: "wrong_id", message, hint: "answer with the `id` of the request" })
            }
            Ok(Message::Notification { method, params }) => {
                // Nobody waits for what became of it.
                let called = self.called(&method, params).await;
                if matches!(called, Called::Over) { Heard::End(End::Warm) } else { Heard::Go }
            }
            Ok(Message::Request { id, method, params }) => match self.called(&method, params).await {
                Called::Answer(outcome) => self.send(&wire::response(&id, &outcome), deadline).await.map_or(Heard::Go, Heard::End),
                Called::Wait(answer) => Heard::Wait(id, answer),
                Called::Over => {
                    // It is told so, or it would take the next `work` for the answer that it waits for.
                    let told = self.send(&wire::response(&id, &Ok(json!({}))), deadline).await;
                    Heard::End(if told.is_none() { End::Warm } else { End::Done })
                }
            },
        }
    }

    /// The answer to `work` or `mend`.
    async fn answered(&mut self, outcome: Result<Value, wire::Failure>, deadline: Instant) -> Heard {
        self.place.closes(true);
        let value = match outcome {
            Ok(value) => value,
            Err(failure) if self.mends > 0 && failure.knows_no_such_method() => {
                self.fail("not_mended", "its result was refused and it cannot mend results".to_owned(), None).await;
                return Heard::End(End::Warm);
            }
            Err(failure) => {
                let (error, usage) = failure.into_error();
                self.record_failure(error, usage).await;
                return Heard::End(End::Warm);
            }
        };
        let heard = self.instance.stderr.take();
        let ending = match Worked::ending(value, &heard) {
            Ok(ending) => ending,
            Err(problem) => return self.mend("HC-042", &problem, "see docs/agent-protocol.md", &[], deadline).await,
        };
        if let Err(rejection) = self.accept_if_silent().await {
            return self.rejected(rejection, deadline).await;
        }
        let submitted = match ending {
            Ending::Complete(completion, blobs) => self.turn.complete(*completion, blobs).await,
            Ending::Delegate(offer, continuation, blobs) => self.turn.delegate(*offer, continuation, blobs).await,
            Ending::Park(question, continuation, blobs) => {
                let park = Some(handclasp_core::command::Park { continuation });
                self.turn.ask(question, self.asked, park, blobs).await
            }
        };
        match submitted {
            // A question that was answered before needs no wait, so there is nothing to wake for.
            Ok(Reply::Asked { answer: Some(_), .. }) => {
                self.fail("answered_before", "it parked on a question that has its answer".to_owned(), Some("look into `answers` first"))
                    .await;
                Heard::End(End::Warm)
            }
            Ok(_) => Heard::End(End::Warm),
            Err(rejection) => self.rejected(rejection, deadline).await,
        }
    }

    async fn rejected(&mut self, rejection: Rejection, deadline: Instant) -> Heard {
        match rejection {
            // Somebody else has it now; nothing that we say counts.
            Rejection::Refused(Refusal::StaleLease { .. } | Refusal::RunClosed) => Heard::End(End::Done),
            Rejection::Refused(refusal) => {
                self.mend(refusal.code(), &refusal.to_string(), refusal.hint(), refusal.violations(), deadline).await
            }
            Rejection::Failed(error) => {
                tracing::error!(handoff = %self.turn.handoff(), %error, "a result could not be recorded");
                Heard::End(End::Done)
            }
        }
    }

    /// Sends a result back to be mended, a bounded number of times.
    async fn mend(
        &mut self,
        code: &str,
        message: &str,
        hint: &str,
        violations: &[handclasp_core::contract::Violation],
        deadline: Instant,
    ) -> Heard {
        if self.mends == MENDS_MAX {
            let message = format!("its result was refused {} times: {message} [{code}]", MENDS_MAX + 1);
            self.fail("refused", message, Some(hint)).await;
            return Heard::End(End::Warm);
        }
        self.place.closes(false);
        self.mends += 1;
        self.open = self.instance.next_id();
        let request = wire::request(&self.open, "mend", &wire::to_mend(code, message, hint, violations));
        self.send(&request, deadline).await.map_or(Heard::Go, Heard::End)
    }

    /// The work was taken away, or the engine closes.
    async fn leave(&mut self, why: Interruption) -> End {
        let reason = match why {
            Interruption::TakenAway => "the work was taken away",
            Interruption::ShuttingDown => "the engine is shutting down",
        };
        let cancel = wire::notification("cancel", &json!({ "handoff": self.turn.handoff(), "reason": reason }));
        let told = self.instance.write(&cancel).await.is_ok();
        if why == Interruption::ShuttingDown {
            if let Err(error) = self.turn.release().await {
                tracing::debug!(handoff = %self.turn.handoff(), %error, "a handoff could not be given back");
            }
            return End::Done;
        }
        if told && tokio::time::timeout(CANCEL_PATIENCE, self.wait_for_answer()).await == Ok(true) { End::Warm } else { End::Done }
    }

    /// Waits for a cancelled agent to answer `work`; everything else that it says is dropped.
    async fn wait_for_answer(&mut self) -> bool {
        loop {
            match self.instance.line().await {
                Line::Whole(line) => match wire::message(&line) {
                    Ok(Message::Response { id, .. }) if id == Value::String(self.open.clone()) => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                },
                Line::TooLong | Line::End | Line::Broken => return false,
            }
        }
    }

    async fn exited(&mut self) -> End {
        let status = self.instance.ended().await;
        let how = status.map_or_else(|| "it closed its output and had to be ended".to_owned(), |status| format!("it ended with {status}"));
        End::Broken {
            kind: "exited",
            message: format!("{how} before it answered"),
            hint: "see its last words; the protocol keeps a process until its input ends",
        }
    }

    async fn fail(&self, kind: &str, message: String, hint: Option<&str>) {
        let error = AgentError { kind: kind.to_owned(), message, retryable: true, attempted: None, hint: hint.map(str::to_owned) };
        self.record_failure(error, Usage::default()).await;
    }

    async fn record_failure(&self, mut error: AgentError, usage: Usage) {
        error.message = crate::tail::last_words(&error.message);
        match self.turn.fail(error, usage).await {
            Ok(_) | Err(Rejection::Refused(_)) => {}
            Err(error) => tracing::error!(handoff = %self.turn.handoff(), %error, "a failure could not be recorded"),
        }
    }
}

/// What came of a line.
enum Heard {
    Go,
    Wait(Value, Waiting),
    End(End),
}
