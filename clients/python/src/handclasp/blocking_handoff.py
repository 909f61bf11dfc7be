"""A handoff in the hands of a plain function: the same verbs, each of which waits.

The agent's code, effects and look-ups included, runs in a thread of its own; what it says goes through
the event loop that also sends the heartbeats.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from typing_extensions import Unpack

from handclasp import types
from handclasp.contracts import Contracted
from handclasp.handoff import AsyncHandoff, Work
from handclasp.signals import DidNotHappen
from handclasp.terms import Terms

P = TypeVar("P")
T = TypeVar("T")


class Handoff(Work[P]):
    """A handoff in the hands of a plain function."""

    def __init__(self, inner: AsyncHandoff[P], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(inner._turn)
        self._inner = inner
        self._loop = loop

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def accept(
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
        self._wait(self._inner.accept(payload=payload, items=items, criteria=criteria, confidence=confidence))

    def complete(
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
        return self._wait(
            self._inner.complete(
                result,
                items=items,
                discharged=discharged,
                dropped=dropped,
                effects=effects,
                usage=usage,
                provenance=provenance,
                confidence=confidence,
                verdict=verdict,
            )
        )

    def hand_to(
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
        return self._wait(self._inner.hand_to(to, payload, result=result, items=items, returns=returns, **terms))

    def fail(
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
        self._wait(self._inner.fail(message, retryable=retryable, kind=kind, attempted=attempted, hint=hint, usage=usage))

    def decline(self, reason: str) -> None:
        """Hands it back. What was accepted already is failed instead, and not tried again."""
        self._wait(self._inner.decline(reason))

    def release(self) -> None:
        """Gives it back unfinished, for another worker; no attempt is counted."""
        self._wait(self._inner.release())

    def progress(
        self, note: str | None = None, *, percent: int | None = None, waiting_for: str | None = None, blocked_on: str | None = None
    ) -> None:
        """Says how the work stands."""
        self._wait(self._inner.progress(note, percent=percent, waiting_for=waiting_for, blocked_on=blocked_on))

    def ask(
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
        return self._wait(
            self._inner.ask(shown, options=options, within=within, on_silence=on_silence, park=park, continuation=continuation)
        )

    def approve(
        self, shown: Any, *, within: float | None = None, on_silence: str | None = None, park: bool = False, continuation: Any = None
    ) -> bool:
        """Asks a person to approve exactly what is shown."""
        return self._wait(self._inner.approve(shown, within=within, on_silence=on_silence, park=park, continuation=continuation))

    def effect(
        self,
        name: str,
        *,
        do: Callable[[], T],
        key: str | int | None = None,
        arguments: Any = None,
        look_up: Callable[[], T] | None = None,
    ) -> T:
        """Does something outside, at most once over all attempts, and gives what came of it as plain JSON.

        `key` is a name from the business, such as the order's number; without one, the n-th effect of this
        name in a turn is meant. What an attempt began and did not finish is never repeated: `look_up` finds out
        what became of it (and raises `DidNotHappen` if nothing did), or else a person is asked. Raise
        `DidNotHappen` in `do` when it failed and certainly changed nothing.
        """
        inner = self._inner
        effect = inner._effect(name, key)

        async def looked_up() -> Any:
            assert look_up is not None
            return await asyncio.to_thread(look_up)

        begun = self._wait(inner._begin(effect, arguments, look_up is not None, looked_up if look_up is not None else None))
        if begun is not None:
            return begun.result  # type: ignore[no-any-return]  # what an earlier attempt got
        try:
            result = do()
        except DidNotHappen:
            self._wait(inner._finish(effect, False, None))
            raise
        return self._wait(inner._finish(effect, True, result))  # type: ignore[no-any-return]  # the same, as JSON

    def spawn(self, to: str | None, payload: Any = None, *, returns: Contracted | None = None, **terms: Unpack[Terms]) -> str:
        """Hands something out and goes on; gives the new handoff's id. The run ends when it has ended, too."""
        return self._wait(self._inner.spawn(to, payload, returns=returns, **terms))

    def delegate(
        self, to: str | None, payload: Any = None, *, continuation: Any = None, returns: Contracted | None = None, **terms: Unpack[Terms]
    ) -> Any:
        """Hands something out and gives its result.

        The agent's turn ends here without holding anything; when the result is there the agent starts anew,
        possibly in another process, and the same delegation in the same place gives it at once. What comes back
        without a result is raised as `Delegated`.
        """
        return self._wait(self._inner.delegate(to, payload, continuation=continuation, returns=returns, **terms))
