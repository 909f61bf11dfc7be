"""The sender: offers every order and writes down each answer before it counts.

Started anew after its death, it offers everything again that it has no answer to. The keys of its offers
are the orders' numbers, so that nothing is offered twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos.plan import RETRY, Order
from handclasp import AsyncHandclasp, Patience

# More than the workers have in their hands together, so that some always wait.
IN_FLIGHT = 20


class Book:
    """What the sender has written down: a line for each acknowledged offer, and one for each answer."""

    def __init__(self, file: Path) -> None:
        whole = file.read_bytes() if file.exists() else b""
        # The line that it was writing when it died counts for nothing.
        os.truncate(file, whole.rfind(b"\n") + 1) if whole else None
        self._file = file.open("a")

    def write(self, **line: Any) -> None:
        """Writes a line, for good."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read(file: Path) -> Iterator[dict[str, Any]]:
    """What is written down."""
    whole = file.read_text() if file.exists() else ""
    for line in whole[: whole.rfind("\n") + 1].splitlines():
        yield json.loads(line)


async def send(orders: list[Order], file: Path) -> None:
    """Offers what has no answer yet, and waits for all answers."""
    book = Book(file)
    answered = {line["order"] for line in read(file) if line["what"] == "answered"}
    room = asyncio.Semaphore(IN_FLIGHT)
    async with AsyncHandclasp(patience=Patience(seconds=120)) as hc:

        async def one(order: Order) -> None:
            async with room:
                job = await hc.offer("billing", asdict(order), idempotency_key=f"order-{order.number}", retry=RETRY)
                book.write(what="offered", order=order.number, run=job.run, handoff=job.handoff)
                result = await job.result()
                book.write(what="answered", order=order.number, result=result)

        await asyncio.gather(*(one(order) for order in orders if order.number not in answered))


if __name__ == "__main__":
    wanted = [Order(**order) for order in json.loads(Path(sys.argv[1]).read_text())]
    asyncio.run(send(wanted, Path(sys.argv[2])))
