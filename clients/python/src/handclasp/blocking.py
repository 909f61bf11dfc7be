"""`Handclasp`: everything that the server can do, for programs without an event loop.

The same verbs as `AsyncHandclasp`, each of which waits. Requests and heartbeats run in one thread behind
it, agents in threads of their own.
"""

from __future__ import annotations

import contextlib
import inspect
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, TypeVar, overload

from pydantic import BaseModel
from typing_extensions import Self, Unpack

from handclasp import types
from handclasp.agent import Voice
from handclasp.blocking_handoff import Handoff
from handclasp.client import DRAIN, AsyncHandclasp
from handclasp.contracts import Contracted
from handclasp.errors import Misused
from handclasp.job import Job
from handclasp.loop import Loop
from handclasp.patience import Patience
from handclasp.terms import Terms
from handclasp.worker import CONCURRENCY

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
R = TypeVar("R")


class Handclasp:
    """A client of one server.

    The address is the argument, `HANDCLASP_URL`, or `http://127.0.0.1:4040`; the key is the argument or
    `HANDCLASP_KEY`. `patience` is how long a call goes on trying while the server cannot be reached.
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, patience: Patience | None = None) -> None:
        self._client = AsyncHandclasp(url, key, patience=patience)
        self._loop = Loop()

    def close(self) -> None:
        """Closes every connection and ends the thread behind the client."""
        self._loop.call(self._client.close())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Sending.

    @overload
    def offer(
        self,
        to: str | None,
        payload: Any = None,
        *,
        returns: type[M],
        task: Any = None,
        run: str | None = None,
        title: str | None = None,
        intent: Any = None,
        items: Sequence[types.NewItem] = (),
        run_limits: types.Limits | None = None,
        conversation: str | None = None,
        traceparent: str | None = None,
        idempotency_key: str | None = None,
        **terms: Unpack[Terms],
    ) -> Job[M]: ...

    @overload
    def offer(
        self,
        to: str | None,
        payload: Any = None,
        *,
        returns: Contracted | None = None,
        task: Any = None,
        run: str | None = None,
        title: str | None = None,
        intent: Any = None,
        items: Sequence[types.NewItem] = (),
        run_limits: types.Limits | None = None,
        conversation: str | None = None,
        traceparent: str | None = None,
        idempotency_key: str | None = None,
        **terms: Unpack[Terms],
    ) -> Job[Any]: ...

    def offer(self, to: str | None, payload: Any = None, **said: Any) -> Job[Any]:
        """Hands work to an agent: opens a run for it, or adds it to `run`.

        The task reaches every later receiver verbatim. With an `idempotency_key` of your own, offering again
        gives the same job, even from another process.
        """
        return Job(self._loop.call(self._client.offer(to, payload, **said)), self._loop)

    def open_run(
        self,
        task: Any,
        *,
        title: str | None = None,
        intent: Any = None,
        items: Sequence[types.NewItem] = (),
        limits: types.Limits | None = None,
        conversation: str | None = None,
        traceparent: str | None = None,
        idempotency_key: str | None = None,
    ) -> types.Opened:
        """Opens a run that waits for its first offer."""
        return self._loop.call(
            self._client.open_run(
                task,
                title=title,
                intent=intent,
                items=items,
                limits=limits,
                conversation=conversation,
                traceparent=traceparent,
                idempotency_key=idempotency_key,
            )
        )

    # Receiving.

    @overload
    def agent(
        self,
        name: str,
        *,
        accepts: type[M],
        read_back: Voice = "client",
        capabilities: Sequence[str] = (),
        roles: Sequence[str] = (),
        capacity: int | None = None,
        fallback: str | None = None,
        lease: float | None = None,
        concurrency: int | None = None,
    ) -> Callable[[Callable[[Handoff[M]], R]], Callable[[Handoff[M]], R]]: ...

    @overload
    def agent(
        self,
        name: str,
        *,
        accepts: str | Sequence[Contracted] | None = None,
        read_back: Voice = "client",
        capabilities: Sequence[str] = (),
        roles: Sequence[str] = (),
        capacity: int | None = None,
        fallback: str | None = None,
        lease: float | None = None,
        concurrency: int | None = None,
    ) -> Callable[[Callable[[Handoff[Any]], R]], Callable[[Handoff[Any]], R]]: ...

    def agent(
        self, name: str, *, accepts: Contracted | Sequence[Contracted] | None = None, **known: Any
    ) -> Callable[[Callable[[Handoff[Any]], R]], Callable[[Handoff[Any]], R]]:
        """Makes a function the agent of that name; what it returns is the result.

        `accepts` is a range of versions such as `refund@1`, or a pydantic model: its contract is published,
        and `handoff.payload` is an instance of it. `lease` is in seconds; `concurrency` is how many
        handoffs this process works on at once, `capacity` how many all processes of the agent may hold together.
        """

        def decorate(handler: Callable[[Handoff[Any]], R]) -> Callable[[Handoff[Any]], R]:
            if inspect.iscoroutinefunction(handler):
                raise Misused(f"`{name}` is a coroutine; use AsyncHandclasp for it")
            return self._client.agent(name, accepts=accepts, **known)(handler)

        return decorate

    def run(self, *, concurrency: int = CONCURRENCY, drain: float = DRAIN, register: bool = True, signals: bool = True) -> None:
        """Works as the decorated agents until `stop()`, SIGTERM or SIGINT, then drains.

        With `register` the agents and their contracts are made known first. A second signal ends it at once.
        """
        with self._told(signals):
            self._loop.call(self._client.run(concurrency=concurrency, drain=drain, register=register, signals=False))

    @contextlib.contextmanager
    def _told(self, signals: bool) -> Iterator[None]:
        """Drains on a signal while the block runs. Only the main thread hears signals."""
        if not signals or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}

        def hear(one: int, _: object) -> None:
            # Whoever asks twice does not want to wait.
            signal.signal(one, signal.SIG_DFL)
            self.stop()

        for one in before:
            signal.signal(one, hear)
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def stop(self) -> None:
        """Asks the worker to drain, from any thread."""
        self._loop.soon(self._client.stop)

    def register(self, agent: str, registration: types.Register | None = None) -> types.Agent:
        """Says who an agent is, without working as it."""
        return self._loop.call(self._client.register(agent, registration))

    def agents(self) -> list[types.Agent]:
        """All agents, and how they stand."""
        return self._loop.call(self._client.agents())

    # Contracts.

    def publish(self, contract: types.Publish | type[BaseModel]) -> types.Published:
        """Publishes a contract; a breaking change under a compatible version is refused."""
        return self._loop.call(self._client.publish(contract))

    def contracts(self) -> list[types.Published]:
        """All contracts."""
        return self._loop.call(self._client.contracts())

    # Looking.

    def get_run(self, run: str) -> types.RunView:
        """A run, as it stands now."""
        return self._loop.call(self._client.get_run(run))

    def get_handoff(self, handoff: str) -> types.Handoff:
        """A handoff, as it stands now."""
        return self._loop.call(self._client.get_handoff(handoff))

    def list_runs(self, *, condition: types.Condition | None = None, trace_id: str | None = None) -> Iterator[types.RunLine]:
        """All runs, newest first."""
        return self._each(self._client.list_runs(condition=condition, trace_id=trace_id))

    def items(self, run: str) -> list[types.Item]:
        """What a run knows, oldest first."""
        return self._loop.call(self._client.items(run))

    def store(self, run: str, content: bytes) -> types.Stored:
        """Stores a content with a run, and says its digest."""
        return self._loop.call(self._client.store(run, content))

    def content(self, run: str, digest: str) -> bytes:
        """A content by its digest."""
        return self._loop.call(self._client.content(run, digest))

    def events(self, after: int | None = None, *, run: str | None = None) -> Iterator[types.EventLine]:
        """Events as they happen, from that place on (0 for the beginning, now if nothing is said).

        Goes on by itself after a lost connection, from the last event that was given.
        """
        return self._each(self._client.events(after, run=run))

    def list_events(self, after: int = 0, *, run: str | None = None, limit: int | None = None) -> types.Events:
        """One page of events, oldest first."""
        return self._loop.call(self._client.list_events(after, run=run, limit=limit))

    def _each(self, many: AsyncIterator[T]) -> Iterator[T]:
        async def following() -> T:
            return await many.__anext__()

        while True:
            try:
                one = self._loop.call(following())
            except StopAsyncIteration:
                return
            yield one

    # What only people can do.

    def inbox(self, run: str | None = None) -> list[types.Question]:
        """The questions that nobody has answered."""
        return self._loop.call(self._client.inbox(run))

    def resolve(self, question: types.Question, choice: str = "", *, text: Any = None) -> types.Resolved:
        """Answers a question, once: exactly what was shown. Whoever is late is given the answer that counts."""
        return self._loop.call(self._client.resolve(question, choice, text=text))

    def dead_letters(self, *, run: str | None = None, agent: str | None = None) -> list[types.DeadLetter]:
        """Work that ended without a result."""
        return self._loop.call(self._client.dead_letters(run=run, agent=agent))

    def redrive(self, handoff: str, *, payload: Any = None, to: str | None = None) -> str:
        """Sends a dead letter once more, with another payload or to another agent if you like."""
        return self._loop.call(self._client.redrive(handoff, payload=payload, to=to))

    def redrive_many(
        self,
        *,
        run: str | None = None,
        agent: str | None = None,
        why_contains: str | None = None,
        to: str | None = None,
        limit: int | None = None,
    ) -> types.Redriven:
        """Sends many dead letters once more."""
        return self._loop.call(self._client.redrive_many(run=run, agent=agent, why_contains=why_contains, to=to, limit=limit))

    def cancel(self, target: str, reason: str) -> None:
        """Stops a run or a handoff, and everything below it."""
        self._loop.call(self._client.cancel(target, reason))

    def ready(self) -> bool:
        """Whether the server takes work."""
        return self._loop.call(self._client.ready())
