"""What a worker holds on a handoff: the token, and the heartbeats that keep it.

Heartbeats go out at a third of the lease, so that two may get lost. When the server says that the work is
not this worker's any more, everything that the agent asks for next is refused on the spot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pydantic import BaseModel

from handclasp import operations, types
from handclasp.errors import LEASE_GONE, LeaseLost, Refused, Unavailable
from handclasp.operation import Operation
from handclasp.patience import NO_PATIENCE
from handclasp.transport import Transport

A = TypeVar("A")

log = logging.getLogger("handclasp")


class Lease:
    """One claim of one handoff."""

    def __init__(self, transport: Transport, claimed: types.Claimed) -> None:
        self.transport = transport
        self.handoff = claimed.handoff
        self.token = claimed.token
        self.seconds = claimed.lease_ms / 1000
        self.lost: LeaseLost | None = None
        self.over = False

    async def say(self, operation: Operation[A], said: BaseModel, **options: Any) -> A:
        """Says something as the holder."""
        if self.lost is not None:
            raise self.lost
        try:
            return await self.transport.call(operation, said, handoff=self.handoff, **options)
        except LeaseLost as gone:
            self.lost = gone
            raise

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[Lease]:
        """Keeps the lease while the block runs."""
        beating = asyncio.create_task(self._beat())
        try:
            yield self
        finally:
            self.over = True
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def _beat(self) -> None:
        while self.lost is None:
            await asyncio.sleep(self.seconds / 3)
            try:
                # Not repeated: the next beat is as good.
                await self.transport.call(operations.HEARTBEAT, types.Held(token=self.token), handoff=self.handoff, patience=NO_PATIENCE)
            except Refused as refusal:
                if self.over:
                    return
                if refusal.code in LEASE_GONE:
                    self.lost = LeaseLost(refusal.problem)
                    log.warning("%s is not ours any more: %s", self.handoff, refusal.detail)
                else:
                    log.warning("a heartbeat of %s was refused: %s", self.handoff, refusal)
            except Unavailable as error:
                log.warning("a heartbeat of %s did not arrive: %s", self.handoff, error)
