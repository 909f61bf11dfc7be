"""`AsyncHandclasp`: everything that the server can do, for programs with an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar, overload

from pydantic import BaseModel
from typing_extensions import Self, Unpack

from handclasp import events, operations, types
from handclasp.agent import Agent, Voice, accepted
from handclasp.contracts import Contract, Contracted, contract_of
from handclasp.encoding import plain
from handclasp.errors import NotPermitted
from handclasp.job import AsyncJob
from handclasp.patience import Patience
from handclasp.terms import Terms, contracts_in, offer_of
from handclasp.transport import Address, Transport
from handclasp.worker import CONCURRENCY, Worker

M = TypeVar("M", bound=BaseModel)
F = TypeVar("F", bound=Callable[[Any], Any])

# What is under way has so long to finish after a signal. Below the half minute that process managers give.
DRAIN = 25.0


class AsyncHandclasp:
    """A client of one server.

    The address is the argument, `HANDCLASP_URL`, or `http://127.0.0.1:4040`; the key is the argument or
    `HANDCLASP_KEY`. `patience` is how long a call goes on trying while the server cannot be reached.
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, patience: Patience | None = None) -> None:
        self.transport = Transport(Address.of(url, key), patience or Patience())
        self._agents: list[Agent] = []
        self._published: set[str] = set()
        self._worker: Worker | None = None

    async def close(self) -> None:
        """Closes every connection."""
        await self.transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Sending.

    @overload
    async def offer(
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
    ) -> AsyncJob[M]: ...

    @overload
    async def offer(
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
    ) -> AsyncJob[Any]: ...

    async def offer(
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
    ) -> AsyncJob[Any]:
        """Hands work to an agent: opens a run for it, or adds it to `run`.

        The task reaches every later receiver verbatim. With an `idempotency_key` of your own, offering again
        gives the same job, even from another process.
        """
        await self._know(contracts_in(payload, returns, terms))
        offer = offer_of(to, payload, returns, terms)
        model = returns if isinstance(returns, type) else None
        if run is not None:
            offered = await self.transport.call(operations.OFFER, offer, key=idempotency_key, traceparent=traceparent, run=run)
            return AsyncJob(self.transport, run, offered.handoff, whole_run=False, trace_id=None, model=model)
        said = types.OpenRun(
            task=plain(task) if task is not None else f"Work for {to or terms.get('capability')}",
            title=title,
            intent=plain(intent),
            items=list(items),
            limits=run_limits or types.Limits(),
            conversation=conversation,
            offer=offer,
        )
        opened = await self.transport.call(operations.OPEN_RUN, said, key=idempotency_key, traceparent=traceparent)
        assert opened.handoff is not None
        return AsyncJob(self.transport, opened.run, opened.handoff, whole_run=True, trace_id=opened.trace_id, model=model)

    async def open_run(
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
        said = types.OpenRun(
            task=plain(task),
            title=title,
            intent=plain(intent),
            items=list(items),
            limits=limits or types.Limits(),
            conversation=conversation,
        )
        return await self.transport.call(operations.OPEN_RUN, said, key=idempotency_key, traceparent=traceparent)

    async def _know(self, contracts: Sequence[Contract]) -> None:
        """Publishes what was not published from here yet."""
        for contract in contracts:
            if contract.id not in self._published:
                # Whoever may offer need not be able to publish; the offer says whether the contract is known.
                with contextlib.suppress(NotPermitted):
                    await self.transport.call(operations.PUBLISH_CONTRACT, contract.publication())
                self._published.add(contract.id)

    # Receiving.

    def agent(
        self,
        name: str,
        *,
        accepts: Contracted | Sequence[Contracted] | None = None,
        read_back: Voice = "client",
        capabilities: Sequence[str] = (),
        roles: Sequence[str] = (),
        capacity: int | None = None,
        fallback: str | None = None,
        lease: float | None = None,
        concurrency: int | None = None,
    ) -> Callable[[F], F]:
        """Makes a function the agent of that name; what it returns is the result.

        It is a coroutine that takes an `AsyncHandoff`, or a plain function that takes a `Handoff` and is called in
        a thread of its own. `accepts` is a range of versions such as `refund@1`, or a pydantic model: its contract
        is published, and `handoff.payload` is an instance of it. `lease` is in seconds; `concurrency` is how many
        handoffs this process works on at once, `capacity` how many all processes of the agent may hold together.
        """

        def decorate(handler: F) -> F:
            self._agents.append(
                Agent(
                    name=name,
                    handler=handler,
                    accepts=accepted(accepts),
                    read_back=read_back,
                    capabilities=frozenset(capabilities),
                    roles=frozenset(roles),
                    capacity=capacity,
                    fallback=fallback,
                    lease=lease,
                    concurrency=concurrency,
                )
            )
            return handler

        return decorate

    async def run(self, *, concurrency: int = CONCURRENCY, drain: float = DRAIN, register: bool = True, signals: bool = True) -> None:
        """Works as the decorated agents until `stop()`, SIGTERM or SIGINT, then drains.

        With `register` the agents and their contracts are made known first. A second signal ends it at once.
        """
        self._worker = Worker(self.transport, self._agents, concurrency=concurrency, drain=drain, register=register)
        loop = asyncio.get_running_loop()
        heard: list[signal.Signals] = []
        if signals and threading.current_thread() is threading.main_thread():
            for one in (signal.SIGTERM, signal.SIGINT):
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(one, self._hear, heard, one)
        try:
            await self._worker.run()
        finally:
            for one in (signal.SIGTERM, signal.SIGINT) if signals else ():
                with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                    loop.remove_signal_handler(one)

    def _hear(self, heard: list[signal.Signals], one: signal.Signals) -> None:
        heard.append(one)
        if len(heard) > 1:
            # Whoever asks twice does not want to wait.
            signal.signal(one, signal.SIG_DFL)
            signal.raise_signal(one)
        self.stop()

    def stop(self) -> None:
        """Asks the worker to drain, from within its event loop."""
        if self._worker is not None:
            self._worker.stop()

    async def register(self, agent: str, registration: types.Register | None = None) -> types.Agent:
        """Says who an agent is, without working as it."""
        return await self.transport.call(operations.REGISTER_AGENT, registration or types.Register(), agent=agent)

    async def agents(self) -> list[types.Agent]:
        """All agents, and how they stand."""
        return (await self.transport.call(operations.LIST_AGENTS)).agents

    # Contracts.

    async def publish(self, contract: types.Publish | type[BaseModel]) -> types.Published:
        """Publishes a contract; a breaking change under a compatible version is refused."""
        said = contract_of(contract).publication() if isinstance(contract, type) else contract
        return await self.transport.call(operations.PUBLISH_CONTRACT, said)

    async def contracts(self) -> list[types.Published]:
        """All contracts."""
        return (await self.transport.call(operations.LIST_CONTRACTS)).contracts

    # Looking.

    async def get_run(self, run: str) -> types.RunView:
        """A run, as it stands now."""
        return await self.transport.call(operations.GET_RUN, run=run)

    async def get_handoff(self, handoff: str) -> types.Handoff:
        """A handoff, as it stands now."""
        return await self.transport.call(operations.GET_HANDOFF, handoff=handoff)

    async def list_runs(self, *, condition: types.Condition | None = None, trace_id: str | None = None) -> AsyncIterator[types.RunLine]:
        """All runs, newest first."""
        query: dict[str, Any] = {"condition": condition, "trace_id": trace_id}
        while True:
            page = await self.transport.call(operations.LIST_RUNS, query=query)
            for line in page.runs:
                yield line
            if page.before is None:
                return
            query["before"] = page.before

    async def items(self, run: str) -> list[types.Item]:
        """What a run knows, oldest first."""
        found: list[types.Item] = []
        query: dict[str, Any] = {}
        while True:
            page = await self.transport.call(operations.LIST_ITEMS, query=query, run=run)
            found.extend(page.items)
            if page.after is None:
                return found
            query["after"] = page.after

    async def store(self, run: str, content: bytes) -> types.Stored:
        """Stores a content with a run, and says its digest."""
        return await self.transport.call(operations.STORE_CONTENT, content, run=run)

    async def content(self, run: str, digest: str) -> bytes:
        """A content by its digest."""
        found: bytes = await self.transport.call(operations.GET_CONTENT, run=run, digest=digest)
        return found

    async def events(self, after: int | None = None, *, run: str | None = None) -> AsyncIterator[types.EventLine]:
        """Events as they happen, from that place on (0 for the beginning, now if nothing is said).

        Goes on by itself after a lost connection, from the last event that was given.
        """
        async for event in events.follow(self.transport, after=after, run=run):
            yield event

    async def list_events(self, after: int = 0, *, run: str | None = None, limit: int | None = None) -> types.Events:
        """One page of events, oldest first."""
        return await self.transport.call(operations.LIST_EVENTS, query={"after": after, "run": run, "limit": limit})

    # What only people can do.

    async def inbox(self, run: str | None = None) -> list[types.Question]:
        """The questions that nobody has answered."""
        found: list[types.Question] = []
        query: dict[str, Any] = {"run": run}
        while True:
            page = await self.transport.call(operations.LIST_QUESTIONS, query=query)
            found.extend(page.questions)
            if page.after is None:
                return found
            query["after"] = page.after

    async def resolve(self, question: types.Question, choice: str = "", *, text: Any = None) -> types.Resolved:
        """Answers a question, once: exactly what was shown. Whoever is late is given the answer that counts."""
        said = types.Resolve(shown=question.digest, choice=choice, text=plain(text))
        return await self.transport.call(operations.RESOLVE, said, interrupt=question.interrupt)

    async def dead_letters(self, *, run: str | None = None, agent: str | None = None) -> list[types.DeadLetter]:
        """Work that ended without a result."""
        found: list[types.DeadLetter] = []
        query: dict[str, Any] = {"run": run, "agent": agent}
        while True:
            page = await self.transport.call(operations.LIST_DEAD_LETTERS, query=query)
            found.extend(page.dead_letters)
            if page.after is None:
                return found
            query["after"] = page.after

    async def redrive(self, handoff: str, *, payload: Any = None, to: str | None = None) -> str:
        """Sends a dead letter once more, with another payload or to another agent if you like."""
        said = types.Redrive(payload=plain(payload), to=to)
        return (await self.transport.call(operations.REDRIVE, said, handoff=handoff)).handoff

    async def redrive_many(
        self,
        *,
        run: str | None = None,
        agent: str | None = None,
        why_contains: str | None = None,
        to: str | None = None,
        limit: int | None = None,
    ) -> types.Redriven:
        """Sends many dead letters once more."""
        said = types.RedriveMany(run=run, agent=agent, why_contains=why_contains, to=to, limit=limit)
        return await self.transport.call(operations.REDRIVE_MANY, said)

    async def cancel(self, target: str, reason: str) -> None:
        """Stops a run or a handoff, and everything below it."""
        said = types.Cancel(reason=reason)
        if target.startswith("run_"):
            await self.transport.call(operations.CANCEL_RUN, said, run=target)
        else:
            await self.transport.call(operations.CANCEL_HANDOFF, said, handoff=target)

    async def ready(self) -> bool:
        """Whether the server takes work."""
        return (await self.transport.call(operations.READY)).status == "ready"
