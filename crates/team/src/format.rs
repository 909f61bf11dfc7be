//! The team file, key by key: the one table behind the reader, the published JSON Schema and the
//! reference page.
//!
//! A new key is one line here, one in the module that reads it, and one in `docs/team-file.md`; a
//! test fails until the page has it. Defaults are named in the text and live with the readers.

use handclasp_core::contract::{ContractId, ContractRange};
use handclasp_core::id::{AgentName, Capability, Role, StepName};

use crate::measure::WHOLE_MAX;
use crate::shape::{Key, Object, Shape, Word};

/// A line: what the core allows for a key, a name or a title.
const LINE: Shape = Shape::Text { bytes_max: 256 };
/// A paragraph: what the core allows for a reason or a criterion.
const PARAGRAPH: Shape = Shape::Text { bytes_max: 4_096 };
/// A text of its own, stored beside the log.
const DOCUMENT: Shape = Shape::Text { bytes_max: 65_536 };

const TIME: Shape = Shape::Duration { zero: false };
const WAIT: Shape = Shape::Duration { zero: true };
const BOUND: Shape = Shape::Whole { min: 1, max: WHOLE_MAX };
const PERCENT: Shape = Shape::Whole { min: 0, max: 100 };

/// The pattern of names in [`handclasp_core::id`].
const NAME_PATTERN: &str = "^[A-Za-z0-9._/-]{1,64}$";

static AGENT_NAME: Word = Word {
    expected: "an agent name (1 to 64 of a-z A-Z 0-9 - _ . /)",
    fits: |text| text.parse::<AgentName>().is_ok(),
    pattern: NAME_PATTERN,
};
static STEP_NAME: Word =
    Word { expected: "a step name (1 to 64 of a-z A-Z 0-9 - _ . /)", fits: |text| text.parse::<StepName>().is_ok(), pattern: NAME_PATTERN };
static CAPABILITY: Word = Word {
    expected: "a capability (1 to 64 of a-z A-Z 0-9 - _ . /)",
    fits: |text| text.parse::<Capability>().is_ok(),
    pattern: NAME_PATTERN,
};
static ROLE: Word =
    Word { expected: "a role (1 to 64 of a-z A-Z 0-9 - _ . /)", fits: |text| text.parse::<Role>().is_ok(), pattern: NAME_PATTERN };
static CONTRACT_ID: Word = Word {
    expected: "a contract with its full version (`name@1.2.0`)",
    fits: |text| text.parse::<ContractId>().is_ok(),
    pattern: "^[A-Za-z0-9._-]{1,64}@[0-9]+\\.[0-9]+\\.[0-9]+",
};
static CONTRACT_RANGE: Word = Word {
    expected: "a contract with a range of versions (`name@1`, `name@^1.2`)",
    fits: |text| text.contains('@') && text.parse::<ContractRange>().is_ok(),
    pattern: "^[A-Za-z0-9._-]{1,64}@.+$",
};
static INPUT_NAME: Word = Word {
    expected: "an input name (a letter, then up to 63 of a-z A-Z 0-9 - _)",
    fits: crate::template::is_input_name,
    pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}$",
};
static ARGUMENT: Word = Word { expected: "text", fits: |text| text.len() <= 65_536 && !text.contains('\0'), pattern: "^[^\\u0000]*$" };
static VARIABLE: Word = Word {
    expected: "the name of an environment variable",
    fits: |text| !text.is_empty() && text.len() <= 256 && !text.contains(['=', '\0']),
    pattern: "^[^=\\u0000]{1,256}$",
};

const RANGE: Shape = Shape::Word(&CONTRACT_RANGE);
const STEP: Shape = Shape::Word(&STEP_NAME);
const AGENT_BY_NAME: Shape = Shape::Word(&AGENT_NAME);
const CAPABILITIES: Shape = Shape::List { of: &Shape::Word(&CAPABILITY), min: 0 };
const ROLES: Shape = Shape::List { of: &Shape::Word(&ROLE), min: 0 };
const COMMAND_LINE: Shape = Shape::List { of: &Shape::Word(&ARGUMENT), min: 1 };

/// The whole file.
pub(crate) static TEAM: Object = Object {
    name: "the team file",
    about: "A team of agents: who they are, what crosses between them, and how they work together.",
    keys: &[
        Key::required("team", LINE, "The team's name."),
        Key::optional("description", LINE, "One line for people."),
        Key::required("task", DOCUMENT, "The task, with `{input}` placeholders. It reaches every agent unchanged."),
        Key::optional("intent", DOCUMENT, "What the user is after, with placeholders. It reaches every agent unchanged."),
        Key::optional("inputs", Shape::Named(&INPUT_NAME, &INPUT), "What a run is given; together the payload of the first handoff."),
        Key::optional(
            "constraints",
            Shape::List { of: &Shape::Object(&CONSTRAINT), min: 0 },
            "What must hold to the end. Every agent gets each one.",
        ),
        Key::optional("items", Shape::List { of: &Shape::Object(&ITEM), min: 0 }, "What else is known from the start."),
        Key::optional("limits", Shape::Object(&LIMITS), "Bounds on a whole run."),
        Key::optional("contracts", Shape::Named(&CONTRACT_ID, &CONTRACT), "What may cross between agents, by name and version."),
        Key::required("agents", Shape::Named(&AGENT_NAME, &AGENT), "Who works here, by name."),
        Key::optional("plan", Shape::Case(PATTERNS), "How the agents work together."),
        Key::optional("first", Shape::Object(&FIRST), "Instead of a plan, for agents that hand on freely: the first handoff."),
    ],
    exactly_one: &["plan", "first"],
};

static INPUT: Object = Object {
    name: "an input",
    about: "Something that a run is given.",
    keys: &[
        Key::required(
            "type",
            Shape::Choice(&["path", "string", "integer", "number", "boolean"]),
            "What it is. A `path` is made absolute against the folder of whoever starts the run.",
        ),
        Key::optional("default", Shape::Scalar, "What it is if nobody says; without one it must be given."),
        Key::optional("description", LINE, "One line for people."),
    ],
    exactly_one: &[],
};

static CONSTRAINT: Object = Object {
    name: "a constraint",
    about: "Something that must hold to the end.",
    keys: &[
        Key::required("key", LINE, "What it is about; no two entries share one."),
        Key::required("text", PARAGRAPH, "What must hold, with placeholders."),
    ],
    exactly_one: &[],
};

static ITEM: Object = Object {
    name: "an item",
    about: "Something that is known from the start.",
    keys: &[
        Key::required(
            "kind",
            Shape::Choice(&["fact", "constraint", "decision", "assumption", "risk", "question", "artifact", "reasoning"]),
            "What it says.",
        ),
        Key::required("key", LINE, "What it is about; no two entries share one."),
        Key::required("text", DOCUMENT, "The content, with placeholders."),
        Key::optional("must_carry", Shape::Switch, "Whether every agent gets it until somebody has seen to it; `false`."),
        Key::optional("visible_to", ROLES, "The roles that may see it; everybody."),
        Key::optional("confidence", PERCENT, "How sure it is, in percent."),
    ],
    exactly_one: &[],
};

static LIMITS: Object = Object {
    name: "the limits",
    about: "Bounds on a run, or on one handoff and everything below it. They only narrow.",
    keys: &[
        Key::optional("steps", BOUND, "Claims in all, retries included; 1000 for a run."),
        Key::optional("handoffs", BOUND, "Handoffs offered; 500 for a run."),
        Key::optional("visits", BOUND, "Handoffs to any one agent."),
        Key::optional("depth", BOUND, "Delegations inside each other; 16 for a run."),
        Key::optional("tokens", BOUND, "Tokens, in and out together."),
        Key::optional("cost", Shape::Cost, "Cost in the team's currency."),
        Key::optional("time", TIME, "Time from the opening, or from the offer; 7d for a run."),
    ],
    exactly_one: &[],
};

static CONTRACT: Object = Object {
    name: "a contract",
    about: "The shape of a payload or a result, and what a receiver has to say about it.",
    keys: &[
        Key::optional("schema", Shape::Schema, "JSON Schema 2020-12, written here."),
        Key::optional("file", LINE, "JSON Schema 2020-12 in a file of its own, relative to the team file."),
        Key::optional("read_back", Shape::Choice(&["off", "echo"]), "How much a receiver must say back before it may start; `off`."),
        Key::optional("justification_required", Shape::Switch, "Whether an offer must say why this receiver; `false`."),
        Key::optional("effects_declared", Shape::Switch, "Whether a result must list the side effects that it committed; `false`."),
        Key::optional("confidence_min", PERCENT, "The least confidence, in percent, with which a receiver may accept."),
    ],
    exactly_one: &["schema", "file"],
};

static AGENT: Object = Object {
    name: "an agent",
    about: "A program that takes work.",
    keys: &[
        Key::optional("process", COMMAND_LINE, "The command line of a program that speaks the agent protocol."),
        Key::optional("command", COMMAND_LINE, "Any command: briefing on stdin, result on stdout."),
        Key::optional("accepts", Shape::List { of: &RANGE, min: 0 }, "The contracts that it understands; none."),
        Key::optional("capabilities", CAPABILITIES, "What it can do, and which tools it has; none."),
        Key::optional("roles", ROLES, "The roles in which it may see items; none."),
        Key::optional("capacity", Shape::Whole { min: 1, max: 10_000 }, "How many handoffs it may hold at once; 1."),
        Key::optional("fallback", AGENT_BY_NAME, "Who takes over when it declines, stays silent or fails for good."),
        Key::optional(
            "justification_for",
            Shape::List { of: &Shape::Choice(&["all", "route", "delegate", "return", "escalate", "retry"]), min: 1 },
            "The kinds of handoff for which whoever hands it work must say why; none.",
        ),
        Key::optional("lease", TIME, "How long its claim lasts without a sign of life; 30s."),
        Key::optional("timeout", TIME, "A handoff that takes longer is taken away; 10m."),
        Key::optional(
            "env",
            Shape::List { of: &Shape::Word(&VARIABLE), min: 0 },
            "Environment variables that are passed on; nothing else is.",
        ),
        Key::optional("cwd", LINE, "The folder that it runs in, relative to the team file; the team file's own."),
        Key::optional(
            "files",
            Shape::List { of: &Shape::Word(&ARGUMENT), min: 0 },
            "Files that it is made of beside its command line, relative to `cwd`; a run notices when one changes.",
        ),
        Key::optional("stdin", Shape::Choice(&["markdown", "json"]), "How a `command` gets its briefing; `markdown`."),
        Key::optional("pool", Shape::Object(&POOL), "What is kept of a `process` between its turns."),
    ],
    exactly_one: &["process", "command"],
};

static POOL: Object = Object {
    name: "a pool",
    about: "How many processes of an agent are kept between its turns, and for whom.",
    keys: &[
        Key::optional("size", Shape::Whole { min: 0, max: 10_000 }, "How many wait for work at the most, 0 for none; 5."),
        Key::optional("idle", TIME, "How long one that has worked waits for more work before it is ended; 5m."),
        Key::optional("ahead", Shape::Whole { min: 0, max: 10_000 }, "How many are started before there is work for them; 0."),
        Key::optional("per_run", Shape::Switch, "Whether one that has worked for a run works for no other; `false`."),
    ],
    exactly_one: &[],
};

static CAPABLE: Object = Object {
    name: "a mapping with `capability`",
    about: "Any agent that can do this; the first by name that has room.",
    keys: &[Key::required("capability", Shape::Word(&CAPABILITY), "What the agent must be able to do.")],
    exactly_one: &[],
};

static RETRY: Object = Object {
    name: "the retry rule",
    about: "How often and how fast a failed attempt is tried again.",
    keys: &[
        Key::optional("attempts", Shape::Whole { min: 1, max: 1_000 }, "Attempts in all, the first included; 3."),
        Key::optional("backoff", WAIT, "The wait before the second attempt; 1s."),
        Key::optional("factor", Shape::Whole { min: 1, max: 100 }, "By how much each further wait is longer; 2."),
        Key::optional("backoff_max", WAIT, "The longest wait; 1m."),
    ],
    exactly_one: &[],
};

const TO: Key = Key::required("to", Shape::WordOr(&AGENT_NAME, &CAPABLE), "Who does it: an agent, or `{capability: NAME}`.");
const ACCEPTS: Key = Key::optional("accepts", RANGE, "What the payload must be.");
const RETURNS: Key = Key::optional("returns", RANGE, "What the result must be.");
const REQUIRES: Key = Key::optional("requires", CAPABILITIES, "What the receiver must be able to do.");
const ACCEPTANCE: Key = Key::optional(
    "acceptance",
    Shape::List { of: &PARAGRAPH, min: 0 },
    "What must be true of the result, with placeholders; the receiver confirms each one.",
);
const JUSTIFICATION: Key = Key::optional("justification", PARAGRAPH, "Why this receiver, with placeholders.");
const RETRY_RULE: Key = Key::optional("retry", Shape::Object(&RETRY), "How often it is tried.");
const ANSWER_WITHIN: Key = Key::optional("answer_within", TIME, "It expires if nobody has claimed it by then.");
const FINISH_WITHIN: Key = Key::optional("finish_within", TIME, "It expires if it is not finished by then, counted from the offer.");
const FALLBACK: Key = Key::optional("fallback", AGENT_BY_NAME, "Who takes over, before the receiver's own fallback.");
const WHEN_FULL: Key = Key::optional(
    "when_full",
    Shape::Choice(&["queue", "refuse", "fallback"]),
    "What becomes of it when the receiver holds all that it may: it waits, is refused, or goes to a fallback with room; `queue`.",
);
const TIGHTER: Key = Key::optional("limits", Shape::Object(&LIMITS), "Tighter bounds than those of the run.");

static FIRST: Object = Object {
    name: "the first handoff",
    about: "The handoff that opens a run without a plan.",
    keys: &[
        TO,
        ACCEPTS,
        RETURNS,
        REQUIRES,
        ACCEPTANCE,
        JUSTIFICATION,
        RETRY_RULE,
        ANSWER_WITHIN,
        FINISH_WITHIN,
        FALLBACK,
        WHEN_FULL,
        TIGHTER,
    ],
    exactly_one: &[],
};

pub(crate) static PLAN_STEP: Object = Object {
    name: "a step",
    about: "One handoff to one agent.",
    keys: &[
        Key::required("step", STEP, "Its name."),
        TO,
        ACCEPTS,
        RETURNS,
        REQUIRES,
        ACCEPTANCE,
        JUSTIFICATION,
        RETRY_RULE,
        ANSWER_WITHIN,
        FINISH_WITHIN,
        FALLBACK,
        WHEN_FULL,
        TIGHTER,
    ],
    exactly_one: &[],
};

/// The patterns of a plan, each told by its first key.
pub(crate) static PATTERNS: &[&Object] = &[&SEQUENCE, &PLAN_STEP, &CHECKPOINT, &REVIEW, &APPROVE];

pub(crate) static SEQUENCE: Object = Object {
    name: "a sequence",
    about: "One after the other; the result of each is the payload of the next.",
    keys: &[Key::required("sequence", Shape::List { of: &Shape::Case(PATTERNS), min: 1 }, "The patterns, in order.")],
    exactly_one: &[],
};

pub(crate) static CHECKPOINT: Object = Object {
    name: "a checkpoint",
    about: "Holds what came out so far against a contract.",
    keys: &[
        Key::required("checkpoint", STEP, "Its name."),
        Key::required("contract", RANGE, "Which contract."),
        Key::optional("send_back", STEP, "The earlier step that has to mend it; without one the run stops."),
    ],
    exactly_one: &[],
};

pub(crate) static REVIEW: Object = Object {
    name: "a review",
    about: "An author and a critic, until the critic approves or the rounds are used up.",
    keys: &[Key::required("review", Shape::Object(&ROUNDS), "Who writes, who judges, and how often.")],
    exactly_one: &[],
};

static ROUNDS: Object = Object {
    name: "the rounds of a review",
    about: "Who writes, who judges, and how often.",
    keys: &[
        Key::required("author", Shape::Object(&PLAN_STEP), "Who makes it."),
        Key::required("critic", Shape::Object(&PLAN_STEP), "Who judges it."),
        Key::optional("rounds", Shape::Whole { min: 1, max: 100 }, "How often at the most; 3."),
        Key::optional("unapproved", Shape::Choice(&["keep_best", "stop"]), "What happens without approval in the last round; `keep_best`."),
    ],
    exactly_one: &[],
};

pub(crate) static APPROVE: Object = Object {
    name: "an approval",
    about: "Lets a person look at what came out so far.",
    keys: &[
        Key::required("approve", STEP, "Its name."),
        Key::optional("within", TIME, "How long there is to answer."),
        Key::optional("on_silence", Shape::Choice(&["approved", "rejected"]), "What silence means; without it, silence stops the run."),
        Key::optional("send_back", STEP, "The earlier step that gets it back when it is rejected; without one the run stops."),
    ],
    exactly_one: &[],
};
