"""Work that was handed to somebody, seen by whoever waits for its result."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Generic, TypeVar

from handclasp import operations, types
from handclasp.contracts import parsed
from handclasp.errors import Late, NoResult
from handclasp.loop import Loop
from handclasp.transport import Transport

R = TypeVar("R")

# One request waits so long for an end; the next one follows at once.
RESULT_POLL = 30.0

# A run can stand still between two of its handoffs only for moments, so looking again soon is cheap.
BETWEEN_HANDOFFS = 0.2

ENDED = frozenset({"dead_lettered", "completed", "cancelled", "declined", "expired", "failed"})


class AsyncJob(Generic[R]):
    """One handoff, and all that follows from it when it opened a run."""

    def __init__(self, transport: Transport, run: str, handoff: str, *, whole_run: bool, trace_id: str | None, model: Any) -> None:
        self._transport = transport
        self._whole_run = whole_run
        self._model = model
        self.run = run
        """The run's id."""
        self.handoff = handoff
        """The handoff's id."""
        self.trace_id = trace_id
        """W3C trace id of the run, where this job opened it."""

    async def status(self) -> types.Handoff:
        """How the handoff stands now."""
        return await self._transport.call(operations.GET_HANDOFF, handoff=self.handoff)

    async def cancel(self, reason: str) -> None:
        """Stops it: the whole run where this job opened it, else the handoff and everything below it."""
        said = types.Cancel(reason=reason)
        if self._whole_run:
            await self._transport.call(operations.CANCEL_RUN, said, run=self.run)
        else:
            await self._transport.call(operations.CANCEL_HANDOFF, said, handoff=self.handoff)

    async def result(self, timeout: float | None = None) -> R:
        """Waits for the result. Raises `NoResult` when there will be none, `Late` when the time is over.

        A job that opened a run gives the run's result: that of the last one to whom the work was handed on.
        """
        until = None if timeout is None else time.monotonic() + timeout
        found = await (self._of_run(until) if self._whole_run else self._of_handoff(self.handoff, until))
        result: R = parsed(self._model, found)
        return result

    async def _of_handoff(self, handoff: str, until: float | None) -> Any:
        while True:
            seen = await self._seen(handoff, until)
            if seen.phase == "completed":
                return seen.result
            if seen.over:
                raise NoResult(str(seen.phase), seen.why, seen)
            self._in_time(until)

    async def _of_run(self, until: float | None) -> Any:
        """Waits for the run's handoffs, one after the other: each may end in a stop that a run as such waits out."""
        await self._of_handoff(self.handoff, until)
        while True:
            view = await self._transport.call(operations.GET_RUN, run=self.run)
            if view.over and view.condition == "completed":
                return view.result
            if view.over:
                raise NoResult(str(view.condition), view.why)
            open_ones = [line.handoff for line in view.latest if line.phase not in ENDED]
            if open_ones:
                await self._seen(open_ones[0], until)
            elif view.condition == "stopped":
                raise NoResult("stopped", view.why)
            else:
                await asyncio.sleep(BETWEEN_HANDOFFS)
            self._in_time(until)

    async def _seen(self, handoff: str, until: float | None) -> types.Handoff:
        left = RESULT_POLL if until is None else min(RESULT_POLL, max(0.0, until - time.monotonic()))
        query = {"wait_ms": round(left * 1000)}
        return await self._transport.call(operations.GET_HANDOFF, query=query, wait=left, handoff=handoff)

    def _in_time(self, until: float | None) -> None:
        if until is not None and time.monotonic() >= until:
            raise Late(f"{self.handoff} has no result yet")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.handoff}>"


class Job(Generic[R]):
    """One handoff, and all that follows from it when it opened a run."""

    def __init__(self, inner: AsyncJob[R], loop: Loop) -> None:
        self._inner = inner
        self._loop = loop
        self.run = inner.run
        """The run's id."""
        self.handoff = inner.handoff
        """The handoff's id."""
        self.trace_id = inner.trace_id
        """W3C trace id of the run, where this job opened it."""

    def status(self) -> types.Handoff:
        """How the handoff stands now."""
        return self._loop.call(self._inner.status())

    def cancel(self, reason: str) -> None:
        """Stops it: the whole run where this job opened it, else the handoff and everything below it."""
        self._loop.call(self._inner.cancel(reason))

    def result(self, timeout: float | None = None) -> R:
        """Waits for the result. Raises `NoResult` when there will be none, `Late` when the time is over.

        A job that opened a run gives the run's result: that of the last one to whom the work was handed on.
        """
        return self._loop.call(self._inner.result(timeout))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.handoff}>"
