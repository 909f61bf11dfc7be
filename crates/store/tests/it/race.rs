//! A race of the default store against the reference, over random histories.
//!
//! Both get the same calls; every answer, and everything that can be read afterwards, must be the
//! same. It stops when it has seen no new *behaviour* (which call, which answer, of which shape) for
//! a while. A failure says its seed: `STORE_SEED=379 cargo test -p handclasp-store race` runs it again.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use handclasp_core::blob::Digest;
use handclasp_core::id::{RunId, Tenant, Token};
use handclasp_core::run::{Condition, Owed, Slot, Standing, Summary};
use handclasp_core::time::Timestamp;
use handclasp_store::conformance::sample::{agent, append, blob, deliver, handoff, lease, opening, run, summary, tenant, wake};
use handclasp_store::memory::Memory;
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Append, Beat, Due, Expected, Feed, Find, Kept, KeptOf, Load, Open, Read, RefusalNote, Store};

/// Calls in a history: enough to bring a handful of runs through all they can be.
const CALLS: usize = 60;
/// Histories without anything new before the race is over.
const QUIET: u64 = 10;
/// Histories at the most, however much is new in them.
const HISTORIES_MAX: u64 = 100;

#[tokio::test]
async fn both_stores_answer_alike_to_random_histories() {
    let folder = tempfile::tempdir().unwrap();
    let only: Option<u64> = std::env::var("STORE_SEED").ok().map(|seed| seed.parse().expect("`STORE_SEED` is a number"));
    let mut seen = BTreeSet::new();
    let mut quiet = 0;
    for seed in only.map_or(1..=HISTORIES_MAX, |seed| seed..=seed) {
        let sqlite = Sqlite::open(folder.path().join(format!("{seed}.db")), Access::Create).unwrap();
        let before = seen.len();
        History { dice: Dice(seed), seed, memory: Memory::new(), sqlite, seen: &mut seen }.run().await;
        quiet = if seen.len() > before { 0 } else { quiet + 1 };
        if quiet == QUIET {
            break;
        }
    }
    assert!(only.is_some() || seen.len() > 80, "a race that sees only {} behaviours is none", seen.len());
}

/// `SplitMix64` (Steele, Lea, Flood 2014): a few lines, and every seed is a good one.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }

    fn some<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.one_in(2).then(|| value(self))
    }

    fn several<T>(&mut self, most: u64, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| value(self)).collect()
    }

    fn tenant(&mut self) -> Tenant {
        self.pick(&[Tenant::local(), Tenant::local(), tenant("other")])
    }

    fn run(&mut self) -> RunId {
        run(self.below(4))
    }

    fn slot(&mut self) -> Slot {
        let number = u32::try_from(1 + self.below(12)).unwrap();
        let child = Slot::Child(self.run());
        self.pick(&[
            Slot::Run,
            Slot::Handoff(number),
            Slot::Handoff(1),
            Slot::Deadline(number),
            Slot::Interrupt(number),
            child,
            Slot::Parent,
        ])
    }

    fn standing(&mut self) -> Standing {
        let at = self.below(50);
        let due = self.some(|_| Timestamp(at));
        let delivery = deliver(self.pick(&["coder", "writer"]), at);
        let lease = lease(self.below(3), at);
        let simple = [Standing::DeadLetter, Standing::OpenChild, Standing::CancelChild, Standing::TellParent];
        let simple = self.pick(&simple);
        self.pick(&[delivery.clone(), delivery, lease.clone(), lease, wake(at), Standing::Inbox { due }, simple])
    }

    fn owed(&mut self) -> Owed {
        Owed { slot: self.slot(), standing: self.some(Self::standing) }
    }

    fn digest(&mut self) -> Digest {
        blob(&format!("content {}", self.below(4))).0
    }

    fn line(&mut self, run: RunId) -> Summary {
        use Condition::{Cancelled, Completed, Failed, Running, Stopped, WaitingForPerson};
        let condition = self.pick(&[Running, Running, WaitingForPerson, Stopped, Completed, Failed, Cancelled]);
        Summary { condition, trace_id: format!("trace {}", self.below(2)), reason: self.some(|_| "it says so".to_owned()), ..summary(run) }
    }

    fn append(&mut self, tenant: Tenant, run: RunId, expected: u64) -> Append {
        let events = self.several(3, |dice| format!("event {}", dice.next()));
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        Append {
            tenant,
            blobs: self.several(2, |dice| blob(&format!("content {}", dice.below(4)))),
            owed: self.several(4, Self::owed),
            summary: self.line(run),
            opening: self.one_in(4).then(|| opening(self.pick(&["a", "b", "c"]), self.pick(&["x", "y"]))),
            snapshot: self.one_in(4).then(|| self.next().to_be_bytes().to_vec()),
            ..append(run, expected, &events)
        }
    }

    fn kept(&mut self) -> Kept {
        Kept {
            tenant: self.tenant(),
            kind: self.pick(&["agent", "contract"]).to_owned(),
            name: self.pick(&["", "a", "a@1", "b"]).to_owned(),
            bytes: blob(&format!("content {}", self.below(4))).1,
        }
    }

    fn note(&mut self) -> RefusalNote {
        RefusalNote {
            tenant: self.tenant(),
            run: self.run(),
            at: Timestamp(self.below(50)),
            principal: "somebody".to_owned(),
            command: "claim".to_owned(),
            code: format!("HC-{:03}", self.below(3)),
            message: "no".to_owned(),
            pointer: self.some(|_| "/payload".to_owned()),
        }
    }
}

struct History<'a> {
    dice: Dice,
    seed: u64,
    memory: Memory,
    sqlite: Sqlite,
    seen: &'a mut BTreeSet<String>,
}

/// None, one or several: all that a shape says about a number.
fn some(count: usize) -> usize {
    count.min(2)
}

/// Makes one call on both stores and compares the answers.
macro_rules! both {
    ($self:ident, $method:ident($($argument:expr),*)) => {{
        let expected = $self.memory.$method($($argument.clone()),*).await.expect("the reference always answers");
        let found = $self.sqlite.$method($($argument.clone()),*).await.expect("the default answers too");
        assert_eq!(found, expected, "STORE_SEED={}: `{}` {:?}", $self.seed, stringify!($method), ($(&$argument,)*));
        expected
    }};
}

impl History<'_> {
    async fn run(mut self) {
        for _ in 0..CALLS {
            match self.dice.below(12) {
                0..=5 => self.append().await,
                6 => self.beat().await,
                7 => self.erase().await,
                8 => self.rebuild().await,
                9 => self.note().await,
                10 => self.keep().await,
                _ => self.discard().await,
            }
            self.compare_logs().await;
            self.compare_lists().await;
            self.compare_feeds().await;
            self.compare_kept().await;
        }
    }

    /// Notes a behaviour: what was called, and the shape of what came of it.
    fn saw(&mut self, call: &str, shape: impl std::fmt::Debug) {
        self.seen.insert(format!("{call} {shape:?}"));
    }

    /// One append, or several in flight, mostly on top of each other.
    async fn append(&mut self) {
        let (tenant, run) = (self.dice.tenant(), self.dice.run());
        let load = Load { tenant: tenant.clone(), run, snapshot: false };
        let mut version = self.memory.load(load).await.unwrap().map_or(0, |loaded| loaded.version);
        let mut appends = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let expected = if self.dice.one_in(6) { self.dice.below(6) } else { version };
            let append = self.dice.append(tenant.clone(), run, expected);
            version += append.events.len() as u64;
            appends.push(append);
        }
        let expected = join_all(appends.iter().map(|append| self.memory.append(append.clone()))).await;
        let found = join_all(appends.iter().map(|append| self.sqlite.append(append.clone()))).await;
        for ((append, expected), found) in appends.iter().zip(expected).zip(found) {
            let (expected, found) = (expected.unwrap(), found.unwrap());
            assert_eq!(found, expected, "STORE_SEED={}: {append:?}", self.seed);
            let answer = format!("{expected:?}");
            let kind = answer.split(['(', ' ']).next().unwrap_or_default().to_owned();
            let shape = (kind, some(append.events.len()), append.opening.is_some(), append.snapshot.is_some(), append.expected == 0);
            self.saw("append", shape);
        }
    }

    async fn beat(&mut self) {
        let beats = self.dice.several(3, |dice| Beat {
            tenant: dice.tenant(),
            handoff: handoff(dice.run(), u32::try_from(1 + dice.below(3)).unwrap()),
            token: Token(dice.below(3)),
            at: Timestamp(dice.below(200)),
        });
        both!(self, beat(beats));
    }

    async fn erase(&mut self) {
        let (tenant, run, digest) = (self.dice.tenant(), self.dice.run(), self.dice.digest());
        let expected = self.memory.erase(&tenant, run, digest).await.unwrap();
        let found = self.sqlite.erase(&tenant, run, digest).await.unwrap();
        assert_eq!(found, expected, "STORE_SEED={}: erase", self.seed);
        self.saw("erase", found);
    }

    async fn rebuild(&mut self) {
        let (tenant, run) = (self.dice.tenant(), self.dice.run());
        let (line, owed) = (self.dice.line(run), self.dice.several(4, Dice::owed));
        self.memory.rebuild(&tenant, line.clone(), owed.clone()).await.unwrap();
        self.sqlite.rebuild(&tenant, line, owed).await.unwrap();
    }

    async fn note(&mut self) {
        let notes = self.dice.several(3, Dice::note);
        both!(self, note_refusals(notes));
        let tenant = self.dice.tenant();
        let limit = u32::try_from(self.dice.below(5)).unwrap();
        let expected = self.memory.refusals(&tenant, limit).await.unwrap();
        assert_eq!(self.sqlite.refusals(&tenant, limit).await.unwrap(), expected, "STORE_SEED={}: refusals", self.seed);
        self.saw("refusals", some(expected.len()));
    }

    async fn keep(&mut self) {
        let kept = self.dice.kept();
        let here = self.memory.kept_one(&kept.tenant, &kept.kind, &kept.name).await.unwrap();
        let seen = here.map_or_else(|| self.dice.digest(), |bytes| Digest::of(&bytes));
        let expected = self.dice.pick(&[Expected::Absent, Expected::Anything, Expected::Digest(seen), Expected::Digest(seen)]);
        let wins = both!(self, keep(kept, expected));
        self.saw("keep", (wins, std::mem::discriminant(&expected)));
    }

    async fn discard(&mut self) {
        let Kept { tenant, kind, name, .. } = self.dice.kept();
        let was_there = self.memory.discard(&tenant, &kind, &name).await.unwrap();
        let found = self.sqlite.discard(&tenant, &kind, &name).await.unwrap();
        assert_eq!(found, was_there, "STORE_SEED={}: discard", self.seed);
        self.saw("discard", was_there);
    }

    async fn compare_logs(&mut self) {
        let (tenant, run) = (self.dice.tenant(), self.dice.run());
        let load = Load { tenant: tenant.clone(), run, snapshot: self.dice.one_in(2) };
        let loaded = both!(self, load(load));
        let shape = loaded.map(|loaded| (loaded.snapshot.is_some(), some(loaded.events.len())));
        self.saw("load", shape);
        let read = Read { tenant: tenant.clone(), run, after: self.dice.below(8), limit: u32::try_from(self.dice.below(4)).unwrap() };
        let events = both!(self, read(read));
        self.saw("read", some(events.len()));
        let digest = self.dice.digest();
        let content = self.memory.content(&tenant, run, digest).await.unwrap();
        assert_eq!(self.sqlite.content(&tenant, run, digest).await.unwrap(), content, "STORE_SEED={}: content", self.seed);
        self.saw("content", std::mem::discriminant(&content));
        let key = self.dice.pick(&["a", "b", "c"]).parse().unwrap();
        let opened = self.memory.opened(&tenant, &key).await.unwrap();
        assert_eq!(self.sqlite.opened(&tenant, &key).await.unwrap(), opened, "STORE_SEED={}: opened", self.seed);
        self.saw("opened", opened.is_some());
    }

    async fn compare_lists(&mut self) {
        let agents = self.dice.several(3, |dice| (dice.tenant(), agent(dice.pick(&["coder", "writer", "nobody"]))));
        let limit = u32::try_from(self.dice.below(6)).unwrap();
        let due = Due { now: Timestamp(self.dice.below(200)), agents, limit };
        let found = both!(self, due(due));
        self.saw("due", (some(found.deliveries.len()), some(found.others.len()), found.next.is_some()));
        let open = Open {
            tenant: self.dice.some(Dice::tenant),
            run: self.dice.some(Dice::run),
            kind: self.dice.some(|dice| dice.pick(&["deliver", "lease", "wake", "inbox", "dead_letter", "open_child"])),
            agent: self.dice.one_in(3).then(|| agent(self.dice.pick(&["coder", "writer", "nobody"]))),
            after: self.dice.some(|dice| (dice.tenant(), dice.run(), dice.slot())),
            limit,
        };
        let rows = both!(self, open(open));
        self.saw("open", (some(rows.len()), open.kind, open.tenant.is_some(), open.agent.is_some()));
        let line = self.dice.line(run(0));
        let find = Find {
            tenant: self.dice.some(Dice::tenant),
            conditions: self.dice.several(2, |dice| dice.line(run(0)).condition),
            trace_id: self.dice.some(|_| line.trace_id),
            before: self.dice.some(Dice::run),
            limit,
        };
        let lines = both!(self, find(find));
        self.saw("find", (some(lines.len()), some(find.conditions.len()), find.trace_id.is_some(), find.before.is_some()));
    }

    async fn compare_feeds(&mut self) {
        let newest = both!(self, fed());
        let limit = u32::try_from(self.dice.below(6)).unwrap();
        let feed = Feed { tenant: self.dice.tenant(), run: self.dice.some(Dice::run), after: self.dice.below(newest + 3), limit };
        let page = both!(self, feed(feed));
        self.saw("feed", (some(page.events.len()), page.upto < newest, feed.run.is_some()));
        let tenant = self.dice.tenant();
        let waiting = self.memory.waiting(&tenant).await.unwrap();
        assert_eq!(self.sqlite.waiting(&tenant).await.unwrap(), waiting, "STORE_SEED={}: waiting", self.seed);
        self.saw("waiting", some(waiting.len()));
    }

    async fn compare_kept(&mut self) {
        let of = KeptOf {
            tenant: self.dice.some(Dice::tenant),
            kind: self.dice.pick(&["agent", "contract"]),
            after: self.dice.some(|dice| (dice.tenant(), dice.kept().name)),
            limit: u32::try_from(self.dice.below(4)).unwrap(),
        };
        let things = both!(self, kept(of));
        self.saw("kept", (some(things.len()), of.tenant.is_some(), of.after.is_some()));
        let Kept { tenant, kind, name, .. } = self.dice.kept();
        let one = self.memory.kept_one(&tenant, &kind, &name).await.unwrap();
        assert_eq!(self.sqlite.kept_one(&tenant, &kind, &name).await.unwrap(), one, "STORE_SEED={}: kept_one", self.seed);
        self.saw("kept_one", one.is_some());
    }
}
