"""One request, safely repeated.

Every write carries an idempotency key that is made once per call and kept across its repetitions:
a lost answer is asked for again and is the first answer. What can pass by itself is tried again (no
connection, 429, 502, 503, 504) as long as `Patience` lasts; every other "no" is raised as `Refused`.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from handclasp.errors import Unavailable, refused
from handclasp.operation import Operation
from handclasp.patience import Patience

A = TypeVar("A")

DEFAULT_URL = "http://127.0.0.1:4040"

# What may pass by itself. A server that closes, or a proxy before one that is not there, answers so.
PASSING = frozenset({429, 502, 503, 504})

# Beyond what the server was asked to wait, an answer is late after so many seconds.
ANSWER_WITHIN = 30.0

# A machine that does not even answer a connection's first packet is down.
CONNECT_WITHIN = 5.0


@dataclass
class Address:
    """Where the server is, and who asks."""

    url: str
    key: str | None = field(default=None, repr=False)

    @staticmethod
    def of(url: str | None, key: str | None) -> Address:
        """From the arguments, or else from `HANDCLASP_URL` and `HANDCLASP_KEY`."""
        found = url or os.environ.get("HANDCLASP_URL") or DEFAULT_URL
        return Address(found.rstrip("/"), key or os.environ.get("HANDCLASP_KEY") or None)


class Transport:
    """The way to one server: connections that are kept and used again, from one event loop.

    Each is an `httpx.AsyncClient` that one request has to itself, the one used last before all others. A common
    pool looks at all connections for each of them at every request: with 64 at once, that was most of what the client did.
    """

    def __init__(self, address: Address, patience: Patience) -> None:
        self.address = address
        self.patience = patience
        self._connections: list[httpx.AsyncClient] = []
        self._idle: list[httpx.AsyncClient] = []
        self._tls: ssl.SSLContext | None = None

    @contextmanager
    def _connection(self) -> Iterator[httpx.AsyncClient]:
        """One that nobody else uses meanwhile: waiting requests and heartbeats never queue for it."""
        connection = self._idle.pop() if self._idle else self._opened()
        try:
            yield connection
        finally:
            if not connection.is_closed:
                self._idle.append(connection)

    def _opened(self) -> httpx.AsyncClient:
        # Certificates take longer to load than anything else here.
        self._tls = self._tls or httpx.create_ssl_context()
        headers = {"Authorization": f"Bearer {self.address.key}"} if self.address.key else {}
        self._connections.append(httpx.AsyncClient(base_url=self.address.url, headers=headers, verify=self._tls))
        return self._connections[-1]

    async def close(self) -> None:
        """Closes every connection."""
        self._idle.clear()
        while self._connections:
            await self._connections.pop().aclose()

    async def call(
        self,
        operation: Operation[A],
        said: BaseModel | bytes | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        patience: Patience | None = None,
        wait: float = 0.0,
        traceparent: str | None = None,
        **named: str,
    ) -> A:
        """Calls an endpoint. `wait` is how long the server was asked to wait, in seconds; `named` fills in the path."""
        headers: dict[str, str] = {}
        if operation.writes:
            headers["Idempotency-Key"] = key or new_key()
        if traceparent:
            headers["traceparent"] = traceparent
        content: bytes | None = None
        if isinstance(said, BaseModel):
            headers["Content-Type"] = "application/json"
            content = said.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True).encode()
        elif isinstance(said, bytes):
            headers["Content-Type"] = "application/octet-stream"
            content = said
        response = await self.send(
            patience or self.patience,
            operation.method,
            operation.url(**named),
            params={name: value for name, value in (query or {}).items() if value is not None},
            headers=headers,
            content=content,
            timeout=httpx.Timeout(ANSWER_WITHIN + wait, connect=CONNECT_WITHIN),
        )
        return operation.read(response.content)

    async def send(self, patience: Patience, method: str, url: str, **request: Any) -> httpx.Response:
        """Sends what httpx calls a request, again and again if need be, until it has an answer that counts."""
        waits = patience.waits()
        while True:
            problem: Exception
            least = 0.0
            try:
                with self._connection() as connection:
                    response = await connection.request(method, url, **request)
                if response.status_code < 400:
                    return response
                problem = refused(response.status_code, response.content)
                if response.status_code not in PASSING:
                    raise problem
                least = retry_after(response)
            except httpx.TransportError as error:
                problem = error
            wait = next(waits, None)
            if wait is None:
                raise Unavailable(f"{self.address.url} does not answer: {problem or type(problem).__name__}") from problem
            await asyncio.sleep(max(wait, least))

    @asynccontextmanager
    async def stream(self, path: str, query: Mapping[str, Any], headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """An answer that goes on; silence is taken for a lost connection after two of the server's signs of life."""
        known = {name: value for name, value in query.items() if value is not None}
        timeout = httpx.Timeout(ANSWER_WITHIN, connect=CONNECT_WITHIN)
        with self._connection() as connection:
            async with connection.stream("GET", path, params=known, headers=dict(headers), timeout=timeout) as response:
                if response.status_code >= 400:
                    raise refused(response.status_code, await response.aread())
                yield response


def new_key() -> str:
    """An idempotency key that nobody else makes."""
    return f"py-{uuid.uuid4().hex}"


def retry_after(response: httpx.Response) -> float:
    """How long the server asks to be left alone, in seconds."""
    try:
        return min(float(response.headers.get("retry-after", 0)), 60.0)
    except ValueError:
        return 0.0
