//! Events for ever: one golden file per type and version, each of which must still decode.
//!
//! The files are records as a store keeps them. They are written once, from the script below, when a
//! type or version is new; a file that exists is never written over. When a format changes, its new
//! version gets new files and [`handclasp_core::encoding`] learns to convert the old ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use handclasp_core::encoding::{FORMAT, decode};
use handclasp_core::event::Event;

use crate::golden;
use crate::script::{check, event_name};

/// Every type of event. No `_`: a new one has to be named here and to happen in [`SCRIPTS`].
fn name(event: &Event) -> &'static str {
    match event {
        Event::RunOpened { .. } => "run_opened",
        Event::BranchOpened { .. } => "branch_opened",
        Event::BranchClosed { .. } => "branch_closed",
        Event::HandoffOffered(_) => "handoff_offered",
        Event::HandoffClaimed { .. } => "handoff_claimed",
        Event::HandoffAccepted { .. } => "handoff_accepted",
        Event::HandoffDeclined { .. } => "handoff_declined",
        Event::HandoffReleased { .. } => "handoff_released",
        Event::LeaseLost { .. } => "lease_lost",
        Event::ProgressReported { .. } => "progress_reported",
        Event::AttemptFailed { .. } => "attempt_failed",
        Event::HandoffRequeued { .. } => "handoff_requeued",
        Event::HandoffRerouted { .. } => "handoff_rerouted",
        Event::HandoffParked { .. } => "handoff_parked",
        Event::HandoffReturned { .. } => "handoff_returned",
        Event::HandoffCompleted { .. } => "handoff_completed",
        Event::HandoffEnded { .. } => "handoff_ended",
        Event::DeadLettered { .. } => "dead_lettered",
        Event::Redriven { .. } => "redriven",
        Event::DivergenceNoted { .. } => "divergence_noted",
        Event::ItemAdded { .. } => "item_added",
        Event::ItemEnded { .. } => "item_ended",
        Event::InterruptRaised { .. } => "interrupt_raised",
        Event::InterruptResolved { .. } => "interrupt_resolved",
        Event::InterruptWithdrawn { .. } => "interrupt_withdrawn",
        Event::EffectBegan { .. } => "effect_began",
        Event::EffectSettled { .. } => "effect_settled",
        Event::CheckpointReached { .. } => "checkpoint_reached",
        Event::ChildReserved { .. } => "child_reserved",
        Event::ChildSettled { .. } => "child_settled",
        Event::PinsChanged { .. } => "pins_changed",
        Event::RunClosed { .. } => "run_closed",
    }
}

/// How many types [`name`] knows.
const TYPES: usize = 32;

/// Between them these make every type of event, with as many of its fields as can be filled at once.
const SCRIPTS: &[&str] = &[
    "
    given contract order@1.0.0 echo needs=order
    given agent a accepts=order@1 fallback=b roles=blue
    given agent b accepts=order@1
    given open to=a contract=order payload=order item=constraint:words item=fact:base,must,for:blue item=risk:late,from:2 accept=short limit=tokens:900,depth:3 run-limit=steps:90 answer=500 finish=9000 because=it_is_able returns=order key=opening
    given claim 1 accept echo items=1,2 criteria=0 confidence=80 at=7 key=k1
    given progress 1 percent=40 note=half
    given begin 1 refund(A1) with=ten lookup
    given finish 1 refund(A1)
    given ask 1 approval shown=delete within=60 silence=rejected
    given lose 1 why=crashed
    given resolve 1 approved text=fine
    given claim 1
    given release 1
    given claim 1 accept echo items=1,2 criteria=0
    given offer 1 delegate to=b payload=part
    given claim 2
    given decline 2 why=busy
    given claim 1 accept echo items=1,2 criteria=0
    given fail 1 tokens=5
    given claim 1 accept echo items=1,2 criteria=0
    given fail 1 permanently
    given claim 1 accept echo items=1 criteria=0
    given ask 1 ordinal=1
    given fail 1 permanently
    given redrive 1 to=a payload=order+more
    given claim 1 accept echo items=1,2 criteria=0
    given child 1 1 reserve=50
    given child-closed 1 tokens=20 result=found
    given accept-change team=other
    given claim 1 accept echo items=1,2 criteria=0
    given offer 1 spawn to=b payload=aside ordinal=1
    given complete 1 result=order tokens=9 cost=3 discharge=2:done drop=1:impossible did=refund item=decision:made,must
    given complete 1 result=other
    given claim 3 accept
    given complete 3
    ",
    "
    given contract order@1.0.0 needs=order
    given agent a
    given plan a checkpoint(shape,order@1.0.0)
    given open
    given claim 1 accept
    given complete 1 result=other
    ",
    "
    given contract order@1.0.0 needs=order
    given agent busy accepts=order@1 capacity=0 fallback=a
    given agent a accepts=order@1
    given open to=busy full=fallback contract=order payload=order accept=short limit=tokens:900,depth:3 answer=500 finish=9000 because=it_is_able returns=order
    ",
];

/// The richest record of each type that the scripts make: later ones fill more fields.
fn records() -> BTreeMap<String, Vec<u8>> {
    let mut records: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for bytes in SCRIPTS.iter().flat_map(|script| check(script).log) {
        let recorded = decode(&bytes).expect("it was just written");
        assert_eq!(event_name(&recorded.event), name(&recorded.event));
        let kept = records.entry(name(&recorded.event).to_owned()).or_default();
        if bytes.len() > kept.len() {
            *kept = bytes;
        }
    }
    records
}

#[test]
fn every_type_of_event_has_a_golden_file_of_this_format() {
    let records = records();
    assert_eq!(records.len(), TYPES, "the scripts make every type of event: {:?}", records.keys());
    for (name, bytes) in &records {
        let path = golden::folder().join(format!("events/{name}.v{FORMAT}.json"));
        if golden::writing() && !path.exists() {
            fs::write(&path, bytes).expect("the golden folder can be written");
        }
        assert!(path.exists(), "`{}` is missing; write it with `{}`", path.display(), golden::REGENERATE);
    }
}

#[test]
fn an_effect_of_format_1_had_its_arguments_by_digest_alone() {
    let recorded = decode(include_bytes!("../golden/events/effect_began.v1.json")).expect("format 1");
    let Event::EffectBegan { arguments, .. } = recorded.event else { panic!("{recorded:?}") };
    assert_eq!((arguments.digest.short().as_str(), arguments.bytes), ("4d1aa87f7c24", 0));
}

#[test]
fn every_event_that_was_ever_written_still_decodes() {
    let known: BTreeSet<String> = records().into_keys().collect();
    let mut files = 0;
    for entry in fs::read_dir(golden::folder().join("events")).expect("the golden events are there") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("a golden event");
        let recorded = decode(&bytes).unwrap_or_else(|error| panic!("`{}` must decode for ever: {error}", path.display()));
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (name, version) = file.trim_end_matches(".json").split_once(".v").expect("`type.vN.json`");
        assert!(known.contains(name), "`{file}` is of no known type");
        assert_eq!(event_name(&recorded.event), name, "{file}");
        if version == FORMAT.to_string() {
            let again = serde_json::to_vec(&recorded).expect("events serialise");
            assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&bytes), "`{file}` is written as it was read");
        }
        files += 1;
    }
    assert!(files >= TYPES, "{files} golden events");
}
