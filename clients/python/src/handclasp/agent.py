"""An agent of a worker: who it is, and which function is behind it."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from handclasp import types
from handclasp.blocking_handoff import Handoff
from handclasp.contracts import Contract, Contracted, models_in, parsed, range_of
from handclasp.handoff import AsyncHandoff
from handclasp.terms import millis

Voice: TypeAlias = Literal["agent", "client"]
"""Who says what was understood: the agent itself, with `handoff.accept(...)`, or the client for it."""


@dataclass(frozen=True)
class Agent:
    """An agent with its function."""

    name: str
    handler: Callable[[Any], Any]
    accepts: tuple[Contracted, ...] = ()
    read_back: Voice = "client"
    capabilities: frozenset[str] = field(default_factory=frozenset)
    roles: frozenset[str] = field(default_factory=frozenset)
    capacity: int | None = None
    fallback: str | None = None
    lease: float | None = None
    concurrency: int | None = None

    @property
    def contracts(self) -> list[Contract]:
        """The contracts that its models stand for."""
        return models_in(self.accepts)

    def registration(self) -> types.Register:
        """Who it is, for the server."""
        return types.Register(
            capabilities=sorted(self.capabilities),
            accepts=[known for known in map(range_of, self.accepts) if known],
            roles=sorted(self.roles),
            capacity=self.capacity,
            fallback=self.fallback,
            lease_ms=millis(self.lease),
        )

    def payload(self, briefing: types.Briefing) -> Any:
        """The payload as the model that its contract stands for."""
        name = (briefing.contract or "").partition("@")[0]
        model: type[BaseModel] | None = next((known.model for known in self.contracts if known.name == name), None)
        return parsed(model, briefing.payload)

    async def work(self, handoff: AsyncHandoff[Any]) -> Any:
        """Calls the function: a coroutine here, anything else in a thread of its own."""
        if inspect.iscoroutinefunction(self.handler):
            return await self.handler(handoff)
        return await in_thread(self.handler, Handoff(handoff, asyncio.get_running_loop()))


def accepted(accepts: Contracted | Sequence[Contracted] | None) -> tuple[Contracted, ...]:
    """One contract, several or none, as a tuple."""
    if accepts is None:
        return ()
    return (accepts,) if isinstance(accepts, (str, type)) else tuple(accepts)


async def in_thread(work: Callable[[Any], Any], argument: Any) -> Any:
    """Runs a function in a new thread that does not keep the process alive.

    A pool's threads are waited for at exit; a worker that has given its work back must be able to end.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = context.run(work, argument)
        except (StopIteration, SystemExit, KeyboardInterrupt) as ending:
            # These would end the loop instead of the turn.
            error = RuntimeError(f"the agent raised {ending!r}")
        except BaseException as raised:
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="handclasp-agent", daemon=True).start()
    return await done
