//! API keys in use: asked for as soon as there is one, refused as soon as they are taken back.

use handclasp_core::id::Tenant;
use handclasp_engine::control;
use handclasp_server::keys::make;
use handclasp_server::{Keys, Options, ServeError, serve};
use reqwest::Method;
use serde_json::json;

use crate::guarded::{Guarded, all_of, anywhere, engine, id_of};
use crate::stage::Answer;

async fn runs(house: &Guarded, key: Option<&str>) -> Answer {
    Answer::of(house.call(key, Method::GET, "/v1/runs")).await
}

#[tokio::test]
async fn a_key_is_asked_for_as_soon_as_there_is_one_and_for_ever_after() {
    let house = Guarded::new().await;
    runs(&house, None).await.ok();
    let key = house.key(all_of("local")).await;
    let problem = runs(&house, None).await;
    assert_eq!(problem.headers["www-authenticate"], "Bearer");
    problem.refused(401, "HC-101");
    runs(&house, Some(&key)).await.ok();
    house.engine.revoke_key(id_of(&key)).await.unwrap();
    let detail = runs(&house, Some(&key)).await.refused(401, "HC-101")["detail"].to_string();
    assert!(detail.contains("was revoked"), "{detail}");
    runs(&house, None).await.refused(401, "HC-101");
}

#[tokio::test]
async fn an_open_stream_ends_before_the_next_event_once_its_key_is_taken_back() {
    let house = Guarded::new().await;
    let (key, other) = (house.key(all_of("local")).await, house.key(all_of("local")).await);
    let open = || Answer::of(house.call(Some(&other), Method::POST, "/v1/runs").json(&json!({ "task": "x" })));
    let mut stream = house.call(Some(&key), Method::GET, "/v1/events/stream?after=0").send().await.unwrap();
    open().await.ok();
    let newest = Answer::of(house.call(Some(&other), Method::GET, "/v1/events")).await.ok()["newest"].to_string();
    let mut told = String::new();
    while !told.contains(&format!("id: {newest}")) {
        told += std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap();
    }
    house.engine.revoke_key(id_of(&key)).await.unwrap();
    open().await.ok();
    let rest = stream.text().await.unwrap();
    assert!(!rest.contains("event:"), "an event after the key was taken back: {rest}");
}

#[tokio::test]
async fn a_key_can_be_asked_for_before_there_is_one() {
    let house = Guarded::with(Options { keys: Keys::Required, ..anywhere() }).await;
    runs(&house, None).await.refused(401, "HC-101");
    Answer::of(house.call(None, Method::GET, "/health")).await.ok();
}

#[tokio::test]
async fn a_wrong_key_is_refused_where_none_is_asked_for() {
    let house = Guarded::new().await;
    runs(&house, Some("hck_00000000_00000000000000000000000000000000")).await.refused(401, "HC-101");
    let basic = house.call(None, Method::GET, "/v1/runs").basic_auth("me", Some("secret"));
    Answer::of(basic).await.refused(401, "HC-101");
}

#[tokio::test]
async fn whoever_does_not_know_the_secret_does_not_learn_how_the_key_stands() {
    let house = Guarded::new().await;
    let key = house.key(all_of("local")).await;
    house.engine.revoke_key(id_of(&key)).await.unwrap();
    let guess = format!("hck_{}_{}", id_of(&key), "0".repeat(32));
    let nobodys = format!("hck_00000000_{}", "0".repeat(32));
    let (guess, nobodys) =
        (runs(&house, Some(&guess)).await.refused(401, "HC-101"), runs(&house, Some(&nobodys)).await.refused(401, "HC-101"));
    assert_eq!(guess["detail"], nobodys["detail"]);
}

#[tokio::test]
async fn what_a_key_does_is_written_down_under_its_id() {
    let house = Guarded::new().await;
    let key = house.key(all_of("local")).await;
    Answer::of(house.call(Some(&key), Method::POST, "/v1/runs").json(&json!({ "task": "x" }))).await.ok();
    let events = Answer::of(house.call(Some(&key), Method::GET, "/v1/events")).await.ok().to_string();
    let secret = key.rsplit('_').next().unwrap();
    assert!(events.contains(&format!("key:{}", id_of(&key))) && !events.contains(secret), "{events}");
}

#[tokio::test]
async fn another_process_makes_and_takes_back_keys_while_the_server_runs() {
    let house = Guarded::new().await;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("handclasp.db");
    let control = tokio::spawn({
        let (engine, store) = (house.engine.clone(), store.clone());
        async move { control::serve(engine, &store).await }
    });
    let (key, text) = make(all_of("local"), house.engine.now()).unwrap();
    while let Err(control::ControlError::NobodyThere(_)) = control::add_key(&store, key.clone()).await {
        tokio::task::yield_now().await;
    }
    assert!(!control::add_key(&store, key).await.unwrap(), "an id is taken once");
    runs(&house, Some(&text)).await.ok();
    assert!(control::revoke_key(&store, id_of(&text)).await.unwrap());
    runs(&house, Some(&text)).await.refused(401, "HC-101");
    assert!(!control::revoke_key(&store, "no-such-key").await.unwrap());
    control.abort();
}

#[tokio::test]
async fn other_machines_are_let_in_only_with_keys_and_tls() {
    let outside = Options { listen: ([0, 0, 0, 0], 0).into(), ..Options::default() };
    let ready = |_: &handclasp_server::Bound| {};
    let lacking = async |options: Options, keyed: bool| {
        let engine = engine();
        if keyed {
            engine.add_key(make(all_of(Tenant::local().as_str()), engine.now()).unwrap().0).await.unwrap();
        }
        match serve(engine, options, ready, std::future::ready(())).await {
            Ok(()) => "nothing",
            Err(ServeError::Exposed { lacking, .. }) => lacking,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(lacking(outside.clone(), false).await, "an API key and TLS");
    assert_eq!(lacking(outside.clone(), true).await, "TLS");
    assert_eq!(lacking(Options { behind_tls_proxy: true, ..outside.clone() }, false).await, "an API key");
    assert_eq!(lacking(Options { behind_tls_proxy: true, ..outside.clone() }, true).await, "nothing");
    assert_eq!(lacking(Options { behind_tls_proxy: true, keys: Keys::Required, ..outside }, false).await, "nothing");
}
