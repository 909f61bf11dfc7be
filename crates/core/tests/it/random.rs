//! Runs that nobody thought of.
//!
//! A few random bytes choose each next line of a script: mostly something that the present state
//! allows, sometimes anything at all. [`crate::stage`] holds every state that is reached against the
//! laws, the log, the snapshot and what is owed; a panic anywhere is a failure too. What fails is
//! printed as a script that can be pasted into a test.

use std::cell::RefCell;
use std::collections::BTreeMap;

use handclasp_core::handoff::{Handoff, Phase};
use handclasp_core::run::InterruptState;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::script::{check, event_name};
use crate::stage::Stage;

const TEAM: &str = "
    given contract order@1.0.0 echo needs=order
    given agent a accepts=order@1 roles=red fallback=b lease=10
    given agent b accepts=order@1 can=mend capacity=2 lease=20
    given agent c capacity=2 roles=red,blue fallback=a lease=30
";

/// Ways to open a run: freely, with items and limits, with plans.
const OPENINGS: &[&[&str]] = &[
    &["open to=a"],
    &["open to=a item=constraint:words item=fact:secret,must,for:blue item=question:who,must attempts=2"],
    &["open to=b item=constraint:words run-limit=steps:12,handoffs:9,tokens:90,depth:3 answer=50 finish=400 limit=visits:4"],
    &["open to=c run-limit=time:300,steps:30 limit=steps:7,tokens:50,handoffs:3,depth:1 backoff=5"],
    &["open"],
    &["plan a b c", "open item=question:who,must"],
    &["plan review(a,b,2) approve(boss,within:60,silence:approved,back:a) c", "open item=constraint:words"],
    &["plan a [ review(b,c,2,stop) checkpoint(shape,order@1.0.0,back:a) ] b@order@1.0.0", "open input=order run-limit=handoffs:20"],
    &["plan approve(boss,within:30) a approve(chief,back:a)", "open item=fact:base,must"],
];

/// What the bytes of one step choose from.
struct Choice<'a> {
    stage: &'a Stage,
    bytes: [u8; 4],
}

impl Choice<'_> {
    fn of<'a>(&self, byte: usize, all: &[&'a str]) -> &'a str {
        all[usize::from(self.bytes[byte]) % all.len()]
    }

    /// A handoff in one of these phases if there is one, else any number, existing or not.
    fn handoff(&self, fits: impl Fn(&Handoff) -> bool) -> u32 {
        let Some(run) = &self.stage.run else { return 1 };
        let fitting: Vec<u32> = run.open_handoffs().filter(|handoff| fits(handoff)).map(|handoff| handoff.id.number).collect();
        let any = u32::from(self.bytes[1]);
        // One step in eight takes any handoff.
        match fitting.get(self.bytes[1] as usize % fitting.len().max(1)) {
            Some(number) if self.bytes[3] % 8 != 7 => *number,
            _ => any % (u32::try_from(run.handoffs().len()).expect("few") + 2),
        }
    }

    fn held(&self) -> u32 {
        self.handoff(|handoff| handoff.phase.lease().is_some())
    }

    fn accepted(&self) -> u32 {
        self.handoff(|handoff| matches!(handoff.phase, Phase::Accepted { .. }))
    }

    fn item(&self) -> usize {
        let items = self.stage.run.as_ref().map_or(0, |run| run.ledger.len());
        usize::from(self.bytes[3]) % (items + 2)
    }

    /// Which command; mostly one for which there is a handoff in the right phase.
    fn verb(&self) -> u8 {
        let open = |fits: fn(&Phase) -> bool| self.stage.run.as_ref().is_some_and(|run| run.open_handoffs().any(|one| fits(&one.phase)));
        let offered = open(|phase| matches!(phase, Phase::Offered { .. }));
        let accepted = open(|phase| matches!(phase, Phase::Accepted { .. }));
        match self.bytes[0] % 36 {
            any if self.bytes[3].is_multiple_of(16) => any,
            // Where nobody can go on, somebody answers, sends again or offers more.
            _ if !offered && !open(|phase| phase.lease().is_some()) => [13, 24, 28, 31, 34][usize::from(self.bytes[1]) % 5],
            7..=12 | 14..=20 | 23 | 25..=27 | 30 | 32 | 33 | 35 if !accepted => 0,
            0..=4 if !offered => 33,
            // Ends come by themselves often enough.
            19 | 29 if !self.bytes[2].is_multiple_of(4) => 16,
            any => any,
        }
    }

    fn line(&self) -> String {
        const AGENTS: &[&str] = &["a", "b", "c", "@mend", "nobody"];
        const PAYLOADS: &[&str] = &["order", "other"];
        const EFFECTS: &[&str] = &["refund#0", "refund#1", "refund(A1)", "mail#0"];
        const TERMS: &[&str] = &[
            "",
            "contract=order@1",
            "answer=20",
            "finish=60",
            "limit=handoffs:1,steps:3",
            "attempts=1",
            "fallback=c",
            "full=refuse",
            "full=fallback",
        ];
        let (accepted, held, item) = (self.accepted(), self.held(), self.item());
        let (to, payload, effect, terms) = (self.of(2, AGENTS), self.of(3, PAYLOADS), self.of(2, EFFECTS), self.of(1, TERMS));
        let wrong_token = if self.bytes[3] % 16 == 15 { " token=1" } else { "" };
        let offered = self.handoff(|handoff| matches!(handoff.phase, Phase::Offered { .. }));
        let later = self.stage.now.0 + u64::from(self.bytes[1] % 16);
        match self.verb() {
            0..=4 => format!("claim {offered} accept at={}{}", later.max(self.not_before(offered)), self.read_back(offered)),
            5 => format!("claim {offered}"),
            6 => format!("accept {held}{}{wrong_token}", self.read_back(held)),
            7 => format!("decline {held}{wrong_token}"),
            8 => format!("release {held}{wrong_token}"),
            9 | 10 => format!("offer {accepted} delegate to={to} payload={payload} {terms}"),
            11 | 12 => format!("offer {accepted} spawn to={to} payload={payload} ordinal={} {terms}", self.bytes[3] % 3),
            13 => format!("offer to={to} payload={payload}"),
            14..=16 | 32 | 33 => format!("complete {accepted} result={payload}{wrong_token} {}", self.completion(item)),
            34 => format!("resolve {} {}", self.question(), self.of(2, &["approved", "did_not_happen"])),
            35 => format!("finish {accepted} {effect}"),
            17 => format!("complete {accepted} next={to} payload={payload} tokens={} {}", self.bytes[1] % 40, self.completion(item)),
            18 => format!("fail {held} tokens={}{wrong_token}", self.bytes[1] % 16),
            19 => format!("fail {held} permanently"),
            20 => format!("lose {held}{wrong_token}"),
            21 | 22 => format!("wake at={later}"),
            23 => format!(
                "ask {accepted} ordinal={} shown={payload} within=15 {}",
                self.bytes[3] % 2,
                self.of(2, &["", "park", "silence=yes"])
            ),
            24 => format!(
                "resolve {} {}",
                self.question(),
                self.of(2, &["approved", "rejected text=no", "happened", "did_not_happen", "yes"])
            ),
            25 => format!("begin {accepted} {effect} with={payload} {}", self.of(3, &["", "lookup"])),
            26 => format!("finish {accepted} {effect} {}", self.of(3, &["", "not"])),
            27 => format!("reconcile {accepted} {effect} {}", self.of(3, &["", "not"])),
            28 => {
                let dead = self.handoff(|handoff| matches!(handoff.phase, Phase::DeadLettered { .. }));
                format!("redrive {dead} {}", self.of(2, &["", "to=c", "payload=order", "to=b payload=other"]))
            }
            29 => format!("cancel {}", self.handoff(|_| true)),
            30 => format!("child {accepted} {} reserve=10", self.bytes[2] % 4),
            _ => format!("child-closed {} tokens=7 {}", self.bytes[2] % 4, self.of(3, &["result=order", "failed"])),
        }
    }

    /// When a handoff can be claimed.
    fn not_before(&self, handoff: u32) -> u64 {
        match self.stage.run.as_ref().and_then(|run| run.handoff(Stage::handoff_id(handoff))).map(|handoff| &handoff.phase) {
            Some(Phase::Offered { not_before }) => not_before.0,
            _ => 0,
        }
    }

    fn read_back(&self, handoff: u32) -> String {
        let run = self.stage.run.as_ref();
        let wants = run.and_then(|run| run.handoff(Stage::handoff_id(handoff))).is_some_and(|handoff| handoff.contract.is_some());
        let items = run.map_or(0, |run| run.ledger.len());
        match (wants, items) {
            (false, _) => String::new(),
            (true, 0) => " echo".to_owned(),
            (true, items) => format!(" echo items={}", (1..=items).map(|item| item.to_string()).collect::<Vec<_>>().join(",")),
        }
    }

    fn completion(&self, item: usize) -> String {
        let verdict = self.of(2, &["verdict=approved:3", "verdict=revise:1", "", "verdict=back:a"]);
        let ledger = match self.bytes[3] % 8 {
            0 => format!("discharge={item}"),
            1 => format!("drop={item}:hopeless"),
            2 => "item=fact:found,must".to_owned(),
            3 => format!("item=decision:words item=fact:found,from:{item}"),
            4 => format!("discharge={item} item=constraint:later item=question:who"),
            5 => "item=risk:secret,for:blue".to_owned(),
            _ => String::new(),
        };
        format!("{verdict} {ledger}")
    }

    fn question(&self) -> u32 {
        let open = self.stage.run.as_ref().and_then(|run| run.interrupts().iter().rfind(|one| one.state == InterruptState::Open));
        open.map_or(1, |open| open.id.number)
    }
}

/// Runs a script made of these bytes; returns it, with what each line came to.
fn play(opening: usize, steps: &[[u8; 4]], played: &RefCell<Vec<String>>, seen: &mut BTreeMap<String, usize>) -> Stage {
    let mut stage = check(TEAM);
    let lines = OPENINGS[opening % OPENINGS.len()];
    let mut perform = |stage: &mut Stage, line: String| {
        played.borrow_mut().push(line.clone());
        match stage.perform(&line) {
            Some(Ok(outcome)) => outcome.events.iter().for_each(|event| *seen.entry(event_name(event)).or_default() += 1),
            Some(Err(refusal)) => *seen.entry(refusal.code().to_owned()).or_default() += 1,
            None => {}
        }
    };
    for line in lines {
        perform(&mut stage, (*line).to_owned());
    }
    // A closed run is asked a few things more.
    let mut after_the_end = 0;
    for bytes in steps {
        let line = Choice { stage: &stage, bytes: *bytes }.line();
        perform(&mut stage, line);
        after_the_end += u32::from(stage.run.as_ref().is_some_and(|run| run.outcome.is_some()));
        if after_the_end > 4 {
            break;
        }
    }
    stage
}

#[test]
fn whatever_is_asked_the_laws_hold_and_the_log_tells_the_whole_story() {
    let config = ProptestConfig { max_shrink_iters: 4_000, failure_persistence: None, ..ProptestConfig::default() };
    // The same runs each time, so that a red build is never chance. `PROPTEST_CASES` looks further.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let seen = RefCell::new(BTreeMap::new());
    let played = RefCell::new(Vec::new());
    let found = runner.run(&(any::<usize>(), vec(any::<[u8; 4]>(), 1..160)), |(opening, steps)| {
        played.borrow_mut().clear();
        play(opening, &steps, &played, &mut seen.borrow_mut());
        Ok(())
    });
    if let Err(error) = found {
        panic!("{error}\nthe smallest script that was found:\n{}", played.borrow().join("\n"));
    }
    reached(&seen.into_inner());
}

/// Random runs that never get anywhere prove nothing: all of these must have been seen.
fn reached(seen: &BTreeMap<String, usize>) {
    const EXPECTED: &[&str] = &[
        "attempt_failed",
        "branch_closed",
        "checkpoint_reached",
        "child_reserved",
        "child_settled",
        "dead_lettered",
        "divergence_noted",
        "effect_began",
        "effect_settled",
        "handoff_completed",
        "handoff_declined",
        "handoff_ended",
        "handoff_parked",
        "handoff_released",
        "handoff_requeued",
        "handoff_rerouted",
        "handoff_returned",
        "interrupt_raised",
        "interrupt_resolved",
        "interrupt_withdrawn",
        "item_added",
        "item_ended",
        "lease_lost",
        "redriven",
        "run_closed",
        "HC-012",
        "HC-016",
        "HC-017",
        "HC-018",
        "HC-019",
        "HC-024",
        "HC-025",
        "HC-029",
        "HC-039",
    ];
    let missing: Vec<_> = EXPECTED.iter().filter(|what| !seen.contains_key(**what)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?} in {seen:#?}");
}
