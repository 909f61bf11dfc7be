//! One turn of an agent that speaks the protocol.
//!
//! A loop over whatever happens first: the agent says something, a person answers, time is up, or
//! the work is taken away. While the process lives its lease is kept alive for it; a process that
//! hangs is ended by the turn's timeout, which does not run while a person is being waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{BoxFuture, OptionFuture};
use handclasp_core::Reply;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{AgentError, Answer, EffectId, EffectKey, EffectOutcome, ReadBack};
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::limits::Usage;
use handclasp_core::offer::Kind;
use handclasp_core::refusal::Refusal;
use handclasp_core::time::Millis;
use handclasp_engine::turn::Interruption;
use handclasp_engine::{Rejection, Turn};
use handclasp_store::Content;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::instance::Instance;
use crate::lines::Line;
use crate::tail::last_words;
use crate::wire::{self, Ending, Message, Worked};

/// A refused result is sent back to be mended so often; then the attempt has failed.
const MENDS_MAX: u32 = 2;

/// How long a cancelled agent may take to answer before its process is ended.
const CANCEL_PATIENCE: Duration = Duration::from_secs(2);

/// How long a process is kept waiting for a person. After that it makes room; the next attempt asks
/// the same and gets the answer at once.
const ASK_PATIENCE: Duration = Duration::from_mins(10);

type Waiting<'a> = BoxFuture<'a, Result<Option<Answer>, Rejection>>;

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
}

/// What a session comes to.
enum End {
    /// The turn is over and the process is fit for another.
    Warm,
    /// The turn is over; the process is not to be used again.
    Done,
    /// The attempt failed through the process.
    Broken { kind: &'static str, message: String, hint: &'static str },
}

/// Works one turn. Gives the process back if it can serve the run's next handoff.
pub(crate) async fn work(turn: Turn, mut instance: Instance, timeout: Millis) -> Option<Instance> {
    let open = instance.next_id();
    let mut session = Session { turn, instance, accepted: false, begun: BTreeMap::new(), spawned: 0, asked: 0, mends: 0, open };
    match session.run(timeout).await {
        End::Warm => return Some(session.instance),
        End::Done => session.instance.kill().await,
        End::Broken { kind, message, hint } => {
            session.instance.kill().await;
            let heard = last_words(&session.instance.stderr.rest().await);
            let message = if heard.is_empty() { message } else { format!("{message}; its last words were: {heard}") };
            session.fail(kind, message, Some(hint)).await;
        }
    }
    None
}

impl Session {
    async fn run(&mut self, timeout: Millis) -> End {
        let briefing = serde_json::to_value(self.turn.briefing()).expect("briefings serialise");
        let hello = wire::request(&self.open, "work", &briefing);
        let mut deadline = Instant::now() + Duration::from_millis(timeout.0);
        let mut beat = interval(Duration::from_millis((self.turn.lease().0 / 3).max(10)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let turn = self.turn.clone();
        let interrupted = turn.interrupted();
        tokio::pin!(interrupted);
        if let Some(end) = self.send(&hello, deadline).await {
            return end;
        }
        // The question that the agent waits for: its request, since when, and the answer to come.
        let mut pending: Option<(Value, Instant, Waiting<'_>)> = None;
        loop {
            let asking = pending.as_ref().map(|(_, since, _)| *since);
            let until = asking.map_or(deadline, |since| since + ASK_PATIENCE);
            let answered: OptionFuture<_> = pending.as_mut().map(|(_, _, answer)| answer).into();
            tokio::select! {
                biased;
                why = &mut interrupted => return self.leave(why).await,
                Some(answer) = answered => {
                    let (id, since, _) = pending.take().expect("it has just been answered");
                    // The time that a person took is not the agent's.
                    deadline += since.elapsed();
                    let outcome = self.told(answer).await;
                    if let Some(end) = self.send(&wire::response(&id, &outcome), deadline).await {
                        return end;
                    }
                }
                line = self.instance.line() => match self.heard(line, &turn, deadline).await {
                    Heard::End(end) => return end,
                    Heard::Go => {}
                    Heard::Wait(id, answer) => pending = Some((id, Instant::now(), answer)),
                },
                _ = beat.tick() => {
                    // If it is refused the work was taken away, which `interrupted` says as well.
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
            Ok(Err(_)) => Some(self.exited().await),
            Err(_) => Some(End::Broken {
                kind: "timed_out",
                message: "it does not read its standard input".to_owned(),
                hint: "read messages while working, or raise the agent's `timeout`",
            }),
        }
    }

    async fn heard<'t>(&mut self, line: Line, turn: &'t Turn, deadline: Instant) -> Heard<'t> {
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
                let _ = self.called(&method, params, turn).await;
                Heard::Go
            }
            Ok(Message::Request { id, method, params }) => match self.called(&method, params, turn).await {
                Called::Answer(outcome) => self.send(&wire::response(&id, &outcome), deadline).await.map_or(Heard::Go, Heard::End),
                Called::Wait(answer) => Heard::Wait(id, answer),
                Called::Over => Heard::End(End::Warm),
            },
        }
    }

    /// The answer to `work` or `mend`.
    async fn answered<'t>(&mut self, outcome: Result<Value, wire::Failure>, deadline: Instant) -> Heard<'t> {
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
        // What is on the way from stderr should be part of the record.
        tokio::task::yield_now().await;
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

    async fn rejected<'t>(&mut self, rejection: Rejection, deadline: Instant) -> Heard<'t> {
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
    async fn mend<'t>(
        &mut self,
        code: &str,
        message: &str,
        hint: &str,
        violations: &[handclasp_core::contract::Violation],
        deadline: Instant,
    ) -> Heard<'t> {
        if self.mends == MENDS_MAX {
            let message = format!("its result was refused {} times: {message} [{code}]", MENDS_MAX + 1);
            self.fail("refused", message, Some(hint)).await;
            return Heard::End(End::Warm);
        }
        self.mends += 1;
        self.open = self.instance.next_id();
        let request = wire::request(&self.open, "mend", &wire::to_mend(code, message, hint, violations));
        self.send(&request, deadline).await.map_or(Heard::Go, Heard::End)
    }

    /// A request or notification of the agent.
    async fn called<'t>(&mut self, method: &str, params: Value, turn: &'t Turn) -> Called<'t> {
        let outcome = match method {
            "accept" => self.accept(params).await,
            "decline" => match read::<wire::Decline>(method, params) {
                Ok(decline) => match turn.decline(decline.reason).await {
                    Ok(_) => return Called::Over,
                    Err(rejection) => Err(explained(&rejection)),
                },
                Err(problem) => Err(problem),
            },
            "heartbeat" => turn.heartbeat().await.map(|_| json!({})).map_err(|rejection| explained(&rejection)),
            "progress" | "ask" | "effect/begin" | "effect/finish" | "effect/reconcile" | "context/get" | "spawn" => {
                match self.accept_if_silent().await {
                    Err(rejection) => Err(explained(&rejection)),
                    Ok(()) if method == "ask" => return self.ask(params, turn).await,
                    Ok(()) => self.during(method, params).await,
                }
            }
            other => Err(wire::unknown_method(other)),
        };
        Called::Answer(outcome)
    }

    async fn accept(&mut self, params: Value) -> Result<Value, Value> {
        let accept: wire::Accept = read("accept", params)?;
        self.turn.accept(accept.read_back()).await.map_err(|rejection| explained(&rejection))?;
        self.accepted = true;
        Ok(json!({}))
    }

    /// Where no read-back is asked, silence is taken for "delivered", and never for "understood".
    async fn accept_if_silent(&mut self) -> Result<(), Rejection> {
        if !self.accepted && self.turn.briefing().read_back.level == ReadBackLevel::Off {
            self.turn.accept(ReadBack::delivered()).await?;
            self.accepted = true;
        }
        Ok(())
    }

    async fn ask<'t>(&mut self, params: Value, turn: &'t Turn) -> Called<'t> {
        let ask: wire::Ask = match read("ask", params) {
            Ok(ask) => ask,
            Err(problem) => return Called::Answer(Err(problem)),
        };
        let mut blobs = Blobs::default();
        let question = ask.question(&mut blobs);
        let ordinal = self.asked;
        self.asked += 1;
        match turn.ask(question, ordinal, None, blobs).await {
            Ok(Reply::Asked { answer: Some(answer), .. }) => Called::Answer(self.told(Ok(Some(answer))).await),
            Ok(Reply::Asked { interrupt, answer: None }) => Called::Wait(Box::pin(turn.answer(interrupt))),
            Ok(_) => Called::Answer(Err(wire::failed("the question got no id"))),
            Err(rejection) => Called::Answer(Err(explained(&rejection))),
        }
    }

    /// An answer, as the agent is told.
    async fn told(&self, answer: Result<Option<Answer>, Rejection>) -> Result<Value, Value> {
        match answer {
            Ok(Some(answer)) => {
                let text = match answer.text {
                    Some(text) => self.value(text.digest).await?,
                    None => Value::Null,
                };
                Ok(json!({ "choice": answer.choice, "text": text }))
            }
            Ok(None) => Err(wire::failed("the question was withdrawn")),
            Err(rejection) => Err(explained(&rejection)),
        }
    }

    async fn value(&self, digest: Digest) -> Result<Value, Value> {
        match self.turn.content(digest).await.map_err(|rejection| explained(&rejection))? {
            Content::Bytes(bytes) => Ok(shown(&bytes)),
            Content::Erased => Ok(json!({ "erased": digest })),
            Content::Missing => Err(wire::bad_params("context/get", "there is no such content in this run")),
        }
    }

    /// What an agent does in the middle of its work.
    async fn during(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        match method {
            "progress" => {
                let progress: wire::Progress = read(method, params)?;
                self.turn.progress(progress.state()).await.map(|_| json!({})).map_err(|rejection| explained(&rejection))
            }
            "effect/begin" => self.effect_begin(read(method, params)?).await,
            "effect/finish" | "effect/reconcile" => self.effect_end(method, read(method, params)?).await,
            "context/get" => match read(method, params)? {
                wire::ContextGet::Digest(digest) => Ok(json!({ "value": self.carried(digest).await? })),
                wire::ContextGet::Item(item) => match self.turn.item(item).await.map_err(|rejection| explained(&rejection))? {
                    Content::Bytes(bytes) => Ok(json!({ "value": shown(&bytes) })),
                    Content::Erased => Ok(json!({ "value": { "erased": item } })),
                    Content::Missing => Err(wire::bad_params(method, "the briefing carries no such item")),
                },
            },
            _ => {
                let spawn: wire::HandOn = read(method, params)?;
                let mut blobs = Blobs::default();
                let offer = spawn.offer(Kind::Route, &mut blobs).map_err(|problem| wire::bad_params(method, &problem))?;
                let ordinal = self.spawned;
                let reply = self.turn.spawn(offer, ordinal, blobs).await.map_err(|rejection| explained(&rejection))?;
                self.spawned += 1;
                match reply {
                    Reply::Offered { handoff } => Ok(json!({ "handoff": handoff })),
                    _ => Err(wire::failed("the spawned work got no id")),
                }
            }
        }
    }

    /// A content by its digest, if the briefing names it: a role cannot see what was withheld.
    async fn carried(&self, digest: Digest) -> Result<Value, Value> {
        let briefing = self.turn.briefing();
        let known = briefing.read_back.payload == Some(digest)
            || briefing.items.iter().any(|item| Digest::of_json(&item.value) == digest)
            || [Some(&briefing.task), Some(&briefing.payload), briefing.intent.as_ref()]
                .into_iter()
                .flatten()
                .any(|value| Digest::of_json(value) == digest);
        if known { self.value(digest).await } else { Err(wire::bad_params("context/get", "the briefing names no such content")) }
    }

    async fn effect_begin(&mut self, begin: wire::EffectBegin) -> Result<Value, Value> {
        let ordinal = self.begun.get(&begin.name).copied().unwrap_or(0);
        let key = begin.key.map_or(EffectKey::Ordinal(ordinal), EffectKey::Business);
        let counted = matches!(key, EffectKey::Ordinal(_));
        let effect = EffectId { name: begin.name.clone(), key };
        let arguments = Digest::of_json(&begin.arguments);
        let reply = self.turn.effect_begin(effect, arguments, begin.reconcile).await.map_err(|rejection| explained(&rejection))?;
        if counted {
            self.begun.insert(begin.name, ordinal + 1);
        }
        match reply {
            Reply::EffectKnown { outcome: EffectOutcome::Happened(result), .. } => {
                let result = match result {
                    Some(result) => self.value(result.digest).await?,
                    None => Value::Null,
                };
                Ok(json!({ "proceed": false, "happened": true, "result": result }))
            }
            _ => Ok(json!({ "proceed": true })),
        }
    }

    async fn effect_end(&mut self, method: &str, end: wire::EffectEnd) -> Result<Value, Value> {
        let begun = self.begun.get(&end.name).copied().unwrap_or(0);
        let reconciles = method == "effect/reconcile";
        // The one that was begun last; a reconciliation is about the one that could not begin.
        let ordinal = if reconciles { begun } else { begun.saturating_sub(1) };
        let key = end.key.clone().map_or(EffectKey::Ordinal(ordinal), EffectKey::Business);
        let effect = EffectId { name: end.name.clone(), key };
        let mut blobs = Blobs::default();
        let outcome = end.outcome(&mut blobs);
        let reply = if reconciles {
            self.turn.effect_reconcile(effect, outcome, blobs).await
        } else {
            self.turn.effect_finish(effect, outcome, blobs).await
        };
        reply.map(|_| json!({})).map_err(|rejection| explained(&rejection))
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
enum Heard<'t> {
    Go,
    Wait(Value, Waiting<'t>),
    End(End),
}

/// What came of a request.
enum Called<'t> {
    Answer(Result<Value, Value>),
    Wait(Waiting<'t>),
    Over,
}

fn read<T: DeserializeOwned>(method: &str, params: Value) -> Result<T, Value> {
    serde_json::from_value(params).map_err(|error| wire::bad_params(method, &error.to_string()))
}

fn explained(rejection: &Rejection) -> Value {
    match rejection {
        Rejection::Refused(refusal) => wire::refused(refusal),
        Rejection::Failed(error) => wire::failed(&error.to_string()),
    }
}

fn shown(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
