//! What is published about the doors: the golden file is made from the table of endpoints.

use std::collections::BTreeSet;
use std::path::Path;

use handclasp_server::endpoints::endpoints;
use handclasp_server::openapi::{self, example};
use reqwest::Method;

use crate::stage::{Answer, Stage};

fn golden() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api/openapi.json")
}

#[test]
fn the_published_description_is_the_one_of_this_program() {
    let now = format!("{}\n", serde_json::to_string_pretty(&openapi::document()).unwrap());
    if std::env::var("GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(golden(), &now).unwrap();
    }
    let known = std::fs::read_to_string(golden()).unwrap_or_default();
    assert!(known == now, "api/openapi.json differs; write it anew with `cargo xtask golden` and look at the difference");
}

#[test]
fn every_operation_has_its_own_name_and_every_scope_is_asked_for() {
    let names: Vec<_> = endpoints().into_iter().map(|endpoint| endpoint.operation).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let asked: BTreeSet<_> = endpoints().into_iter().filter_map(|endpoint| endpoint.scope).collect();
    assert_eq!(asked, handclasp_server::Scope::ALL.into_iter().collect());
}

/// A reader who pastes an example gets a refusal of the rules at the worst, never of the reader.
#[tokio::test]
async fn every_example_can_be_read() {
    let stage = Stage::new().await;
    let mut sent = 0;
    for endpoint in endpoints() {
        let Some(body) = example::of(endpoint.operation) else { continue };
        let ulid = "01m7wy5ked8vb11r2q540r8vcy";
        let path = endpoint.path.replace("{run}", &format!("run_{ulid}")).replace("{handoff}", &format!("hnd_{ulid}_1"));
        let method: Method = endpoint.method.as_str().parse().unwrap();
        let answer = Answer::of(stage.call(method, &path.replace("{agent}", "billing")).json(&body)).await;
        assert!(matches!(answer.status, 200 | 404 | 409 | 422), "{}: {}", endpoint.operation, answer.body);
        sent += 1;
    }
    assert!(sent > 10);
}
