//! `keys`: made, listed and taken back, with nobody at the store and while a server has it.

use std::io::Write;
use std::net::TcpStream;

use serde_json::Value;

use crate::serving::{Server, answer};
use crate::stage::Stage;

/// The code of the refusal of a request with that key; nothing if it is answered.
fn refused(server: &Server, key: &str) -> Value {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let head = format!("GET /v1/runs HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\n", server.address);
    write!(stream, "{head}Connection: close\r\n\r\n").unwrap();
    answer(stream)["code"].clone()
}

/// Makes a key; gives its text and its id.
fn create(stage: &Stage, more: &[&str]) -> (String, String) {
    let made = stage.json(&[&["keys", "create"], more].concat());
    (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
}

#[test]
fn a_key_is_shown_once_and_listed_without_its_secret() {
    let stage = Stage::with(&[]);
    let ran = stage.run(&["keys", "create", "--name", "billing workers", "--agent", "billing", "--expires", "30d"]).exits(0);
    let text = ran.out.trim();
    assert!(text.starts_with("hck_") && !ran.err.contains(text), "{ran:?}");
    let (id, secret) = text.trim_start_matches("hck_").split_once('_').unwrap();

    let list = stage.run(&["keys", "list"]).exits(0).out;
    assert!(["billing workers", "offer read work", "good", id].iter().all(|part| list.contains(part)) && !list.contains(secret), "{list}");
    let listed = &stage.json(&["keys", "list"])[0];
    assert_eq!((&listed["agents"][0], &listed["tenant"], &listed["revoked_at_ms"]), (&"billing".into(), &"local".into(), &Value::Null));
    let lasts = listed["expires_at_ms"].as_u64().unwrap() - listed["created_at_ms"].as_u64().unwrap();
    assert_eq!(lasts, 30 * 24 * 60 * 60 * 1_000);
    assert!(listed.get("digest").is_none(), "{listed}");

    stage.run(&["keys", "revoke", id]).exits(0).says("is revoked");
    assert_eq!(stage.json(&["keys", "list"])[0]["standing"], "revoked");
    stage.run(&["keys", "revoke", "nobodys"]).exits(2).says("there is no key `nobodys`");
    stage.run(&["keys", "create", "--scope", "everything"]).exits(2);
    stage.run(&["keys", "create", "--expires", "soon"]).exits(2).says("such as `30d`");
}

#[test]
fn a_server_that_runs_asks_for_a_new_key_and_refuses_a_revoked_one_at_once() {
    let stage = Stage::with(&[]);
    let (before, _) = create(&stage, &["--scope", "read"]);
    let server = Server::up(&stage, &["--log", "debug"]);
    let (during, id) = create(&stage, &[]);
    let (offering, _) = create(&stage, &["--scope", "offer"]);
    for key in [&before, &during] {
        assert_eq!(refused(&server, key), Value::Null);
    }
    assert_eq!((refused(&server, ""), refused(&server, &offering)), ("HC-101".into(), "HC-102".into()));
    stage.run(&["keys", "revoke", &id]).exits(0);
    assert_eq!((refused(&server, &during), refused(&server, &before)), ("HC-101".into(), Value::Null));

    // Whatever it logged of all that, the secrets are not in it.
    let log = server.stops().exits(0).err;
    assert!(log.contains("/v1/runs") && log.contains(&id), "{log}");
    for key in [before, during, offering] {
        assert!(!log.contains(key.rsplit('_').next().unwrap()), "{log}");
    }
}
