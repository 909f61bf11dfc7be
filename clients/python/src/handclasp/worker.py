"""A worker: asks for its agents' work, has it done, and drains when it is told to stop.

Per agent one loop waits for work, for as many handoffs at once as there is room. Each handoff then has a task of
its own with its heartbeats. Draining asks for nothing more, gives back what was given out in that very
moment, waits for what is under way, and releases what is not finished in time: nothing is lost, no
attempt is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from handclasp import operations, types
from handclasp.agent import Agent
from handclasp.errors import LEASE_GONE, HandclaspError, Misused, NotPermitted, Refused, Unavailable, described
from handclasp.handoff import AsyncHandoff, Turn
from handclasp.lease import Lease
from handclasp.patience import Patience
from handclasp.signals import Decline, Failure, Parked
from handclasp.terms import millis
from handclasp.transport import Transport, new_key

T = TypeVar("T")

log = logging.getLogger("handclasp")

# How many handoffs of an agent a worker has at once, where it does not say.
CONCURRENCY = 4

# What a request for work may claim at most; the server gives out no more in one.
CLAIMS_MAX = 64

# One request for work waits so long. Below the idle timeouts of common proxies, which are a minute.
POLL = 30.0

# A worker is of no use without its server, so it waits for it for ever; this is how often it says so.
RECONNECTING = Patience(seconds=30)

# When draining, how long to find out what was given out in the last moment.
LAST_LOOK = Patience(seconds=2)


class Worker:
    """Some agents, at work."""

    def __init__(self, transport: Transport, agents: Sequence[Agent], *, concurrency: int, drain: float, register: bool) -> None:
        if not agents:
            raise Misused("there is no agent to run; decorate a function with `@hc.agent(...)`")
        self.transport = transport
        self.agents = agents
        self.concurrency = concurrency
        self.drain_seconds = drain
        self.register = register
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = asyncio.Event()
        self._working: dict[asyncio.Task[None], Turn[Any]] = {}

    def stop(self) -> None:
        """Asks it to drain."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until it is stopped."""
        if self.register:
            await self._introduce()
        polls = [asyncio.create_task(self._serve(agent)) for agent in self.agents]
        try:
            await asyncio.gather(*polls)
        finally:
            self.stop()
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)
            await self._drain()

    async def _introduce(self) -> None:
        """Publishes the agents' contracts and says who they are."""
        for agent in self.agents:
            while not (self._stopping.is_set() or await self._unless_stopping(self._register(agent))):
                pass

    async def _register(self, agent: Agent) -> bool:
        """Whether the server was there to hear it."""
        try:
            for contract in agent.contracts:
                await self.transport.call(operations.PUBLISH_CONTRACT, contract.publication())
            await self.transport.call(operations.REGISTER_AGENT, agent.registration(), agent=agent.name)
        except NotPermitted as refusal:
            # Somebody else may have done it: a key that can work need not be able to register.
            log.warning("`%s` is taken as it is registered: %s", agent.name, refusal)
        except Unavailable as error:
            log.warning("`%s` is not registered yet: %s", agent.name, error)
            return False
        return True

    async def _serve(self, agent: Agent) -> None:
        """Gives an agent its work until the worker stops."""
        most = agent.concurrency or self.concurrency
        mine: set[asyncio.Task[None]] = set()
        while not self._stopping.is_set():
            room = most - len(mine)
            if room <= 0:
                stopping = asyncio.create_task(self._stopping.wait())
                await asyncio.wait({*mine, stopping}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                continue
            for claimed in await self._claim(agent, min(room, CLAIMS_MAX)):
                turn: Turn[Any] = Turn(claimed, claimed.briefing.payload, Lease(self.transport, claimed), claimed.accepted)
                task = asyncio.create_task(self._work(agent, turn))
                mine.add(task)
                task.add_done_callback(mine.discard)
                self._working[task] = turn
                task.add_done_callback(lambda done: self._working.pop(done, None))

    async def _claim(self, agent: Agent, most: int) -> list[types.Claimed]:
        """Asks for work once; nothing if none came in time."""
        said = types.Claim(holder=self.holder, most=most, wait_ms=millis(POLL) or 0, accept=agent.read_back == "client")
        key = new_key()
        try:
            given = await self._unless_stopping(
                self.transport.call(operations.CLAIM, said, agent=agent.name, key=key, wait=POLL, patience=RECONNECTING)
            )
        except Unavailable as error:
            log.warning("no work for `%s`: %s", agent.name, error)
            await asyncio.sleep(random.uniform(0.5, 1.5))  # noqa: S311  # no secret
            return []
        if given is None:
            await self._give_back(agent, said, key)
            return []
        return given.claims

    async def _unless_stopping(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Does something, and gives it up when the worker is to stop: then there is nothing."""
        task, stopping = asyncio.create_task(work), asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            stopping.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _give_back(self, agent: Agent, said: types.Claim, key: str) -> None:
        """What was given out while this worker hung up is known under the same key."""
        said = said.model_copy(update={"wait_ms": 0})
        try:
            given = await self.transport.call(operations.CLAIM, said, agent=agent.name, key=key, patience=LAST_LOOK)
            for claimed in given.claims:
                await self.transport.call(operations.RELEASE, types.Held(token=claimed.token), handoff=claimed.handoff, patience=LAST_LOOK)
        except HandclaspError as error:
            log.warning("what was given out last waits for its lease to run out: %s", error)

    async def _work(self, agent: Agent, turn: Turn[Any]) -> None:
        """One turn of an agent, to its end; nothing that it does may end the worker."""
        handoff: AsyncHandoff[Any] = AsyncHandoff(turn)
        async with turn.lease.kept():
            try:
                if await self._ready(agent, turn, handoff):
                    await self._take(agent, turn, handoff)
            except Refused as refusal:
                if refusal.code in LEASE_GONE:
                    log.warning("%s is not ours any more, its result is not sent: %s", handoff.id, refusal.detail)
                else:
                    log.error("%s: the end of the turn was refused: %s", handoff.id, refusal)
            except Unavailable as error:
                log.error("%s: its lease runs out, and another attempt is made: %s", handoff.id, error)

    async def _ready(self, agent: Agent, turn: Turn[Any], handoff: AsyncHandoff[Any]) -> bool:
        """Reads the payload, and reads back for an agent that does not do it itself; hands back what it cannot."""
        try:
            turn.payload = agent.payload(handoff.briefing)
            if not turn.accepted and agent.read_back == "client":
                await handoff._accept("client", None, None, None, None)
        except ValidationError as error:
            # The contract let it pass and the model does not: trying again changes nothing.
            await handoff.decline(f"the payload does not fit the model: {error}")
            return False
        except Refused as refusal:
            if refusal.code in LEASE_GONE:
                raise
            await handoff.decline(f"the client cannot read back for the agent: {refusal}")
            return False
        return True

    async def _take(self, agent: Agent, turn: Turn[Any], handoff: AsyncHandoff[Any]) -> None:
        """Calls the agent, and says what came of it."""
        try:
            result = await agent.work(handoff)
            if not turn.settled:
                await handoff.complete(result)
        except Parked:
            pass
        except Decline as declined:
            await handoff.decline(declined.reason)
        except Failure as failure:
            await handoff.fail(
                failure.message, retryable=failure.retryable, kind=failure.kind, attempted=failure.attempted, hint=failure.hint
            )
        except Unavailable:
            raise
        except Exception as error:
            if isinstance(error, Refused) and error.code in LEASE_GONE:
                raise
            log.exception("%s: the agent `%s` failed", handoff.id, agent.name)
            if not turn.settled:
                await handoff.fail(**described(error))

    async def _drain(self) -> None:
        """Lets what is under way finish; releases what does not in time."""
        if not self._working:
            return
        log.info("draining: %d under way", len(self._working))
        _, late = await asyncio.wait(set(self._working), timeout=self.drain_seconds)
        for task in late:
            if turn := self._working.get(task):
                log.warning("%s is released unfinished", turn.claimed.handoff)
                with contextlib.suppress(HandclaspError):
                    await AsyncHandoff(turn).release()
                task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
