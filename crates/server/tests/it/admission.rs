//! Who may come in where: every endpoint, every sort of key, own and other tenants, from the table that
//! the router is made from.

use handclasp_server::Scope;
use handclasp_server::endpoints::{Endpoint, endpoints};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::guarded::{Guarded, agent, all_of, expired, id_of, only};
use crate::samples::{Furnished, MARK, Sample};
use crate::stage::Answer;

/// Status and code, and whether the answer tells what is the tenant's own.
async fn outcome(request: RequestBuilder) -> (u16, String, bool) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    // A stream that is open says nothing more by itself; what it says is looked at further down.
    let streams = answer.headers().get("content-type").is_some_and(|media| media == "text/event-stream");
    let body = if streams { String::new() } else { answer.text().await.unwrap() };
    let code = serde_json::from_str::<Value>(&body).ok().and_then(|body| Some(body["code"].as_str()?.to_owned()));
    (status, code.filter(|_| status >= 400).unwrap_or_default(), body.contains(MARK))
}

/// Everything that there is of a tenant, as far as it can be seen.
async fn all_there_is(house: &Guarded, key: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/v1/events?limit=500", "/v1/agents", "/v1/contracts"] {
        let mut seen = Answer::of(house.call(Some(key), Method::GET, path)).await.ok();
        // Of whom it is the newest does not show.
        seen.as_object_mut().unwrap().remove("newest");
        all.push(seen);
    }
    all
}

/// Whether a key for an agent counts there: where the agent's own work is done, or it is said who it is.
fn is_an_agents(endpoint: &Endpoint) -> bool {
    let names_one = endpoint.path.contains("{agent}") || endpoint.path.contains("{handoff}");
    names_one && matches!(endpoint.scope, Some(Scope::Work | Scope::Register))
}

/// Those who are not let in, with what they are told.
async fn turned_away(house: &Guarded, endpoint: &Endpoint) -> Vec<(String, Option<String>, (u16, &'static str))> {
    let Some(asked) = endpoint.scope else { return Vec::new() };
    let (no_key, not_for_this) = ((401, "HC-101"), (403, "HC-102"));
    let revoked = house.key(all_of("acme")).await;
    assert!(house.engine.revoke_key(id_of(&revoked)).await.unwrap());
    let other = house.key(all_of("acme")).await;
    let mut all = vec![
        ("no key".to_owned(), None, no_key),
        ("a revoked key".to_owned(), Some(revoked), no_key),
        ("an expired key".to_owned(), Some(house.key(expired("acme")).await), no_key),
        ("a made-up key".to_owned(), Some(format!("hck_{}_{}", id_of(&other), "0".repeat(32))), no_key),
        ("something else".to_owned(), Some("letmein".to_owned()), no_key),
    ];
    for scope in Scope::ALL.into_iter().filter(|scope| *scope != asked) {
        all.push((format!("a key for `{}`", scope.as_str()), Some(house.key(only(scope, "acme")).await), not_for_this));
    }
    if is_an_agents(endpoint) {
        all.push(("another agent's key".to_owned(), Some(house.key(agent("shipping", "acme")).await), not_for_this));
    }
    all
}

/// Those who are let in.
async fn let_in(house: &Guarded, endpoint: &Endpoint) -> Vec<(String, Option<String>)> {
    let Some(asked) = endpoint.scope else { return vec![("no key".to_owned(), None), ("any key".to_owned(), Some("letmein".to_owned()))] };
    let only_for = house.key(only(asked, "acme")).await;
    let agents = house.key(agent("billing", "acme")).await;
    vec![(format!("a key for `{}`", asked.as_str()), Some(only_for)), ("the agent's key".to_owned(), Some(agents))]
}

/// Another tenant learns nothing: what is ours and what is nowhere look the same.
async fn check_other_tenant(house: &Guarded, furnished: &Furnished, sample: &Sample, name: &str) {
    let other = house.key(all_of("globex")).await;
    let ours = outcome(sample.with(house, Some(&other))).await;
    let another = house.key(all_of("initech")).await;
    let nowhere = outcome(sample.about_nothing(furnished).with(house, Some(&another))).await;
    assert_eq!((ours.0, &ours.1), (nowhere.0, &nowhere.1), "{name}: what is ours differs from what is nowhere");
    assert!(!ours.2, "{name}: another tenant saw what is ours");
}

#[tokio::test]
async fn every_endpoint_lets_in_exactly_those_whom_its_row_names() {
    for endpoint in endpoints() {
        let name = endpoint.operation;
        let house = Guarded::new().await;
        let own = house.key(all_of("acme")).await;
        let furnished = Furnished::by(&house, &own).await;
        let sample = furnished.sample(&endpoint);
        let before = all_there_is(&house, &own).await;

        for (who, key, told) in turned_away(&house, &endpoint).await {
            let (status, code, seen) = outcome(sample.with(&house, key.as_deref())).await;
            assert_eq!((status, code.as_str(), seen), (told.0, told.1, false), "{name}, {who}");
        }
        if endpoint.scope.is_some() {
            check_other_tenant(&house, &furnished, &sample, name).await;
        }
        assert_eq!(all_there_is(&house, &own).await, before, "{name}: those who were turned away changed something");

        let (status, code, _) = outcome(sample.with(&house, Some(&own))).await;
        assert_eq!(status, sample.status, "{name}, with everything allowed: {code}");
        for (who, key) in let_in(&house, &endpoint).await {
            let (status, code, _) = outcome(sample.with(&house, key.as_deref())).await;
            // The first one may have left nothing to do.
            assert!(!matches!(code.as_str(), "HC-101" | "HC-102" | "HC-104"), "{name}, {who}: {status} {code}");
        }
        house.close().await;
    }
}

#[tokio::test]
async fn a_stream_of_events_is_the_tenants_own() {
    for (tenant, sees) in [("acme", true), ("globex", false)] {
        let house = Guarded::new().await;
        let own = house.key(all_of("acme")).await;
        Furnished::by(&house, &own).await;
        let key = house.key(all_of(tenant)).await;
        let stream = house.call(Some(&key), Method::GET, "/v1/events/stream?after=0").send().await.unwrap();
        assert_eq!(stream.status(), 200);
        house.begin_to_close();
        let told = stream.text().await.unwrap();
        assert_eq!(told.contains("\"run_opened\"") || told.contains("billing"), sees, "{tenant}: {told}");
    }
}

#[tokio::test]
async fn a_key_for_an_agent_claims_only_what_is_addressed_to_it() {
    let house = Guarded::new().await;
    let own = house.key(all_of("acme")).await;
    Furnished::by(&house, &own).await;
    let billing = house.key(agent("billing", "acme")).await;
    let claim = |key: String, who: &str| {
        Answer::of(house.call(Some(&key), Method::POST, &format!("/v1/agents/{who}/claims")).json(&serde_json::json!({})))
    };
    assert_eq!(claim(billing.clone(), "billing").await.ok()["claims"].as_array().unwrap().len(), 1);
    claim(billing, "shipping").await.refused(403, "HC-102");
}
