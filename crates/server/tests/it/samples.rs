//! A good request for every endpoint, and what there must be before it can be answered.

use handclasp_server::endpoints::Endpoint;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::guarded::Guarded;
use crate::stage::{Answer, text};

/// What only the tenant `acme` may see: it is in its tasks, payloads, questions and agents.
pub(crate) const MARK: &str = "mark-of-acme";

/// A tenant's house, with something of everything in it.
pub(crate) struct Furnished {
    /// Ids, so that others can be put in their place.
    ids: Vec<String>,
    run: String,
    content: String,
    /// Offered, and nobody's yet.
    offered: String,
    claimed: Held,
    accepted: Held,
    /// With an effect under way.
    effect: Held,
    dead_letter: String,
    question: String,
    shown: String,
}

struct Held {
    handoff: String,
    token: Value,
}

/// A request, and how it is answered where it is allowed.
pub(crate) struct Sample {
    method: Method,
    path: String,
    body: Body,
    pub(crate) status: u16,
}

enum Body {
    None,
    Json(Value),
    Bytes,
}

impl Sample {
    /// The request with that key.
    pub(crate) fn with(&self, house: &Guarded, key: Option<&str>) -> RequestBuilder {
        let request = house.call(key, self.method.clone(), &self.path);
        match &self.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Bytes => request.header("Content-Type", "application/octet-stream").body("bytes"),
        }
    }

    /// The same request about things that do not exist anywhere.
    pub(crate) fn about_nothing(&self, house: &Furnished) -> Self {
        let elsewhere = |text: &str| {
            let named = text.replace("billing", "nobody").replace("refund@1.0.0", "absent@1.0.0");
            house.ids.iter().fold(named, |text, id| text.replace(id.as_str(), "01m7wy5ked8vb11r2q540r8vcy"))
        };
        let body = match &self.body {
            Body::Json(body) => Body::Json(serde_json::from_str(&elsewhere(&body.to_string())).unwrap()),
            Body::None => Body::None,
            Body::Bytes => Body::Bytes,
        };
        Self { method: self.method.clone(), path: elsewhere(&self.path), body, status: self.status }
    }
}

impl Furnished {
    /// Furnishes the house of the key's tenant.
    pub(crate) async fn by(house: &Guarded, key: &str) -> Self {
        let post = async |path: &str, body: Value| Answer::of(house.call(Some(key), Method::POST, path).json(&body)).await.ok();
        let put = house.call(Some(key), Method::PUT, "/v1/agents/billing").json(&json!({ "capabilities": [MARK] }));
        Answer::of(put).await.ok();
        post("/v1/contracts", json!({ "contract": "refund@1.0.0", "schema": { "title": MARK } })).await;

        let mut ids = Vec::new();
        let mut opened = Vec::new();
        for _ in 0..6 {
            let open = json!({ "task": MARK, "offer": { "to": "billing", "payload": MARK }, "items": [{ "kind": "fact", "key": "k", "value": MARK }] });
            let run = post("/v1/runs", open).await;
            ids.push(text(&run["run"]).trim_start_matches("run_").to_owned());
            opened.push((text(&run["run"]), text(&run["handoff"])));
        }
        let claims = post("/v1/agents/billing/claims", json!({ "most": 5 })).await;
        let mut held = claims["claims"]
            .as_array()
            .unwrap()
            .iter()
            .map(|claim| Held { handoff: text(&claim["handoff"]), token: claim["token"].clone() });
        let (claimed, accepted, effect, asking, failing) =
            (held.next().unwrap(), held.next().unwrap(), held.next().unwrap(), held.next().unwrap(), held.next().unwrap());
        drop(held);
        for one in [&accepted, &effect, &asking, &failing] {
            post(&format!("/v1/handoffs/{}/accept", one.handoff), json!({ "token": one.token })).await;
        }
        let begin = json!({ "token": effect.token, "name": "pay", "arguments": MARK });
        post(&format!("/v1/handoffs/{}/effects/begin", effect.handoff), begin).await;
        let ask = json!({ "token": asking.token, "shown": MARK, "options": ["yes", "no"] });
        let question = text(&post(&format!("/v1/handoffs/{}/ask", asking.handoff), ask).await["interrupt"]);
        let shown = Answer::of(house.call(Some(key), Method::GET, &format!("/v1/interrupts/{question}"))).await.ok();
        post(&format!("/v1/handoffs/{}/fail", failing.handoff), json!({ "token": failing.token, "message": MARK })).await;

        let taken = [&claimed, &accepted, &effect, &asking, &failing].map(|held| held.handoff.clone());
        let (run, offered) = opened.into_iter().find(|(_, handoff)| !taken.contains(handoff)).unwrap();
        let content = house.call(Some(key), Method::POST, &format!("/v1/runs/{run}/contents")).body(MARK);
        let content = text(&Answer::of(content).await.ok()["digest"]);
        Self {
            ids,
            run,
            content,
            offered,
            claimed,
            accepted,
            effect,
            dead_letter: failing.handoff,
            question,
            shown: text(&shown["digest"]),
        }
    }

    /// The request for an endpoint. Whoever adds an endpoint adds one here.
    pub(crate) fn sample(&self, endpoint: &Endpoint) -> Sample {
        let (claimed, accepted, effect) = (&self.claimed, &self.accepted, &self.effect);
        let schema = json!({ "type": "object" });
        let (handoff, body) = match endpoint.operation {
            "openRun" => ("", json!({ "task": "another", "offer": { "to": "billing" } })),
            "cancelRun" | "cancelHandoff" => (self.offered.as_str(), json!({ "reason": "enough" })),
            "offer" => ("", json!({ "to": "billing" })),
            "redrive" => (self.dead_letter.as_str(), json!({})),
            "claim" => ("", json!({})),
            "accept" => (claimed.handoff.as_str(), json!({ "token": claimed.token })),
            "decline" => (claimed.handoff.as_str(), json!({ "token": claimed.token, "reason": "not mine" })),
            "release" | "heartbeat" => (accepted.handoff.as_str(), json!({ "token": accepted.token })),
            "progress" => (accepted.handoff.as_str(), json!({ "token": accepted.token, "percent": 50 })),
            "ask" => (accepted.handoff.as_str(), json!({ "token": accepted.token, "shown": "well?" })),
            "beginEffect" => (accepted.handoff.as_str(), json!({ "token": accepted.token, "name": "pay" })),
            "finishEffect" | "reconcileEffect" => {
                (effect.handoff.as_str(), json!({ "token": effect.token, "name": "pay", "happened": true }))
            }
            "handOut" => (accepted.handoff.as_str(), json!({ "token": accepted.token, "mode": "spawn", "offer": { "to": "billing" } })),
            "complete" => (accepted.handoff.as_str(), json!({ "token": accepted.token, "result": "done" })),
            "fail" => (accepted.handoff.as_str(), json!({ "token": accepted.token, "message": "no" })),
            "registerAgent" => ("", json!({ "capacity": 3 })),
            "publishContract" => ("", json!({ "contract": "refund@2.0.0", "schema": schema })),
            "diffContracts" => ("", json!({ "old": schema, "new": schema })),
            "resolve" => ("", json!({ "shown": self.shown, "choice": "yes" })),
            "redriveMany" => ("", json!({ "agent": "billing" })),
            "getHandoff" | "getBriefing" => (self.offered.as_str(), Value::Null),
            "listRuns" | "getRun" | "listItems" | "getContent" | "listAgents" | "getAgent" | "removeAgent" | "listContracts"
            | "getContract" | "listQuestions" | "getQuestion" | "listDeadLetters" | "listEvents" | "followEvents" | "listRefusals"
            | "health" | "ready" | "openapi" | "explain" | "storeContent" => ("", Value::Null),
            new => panic!("the endpoint `{new}` has no sample request: add one, so that it is known who may come in"),
        };
        let names = [
            ("{run}", self.run.as_str()),
            ("{handoff}", handoff),
            ("{interrupt}", &self.question),
            ("{digest}", &self.content),
            ("{agent}", "billing"),
            ("{contract}", "refund@1.0.0"),
            ("{code}", "HC-101"),
        ];
        let path = names.iter().fold(endpoint.path.to_owned(), |path, (name, value)| path.replace(name, value));
        let body = match body {
            _ if endpoint.operation == "storeContent" => Body::Bytes,
            Value::Null => Body::None,
            body => Body::Json(body),
        };
        // An effect that is not cut short needs nobody to find out what became of it.
        let status = if endpoint.operation == "reconcileEffect" { 409 } else { endpoint.status.as_u16() };
        Sample { method: endpoint.method.clone(), path, body, status }
    }
}
