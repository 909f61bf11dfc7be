//! Warm processes: who gets which, how many are kept, for how long, and that none is left behind.
//!
//! The processes are real, and so is their time. Nothing here waits for a fixed time; it waits until
//! something is so.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use handclasp_agents::Pool;
use handclasp_core::event::Event;
use handclasp_core::time::Millis;

use crate::house::{Ended, House, Site};

/// How often something is looked at that is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// An agent that notes each process in a file named after it. Its result is its process id, unless
/// `$body` says otherwise; `work` is the briefing, `turns` how many it has had.
macro_rules! noted {
    ($body:literal) => {
        noted!($body, "")
    };
    ($body:literal, $after:literal) => {
        concat!(
            r#"
import glob, json, os, subprocess, sys, time
def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def note(name):
    open(name + ".part", "w").close()
    os.rename(name + ".part", name)
note(f"process-{os.getpid()}")
turns = 0
for message in map(json.loads, sys.stdin):
    if message.get("method") == "work":
        work, text = message["params"], str(os.getpid())
        turns += 1
"#,
            $body,
            r#"
        send(id=message["id"], result={"result": {"text": text}})
"#,
            $after
        )
    };
}

/// What is noted in files of this name.
fn noted(folder: &Path, name: &str) -> Vec<u32> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter_map(|file| file.strip_prefix(name)?.strip_prefix('-')?.parse().ok()).collect()
}

/// What `ps` says of a process: nothing once it is gone, and `Z` of one that nobody has waited for.
fn state(pid: u32) -> String {
    let said = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("`ps` can be run");
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

fn alive(pids: &[u32]) -> usize {
    pids.iter().filter(|pid| !state(**pid).is_empty()).count()
}

async fn until(mut so: impl FnMut() -> bool) {
    while !so() {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn attempts(ended: &Ended) -> usize {
    ended.count(|event| matches!(event, Event::HandoffClaimed { .. }))
}

async fn pid(site: &Site) -> u32 {
    let ended = site.run().await;
    assert_eq!(attempts(&ended), 1);
    ended.text().parse().unwrap()
}

#[test]
fn a_process_works_for_one_run_after_the_other() {
    House::python(noted!("")).attended(async |site| {
        let first = pid(site).await;
        // Each run is opened the moment the one before is over, and before its process may be free.
        for _ in 0..50 {
            assert_eq!(pid(site).await, first);
        }
        assert_eq!(noted(site.folder.path(), "process"), [first]);
    });
}

#[test]
fn a_pool_of_none_keeps_none() {
    let mut house = House::python(noted!(""));
    house.pool.size = 0;
    house.attended(async |site| {
        let first = pid(site).await;
        assert_ne!(pid(site).await, first);
        until(|| alive(&noted(site.folder.path(), "process")) == 0).await;
    });
}

/// Fails its first turn in each run, and tells in the second how many turns it has had.
const REMEMBERS: &str = noted!(
    r#"
        if work["attempt"] == 1:
            send(id=message["id"], error={"code": -32000, "message": "again", "data": {"retryable": True}})
            continue
        text = str(turns)
"#
);

#[test]
fn what_a_process_remembers_stays_in_its_run_where_that_is_asked_for() {
    for (per_run, expected) in [(true, ["2", "2"]), (false, ["2", "4"])] {
        let mut house = House::python(REMEMBERS);
        house.attempts = 2;
        house.pool.per_run = per_run;
        house.attended(async |site| {
            assert_eq!([site.run().await.text(), site.run().await.text()], expected);
            let kept = usize::from(!per_run);
            until(|| alive(&noted(site.folder.path(), "process")) == kept).await;
        });
    }
}

#[test]
fn more_work_at_once_than_are_kept_afterwards() {
    let mut house = House::python(noted!(
        r#"
        while not os.path.exists("alone") and len(glob.glob("process-*")) < 3:
            time.sleep(0.01)
"#
    ));
    house.capacity = 3;
    house.pool.size = 1;
    house.attended(async |site| {
        let _ = tokio::join!(pid(site), pid(site), pid(site));
        let started = noted(site.folder.path(), "process");
        assert_eq!(started.len(), 3, "each of them had a process of its own");
        until(|| alive(&started) == 1).await;
        std::fs::write(site.folder.path().join("alone"), "").unwrap();
        let kept = pid(site).await;
        assert!(started.contains(&kept));
        assert_eq!((noted(site.folder.path(), "process").len(), alive(&started)), (3, 1));
    });
}

#[test]
fn one_that_nobody_wants_for_long_enough_is_ended() {
    let mut house = House::python(noted!(""));
    house.pool.idle = Millis(100);
    house.attended(async |site| {
        let first = pid(site).await;
        until(|| state(first).is_empty()).await;
        assert_ne!(pid(site).await, first);
    });
}

#[test]
fn one_that_was_killed_while_it_waited_is_not_used() {
    House::python(noted!("")).attended(async |site| {
        let first = pid(site).await;
        assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
        until(|| state(first).is_empty()).await;
        assert_ne!(pid(site).await, first);
    });
}

#[test]
fn one_that_cannot_be_asked_any_more_costs_no_attempt() {
    // It closes its input, and seems to be well but for that.
    let house = House::python(noted!("", "        os.close(0)\n        note('closed-1')\n        time.sleep(3600)\n"));
    house.attended(async |site| {
        let first = pid(site).await;
        until(|| noted(site.folder.path(), "closed") == [1]).await;
        assert!(!state(first).is_empty());
        assert_ne!(pid(site).await, first);
        until(|| state(first).is_empty()).await;
    });
}

#[test]
fn one_that_writes_while_it_has_no_handoff_gets_no_other() {
    let progress = noted!("", "        send(method='progress', params={'percent': 100})\n");
    let half_a_line = noted!("", "        print('{', end='', flush=True)\n");
    let an_empty_line = noted!("", "        print(flush=True)\n");
    for (script, used_again) in [(progress, false), (half_a_line, false), (an_empty_line, true)] {
        House::python(script).attended(async |site| {
            let first = pid(site).await;
            if !used_again {
                until(|| state(first).is_empty()).await;
            }
            assert_eq!(pid(site).await == first, used_again, "{script}");
        });
    }
}

#[test]
fn what_it_says_between_two_turns_is_in_no_run() {
    let script = noted!(
        "
        if turns == 2:
            print('of this run', file=sys.stderr, flush=True)
            sys.exit(1)
",
        "
        print('of nobody', file=sys.stderr, flush=True)
        note('said-1')
"
    );
    House::python(script).attended(async |site| {
        pid(site).await;
        until(|| noted(site.folder.path(), "said") == [1]).await;
        let (kind, message) = site.run().await.error();
        assert_eq!(kind, "exited");
        assert!(message.contains("of this run") && !message.contains("of nobody"), "{message}");
    });
}

#[test]
fn one_that_declines_is_told_so_and_works_on() {
    let script = noted!(
        r#"
        if turns == 1:
            send(id="d", method="decline", params={"reason": "not my day"})
            assert "result" in json.loads(sys.stdin.readline())
            continue
        text = str(turns)
"#
    );
    House::python(script).attended(async |site| {
        let declined = site.run().await;
        assert_eq!(declined.count(|event| matches!(event, Event::HandoffDeclined { .. })), 1);
        assert_eq!(site.run().await.text(), "2");
    });
}

#[test]
fn one_that_was_started_ahead_takes_the_first_turn_and_another_is_started() {
    let mut house = House::python(noted!(""));
    house.pool = Pool { ahead: 1, per_run: true, idle: Millis(100), ..house.pool };
    let started = house.attended(async |site| {
        let started = || noted(site.folder.path(), "process");
        // One for each of the two agents of the house.
        until(|| started().len() == 2).await;
        let ahead = started();
        let first = pid(site).await;
        assert!(ahead.contains(&first));
        until(|| started().len() == 3).await;
        let second = pid(site).await;
        assert!(second != first && !ahead.contains(&second), "the other one of the two is another agent's");
        until(|| started().len() == 4).await;
        until(|| alive(&started()) == 2).await;
        started()
    });
    assert_eq!(alive(&started), 0);
}

#[test]
fn nothing_is_left_when_the_post_is_closed() {
    // Each has a process of its own that nobody waits for; the second stays when its input ends.
    let ends = noted!(
        r#"
        child = subprocess.Popen(["/bin/sleep", "3600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        note(f"child-{child.pid}")
"#
    );
    let stays: &'static str = format!("{ends}\ntime.sleep(3600)\n").leak();
    for script in [ends, stays] {
        let (process, children) = House::python(script).attended(async |site| (pid(site).await, noted(site.folder.path(), "child")));
        assert_eq!(state(process), "", "it has ended, and was waited for");
        assert_eq!(children.len(), 1);
        // Whoever inherits an orphan may take its time to look at its end.
        until_gone(&children);
    }
}

/// Waits for processes that were killed, whose parent is somebody else by now.
fn until_gone(pids: &[u32]) {
    let since = Instant::now();
    while pids.iter().any(|pid| !matches!(state(*pid).as_bytes(), [] | [b'Z', ..])) {
        assert!(since.elapsed() < Duration::from_secs(10), "some of {pids:?} are still there");
        std::thread::sleep(LOOK_AGAIN);
    }
}
