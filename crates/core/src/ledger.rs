//! The ledger: what a run knows, item by item, and what must not get lost on the way.
//!
//! Items change only through events. An item is *open* for a branch until it is discharged there or
//! in a branch above it; constraints are never discharged. What a branch adds is seen by that branch
//! and everything below it, and by the parent once the branch has ended, however it ended.

mod ids;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;
use crate::directory::Agent;
use crate::id::{BranchId, HandoffId, ItemId, Role};

/// What an item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ItemKind {
    /// Something that is so.
    Fact,
    /// Something that must hold to the end. Never discharged.
    Constraint,
    /// Something that was settled.
    Decision,
    /// Something taken to be so.
    Assumption,
    /// Something that could go wrong.
    Risk,
    /// Something that somebody must answer, or see to.
    Question,
    /// Something that was made.
    Artifact,
    /// Why something was concluded.
    Reasoning,
}

impl ItemKind {
    /// All kinds, in the order in which a briefing names them.
    pub const ALL: [Self; 8] =
        [Self::Constraint, Self::Question, Self::Decision, Self::Risk, Self::Fact, Self::Assumption, Self::Artifact, Self::Reasoning];

    /// The kind as it is written in events and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Constraint => "constraint",
            Self::Decision => "decision",
            Self::Assumption => "assumption",
            Self::Risk => "risk",
            Self::Question => "question",
            Self::Artifact => "artifact",
            Self::Reasoning => "reasoning",
        }
    }
}

/// An item as somebody proposes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewItem {
    /// What it says.
    pub kind: ItemKind,
    /// What it is about. A later item of the same key in the same branch supersedes this one.
    pub key: String,
    /// The content.
    pub value: BlobRef,
    /// Whether it must reach every later receiver until somebody discharges it.
    #[serde(default)]
    pub must_carry: bool,
    /// How sure its source is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// Who may see it; empty for everybody.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub visible_to: BTreeSet<Role>,
    /// What it was concluded from. When one of these is superseded, this one is stale.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub derived_from: BTreeSet<ItemId>,
    /// True when the engine read it out of the task instead of being told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inferred: bool,
}

impl NewItem {
    /// Something that somebody must see to, carried until that is done: feedback, a question sent back,
    /// an objection, what a checkpoint found.
    pub(crate) fn to_see_to(key: String, value: BlobRef) -> Self {
        Self {
            kind: ItemKind::Question,
            key,
            value,
            must_carry: true,
            confidence: None,
            visible_to: BTreeSet::new(),
            derived_from: BTreeSet::new(),
            inferred: false,
        }
    }
}

/// Why an item needs no carrying any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settlement {
    /// Which item.
    pub item: ItemId,
    /// Why, for a person.
    pub why: String,
}

/// How an item ended in one branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It was seen to.
    Discharged,
    /// Somebody decided to go on without it, and said why.
    Dropped,
    /// A later item of the same key took its place.
    Superseded,
}

/// An item of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// What it says.
    pub content: NewItem,
    /// 1 for the first of its key in the branch, one more for each that superseded it.
    pub version: u32,
    /// The item whose place it took.
    pub supersedes: Option<ItemId>,
    /// The handoff that brought it; none for the run's opening.
    pub source: Option<HandoffId>,
    /// Where it was added.
    pub branch: BranchId,
    /// Where it has ended, and how.
    pub ended: BTreeMap<BranchId, Ending>,
    /// True when something that it was concluded from has been superseded.
    pub stale: bool,
}

/// Why an item is, or is not, in what one receiver gets (law 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carriage {
    /// In the briefing, whole.
    Carried,
    /// Not shown to this receiver because of its roles. It stays open.
    WithheldByRole,
}

/// What one receiver gets of the ledger. Part of the record of the claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The open items it is given.
    #[serde(default, with = "ids", skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<ItemId>,
    /// The open items that its roles may not see.
    #[serde(default, with = "ids", skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<ItemId>,
    /// Of those carried, the ones that a read-back has to name.
    #[serde(default, with = "ids", skip_serializing_if = "Vec::is_empty")]
    pub must_carry: Vec<ItemId>,
}

impl Delivery {
    /// Whether the receiver was given this item. Items are delivered in the order of their ids.
    pub fn carries(&self, item: ItemId) -> bool {
        self.carried.binary_search(&item).is_ok()
    }
}

/// The branch that a run begins with.
const FIRST: u32 = 1;

/// All items of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    items: Vec<Item>,
    /// The open item of a key in the branch that added it.
    newest: BTreeMap<BranchId, BTreeMap<String, ItemId>>,
    /// Items that are open for somebody, or may be again. A claim looks at these only, so that it
    /// costs what is open and not what ever was.
    live: BTreeSet<u32>,
}

impl Ledger {
    /// The item of that id.
    pub fn item(&self, id: ItemId) -> Option<&Item> {
        self.items.get((id.number as usize).checked_sub(1)?).filter(|item| item.id == id)
    }

    /// All items, oldest first.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The item of that key which is open in the branch that added it.
    pub fn newest(&self, branch: BranchId, key: &str) -> Option<&Item> {
        let id = self.newest.get(&branch)?.get(key)?;
        self.item(*id).filter(|item| !item.ended.contains_key(&branch))
    }

    /// How many items there ever were. Two visits with the same count learnt nothing in between.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True before the first item.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The number of the next item.
    pub fn next_number(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Adds an item; one of the same key in the same branch is superseded, its dependants become
    /// stale. Returns the ids that became stale.
    pub fn add(&mut self, id: ItemId, content: NewItem, source: Option<HandoffId>, branch: BranchId) -> Vec<ItemId> {
        let before = self.newest.entry(branch).or_default().insert(content.key.clone(), id);
        let mut version = 1;
        let mut stale = Vec::new();
        if let Some(before) = before {
            if let Some(item) = self.item_mut(before) {
                item.ended.insert(branch, Ending::Superseded);
                version = item.version + 1;
            }
            self.live.remove(&before.number);
            stale = self.mark_stale(before);
        }
        self.live.insert(id.number);
        self.items.push(Item { id, content, version, supersedes: before, source, branch, ended: BTreeMap::new(), stale: false });
        stale
    }

    fn item_mut(&mut self, id: ItemId) -> Option<&mut Item> {
        self.items.get_mut((id.number as usize).checked_sub(1)?)
    }

    /// Marks everything that was concluded from `root`, and what was concluded from that in turn.
    fn mark_stale(&mut self, root: ItemId) -> Vec<ItemId> {
        let mut stale = BTreeSet::from([root]);
        let mut marked = Vec::new();
        // Items refer to older ones only, so one pass in order, from there on, finds the whole chain.
        for item in self.items.iter_mut().skip(root.number as usize) {
            if item.content.derived_from.iter().any(|from| stale.contains(from)) {
                stale.insert(item.id);
                if !item.stale {
                    item.stale = true;
                    marked.push(item.id);
                }
            }
        }
        marked
    }

    /// Ends an item in one branch.
    pub fn end(&mut self, id: ItemId, branch: BranchId, ending: Ending) {
        if let Some(item) = self.item_mut(id) {
            item.ended.insert(branch, ending);
            self.forget_if_over(id.number, branch);
        }
    }

    /// Every branch leaves the first one, so what has ended there has ended for all.
    fn forget_if_over(&mut self, number: u32, branch: BranchId) {
        if branch.number == FIRST {
            self.live.remove(&number);
        }
    }

    /// What a branch settled counts for its parent from now on: the join.
    pub fn join(&mut self, branch: BranchId, into: BranchId) {
        for number in self.live.clone() {
            let Some(item) = self.items.get_mut(number as usize - 1) else { continue };
            if let Some(ending) = item.ended.get(&branch).copied() {
                item.ended.entry(into).or_insert(ending);
                self.forget_if_over(number, into);
            }
        }
    }

    /// Everything in `branch` that is open, given the branches above it (`lineage`, itself first)
    /// and the branches whose items have come back (`returned`).
    pub fn open<'a>(&'a self, lineage: &'a [BranchId], returned: &'a BTreeSet<BranchId>) -> impl Iterator<Item = &'a Item> {
        let live = self.live.iter().filter_map(|number| self.items.get(*number as usize - 1));
        live.filter(move |item| {
            let seen = lineage.contains(&item.branch) || returned.contains(&item.branch);
            let superseded = item.ended.get(&item.branch) == Some(&Ending::Superseded);
            seen && !superseded && !lineage.iter().any(|branch| item.ended.contains_key(branch))
        })
    }

    /// What `agent` gets of the open items (law 7): each is carried or withheld, none is left out.
    pub fn delivery<'a>(open: impl Iterator<Item = &'a Item>, agent: &Agent) -> Delivery {
        let mut delivery = Delivery::default();
        for item in open {
            match carriage(item, agent) {
                Carriage::Carried => {
                    delivery.carried.push(item.id);
                    if item.content.must_carry || item.content.kind == ItemKind::Constraint {
                        delivery.must_carry.push(item.id);
                    }
                }
                Carriage::WithheldByRole => delivery.withheld.push(item.id),
            }
        }
        delivery
    }
}

fn carriage(item: &Item, agent: &Agent) -> Carriage {
    let visible = &item.content.visible_to;
    if visible.is_empty() || visible.iter().any(|role| agent.roles.contains(role)) { Carriage::Carried } else { Carriage::WithheldByRole }
}
