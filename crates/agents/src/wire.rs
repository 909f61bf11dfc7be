//! The agent protocol's JSON, and nothing else that knows its field names.

use std::collections::BTreeSet;

use handclasp_core::blob::Digest;
use handclasp_core::blob::{BlobRef, Blobs};
use handclasp_core::command::{
    Activity, AgentError, Asking, Completion, DeclaredEffect, EffectOutcome, Question, ReadBack, Reconciler, Verdict, Voice, WorkState,
};
use handclasp_core::contract::{ContractId, ContractRange, ReadBackLevel, Violation};
use handclasp_core::id::{AgentName, Capability, ItemId, Role, StepName};
use handclasp_core::ledger::{ItemKind, NewItem, Settlement};
use handclasp_core::limits::Usage;
use handclasp_core::offer::{Kind, Offer, Reason, Receiver, Terms, WhenFull};
use handclasp_core::refusal::Refusal;
use handclasp_core::time::Millis;
use serde::Deserialize;
use serde_json::{Value, json};

/// The code of every error that an agent is sent, besides those of JSON-RPC itself.
const REFUSED: i64 = -32_000;
/// JSON-RPC: no such method.
const UNKNOWN_METHOD: i64 = -32_601;
/// JSON-RPC: the parameters do not fit.
const BAD_PARAMS: i64 = -32_602;

/// A message from an agent.
#[derive(Debug)]
pub(crate) enum Message {
    Request { id: Value, method: String, params: Value },
    Notification { method: String, params: Value },
    Response { id: Value, outcome: Result<Value, Failure> },
}

/// An error response.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Failure {
    #[serde(default)]
    pub(crate) code: i64,
    pub(crate) message: String,
    #[serde(default)]
    data: FailureData,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct FailureData {
    kind: Option<String>,
    retryable: Option<bool>,
    attempted: Option<String>,
    hint: Option<String>,
    #[serde(default)]
    usage: Usage,
}

impl Failure {
    pub(crate) fn knows_no_such_method(&self) -> bool {
        self.code == UNKNOWN_METHOD
    }

    /// What the engine is told.
    pub(crate) fn into_error(self) -> (AgentError, Usage) {
        let error = AgentError {
            kind: self.data.kind.unwrap_or_else(|| "failed".to_owned()),
            message: self.message,
            retryable: self.data.retryable.unwrap_or(false),
            attempted: self.data.attempted,
            hint: self.data.hint,
        };
        (error, self.data.usage)
    }
}

/// Reads one line. The error is what a person has to know to mend the agent.
pub(crate) fn message(line: &[u8]) -> Result<Message, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| {
        let start: String = String::from_utf8_lossy(line).chars().take(80).collect();
        format!("a line on standard output is not JSON ({error}): `{start}`")
    })?;
    let Value::Object(mut fields) = value else { return Err("a line on standard output is not a JSON-RPC object".to_owned()) };
    let id = fields.remove("id").filter(|id| !id.is_null());
    let params = fields.remove("params").unwrap_or_else(|| json!({}));
    match (fields.remove("method"), id) {
        (Some(Value::String(method)), Some(id)) => Ok(Message::Request { id, method, params }),
        (Some(Value::String(method)), None) => Ok(Message::Notification { method, params }),
        (Some(_), _) => Err("the `method` of a message is not a string".to_owned()),
        (None, Some(id)) => match (fields.remove("result"), fields.remove("error")) {
            (Some(result), None) => Ok(Message::Response { id, outcome: Ok(result) }),
            (None, Some(error)) => {
                let failure = serde_json::from_value(error).map_err(|error| format!("the `error` of a response is not usable: {error}"))?;
                Ok(Message::Response { id, outcome: Err(failure) })
            }
            _ => Err("a response has either `result` or `error`".to_owned()),
        },
        (None, None) => Err("a message has neither `method` nor `id`".to_owned()),
    }
}

/// A request to an agent, as a line.
pub(crate) fn request(id: &str, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

/// A notification to an agent, as a line.
pub(crate) fn notification(method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

/// An answer to an agent's request, as a line.
pub(crate) fn response(id: &Value, outcome: &Result<Value, Value>) -> Vec<u8> {
    match outcome {
        Ok(result) => line(&json!({ "jsonrpc": "2.0", "id": id, "result": result })),
        Err(error) => line(&json!({ "jsonrpc": "2.0", "id": id, "error": error })),
    }
}

fn line(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

/// A refusal, as an agent sees it.
pub(crate) fn refused(refusal: &Refusal) -> Value {
    json!({
        "code": REFUSED,
        "message": refusal.to_string(),
        "data": { "code": refusal.code(), "kind": refusal.code(), "hint": refusal.hint(), "violations": refusal.violations() },
    })
}

/// The parameters of `mend`.
pub(crate) fn to_mend(code: &str, message: &str, hint: &str, violations: &[Violation]) -> Value {
    json!({ "code": code, "message": message, "hint": hint, "violations": violations })
}

pub(crate) fn unknown_method(method: &str) -> Value {
    json!({ "code": UNKNOWN_METHOD, "message": format!("there is no method `{method}`") })
}

pub(crate) fn bad_params(method: &str, problem: &str) -> Value {
    let hint = "see docs/agent-protocol.md";
    json!({ "code": BAD_PARAMS, "message": format!("the params of `{method}` do not fit: {problem}"), "data": { "kind": "bad_params", "hint": hint } })
}

pub(crate) fn failed(what: &str) -> Value {
    json!({ "code": -32_603, "message": what, "data": { "kind": "engine_failed", "hint": "wait and ask again" } })
}

/// `accept`.
#[derive(Debug, Deserialize)]
pub(crate) struct Accept {
    contract: Option<ContractId>,
    payload: Option<Digest>,
    #[serde(default)]
    items: BTreeSet<ItemId>,
    #[serde(default)]
    criteria: BTreeSet<u32>,
    confidence: Option<u8>,
}

impl Accept {
    pub(crate) fn read_back(self) -> ReadBack {
        let says_something = self.payload.is_some() || self.contract.is_some() || !self.items.is_empty();
        ReadBack {
            by: Voice::Agent,
            level: if says_something { ReadBackLevel::Echo } else { ReadBackLevel::Off },
            contract: self.contract,
            payload: self.payload,
            items: self.items,
            criteria: self.criteria,
            confidence: self.confidence,
        }
    }
}

/// `decline`.
#[derive(Debug, Deserialize)]
pub(crate) struct Decline {
    pub(crate) reason: String,
}

/// `progress`.
#[derive(Debug, Deserialize)]
pub(crate) struct Progress {
    waiting_for: Option<String>,
    blocked_on: Option<String>,
    percent: Option<u8>,
    note: Option<String>,
}

impl Progress {
    pub(crate) fn state(self) -> WorkState {
        let activity = match (self.blocked_on, self.waiting_for) {
            (Some(what), _) => Activity::BlockedOn(what),
            (None, Some(what)) => Activity::WaitingFor(what),
            (None, None) => Activity::Processing,
        };
        WorkState { activity, percent: self.percent, note: self.note }
    }
}

/// `ask` and `park`.
#[derive(Debug, Deserialize)]
pub(crate) struct Ask {
    asking: AskKind,
    shown: Value,
    #[serde(default)]
    options: Vec<String>,
    within_s: Option<u64>,
    on_silence: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AskKind {
    Question,
    Approval,
}

impl Ask {
    pub(crate) fn question(self, blobs: &mut Blobs) -> Question {
        Question {
            asking: match self.asking {
                AskKind::Question => Asking::Question,
                AskKind::Approval => Asking::Approval,
            },
            shown: blobs.json(&self.shown),
            options: self.options,
            within_ms: self.within_s.map(|seconds| Millis(seconds.saturating_mul(1_000))),
            on_silence: self.on_silence,
        }
    }
}

/// `effect/begin`.
#[derive(Debug, Deserialize)]
pub(crate) struct EffectBegin {
    pub(crate) name: String,
    pub(crate) key: Option<String>,
    #[serde(default)]
    pub(crate) arguments: Value,
    #[serde(default)]
    pub(crate) reconcile: Reconciler,
}

/// `effect/finish` and `effect/reconcile`.
#[derive(Debug, Deserialize)]
pub(crate) struct EffectEnd {
    pub(crate) name: String,
    pub(crate) key: Option<String>,
    happened: bool,
    result: Option<Value>,
}

impl EffectEnd {
    pub(crate) fn outcome(&self, blobs: &mut Blobs) -> EffectOutcome {
        if self.happened {
            EffectOutcome::Happened(self.result.as_ref().map(|result| blobs.json(result)))
        } else {
            EffectOutcome::DidNotHappen
        }
    }
}

/// `context/get`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContextGet {
    Item(ItemId),
    Digest(Digest),
}

/// `next`, `delegate` and `spawn`.
#[derive(Debug, Deserialize)]
pub(crate) struct HandOn {
    to: Option<AgentName>,
    capability: Option<Capability>,
    contract: Option<ContractRange>,
    #[serde(default)]
    payload: Value,
    kind: Option<Kind>,
    reason: Option<Reason>,
    justification: Option<String>,
    returns: Option<ContractRange>,
    #[serde(default)]
    acceptance: Vec<String>,
    fallback: Option<AgentName>,
    when_full: Option<WhenFull>,
}

impl HandOn {
    pub(crate) fn offer(self, otherwise: Kind, blobs: &mut Blobs) -> Result<Offer, String> {
        let to = match (self.to, self.capability) {
            (Some(agent), None) => Receiver::Agent(agent),
            (None, Some(capability)) => Receiver::Capability(capability),
            _ => return Err("exactly one of `to` and `capability` says who gets it".to_owned()),
        };
        Ok(Offer {
            to,
            kind: self.kind.unwrap_or(otherwise),
            reason: self.reason.unwrap_or(Reason::TaskClassification),
            contract: self.contract,
            payload: blobs.json(&self.payload),
            terms: Terms {
                justification: self.justification,
                returns: self.returns,
                acceptance: self.acceptance,
                fallback: self.fallback,
                when_full: self.when_full.unwrap_or_default(),
                ..Terms::default()
            },
        })
    }
}

/// The response to `work` or `mend`.
#[derive(Debug, Deserialize)]
pub(crate) struct Worked {
    result: Option<Value>,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    discharged: Vec<Settlement>,
    #[serde(default)]
    dropped: Vec<Settlement>,
    effects: Option<Vec<DeclaredEffect>>,
    #[serde(default)]
    usage: Usage,
    provenance: Option<Value>,
    confidence: Option<u8>,
    verdict: Option<Judgment>,
    next: Option<HandOn>,
    delegate: Option<HandOn>,
    park: Option<Ask>,
    continuation: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Item {
    kind: ItemKind,
    key: String,
    value: Value,
    #[serde(default)]
    must_carry: bool,
    confidence: Option<u8>,
    #[serde(default)]
    visible_to: BTreeSet<Role>,
    #[serde(default)]
    derived_from: BTreeSet<ItemId>,
}

#[derive(Debug, Deserialize)]
struct Judgment {
    #[serde(default)]
    approved: bool,
    revise: Option<Value>,
    send_back: Option<StepName>,
    question: Option<Value>,
    score: Option<u32>,
}

/// What a turn ends with, in the engine's words.
#[derive(Debug)]
pub(crate) enum Ending {
    Complete(Box<Completion>, Blobs),
    Delegate(Box<Offer>, Option<BlobRef>, Blobs),
    Park(Question, Option<BlobRef>, Blobs),
}

impl Worked {
    /// Reads a response. `heard` is what came on stderr meanwhile; it is kept as provenance.
    pub(crate) fn ending(value: Value, heard: &str) -> Result<Ending, String> {
        let worked: Self = serde_json::from_value(value).map_err(|error| format!("the response to `work` does not fit: {error}"))?;
        let mut blobs = Blobs::default();
        let continuation = worked.continuation.as_ref().map(|kept| blobs.json(kept));
        match (worked.result, worked.delegate, worked.park) {
            (None, Some(delegate), None) => {
                let offer = delegate.offer(Kind::Delegate, &mut blobs)?;
                Ok(Ending::Delegate(Box::new(offer), continuation, blobs))
            }
            (None, None, Some(park)) => {
                let question = park.question(&mut blobs);
                Ok(Ending::Park(question, continuation, blobs))
            }
            (Some(result), None, None) => {
                let completion = Completion {
                    result: blobs.json(&result),
                    items: worked.items.into_iter().map(|item| item.new_item(&mut blobs)).collect(),
                    discharged: worked.discharged,
                    dropped: worked.dropped,
                    effects: worked.effects,
                    usage: worked.usage,
                    provenance: provenance(worked.provenance, heard).map(|kept| blobs.json(&kept)),
                    confidence: worked.confidence,
                    verdict: worked.verdict.map(|judgment| judgment.verdict(&mut blobs)).transpose()?,
                    next: worked.next.map(|next| next.offer(Kind::Route, &mut blobs)).transpose()?,
                };
                Ok(Ending::Complete(Box::new(completion), blobs))
            }
            _ => Err("the response to `work` has exactly one of `result`, `delegate` and `park`".to_owned()),
        }
    }

    /// Takes a command's output: an object with `result`, or the result itself.
    pub(crate) fn ending_of_text(text: &str, heard: &str) -> Result<Ending, String> {
        match serde_json::from_str::<Value>(text) {
            Ok(value @ Value::Object(_)) if ["result", "delegate", "park"].iter().any(|field| value.get(field).is_some()) => {
                Self::ending(value, heard)
            }
            _ => Self::ending(json!({ "result": text.trim_end() }), heard),
        }
    }
}

fn provenance(said: Option<Value>, heard: &str) -> Option<Value> {
    match (said, heard.is_empty()) {
        (None, true) => None,
        (Some(said), true) => Some(json!({ "agent": said })),
        (None, false) => Some(json!({ "stderr": heard })),
        (Some(said), false) => Some(json!({ "agent": said, "stderr": heard })),
    }
}

impl Item {
    fn new_item(self, blobs: &mut Blobs) -> NewItem {
        NewItem {
            kind: self.kind,
            key: self.key,
            value: blobs.json(&self.value),
            must_carry: self.must_carry,
            confidence: self.confidence,
            visible_to: self.visible_to,
            derived_from: self.derived_from,
            inferred: false,
        }
    }
}

impl Judgment {
    fn verdict(self, blobs: &mut Blobs) -> Result<Verdict, String> {
        match (self.approved, self.revise, self.send_back) {
            (true, None, None) => Ok(Verdict::Approved { score: self.score }),
            (false, Some(feedback), None) => Ok(Verdict::Revise { feedback: blobs.json(&feedback), score: self.score }),
            (false, None, Some(to)) => {
                let question = self.question.ok_or("`send_back` needs a `question`")?;
                Ok(Verdict::SendBack { to, question: blobs.json(&question) })
            }
            _ => Err("a `verdict` has exactly one of `approved: true`, `revise` and `send_back`".to_owned()),
        }
    }
}
