"""What crosses the doors of Handclasp.

Written by `tools/generate.py` from `api/openapi.json`; change that, not this.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


class Said(BaseModel):
    """What a client sends: nothing but what the server knows."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Heard(BaseModel):
    """What a server answers: a newer one may say more."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

ContractId: TypeAlias = str

Digest: TypeAlias = str

ItemId: TypeAlias = str

Token: TypeAlias = int
"""A fencing token: new on every claim, compared on everything a holder does (law 4)."""

Voice: TypeAlias = Literal["agent", "client", "driver"]
"""Who made a read-back. Only what the agent itself says counts as understood.

- `agent`: The agent itself.
- `client`: A client library, for the agent.
- `driver`: The driver that runs the agent."""


class Accept(Said):
    """What was understood. With nothing but the token it says "delivered"."""

    token: Token
    """The token of the claim."""

    by: Voice | None = None
    """Who says it: the agent itself, or the client for it. Only what the agent says counts as understood."""

    contract: ContractId | None = None
    """The contract that it works to."""

    payload: Digest | None = None
    """The payload that it got."""

    items: list[ItemId] = Field(default_factory=list)
    """The must-carry items that it got."""

    criteria: list[int] = Field(default_factory=list)
    """The acceptance criteria that it confirms, by number from 0."""

    confidence: int | None = None
    """How sure it is to succeed, in percent."""

AgentName: TypeAlias = str

Capability: TypeAlias = str

ContractRange: TypeAlias = str

Kind: TypeAlias = Literal["route", "delegate", "return", "escalate", "retry"]
"""What sort of handoff this is.

- `route`: On to the next agent.
- `delegate`: Down to somebody who answers.
- `return`: Back to where it came from.
- `escalate`: Up, or aside, because it cannot go on as planned.
- `retry`: Once more."""

Justification: TypeAlias = Any
"""When whoever hands work to an agent must say why to this one."""

Millis: TypeAlias = int
"""A length of time, in milliseconds."""

ReadBackLevel: TypeAlias = Literal["off", "echo"]
"""How much a receiver has to say back before it may start.

- `off`: Nothing. For receivers that cannot speak, such as any command.
- `echo`: Contract, payload digest, all must-carry items and acceptance criteria, compared mechanically."""

Role: TypeAlias = str


class Agent(Heard):
    """One agent: who it is, and how it stands now."""

    agent: AgentName
    """Its name."""

    capabilities: list[Capability]
    """What it can do."""

    accepts: list[ContractRange]
    """Which contracts it understands."""

    roles: list[Role]
    """The roles in which it may see items."""

    capacity: int
    """How many handoffs it may hold at once."""

    read_back: ReadBackLevel | str
    """The most that it can say back."""

    lease_ms: Millis
    """How long its leases last without a heartbeat."""

    holds: int
    """How many handoffs it holds now."""

    waiting: int
    """How many wait for it."""

    workers: int
    """How many of its workers are asking for work at this moment."""

    fallback: AgentName | None = None
    """Who takes over for it."""

    justification: Justification = "off"
    """When whoever hands work to it must say why."""


class Agents(Heard):
    """All agents, by name."""

    agents: list[Agent]
    """The agents."""


class Answer(Heard):
    """An answer."""

    choice: str
    """The choice; empty for free text alone."""

    text: Any = None
    """More than the choice."""

InterruptId: TypeAlias = str


class Answered(Heard):
    """An answer to a question of this handoff."""

    interrupt: InterruptId
    """Which question."""

    choice: str
    """The choice."""

    text: Any = None
    """More than the choice."""

AskKind: TypeAlias = Literal["question", "approval"]
"""What a holder can ask a person.

- `question`: Any answer.
- `approval`: Yes or no, bound to exactly what is shown."""


class Ask(Said):
    """Asks a person something."""

    token: Token
    """The token of the claim."""

    shown: Any
    """Exactly what is shown."""

    asking: AskKind = "question"
    """What is asked: any answer, or yes or no."""

    options: list[str] = Field(default_factory=list)
    """The possible answers; free text if there are none."""

    within_ms: int | None = None
    """How long there is to answer, in milliseconds."""

    on_silence: str | None = None
    """What silence means. Without it, an unanswered question fails the handoff."""

    ordinal: int = 0
    """The how-manieth question of this handoff, from 0; all its attempts share the numbers."""

    park: bool = False
    """Gives up the lease until the answer comes; the handoff is claimed again then."""

    continuation: Any = None
    """When parked: what is needed to go on."""


class Asked(Heard):
    """The question is open, or has its answer."""

    interrupt: InterruptId
    """Its id."""

    answer: Answer | None = None
    """The answer, once there is one."""

Asking: TypeAlias = Literal["question", "approval", "reconciliation"]
"""Whether a person is asked to say something or to allow something.

- `question`: Any answer.
- `approval`: Yes or no, bound to exactly what was shown.
- `reconciliation`: Did this effect happen?"""


class BlobRef(Heard):
    """A reference to bytes that are stored once per run, by their hash."""

    digest: Digest
    """Hash of the bytes."""

    bytes: int
    """How many bytes."""

Breaks: TypeAlias = Literal["nobody", "senders", "receivers", "both"]
"""Whom a change breaks.

- `nobody`: Compatible.
- `senders`: What they sent by the old contract may be refused by the new one.
- `receivers`: What they get by the new contract may be what the old one ruled out.
- `both`: Both of them, or nobody can tell."""

ItemKind: TypeAlias = Literal["fact", "constraint", "decision", "assumption", "risk", "question", "artifact", "reasoning"]
"""What an item says.

- `fact`: Something that is so.
- `constraint`: Something that must hold to the end. Never discharged.
- `decision`: Something that was settled.
- `assumption`: Something taken to be so.
- `risk`: Something that could go wrong.
- `question`: Something that somebody must answer, or see to.
- `artifact`: Something that was made.
- `reasoning`: Why something was concluded."""


class BriefedItem(Heard):
    """An item with its content."""

    id: ItemId
    """Its id."""

    kind: ItemKind | str
    """What it says."""

    key: str
    """What it is about."""

    value: Any
    """The content."""

    must_carry: bool
    """Whether it must reach every later receiver until somebody discharges it."""

    version: int
    """The how-manieth of its key."""

    source: AgentName | None = None
    """The agent that brought it; none for the run's opening."""

    confidence: int | None = None
    """How sure its source is, in percent."""

    stale: bool = False
    """True when something that it was concluded from has changed since."""

HandoffId: TypeAlias = str


class Limits(Heard):
    """Bounds on a run, or on one handoff and everything below it. `None` sets no bound of its own."""

    steps: int | None = None
    """Claims in all, retries included."""

    handoffs: int | None = None
    """Handoffs offered: in the run, or below the handoff."""

    visits: int | None = None
    """Handoffs to any one agent."""

    depth: int | None = None
    """Delegations inside each other, counted from here."""

    tokens: int | None = None
    """Tokens, in and out together."""

    cost_micros: int | None = None
    """Cost in millionths of the team's currency."""

    time_ms: int | None = None
    """Wall-clock time from the opening, or from the offer, in milliseconds."""

Mode: TypeAlias = Literal["transfer", "delegate", "spawn"]
"""What becomes of the sender.

- `transfer`: The sender leaves; the receiver owns the branch.
- `delegate`: The sender waits, without a lease, and gets the return addressed to it.
- `spawn`: The sender goes on; the work gets a branch of its own."""


class ReadBackAsked(Heard):
    """What a read-back has to name."""

    level: ReadBackLevel | str
    """How much."""

    contract: ContractId | None = None
    """The contract."""

    payload: Digest | None = None
    """The payload's digest."""

    items: list[ItemId] = Field(default_factory=list)
    """The must-carry items."""

    criteria: list[int] = Field(default_factory=list)
    """The acceptance criteria, by number from 0."""

Reason: TypeAlias = str

RunId: TypeAlias = str


class Returned(Heard):
    """What came back from something that was delegated."""

    handoff: HandoffId | None = None
    """The handoff that it was."""

    run: RunId | None = None
    """Or the child run."""

    result: Any = None
    """The result."""

    error: str | None = None
    """Why there is none."""

Timestamp: TypeAlias = int
"""A moment, in milliseconds since 1970-01-01T00:00:00Z."""


class Briefing(Heard):
    """Everything that one receiver gets for one handoff. Serialises to the `params` of `work` in the agent
    protocol."""

    run: RunId
    """Which run."""

    handoff: HandoffId
    """Which handoff."""

    agent: AgentName
    """Who gets it."""

    attempt: int
    """The how-manieth attempt."""

    kind: Kind | str
    """What sort of handoff."""

    mode: Mode | str
    """What became of the sender."""

    reason: Reason
    """Why the work moved."""

    task: Any
    """The original task, verbatim."""

    payload: Any
    """The work itself."""

    items: list[BriefedItem]
    """The items of the ledger that it gets."""

    read_back: ReadBackAsked
    """What a read-back has to name."""

    from_: AgentName | None = Field(default=None, alias="from")
    """The agent that sent it."""

    intent: Any = None
    """What the user is after, verbatim."""

    contract: ContractId | None = None
    """What the payload is."""

    returns: ContractId | None = None
    """What the result must be."""

    acceptance: list[str] = Field(default_factory=list)
    """What must be true of the result."""

    justification: str | None = None
    """Why this receiver."""

    withheld: int = 0
    """How many open items its roles may not see."""

    returned: list[Returned] = Field(default_factory=list)
    """What came back from what it had delegated."""

    continuation: Any = None
    """What it had kept for itself before it waited."""

    answers: list[Answered] = Field(default_factory=list)
    """Answers to what it had asked."""

    limits: Limits = Field(default_factory=Limits)
    """The bounds that hold for it."""

    deadline_ms: Timestamp | None = None
    """It expires if it is not finished by then."""


class Cancel(Said):
    """Something is stopped."""

    reason: str
    """Why."""


class Change(Heard):
    """One difference between two contracts."""

    pointer: str
    """Where, as an RFC 6901 JSON pointer into the value; `*` stands for any element or any other key."""

    what: str
    """What is different."""

    breaks: Breaks | str
    """Whom it breaks."""

    hint: str
    """What to do about it."""


class Claim(Said):
    """Asks for an agent's next work."""

    holder: str | None = None
    """The process or connection that asks, for people: `host:pid` will do."""

    most: int | None = None
    """At most so many handoffs; 1 if nothing is said, 64 at the most."""

    wait_ms: int = 0
    """Waits for the first so many milliseconds, never longer than 55,000."""

    accept: bool = False
    """Accepts at once whatever needs no read-back: one commit instead of two."""


class Claimed(Heard):
    """One claimed handoff."""

    handoff: HandoffId
    """Which handoff."""

    token: Token
    """The fencing token: send it with everything you do."""

    attempt: int
    """The how-manieth attempt."""

    accepted: bool
    """Whether it is accepted already."""

    lease_ms: Millis
    """How long the lease lasts without a heartbeat, in milliseconds."""

    traceparent: str
    """W3C trace context for whatever is done for it."""

    briefing: Briefing
    """What the agent gets."""


class Claims(Heard):
    """What was claimed; nothing if nothing came in time."""

    claims: list[Claimed]
    """One for each handoff."""


class DeclaredEffect(Said):
    """A side effect that a result declares."""

    name: str
    """What was done."""

    target: str | None = None
    """To what."""

StepName: TypeAlias = str


class Judgment(Said):
    """A judgment on the work that was received: exactly one of `approved: true`, `revise` and `send_back`."""

    approved: bool = False
    """Good as it is."""

    revise: Any = None
    """To be done again, with this feedback."""

    send_back: StepName | None = None
    """Back to an earlier step of the plan."""

    question: Any = None
    """With `send_back`: what is to be made clear."""

    score: int | None = None
    """How good, higher is better."""


class NewItem(Said):
    """An item for the run's ledger."""

    kind: ItemKind
    """What it says."""

    key: str
    """What it is about. A later item of the same key supersedes this one."""

    value: Any
    """The content."""

    must_carry: bool = False
    """Whether it must reach every later receiver until somebody discharges it."""

    confidence: int | None = None
    """How sure its source is, in percent."""

    visible_to: list[Role] = Field(default_factory=list)
    """The roles that may see it; everybody if there are none."""

    derived_from: list[ItemId] = Field(default_factory=list)
    """What it was concluded from."""


class Retry(Said):
    """How often and how fast a failed attempt is tried again. The wait grows by `factor`, without jitter: a
    run is retried by one desk, so there is no herd to spread, and a replay stays exact."""

    attempts: int = 3
    """Attempts in all, the first included."""

    backoff_ms: int = 1000
    """Wait before the second attempt."""

    factor: int = 2
    """By how much each further wait is longer."""

    backoff_max_ms: int = 60000
    """The longest wait."""

WhenFull: TypeAlias = Literal["queue", "refuse", "fallback"]
"""What becomes of an offer whose receiver holds as many handoffs as it may.

- `queue`: It waits until the receiver has room.
- `refuse`: It is refused, and the sender decides.
- `fallback`: A fallback with room gets it; if there is none, it waits."""


class Offer(Said):
    """Work to be handed to somebody: exactly one of `to` and `capability` says to whom."""

    to: AgentName | None = None
    """The agent that gets it."""

    capability: Capability | None = None
    """Or any agent that can do this."""

    payload: Any = None
    """The work itself."""

    contract: ContractRange | None = None
    """What the payload is, such as `refund@1`; checked at both sides."""

    returns: ContractRange | None = None
    """What the result must be."""

    kind: Kind | None = None
    """What sort of handoff; `route`, or `delegate` where the sender waits."""

    reason: Reason | None = None
    """Why the work moves: `task_classification` if nothing is said, or a word of the team's own."""

    justification: str | None = None
    """Why this receiver."""

    acceptance: list[str] = Field(default_factory=list)
    """What must be true of the result; the receiver confirms each one by its number."""

    requires: list[Capability] = Field(default_factory=list)
    """What the receiver must be able to do."""

    limits: Limits = Field(default_factory=Limits)
    """Tighter bounds than the sender's own."""

    retry: Retry | None = None
    """How often it is tried, and how fast."""

    answer_within_ms: int | None = None
    """It expires if nobody has claimed it after so many milliseconds."""

    finish_within_ms: int | None = None
    """It expires if it is not finished after so many milliseconds."""

    fallback: AgentName | None = None
    """Who takes over, before the receiver's own fallback."""

    when_full: WhenFull = "queue"
    """What becomes of it if the receiver is full when it is offered."""


class Settlement(Said):
    """Why an item needs no carrying any more."""

    item: ItemId
    """Which item."""

    why: str
    """Why, for a person."""


class Usage(Heard):
    """What was spent: reported by agents, added up towards the parents."""

    tokens_in: int = 0
    """Tokens read by models."""

    tokens_out: int = 0
    """Tokens written by models."""

    cost_micros: int = 0
    """Cost in millionths of the team's currency."""


class Complete(Said):
    """The result, with everything that belongs to it."""

    token: Token
    """The token of the claim."""

    result: Any = None
    """The result."""

    items: list[NewItem] = Field(default_factory=list)
    """New items for the ledger."""

    discharged: list[Settlement] = Field(default_factory=list)
    """Items that were seen to."""

    dropped: list[Settlement] = Field(default_factory=list)
    """Items that are given up, each with its reason."""

    effects: list[DeclaredEffect] | None = None
    """The side effects that it committed; an empty list says "none"."""

    usage: Usage = Field(default_factory=Usage)
    """What was spent."""

    provenance: Any = None
    """Model and prompt versions, tool calls, alternatives considered."""

    confidence: int | None = None
    """How sure the agent is, in percent."""

    verdict: Judgment | None = None
    """A judgment on the work it got."""

    next: Offer | None = None
    """Hands on in the same commit."""


class Completed(Heard):
    """The result is kept."""

    handoff: HandoffId
    """Which handoff."""

    result: Digest
    """Digest of the result that counts: another one than yours if an earlier answer was kept."""

    next: HandoffId | None = None
    """What it was handed on as."""

Condition: TypeAlias = Literal["running", "waiting_for_person", "stopped", "completed", "failed", "cancelled"]
"""How a run stands.

- `running`: Somebody works, or can.
- `waiting_for_person`: Only a person can get it going: it waits for answers.
- `stopped`: Only a person can get it going: there are dead letters and nothing else.
- `completed`: Over, with a result.
- `failed`: Over, without one.
- `cancelled`: Over, because somebody stopped it."""


class Published(Heard):
    """A published contract."""

    contract: ContractId
    """Name and full version, such as `refund@1.2.0`."""

    schema_: Any = Field(alias="schema")
    """JSON Schema 2020-12 of the payload."""

    digest: Digest
    """Digest of all of it."""

    read_back: ReadBackLevel | str = "off"
    """How much the receiver must say back."""

    justification_required: bool = False
    """Whether an offer must say why this receiver."""

    effects_declared: bool = False
    """Whether a result must list the side effects that it committed."""

    confidence_min: int | None = None
    """The least confidence, in percent, with which a receiver may accept."""


class Contracts(Heard):
    """All contracts, by name and version."""

    contracts: list[Published]
    """The contracts."""


class DeadLetter(Heard):
    """Work that ended without a result, at which a person must look."""

    handoff: HandoffId
    """Which handoff."""

    to: AgentName
    """The agent that it was for."""

    why: str
    """Why it ended."""

    attempts: int
    """Attempts that were made."""

    offered_at_ms: Timestamp
    """When it was offered."""

    hint: str | None = None
    """What to do about it, where the agent said so."""


class DeadLetters(Heard):
    """Dead letters, by run."""

    dead_letters: list[DeadLetter]
    """The dead letters."""

    after: HandoffId | None = None
    """For the next page: `after` this one. None on the last page."""


class Decline(Said):
    """Hands it back at once."""

    token: Token
    """The token of the claim."""

    reason: str
    """Why."""


class Diff(Said):
    """Two schemas to compare."""

    old: Any
    """The JSON Schema as it was."""

    new: Any
    """As it would be."""


class Differences(Heard):
    """What changes from one schema to the other."""

    compatible: bool
    """Whether the new one can be published under a compatible version."""

    changes: list[Change]
    """Each change, and for whom it breaks."""


class Done(Heard):
    """Nothing to say beside "done"."""

    done: bool
    """Always true."""


class Effect(Heard):
    """Whether to do it."""

    proceed: bool
    """True: do it now, then say how it went. False: it was settled before."""

    happened: bool | None = None
    """Where it was settled before: whether it happened."""

    result: Any = None
    """And what came of it."""

Reconciler: TypeAlias = Literal["human", "agent"]
"""Who finds out what became of an effect that was cut short.

- `human`: A person is asked.
- `agent`: The agent can look it up and say so."""


class EffectBegin(Said):
    """Which effect: a business key, or else the how-manieth of its name."""

    token: Token
    """The token of the claim."""

    name: str
    """What is done, such as `refund`."""

    key: str | None = None
    """A name from the business, such as the order's number. Other arguments under it are refused."""

    ordinal: int = 0
    """Without a key: the how-manieth of this name in the attempt, from 0."""

    arguments: Any = None
    """What it is called with."""

    reconcile: Reconciler = "human"
    """Who finds out after a crash whether it happened."""


class EffectEnd(Said):
    """Which effect, and what came of it."""

    token: Token
    """The token of the claim."""

    name: str
    """What was done."""

    happened: bool
    """Whether it happened. If not, it may be tried again."""

    key: str | None = None
    """Its business key, as it began."""

    ordinal: int = 0
    """Without a key: the how-manieth."""

    result: Any = None
    """What came of it."""


class EventLine(Heard):
    """One event."""

    id: int
    """Its place among all events: where to go on from."""

    run: RunId
    """Which run."""

    version: int
    """Its number in the run's log."""

    event: Any
    """The event as it is stored: what has happened, when, on whose authority, chained by hash."""


class Events(Heard):
    """A page of events, oldest first."""

    events: list[EventLine]
    """The events."""

    after: int
    """Ask again `after` this place: everything up to it was looked at."""

    newest: int
    """The newest place: there is more as long as `after` is below it."""


class Fail(Said):
    """This attempt did not succeed."""

    token: Token
    """The token of the claim."""

    message: str
    """What happened."""

    kind: str = "failed"
    """A short type, such as `rate_limited`."""

    retryable: bool = False
    """Whether trying again can help."""

    attempted: str | None = None
    """What was being attempted."""

    hint: str | None = None
    """What a retry, or a person, should do differently."""

    usage: Usage = Field(default_factory=Usage)
    """What the attempt has spent."""

MidMode: TypeAlias = Literal["delegate", "spawn"]
"""How the sender goes on after handing something out in the middle of its work.

- `delegate`: It waits, without a lease, and is given the answer in a new claim.
- `spawn`: It goes on; the work gets a branch of its own."""


class HandOut(Said):
    """Hands something out in the middle of the work."""

    token: Token
    """The token of the claim."""

    mode: MidMode
    """How the sender goes on."""

    offer: Offer
    """What is handed out, to whom."""

    continuation: Any = None
    """For `delegate`: what the sender needs to go on when the answer comes."""

    ordinal: int = 0
    """For `spawn`: the how-manieth of this handoff, from 0; all its attempts share the numbers."""

PhaseName: TypeAlias = Literal["offered", "claimed", "accepted", "waiting", "dead_lettered", "completed", "cancelled", "declined", "expired", "failed"]
"""Where in its life a handoff is.

- `offered`: Waiting for its receiver.
- `claimed`: Taken, not yet accepted.
- `accepted`: Under way.
- `waiting`: Parked until what it waits for is there.
- `dead_lettered`: Over without a result; a person must look.
- `completed`: Over with a result.
- `cancelled`: Over: it was stopped.
- `declined`: Over: the receiver would not.
- `expired`: Over: too late.
- `failed`: Over: it did not succeed."""


class Handoff(Heard):
    """One handoff."""

    handoff: HandoffId
    """Its id."""

    run: RunId
    """Its run."""

    to: AgentName
    """Who gets it now."""

    mode: Mode | str
    """What became of the sender."""

    kind: Kind | str
    """What sort of handoff."""

    reason: Reason
    """Why the work moved."""

    phase: PhaseName | str
    """Where in its life it is."""

    over: bool
    """True when nothing happens any more unless a person does something."""

    payload: BlobRef
    """The payload, by reference."""

    attempts: int
    """Attempts so far."""

    offered_at_ms: Timestamp
    """When it was offered."""

    usage: Usage
    """What it and everything below it has spent."""

    from_: AgentName | None = Field(default=None, alias="from")
    """The agent that sent it; none for whoever opened the run, or the plan."""

    why: str | None = None
    """Why there is no result, or what is waited for."""

    result: Any = None
    """The result."""

    contract: ContractId | None = None
    """What the payload is."""

    returns: ContractId | None = None
    """What the result must be."""

    held_by: str | None = None
    """Who holds it, and until when if no heartbeat comes."""

    deadline_ms: Timestamp | None = None
    """It expires if it is not finished by then."""

    questions: list[InterruptId] = Field(default_factory=list)
    """Its open questions."""


class HandoffLine(Heard):
    """A handoff in a list."""

    handoff: HandoffId
    """Which handoff."""

    to: AgentName
    """Who gets it."""

    phase: PhaseName | str
    """Where in its life it is."""

    attempts: int
    """Attempts so far."""

    from_: AgentName | None = Field(default=None, alias="from")
    """Who sent it."""


class Health(Heard):
    """How the server is."""

    status: str
    """`alive`, or `ready`."""

    version: str
    """The program's version."""


class Held(Said):
    """The token of a claim, and nothing else."""

    token: Token
    """The token of the claim."""

QuestionState: TypeAlias = Literal["open", "resolved", "withdrawn"]
"""How a question stands.

- `open`: Nobody has answered.
- `resolved`: Somebody has, or silence was taken for it.
- `withdrawn`: It is of no interest any more."""


class Question(Heard):
    """A question to a person."""

    interrupt: InterruptId
    """Its id."""

    run: RunId
    """Which run."""

    asking: Asking | str
    """What sort of question."""

    digest: Digest
    """Its digest: send it with the answer."""

    options: list[str]
    """The possible answers; empty for free text."""

    asked_at_ms: Timestamp
    """Since when."""

    state: QuestionState | str
    """How it stands."""

    handoff: HandoffId | None = None
    """Which handoff asks; none for a step of the plan."""

    from_: AgentName | None = Field(default=None, alias="from")
    """The agent that asks."""

    shown: Any = None
    """Exactly what is shown; none if it was erased."""

    arguments: Any = None
    """What the effect was called with, where a person is asked whether it happened."""

    answer_by_ms: Timestamp | None = None
    """By when."""

    on_silence: str | None = None
    """What silence means."""

    answer: Answer | None = None
    """The answer that counts."""


class Inbox(Heard):
    """Open questions, by run."""

    questions: list[Question]
    """The questions."""

    after: InterruptId | None = None
    """For the next page: `after` this one. None on the last page."""


class Item(Heard):
    """One item of a run's ledger."""

    item: ItemId
    """Its id."""

    kind: ItemKind | str
    """What it says."""

    key: str
    """What it is about."""

    digest: Digest
    """Where the content is."""

    must_carry: bool
    """Whether it must reach every later receiver until somebody discharges it."""

    version: int
    """The how-manieth of its key."""

    open: bool
    """False when it has ended everywhere: discharged, dropped or superseded."""

    stale: bool
    """True when something that it was concluded from has changed since."""

    value: Any = None
    """The content; none if it was erased."""

    source: AgentName | None = None
    """The agent that brought it; none for the run's opening."""

    confidence: int | None = None
    """How sure its source is, in percent."""


class Items(Heard):
    """A page of items, oldest first."""

    items: list[Item]
    """The items."""

    after: ItemId | None = None
    """For the next page: `after` this one. None on the last page."""


class NotRedriven(Heard):
    """A dead letter that was not sent once more."""

    handoff: HandoffId
    """Which handoff."""

    code: str
    """The refusal's code."""

    detail: str
    """What it says."""


class Offered(Heard):
    """A handoff was offered."""

    handoff: HandoffId
    """Its id."""


class OpenRun(Said):
    """A run to be opened."""

    task: Any
    """The task, verbatim. It reaches every receiver unchanged."""

    title: str | None = None
    """A line that names the run in lists; made from the task if there is none."""

    intent: Any = None
    """What the user is after, verbatim."""

    items: list[NewItem] = Field(default_factory=list)
    """What is known from the start, constraints above all."""

    limits: Limits = Field(default_factory=Limits)
    """Bounds on everything in the run."""

    conversation: str | None = None
    """Your own conversation id (`thread_id`, `session_id` and `context_id` are taken for it too)."""

    offer: Offer | None = None
    """The first handoff. Without one the run waits for an offer."""


class Opened(Heard):
    """A run was opened."""

    run: RunId
    """Its id."""

    trace_id: str
    """W3C trace id: yours, if you sent a `traceparent`."""

    handoff: HandoffId | None = None
    """The first handoff, if there is one."""


class Violation(Heard):
    """One way in which a value breaks a contract."""

    pointer: str
    """Where, as an RFC 6901 JSON pointer into the value."""

    expected: str
    """What was expected there."""

    found: str
    """What was found, shortened."""

    hint: str
    """How to mend it."""


class Problem(Heard):
    """Why a request was not done, and how to mend it (RFC 9457, `application/problem+json`)."""

    type: str
    """Where the code's page is, relative to the server."""

    title: str
    """What sort of problem, in a few words; the same for every problem of this code and status."""

    status: int
    """The HTTP status."""

    detail: str
    """What happened this time."""

    code: str
    """The stable code."""

    hint: str
    """What to do about it."""

    pointer: str | None = None
    """The first field at fault, as an RFC 6901 JSON pointer."""

    expected: str | None = None
    """What was expected there."""

    found: str | None = None
    """What was found there."""

    errors: list[Violation] = Field(default_factory=list)
    """All fields at fault."""

    retry_after_s: int | None = None
    """When trying again can help, in seconds."""


class Progress(Said):
    """How the work stands."""

    token: Token
    """The token of the claim."""

    waiting_for: str | None = None
    """Waiting for something outside, such as an API."""

    blocked_on: str | None = None
    """Unable to go on until something is removed."""

    percent: int | None = None
    """How far it is."""

    note: str | None = None
    """A line for people."""


class Publish(Said):
    """A contract to be published. A published version never changes."""

    contract: ContractId
    """Name and full version, such as `refund@1.2.0`."""

    schema_: Any = Field(alias="schema")
    """JSON Schema 2020-12 of the payload."""

    read_back: ReadBackLevel = "off"
    """How much the receiver must say back."""

    justification_required: bool = False
    """Whether an offer must say why this receiver."""

    effects_declared: bool = False
    """Whether a result must list the side effects that it committed."""

    confidence_min: int | None = None
    """The least confidence, in percent, with which a receiver may accept."""


class Redrive(Said):
    """A dead letter is sent once more."""

    payload: Any = None
    """Another payload."""

    to: AgentName | None = None
    """Another receiver."""


class RedriveMany(Said):
    """Sends many dead letters once more."""

    run: RunId | None = None
    """Only of this run."""

    agent: AgentName | None = None
    """Only for this agent."""

    why_contains: str | None = None
    """Only those whose reason contains this text."""

    to: AgentName | None = None
    """To another receiver."""

    limit: int | None = None
    """At most so many; 500 at the most."""


class Redriven(Heard):
    """What became of each."""

    redriven: list[HandoffId]
    """Sent once more."""

    refused: list[NotRedriven]
    """Refused, each with its reason."""

    more: bool
    """True when there are more than were looked at."""


class RefusalLine(Heard):
    """A refusal."""

    run: RunId
    """Which run."""

    at_ms: Timestamp
    """When."""

    principal: str
    """On whose authority."""

    command: str
    """What was asked."""

    code: str
    """The code."""

    detail: str
    """What it said."""

    pointer: str | None = None
    """The first field at fault."""


class Refusals(Heard):
    """The newest refusals."""

    refusals: list[RefusalLine]
    """The refusals, newest first."""


class Register(Said):
    """Who an agent is. Registering it again replaces what was said before."""

    capabilities: list[Capability] = Field(default_factory=list)
    """What it can do, and which tools it has."""

    accepts: list[ContractRange] = Field(default_factory=list)
    """Which contracts it understands, such as `refund@1`. None: it takes payloads without a contract only."""

    roles: list[Role] = Field(default_factory=list)
    """The roles in which it may see items."""

    capacity: int | None = None
    """How many handoffs it may hold at once, over all its workers; 64 if nothing is said."""

    fallback: AgentName | None = None
    """Who takes over when it declines, stays silent or fails for good."""

    read_back: ReadBackLevel | None = None
    """The most that it can say back; `echo` if nothing is said."""

    justification: Justification | None = None
    """When whoever hands work to it must say why; `off` if nothing is said."""

    lease_ms: int | None = None
    """How long its leases last without a heartbeat, in milliseconds; 30,000 if nothing is said."""


class Resolve(Said):
    """Answers a question."""

    shown: Digest
    """The digest of what was shown to whoever answers, as the question gives it."""

    choice: str = ""
    """The choice, or `approved` / `rejected`, or `happened` / `did_not_happen`; empty for free text alone."""

    text: Any = None
    """More than the choice."""


class Resolved(Heard):
    """The answer that counts: another one than yours if somebody was faster."""

    interrupt: InterruptId
    """Which question."""

    answer: Answer
    """Its answer."""


class RunLine(Heard):
    """A run in a list."""

    run: RunId
    """Which run."""

    title: str
    """Its title."""

    condition: Condition | str
    """How it stands."""

    trace_id: str
    """W3C trace id."""

    opened_at_ms: Timestamp
    """When it was opened."""

    touched_at_ms: Timestamp
    """When something happened last."""

    version: int
    """Events so far."""

    handoffs: int
    """Handoffs so far."""

    usage: Usage
    """What was spent."""

    why: str | None = None
    """Why nothing moves, or how it ended."""

    conversation: str | None = None
    """The caller's own conversation id."""


class RunView(Heard):
    """One run."""

    run: RunId
    """Which run."""

    title: str
    """Its title."""

    condition: Condition | str
    """How it stands."""

    trace_id: str
    """W3C trace id."""

    opened_at_ms: Timestamp
    """When it was opened."""

    touched_at_ms: Timestamp
    """When something happened last."""

    version: int
    """Events so far."""

    handoffs: int
    """Handoffs so far."""

    usage: Usage
    """What was spent."""

    over: bool
    """True when it has ended."""

    task: Any
    """The task, verbatim."""

    limits: Limits
    """Its bounds."""

    latest: list[HandoffLine]
    """Its newest handoffs, oldest first."""

    questions: list[InterruptId]
    """Questions that nobody has answered."""

    why: str | None = None
    """Why nothing moves, or how it ended."""

    conversation: str | None = None
    """The caller's own conversation id."""

    result: Any = None
    """The result."""

    approved: bool | None = None
    """False when a review used up its rounds and the best version was kept."""


class Runs(Heard):
    """A page of runs, newest first."""

    runs: list[RunLine]
    """The runs."""

    before: RunId | None = None
    """For the next page: `before` this one. None on the last page."""


class Stored(Heard):
    """A content was stored."""

    digest: Digest
    """Its hash: where to find it again."""

    bytes: int
    """How many bytes."""
