"""A handoff in the hands of the agent that works on it.

Everything that a holder can say, under the token of its claim. What an agent does more than once in a
turn (questions, effects, delegations) is counted here, in the order in which it is done: a second attempt
that does the same in the same order is given what the first one got.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from typing_extensions import Unpack

from handclasp import operations, types
from handclasp.contracts import Contracted
from handclasp.encoding import digest, plain
from handclasp.errors import Delegated, EffectUnknown, Misused, NotPermitted
from handclasp.lease import Lease
from handclasp.signals import DidNotHappen, Parked
from handclasp.terms import Terms, millis, offer_of

P = TypeVar("P")

# How long one request waits for a person's answer; the next one follows at once.
ANSWER_POLL = 30.0

# A key that may work and not read asks anew every so often.
ANSWER_PAUSE = 1.0


@dataclass
class Turn(Generic[P]):
    """One turn of an agent, and how it stands."""

    claimed: types.Claimed
    payload: P
    lease: Lease
    accepted: bool
    """Whether the work is accepted."""
    settled: bool = False
    """Whether the turn has ended: with a result, a failure, a wait."""


class Work(Generic[P]):
    """What an agent was given, the same for both kinds of agents."""

    def __init__(self, turn: Turn[P]) -> None:
        self._turn = turn

    @property
    def id(self) -> str:
        """The handoff's id."""
        return self._turn.claimed.handoff

    @property
    def run(self) -> str:
        """The run's id."""
        return self.briefing.run

    @property
    def attempt(self) -> int:
        """The how-manieth attempt, from 1."""
        return self._turn.claimed.attempt

    @property
    def traceparent(self) -> str:
        """W3C trace context for whatever is done for it."""
        return self._turn.claimed.traceparent

    @property
    def briefing(self) -> types.Briefing:
        """Everything that the agent gets."""
        return self._turn.claimed.briefing

    @property
    def task(self) -> Any:
        """The original task, verbatim."""
        return self.briefing.task

    @property
    def payload(self) -> P:
        """The work itself; an instance of the model that the agent accepts."""
        return self._turn.payload

    @property
    def items(self) -> list[types.BriefedItem]:
        """What the run knows and this agent may see."""
        return self.briefing.items

    @property
    def answers(self) -> list[types.Answered]:
        """Answers to what earlier attempts asked."""
        return self.briefing.answers

    @property
    def returned(self) -> list[types.Returned]:
        """What came back from what was delegated, oldest first."""
        return self.briefing.returned

    @property
    def continuation(self) -> Any:
        """What the agent kept for itself before it waited."""
        return self.briefing.continuation

    @property
    def cancelled(self) -> bool:
        """Whether the work is not this agent's any more: stopped, expired, or given to another worker."""
        return self._turn.lease.lost is not None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} to {self.briefing.agent}, attempt {self.attempt}>"


class AsyncHandoff(Work[P]):
    """A handoff in the hands of a coroutine."""

    def __init__(self, turn: Turn[P]) -> None:
        super().__init__(turn)
        self._asked = 0
        self._spawned = 0
        self._delegated = 0
        self._effects: Counter[str] = Counter()

    async def accept(
        self,
        *,
        payload: Any = None,
        items: Sequence[str] | None = None,
        criteria: Sequence[int] | None = None,
        confidence: int | None = None,
    ) -> None:
        """Says what was understood, in the agent's own name. What is not given is what the client has read.

        Name the `items` that the agent really took in: a gap is found before the work, not after it.
        """
        await self._accept("agent", payload, items, criteria, confidence)

    async def _accept(
        self, by: types.Voice, payload: Any, items: Sequence[str] | None, criteria: Sequence[int] | None, confidence: int | None
    ) -> None:
        carried = [item.id for item in self.items if item.must_carry]
        said = types.Accept(
            token=self._turn.lease.token,
            by=by,
            contract=self.briefing.contract,
            payload=digest(self.briefing.payload if payload is None else plain(payload)),
            items=sorted(carried if items is None else items),
            criteria=sorted(range(len(self.briefing.acceptance)) if criteria is None else criteria),
            confidence=confidence,
        )
        await self._turn.lease.say(operations.ACCEPT, said)
        self._turn.accepted = True

    async def complete(
        self,
        result: Any = None,
        *,
        items: Sequence[types.NewItem] = (),
        discharged: Sequence[types.Settlement] = (),
        dropped: Sequence[types.Settlement] = (),
        effects: Sequence[types.DeclaredEffect] | None = None,
        usage: types.Usage | None = None,
        provenance: Any = None,
        confidence: int | None = None,
        verdict: types.Judgment | None = None,
    ) -> types.Completed:
        """Gives the result, with everything that belongs to it. An agent that simply returns does the same."""
        return await self._complete(
            types.Complete(
                token=self._turn.lease.token,
                result=plain(result),
                items=list(items),
                discharged=list(discharged),
                dropped=list(dropped),
                effects=None if effects is None else list(effects),
                usage=usage or types.Usage(),
                provenance=plain(provenance),
                confidence=confidence,
                verdict=verdict,
            )
        )

    async def hand_to(
        self,
        to: str | None,
        payload: Any = None,
        *,
        result: Any = None,
        items: Sequence[types.NewItem] = (),
        returns: Contracted | None = None,
        **terms: Unpack[Terms],
    ) -> types.Completed:
        """Gives the result and hands on to the next agent, in one commit."""
        offer = offer_of(to, payload, returns, terms)
        return await self._complete(types.Complete(token=self._turn.lease.token, result=plain(result), items=list(items), next=offer))

    async def _complete(self, said: types.Complete) -> types.Completed:
        if not self._turn.accepted:
            raise Misused("an agent with read_back='agent' calls handoff.accept(...) before it gives a result")
        completed = await self._turn.lease.say(operations.COMPLETE, said)
        self._turn.settled = True
        return completed

    async def fail(
        self,
        message: str,
        *,
        retryable: bool = True,
        kind: str = "failed",
        attempted: str | None = None,
        hint: str | None = None,
        usage: types.Usage | None = None,
    ) -> None:
        """Says that this attempt did not succeed."""
        said = types.Fail(
            token=self._turn.lease.token,
            kind=kind,
            message=message,
            retryable=retryable,
            attempted=attempted,
            hint=hint,
            usage=usage or types.Usage(),
        )
        await self._turn.lease.say(operations.FAIL, said)
        self._turn.settled = True

    async def decline(self, reason: str) -> None:
        """Hands it back. What was accepted already is failed instead, and not tried again."""
        if self._turn.accepted:
            return await self.fail(reason, kind="declined", retryable=False)
        await self._turn.lease.say(operations.DECLINE, types.Decline(token=self._turn.lease.token, reason=reason))
        self._turn.settled = True
        return None

    async def release(self) -> None:
        """Gives it back unfinished, for another worker; no attempt is counted."""
        await self._turn.lease.say(operations.RELEASE, types.Held(token=self._turn.lease.token))
        self._turn.settled = True

    async def progress(
        self, note: str | None = None, *, percent: int | None = None, waiting_for: str | None = None, blocked_on: str | None = None
    ) -> None:
        """Says how the work stands."""
        said = types.Progress(token=self._turn.lease.token, note=note, percent=percent, waiting_for=waiting_for, blocked_on=blocked_on)
        await self._turn.lease.say(operations.PROGRESS, said)

    async def ask(
        self,
        shown: Any,
        *,
        options: Sequence[str] = (),
        within: float | None = None,
        on_silence: str | None = None,
        park: bool = False,
        continuation: Any = None,
    ) -> types.Answer:
        """Asks a person, and waits for the answer.

        With `park` the agent does not wait: its turn ends here, and when there is an answer the agent starts
        anew, possibly in another process, with `continuation` kept for it. The same question in the same
        place then gives the answer at once.
        """
        return await self._ask("question", shown, options, within, on_silence, park, continuation)

    async def approve(
        self, shown: Any, *, within: float | None = None, on_silence: str | None = None, park: bool = False, continuation: Any = None
    ) -> bool:
        """Asks a person to approve exactly what is shown."""
        answer = await self._ask("approval", shown, (), within, on_silence, park, continuation)
        return answer.choice == "approved"

    async def _ask(
        self,
        asking: types.AskKind,
        shown: Any,
        options: Sequence[str],
        within: float | None,
        on_silence: str | None,
        park: bool,
        continuation: Any,
    ) -> types.Answer:
        said = types.Ask(
            token=self._turn.lease.token,
            asking=asking,
            shown=plain(shown),
            options=list(options),
            within_ms=millis(within),
            on_silence=on_silence,
            ordinal=self._asked,
            park=park,
            continuation=plain(continuation),
        )
        self._asked += 1
        asked = await self._turn.lease.say(operations.ASK, said)
        if asked.answer is None and park:
            self._turn.settled = True
            raise Parked
        while asked.answer is None:
            await self._answered(asked.interrupt)
            # Asked anew, not just looked at: the answer counts for the holder only.
            asked = await self._turn.lease.say(operations.ASK, said)
        return asked.answer

    async def _answered(self, interrupt: str) -> None:
        """Waits until a question may have its answer."""
        query = {"wait_ms": millis(min(ANSWER_POLL, self._turn.lease.seconds))}
        try:
            await self._turn.lease.transport.call(operations.GET_QUESTION, query=query, wait=ANSWER_POLL, interrupt=interrupt)
        except NotPermitted:
            await asyncio.sleep(ANSWER_PAUSE)

    async def effect(
        self,
        name: str,
        *,
        do: Callable[[], Any] | Callable[[], Awaitable[Any]],
        key: str | int | None = None,
        arguments: Any = None,
        look_up: Callable[[], Any] | Callable[[], Awaitable[Any]] | None = None,
    ) -> Any:
        """Does something outside, at most once over all attempts, and gives what came of it.

        `key` is a name from the business, such as the order's number; without one, the n-th effect of this
        name in a turn is meant. What an attempt began and did not finish is never repeated: `look_up` finds out
        what became of it (and raises `DidNotHappen` if nothing did), or else a person is asked. Raise
        `DidNotHappen` in `do` when it failed and certainly changed nothing.
        """
        effect = self._effect(name, key)
        begun = await self._begin(effect, arguments, look_up is not None, look_up and _awaited(look_up))
        if begun is not None:
            return begun.result
        try:
            result = await _awaited(do)()
        except DidNotHappen:
            await self._finish(effect, False, None)
            raise
        return await self._finish(effect, True, result)

    def _effect(self, name: str, key: str | int | None) -> dict[str, Any]:
        """Which effect is meant."""
        ordinal = 0
        if key is None:
            ordinal = self._effects[name]
            self._effects[name] += 1
        return {"name": name, "key": None if key is None else str(key), "ordinal": ordinal}

    async def _begin(
        self, effect: dict[str, Any], arguments: Any, looked_up: bool, look_up: Callable[[], Awaitable[Any]] | None
    ) -> types.Effect | None:
        """Announces an effect; nothing if it is to be done now."""
        begin = types.EffectBegin(
            token=self._turn.lease.token, arguments=plain(arguments), reconcile="agent" if looked_up else "human", **effect
        )
        try:
            told = await self._turn.lease.say(operations.BEGIN_EFFECT, begin)
        except EffectUnknown:
            if look_up is None:
                raise
            await self._reconcile(effect, look_up)
            told = await self._turn.lease.say(operations.BEGIN_EFFECT, begin)
        return None if told.proceed else told

    async def _reconcile(self, effect: dict[str, Any], look_up: Callable[[], Awaitable[Any]]) -> None:
        """Says what became of an effect that was cut short."""
        happened, result = True, None
        try:
            result = await look_up()
        except DidNotHappen:
            happened = False
        said = types.EffectEnd(token=self._turn.lease.token, happened=happened, result=plain(result), **effect)
        await self._turn.lease.say(operations.RECONCILE_EFFECT, said)

    async def _finish(self, effect: dict[str, Any], happened: bool, result: Any) -> Any:
        """Says how an effect went, and gives the result as every later attempt will get it."""
        kept = plain(result)
        said = types.EffectEnd(token=self._turn.lease.token, happened=happened, result=kept, **effect)
        await self._turn.lease.say(operations.FINISH_EFFECT, said)
        return kept

    async def spawn(self, to: str | None, payload: Any = None, *, returns: Contracted | None = None, **terms: Unpack[Terms]) -> str:
        """Hands something out and goes on; gives the new handoff's id. The run ends when it has ended, too."""
        ordinal = self._spawned
        self._spawned += 1
        said = types.HandOut(token=self._turn.lease.token, mode="spawn", offer=offer_of(to, payload, returns, terms), ordinal=ordinal)
        return (await self._turn.lease.say(operations.HAND_OUT, said)).handoff

    async def delegate(
        self, to: str | None, payload: Any = None, *, continuation: Any = None, returns: Contracted | None = None, **terms: Unpack[Terms]
    ) -> Any:
        """Hands something out and gives its result.

        The agent's turn ends here without holding anything; when the result is there the agent starts anew,
        possibly in another process, and the same delegation in the same place gives it at once. What comes back
        without a result is raised as `Delegated`.
        """
        place = self._delegated
        self._delegated += 1
        if place < len(self.returned):
            back = self.returned[place]
            if back.error is not None:
                raise Delegated(back.error)
            return back.result
        offer = offer_of(to, payload, returns, terms)
        said = types.HandOut(token=self._turn.lease.token, mode="delegate", offer=offer, continuation=plain(continuation))
        await self._turn.lease.say(operations.HAND_OUT, said)
        self._turn.settled = True
        raise Parked


def _awaited(work: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    """Work that may or may not be a coroutine, as one."""

    async def run() -> Any:
        result = work()
        return await result if inspect.isawaitable(result) else result

    return run
