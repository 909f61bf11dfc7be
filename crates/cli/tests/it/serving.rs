//! `up`, `config` and `demo`: a server that agents anywhere talk to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::stage::{Ran, Stage, wait_until};

/// A server of the stage, on a port of its own.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn up(stage: &Stage, arguments: &[&str]) -> Self {
        let mut all = vec!["up", "--listen", "127.0.0.1:0", "--json"];
        all.extend(arguments);
        let mut child = stage.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        let said: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("`{first}` is no JSON: {error}"));
        assert_eq!(said["pid"], child.id());
        let address = said["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }

    /// Sends a request; the connection is open when this returns.
    fn send(&self, method: &str, path: &str, body: &Value) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let body = body.to_string();
        let (address, length) = (&self.address, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nConnection: close\r\n");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        stream
    }

    /// Sends a request and gives the answer.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        answer(self.send(method, path, body))
    }

    fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Stops it politely, and waits.
    pub(crate) fn stops(mut self) -> Ran {
        self.signal("-TERM");
        wait_until("the end of the server", || self.child.try_wait().unwrap().is_some());
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Ran { exit: self.child.wait().unwrap().code().unwrap_or(-1), out: String::new(), err }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have stopped long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn answer(mut stream: TcpStream) -> Value {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("`{text}` is no answer"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("`{text}` has no JSON: {error}"))
}

/// Opens a run with a first handoff to an agent; gives the run's id.
fn hand_to(server: &Server, agent: &str, contract: Option<&str>) -> String {
    let offer = json!({ "to": agent, "payload": { "text": "hello" }, "contract": contract });
    let opened = server.ask("POST", "/v1/runs", &json!({ "task": "Say hello.", "offer": offer }));
    opened["run"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned()
}

#[test]
fn work_crosses_between_http_callers_and_is_there_after_a_restart() {
    let stage = Stage::with(&[]);
    let server = Server::up(&stage, &[]);
    server.ask("PUT", "/v1/agents/echo", &json!({}));
    let run = hand_to(&server, "echo", None);
    server.stops().exits(0).says("everything that was acknowledged is kept");

    let server = Server::up(&stage, &[]);
    let claims = server.ask("POST", "/v1/agents/echo/claims", &json!({ "accept": true }));
    let claimed = &claims["claims"][0];
    assert_eq!((&claimed["briefing"]["payload"]["text"], &claimed["accepted"]), (&"hello".into(), &true.into()), "{claims}");
    let path = format!("/v1/handoffs/{}/complete", claimed["handoff"].as_str().unwrap());
    server.ask("POST", &path, &json!({ "token": claimed["token"], "result": "done" }));
    assert_eq!(server.ask("GET", &format!("/v1/handoffs/{}", claimed["handoff"].as_str().unwrap()), &Value::Null)["result"], "done");
    // Other commands read the store beside the server, and write to it through the server.
    assert_eq!(stage.only_run(), run);
    let other = hand_to(&server, "echo", None);
    stage.run(&["cancel", &other, "--reason", "enough"]).exits(0);
    assert_eq!(server.ask("GET", &format!("/v1/runs/{other}"), &Value::Null)["condition"], "cancelled");
    server.stops().exits(0);
    stage.run(&["verify"]).exits(0);
}

#[test]
fn what_callers_left_in_the_store_waits_for_the_next_server() {
    let stage = Stage::with(&[]);
    let server = Server::up(&stage, &[]);
    server.ask("PUT", "/v1/agents/echo", &json!({}));
    let run = hand_to(&server, "echo", None);
    let claimed = server.ask("POST", "/v1/agents/echo/claims", &json!({ "accept": true }))["claims"][0].clone();
    let handoff = claimed["handoff"].as_str().unwrap();
    server.ask("POST", &format!("/v1/handoffs/{handoff}/fail"), &json!({ "token": claimed["token"], "message": "it is broken" }));
    server.stops().exits(0);

    stage.run(&["resume"]).exits(0).says("left alone: 1 open run of callers of the server").says("nothing to resume");
    stage.run(&["resume", &run]).exits(2).says("has no team").says("hint: `handclasp up` goes on with it");
    stage.run(&["dead-letters", "redrive", handoff]).exits(0).says("go on with: handclasp up");
    let server = Server::up(&stage, &[]);
    let claims = server.ask("POST", "/v1/agents/echo/claims", &json!({ "accept": true }));
    assert_eq!(claims["claims"][0]["handoff"], handoff, "{claims}");
}

#[test]
fn a_team_works_beside_http_workers() {
    let stage = Stage::with(&["upper"]);
    let server = Server::up(&stage, &["team.yaml"]);
    let run = hand_to(&server, "upper", Some("note@1"));
    let handoff = server.ask("GET", &format!("/v1/runs/{run}"), &Value::Null)["latest"][0]["handoff"].clone();
    let path = format!("/v1/handoffs/{}?wait_ms=50000", handoff.as_str().unwrap());
    let seen = server.ask("GET", &path, &Value::Null);
    assert_eq!((&seen["phase"], &seen["result"]["text"]), (&"completed".into(), &"HELLO".into()), "{seen}");
    server.stops().exits(0);
}

#[test]
fn a_team_gives_back_what_it_holds_when_the_server_stops() {
    let stage = Stage::with(&["slow"]);
    let server = Server::up(&stage, &["team.yaml"]);
    let run = hand_to(&server, "slow", Some("note@1"));
    stage.wait_for("stuck");
    server.stops().exits(0);
    let events = stage.run(&["events", &run]).exits(0).out;
    assert!(events.contains("handoff_released"), "{events}");

    let server = Server::up(&stage, &["team.yaml"]);
    let handoff = server.ask("GET", &format!("/v1/runs/{run}"), &Value::Null)["latest"][0]["handoff"].clone();
    let seen = server.ask("GET", &format!("/v1/handoffs/{}?wait_ms=50000", handoff.as_str().unwrap()), &Value::Null);
    assert_eq!((&seen["phase"], &seen["result"]["text"]), (&"completed".into(), &"hello".into()), "{seen}");
    server.stops().exits(0);
}

#[test]
fn who_is_let_in_is_set_by_flags() {
    let stage = Stage::with(&[]);
    let server = Server::up(&stage, &["--keys", "required"]);
    assert_eq!(server.ask("GET", "/v1/runs", &Value::Null)["code"], "HC-101");
    server.stops().exits(0);
    stage.run(&["up", "--listen", "0.0.0.0:0"]).exits(5).says("0.0.0.0:0").says("API key");
    stage.run(&["up", "--tls-cert", "no.pem", "--tls-key", "no.key"]).exits(5).says("no.pem");
    stage.run(&["up", "--tls-cert", "no.pem"]).exits(2).says("--tls-cert: `tls_cert` is `no.pem`, expected `tls_key` beside it");
}

#[test]
fn a_log_for_programs_is_json_from_its_first_line_to_its_last() {
    let stage = Stage::with(&[]);
    let server = Server::up(&stage, &["--log-format", "json", "--log", "handclasp=debug"]);
    server.ask("GET", "/v1/runs", &Value::Null);
    let log = server.stops().exits(0).err;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect();
    assert_eq!(lines[0]["message"], "serving", "{log}");
    assert!(lines.iter().any(|line| line["path"] == "/v1/runs" && line["status"] == 200), "{log}");
}

#[test]
fn whoever_waits_is_sent_home_when_the_server_stops() {
    let stage = Stage::with(&[]);
    let server = Server::up(&stage, &[]);
    server.ask("PUT", "/v1/agents/echo", &json!({}));
    let waiting = server.send("POST", "/v1/agents/echo/claims", &json!({ "wait_ms": 50_000 }));
    wait_until("a waiting worker", || server.ask("GET", "/v1/agents/echo", &Value::Null)["workers"] == 1);
    server.stops().exits(0);
    assert_eq!(answer(waiting), json!({ "claims": [] }));
}

#[test]
fn every_setting_says_where_it_comes_from() {
    let stage = Stage::with(&[]);
    stage.write("handclasp.toml", "# ours\ndrain_s = 3\nstore = \"ours.db\"\n");
    let shown = stage.run(&["config", "show", "--json"]).exits(0).out;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["drain_s"], json!({ "value": "3", "source": "handclasp.toml:2" }));
    assert_eq!(shown["listen"], json!({ "value": "127.0.0.1:4040", "source": "default" }));
    let set = stage.command(&["config", "show"]).env("HANDCLASP_DRAIN_S", "4").env("HANDCLASP_STORE", "b.db").output().unwrap();
    let shown = Ran::from(set).exits(0).out;
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["drain_s", "4", "HANDCLASP_DRAIN_S"])), "{shown}");
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["store", "b.db", "HANDCLASP_STORE"])), "{shown}");
    // Every command uses the store that is set.
    stage.run(&["runs"]).exits(5).says("`ours.db`");
    stage.write("other.toml", "listen = \"nowhere\"\n");
    stage.run(&["up", "--config", "other.toml"]).exits(2).says("other.toml:1: `listen` is `nowhere`");
    stage.write("handclasp.toml", "drain = 3\n");
    stage.run(&["up"]).exits(2).says("handclasp.toml:1: there is no setting `drain`; did you mean `drain_s`?");
}

#[test]
fn the_demo_shows_that_work_is_finished_exactly_once_although_a_worker_is_killed() {
    let stage = Stage::with(&[]);
    let mut demo = stage.command(&["demo", "--kill", "--json"]);
    let ran = Ran::from(demo.env("TMPDIR", stage.path("")).output().unwrap()).exits(0);
    let proof: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&proof["attempts"], &proof["refunds"], &proof["altered"]), (&2.into(), &1.into(), &0.into()), "{proof}");
    assert_eq!((&proof["completed"], proof["killed"].is_u64()), (&true.into(), true), "{proof}");
}
