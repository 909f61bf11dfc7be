"""Events as they happen, over server-sent events, from where the last connection broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx

from handclasp import operations, types
from handclasp.errors import Refused, Unavailable
from handclasp.transport import PASSING, Transport


async def follow(transport: Transport, *, after: int | None, run: str | None) -> AsyncIterator[types.EventLine]:
    """Every event after that place, in order and without holes; never ends by itself."""
    waits = transport.patience.waits()
    if after is None:
        # The place to go on from must be known before the first event, or a break before it would lose some.
        after = (await transport.call(operations.LIST_EVENTS, query={"limit": 1, "after": 0})).newest
    while True:
        problem: Exception | None = None
        try:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
            async with transport.stream(operations.FOLLOW_EVENTS.path, {"run": run}, headers) as response:
                waits = transport.patience.waits()
                fields = Fields()
                async for line in response.aiter_lines():
                    for data in fields.take(line):
                        event = types.EventLine.model_validate_json(data)
                        after = event.id
                        yield event
        except Refused as refusal:
            if refusal.status not in PASSING:
                raise
            problem = refusal
        except httpx.TransportError as error:
            problem = error
        wait = next(waits, None)
        if wait is None:
            raise Unavailable(f"{transport.address.url} does not send its events: {problem}") from problem
        await asyncio.sleep(wait)


class Fields:
    """The lines of a stream, put together to what each event carries."""

    def __init__(self) -> None:
        self._data: list[str] = []

    def take(self, line: str) -> Iterator[str]:
        """Takes a line; gives what an event carries at its end."""
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
        elif self._data:
            data, self._data = "\n".join(self._data), []
            yield data
