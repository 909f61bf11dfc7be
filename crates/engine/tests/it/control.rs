//! The control socket: another process's way in.

use std::sync::Arc;

use handclasp_core::Reply;
use handclasp_core::blob::Blobs;
use handclasp_core::command::Command;
use handclasp_engine::control::{self, ControlError};
use handclasp_store::memory::Memory;

use crate::stage::{claim, engine, open, request};

#[tokio::test]
async fn commands_come_in_by_the_socket_and_refusals_go_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let engine = engine(Arc::new(Memory::new()), Arc::default());
    let handoff = open(&engine).await;
    let call = |command: Command| control::send(&store, request(handoff.run, command), Blobs::default());
    assert!(matches!(call(Command::Wake).await, Err(ControlError::NobodyThere(_))));
    // What a killed engine leaves behind does not bar the way.
    std::fs::write(control::socket_path(&store), "").unwrap();
    let serving = control::serve(engine.clone(), &store);
    let calling = async {
        // Polled after the server, which binds before it first waits.
        assert_eq!(call(Command::Wake).await.unwrap(), Reply::Done);
        match call(claim(handoff, "tester", "w")).await {
            Err(ControlError::Refused { code, .. }) => assert_eq!(code, "HC-003"),
            other => panic!("{other:?}"),
        }
    };
    tokio::select! {
        biased;
        served = serving => panic!("{served:?}"),
        () = calling => {}
    }
    assert!(!control::socket_path(&store).exists(), "the socket goes with the engine");
}

#[tokio::test]
async fn a_run_of_another_team_is_left_to_its_own_engine() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let engine = engine(Arc::new(Memory::new()), Arc::default());
    let mut blobs = Blobs::default();
    let mut open = crate::stage::opening(&mut blobs);
    open.pins.agents.insert("coder".parse().unwrap(), handclasp_core::blob::Digest::of(b"another coder"));
    open.first = None;
    let run = handclasp_engine::Engine::new_run_id();
    Box::pin(engine.submit(request(run, Command::Open(Box::new(open))), blobs)).await.unwrap();
    tokio::select! {
        biased;
        served = control::serve(engine.clone(), &store) => panic!("{served:?}"),
        answer = control::send(&store, request(run, Command::Wake), Blobs::default()) => match answer {
            Err(ControlError::Failed(what)) => assert!(what.contains("belongs to another team"), "{what}"),
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn a_long_path_gets_a_short_socket() {
    let long = std::path::Path::new("/tmp").join("x".repeat(200)).join("store.db");
    assert!(control::socket_path(&long).as_os_str().len() < 100);
}
