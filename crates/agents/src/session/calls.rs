//! What an agent asks for during its turn: to accept, to ask a person, to guard an effect, to look
//! something up, to spawn.

use handclasp_core::Reply;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Answer, EffectId, EffectKey, EffectOutcome, ReadBack};
use handclasp_core::contract::ReadBackLevel;
use handclasp_core::offer::Kind;
use handclasp_engine::Rejection;
use handclasp_store::Content;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Session, Waiting};
use crate::wire;

/// What came of a request.
pub(super) enum Called {
    Answer(Result<Value, Value>),
    Wait(Waiting),
    Over,
}

impl Session {
    /// A request or notification of the agent.
    pub(super) async fn called(&mut self, method: &str, params: Value) -> Called {
        let outcome = match method {
            "accept" => self.accept(params).await,
            "decline" => match read::<wire::Decline>(method, params) {
                Ok(decline) => {
                    self.place.closes(true);
                    match self.turn.decline(decline.reason).await {
                        Ok(_) => return Called::Over,
                        Err(rejection) => {
                            self.place.closes(false);
                            Err(explained(&rejection))
                        }
                    }
                }
                Err(problem) => Err(problem),
            },
            "heartbeat" => self.turn.heartbeat().await.map(|_| json!({})).map_err(|rejection| explained(&rejection)),
            "progress" | "ask" | "effect/begin" | "effect/finish" | "effect/reconcile" | "context/get" | "spawn" => {
                match self.accept_if_silent().await {
                    Err(rejection) => Err(explained(&rejection)),
                    Ok(()) if method == "ask" => return self.ask(params).await,
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
    pub(super) async fn accept_if_silent(&mut self) -> Result<(), Rejection> {
        if !self.accepted && self.turn.briefing().read_back.level == ReadBackLevel::Off {
            self.turn.accept(ReadBack::delivered()).await?;
            self.accepted = true;
        }
        Ok(())
    }

    async fn ask(&mut self, params: Value) -> Called {
        let ask: wire::Ask = match read("ask", params) {
            Ok(ask) => ask,
            Err(problem) => return Called::Answer(Err(problem)),
        };
        let mut blobs = Blobs::default();
        let question = ask.question(&mut blobs);
        let ordinal = self.asked;
        self.asked += 1;
        match self.turn.ask(question, ordinal, None, blobs).await {
            Ok(Reply::Asked { answer: Some(answer), .. }) => Called::Answer(self.told(Ok(Some(answer))).await),
            Ok(Reply::Asked { interrupt, answer: None }) => Called::Wait(self.turn.answer(interrupt)),
            Ok(_) => Called::Answer(Err(wire::failed("the question got no id"))),
            Err(rejection) => Called::Answer(Err(explained(&rejection))),
        }
    }

    /// An answer, as the agent is told.
    pub(super) async fn told(&self, answer: Result<Option<Answer>, Rejection>) -> Result<Value, Value> {
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
        let mut blobs = Blobs::default();
        let arguments = blobs.json(&begin.arguments);
        let told = self.turn.effect_begin(effect, arguments, begin.reconcile, blobs).await;
        let reply = told.map_err(|rejection| explained(&rejection))?;
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
