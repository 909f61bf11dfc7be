//! A briefing of a real run: what is verbatim, what comes first, what is withheld, what was erased.

use std::collections::BTreeSet;

use handclasp_briefing::{Briefing, assemble, markdown, needed};
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Command, Open, Pins, ReadBack, Request};
use handclasp_core::contract::{Contract, ReadBackLevel, Verdicts};
use handclasp_core::directory::{Agent, Beats, Directory, Justification, Load};
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::ledger::{ItemKind, NewItem};
use handclasp_core::limits::Limits;
use handclasp_core::offer::{Kind, Offer, Reason, Receiver, Terms};
use handclasp_core::time::{Millis, Timestamp};
use handclasp_core::{Run, World};
use serde_json::json;

const TASK: &str = "Refund order A-17.\n\n  - \"only\" if it is younger than 30 days  ";
const CONSTRAINT: &str = "Never refund more than 120.00 EUR — not even as a gesture.";

struct Stage {
    directory: Directory,
    verdicts: Verdicts,
    blobs: Blobs,
    run: Option<Run>,
}

impl Stage {
    fn new() -> Self {
        let mut directory = Directory::default();
        let contract = Contract {
            id: "refund@1.0.0".parse().unwrap(),
            schema: json!({}),
            read_back: ReadBackLevel::Echo,
            justification_required: false,
            effects_declared: false,
            confidence_min: None,
        };
        directory.add_contract(contract.clone());
        directory.add_agent(Agent {
            name: "billing".parse().unwrap(),
            capabilities: BTreeSet::new(),
            accepts: vec!["refund@1".parse().unwrap()],
            roles: BTreeSet::new(),
            capacity: 1,
            fallback: None,
            read_back: ReadBackLevel::Echo,
            justification: Justification::Off,
            lease_ms: Millis::seconds(30),
            definition: Digest([0; 32]),
        });
        let mut stage = Self { directory, verdicts: Verdicts::default(), blobs: Blobs::default(), run: None };
        let payload = stage.blobs.json(&json!({ "order": "A-17", "amount": 120 }));
        stage.verdicts.insert(contract.digest(), payload.digest, Vec::new());
        let item = |stage: &mut Self, kind, key: &str, text: &str, role: Option<&str>| NewItem {
            kind,
            key: key.to_owned(),
            value: stage.blobs.json(&text),
            must_carry: kind == ItemKind::Constraint,
            confidence: None,
            visible_to: role.map(|role| role.parse().unwrap()).into_iter().collect(),
            derived_from: BTreeSet::new(),
            inferred: false,
        };
        let items = vec![
            item(&mut stage, ItemKind::Fact, "age", "12 days", None),
            item(&mut stage, ItemKind::Fact, "salary", "secret", Some("hr")),
            item(&mut stage, ItemKind::Constraint, "limit", CONSTRAINT, None),
        ];
        let open = Open {
            task: stage.blobs.json(&TASK),
            title: "a refund".to_owned(),
            intent: Some(stage.blobs.json(&"A customer who comes back.")),
            items,
            limits: Limits::default(),
            trace_id: "0".repeat(32),
            conversation: None,
            pins: Pins::default(),
            input: payload,
            plan: None,
            first: Some(Offer {
                to: Receiver::Agent("billing".parse().unwrap()),
                kind: Kind::Route,
                reason: Reason::TaskClassification,
                contract: Some("refund@1".parse().unwrap()),
                payload,
                terms: Terms { acceptance: vec!["The customer has a receipt.".to_owned()], ..Terms::default() },
            }),
            parent: None,
        };
        stage.submit(Command::Open(Box::new(open)));
        let handoff = stage.run().handoffs()[0].id;
        stage.submit(Command::Claim { handoff, by: "billing".parse().unwrap(), holder: "test".to_owned(), accept: None });
        stage
    }

    fn submit(&mut self, command: Command) {
        let run = RunId(ulid::Ulid::from_parts(1_700_000_000_000, 7));
        let request = Request { tenant: Tenant::local(), principal: "user:test".parse().unwrap(), run, key: None, command };
        let (beats, load) = (Beats::new(), Load::new());
        let world =
            World { now: Timestamp(1_700_000_000_000), directory: &self.directory, verdicts: &self.verdicts, beats: &beats, load: &load };
        Run::submit(&mut self.run, &request, &world).unwrap();
    }

    fn run(&self) -> &Run {
        self.run.as_ref().unwrap()
    }

    fn briefing(&self, erased: Option<Digest>) -> Briefing {
        let run = self.run();
        let content = |digest: Digest| self.blobs.get(&digest).filter(|_| erased != Some(digest)).cloned();
        assemble(run, &run.handoffs()[0], &self.directory, &content)
    }
}

#[test]
fn task_and_constraints_are_verbatim_in_every_form() {
    let briefing = Stage::new().briefing(None);
    assert_eq!(briefing.task, json!(TASK));
    assert_eq!(briefing.items[0].value, json!(CONSTRAINT), "what binds comes before what informs");
    let page = markdown(&briefing);
    assert!(page.contains(TASK) && page.contains(CONSTRAINT), "{page}");
    let order = ["## Task", "## Constraints", "## Payload", "## Known so far", "## The result is good when", "## Read back"];
    let places: Vec<_> = order.iter().map(|heading| page.find(heading).unwrap_or_else(|| panic!("no {heading} in {page}"))).collect();
    assert!(places.is_sorted(), "{page}");
}

#[test]
fn what_a_role_may_not_see_is_counted_and_not_told() {
    let briefing = Stage::new().briefing(None);
    assert_eq!((briefing.items.len(), briefing.withheld), (2, 1));
    assert!(!serde_json::to_string(&briefing).unwrap().contains("secret"));
    assert!(!markdown(&briefing).contains("secret"));
}

#[test]
fn what_a_read_back_must_name_is_what_the_rules_ask_for() {
    let mut stage = Stage::new();
    let asked = stage.briefing(None).read_back;
    assert_eq!((asked.items.len(), asked.criteria.len()), (1, 1));
    let handoff = stage.run().handoffs()[0].id;
    let token = stage.run().handoffs()[0].phase.lease().unwrap().token;
    let read_back = ReadBack {
        level: asked.level,
        contract: asked.contract,
        payload: asked.payload,
        items: asked.items,
        criteria: asked.criteria,
        ..ReadBack::delivered()
    };
    stage.submit(Command::Accept { handoff, token, read_back });
    assert_eq!(stage.run().handoffs()[0].phase.name(), "accepted");
}

#[test]
fn an_erased_content_is_told_as_such() {
    let stage = Stage::new();
    let payload = stage.run().handoffs()[0].payload.digest;
    assert!(needed(stage.run(), &stage.run().handoffs()[0]).contains(&payload));
    assert_eq!(stage.briefing(Some(payload)).payload, json!({ "erased": payload }));
}

#[test]
fn a_briefing_reads_back_what_it_writes() {
    let briefing = Stage::new().briefing(None);
    let text = serde_json::to_string(&briefing).unwrap();
    assert_eq!(serde_json::from_str::<Briefing>(&text).unwrap(), briefing);
}
