"""A real server for all tests, and workers in threads beside it."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import Server, eventually

from handclasp import Handclasp


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for everything that does not harm it."""
    with Server(tmp_path_factory.mktemp("house")) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may harm."""
    with Server(tmp_path) as server:
        yield server


@pytest.fixture
def hc(server: Server) -> Iterator[Handclasp]:
    """A client of the server."""
    with Handclasp(server.url) as client:
        yield client


@pytest.fixture
def name() -> str:
    """An agent's name that no other test has."""
    return f"agent-{uuid.uuid4().hex[:12]}"


@contextlib.contextmanager
def working(client: Handclasp, concurrency: int = 4, seen_by: Handclasp | None = None) -> Iterator[None]:
    """Lets the client's agents work while the block runs; `seen_by` looks for them if the client itself may not."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            client.run(concurrency=concurrency, signals=False)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    mine = {agent.name for agent in client._client._agents}
    try:
        eventually(lambda: failed or mine <= {agent.agent for agent in (seen_by or client).agents() if agent.workers})
        yield
    finally:
        client.stop()
        thread.join(timeout=30)
    assert not thread.is_alive()
    assert not failed, failed
