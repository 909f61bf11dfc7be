//! `kill -9` at any moment, any number of times: what was acknowledged is there, whole and in order.
//!
//! The parent starts this test binary again as a child that appends to a store and prints each
//! acknowledged version; it kills the child, opens the store and looks, and starts the next one.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use handclasp_core::blob::Digest;
use handclasp_core::id::Tenant;
use handclasp_core::run::Slot;
use handclasp_store::conformance::sample::{append, blob, cleared, deliver, put, run};
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Append, Appended, Content, Load, Loaded, Open, OpenError, Store as _};

const STORE: &str = "HANDCLASP_TEST_STORE";
const RUNS: u64 = 8;
const KILLS: usize = 30;

fn child(path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["kill::appends_until_it_is_killed", "--exact", "--ignored", "--nocapture"]);
    command.env(STORE, path).stdout(Stdio::piped()).spawn().unwrap()
}

/// The step after `version` of a run: an event that names the one before it, a content of its own,
/// and a slot that moves on with it.
fn step(number: u64, version: u64, head: Digest) -> Append {
    let next = version + 1;
    let event = format!("run {number} event {next} after {head}");
    let place = |version| Slot::Handoff(u32::try_from(version).unwrap());
    let owed = vec![cleared(place(version)), put(place(next), deliver("coder", next))];
    Append { blobs: vec![content(number, next)], owed, ..append(run(number), version, &[&event]) }
}

fn content(number: u64, version: u64) -> (Digest, std::sync::Arc<[u8]>) {
    blob(&format!("the content of run {number} event {version}"))
}

async fn load(store: &Sqlite, number: u64) -> Option<Loaded> {
    store.load(Load { tenant: Tenant::local(), run: run(number), snapshot: false }).await.unwrap()
}

#[tokio::test]
#[ignore = "the child of the test below, which starts it"]
async fn appends_until_it_is_killed() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let store = Sqlite::open(path, Access::Create).unwrap();
    let mut flying = FuturesUnordered::new();
    let fly = |number, version, head| {
        let append = step(number, version, head);
        let (head, answer) = (append.head, store.append(append));
        async move { (number, head, answer.await.unwrap()) }
    };
    for number in 0..RUNS {
        let (version, head) = load(&store, number).await.map_or((0, Digest::of(b"")), |loaded| (loaded.version, loaded.head));
        flying.push(fly(number, version, head));
    }
    let mut out = std::io::stdout();
    // The test harness has begun a line of its own.
    writeln!(out).unwrap();
    while let Some((number, head, answer)) = flying.next().await {
        let Appended::At(version) = answer else { panic!("nobody else writes, but: {answer:?}") };
        writeln!(out, "kept {number} {version}").unwrap();
        flying.push(fly(number, version, head));
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_any_number_of_kills() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let (mut kept, mut seen) = (BTreeMap::new(), BTreeMap::new());
    for round in 0..KILLS {
        // From the very first acknowledgement to beyond a checkpoint of the log.
        let patience = RandomState::new().hash_one(round) % [3, 30, 100, 300, 1_000][round % 5];
        let mut child = child(&path);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut heard = 0;
        let mut line = String::new();
        // What the child had said when it died is still in the pipe; half a line was never said.
        while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
            if let Some((number, version)) = acknowledged(&line) {
                kept.insert(number, version);
                heard += 1;
            }
            if heard == patience {
                child.kill().unwrap();
            }
            line.clear();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(heard >= patience, "round {round}: the child died by itself after {heard} of {patience} acknowledgements");
        let store = Sqlite::open(&path, Access::Existing);
        match store {
            Ok(store) => check(&store, &kept, &mut seen).await,
            // Killed before there was anything in the file.
            Err(OpenError::NotAStore { .. } | OpenError::Missing { .. }) if kept.is_empty() => {}
            Err(refused) => panic!("round {round}: {refused:?}"),
        }
    }
    assert_eq!(kept.len() as u64, RUNS, "every run has come to something");
}

fn acknowledged(line: &str) -> Option<(u64, u64)> {
    let (number, version) = line.trim_end().strip_prefix("kept ")?.split_once(' ')?;
    Some((number.parse().ok()?, version.parse().ok()?))
}

/// Contents that an earlier round has `seen` are not read again; everything else is.
async fn check(store: &Sqlite, kept: &BTreeMap<u64, u64>, seen: &mut BTreeMap<u64, u64>) {
    for number in 0..RUNS {
        let loaded = load(store, number).await;
        let acknowledged = kept.get(&number).copied().unwrap_or(0);
        let version = loaded.as_ref().map_or(0, |loaded| loaded.version);
        assert!(version >= acknowledged, "run {number}: {acknowledged} events were acknowledged, {version} are there");
        let Some(loaded) = loaded else { continue };
        let mut head = Digest::of(b"");
        for (before, event) in (0..).zip(&loaded.events) {
            let expected = step(number, before, head);
            assert_eq!(*event, expected.events[0], "run {number}: event {} follows from the one before", before + 1);
            head = expected.head;
            if seen.get(&number).is_none_or(|seen| before >= *seen) {
                let (digest, bytes) = content(number, before + 1);
                let found = store.content(&Tenant::local(), run(number), digest).await.unwrap();
                assert_eq!(found, Content::Bytes(bytes), "run {number}: event {} has its content", before + 1);
            }
        }
        assert_eq!(head, loaded.head, "run {number}: the line of the run says where its log ends");
        let open = store.open(Open { run: Some(run(number)), limit: 10, ..Open::default() }).await.unwrap();
        let slots: Vec<_> = open.iter().map(|row| row.slot).collect();
        assert_eq!(slots, [Slot::Handoff(u32::try_from(version).unwrap())], "run {number}: what is owed is of the same moment");
        seen.insert(number, version);
    }
}

#[tokio::test]
async fn a_store_is_locked_against_other_processes_until_its_own_dies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut child = child(&path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("kept ")), "the child has the store");
    assert!(matches!(Sqlite::open(&path, Access::Existing), Err(OpenError::InUse { .. })));
    let reader = Sqlite::read(&path).unwrap();
    assert!(load(&reader, 0).await.is_some(), "reading needs no lock");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(Sqlite::open(&path, Access::Existing).unwrap());
}
