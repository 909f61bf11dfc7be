"""A server that asks for keys."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import working
from house import BINARY, Server, eventually

from handclasp import Handclasp, Handoff, NotPermitted
from handclasp.transport import Address


@pytest.fixture
def keyed_server(tmp_path: Path) -> Server:
    """A server whose store has a key before it starts."""
    server = Server(tmp_path)
    key(server, *(f"--scope={scope}" for scope in ("read", "offer", "work", "resolve", "register", "publish")))
    return server


def key(server: Server, *words: str) -> str:
    """A new key."""
    store = str(server.folder / "store.db")
    done = subprocess.run([str(BINARY), "keys", "create", "--store", store, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(word for word in done.stdout.split() if word.startswith("hck_"))


def test_without_a_key_nothing_is_done(keyed_server: Server, name: str) -> None:
    with keyed_server, Handclasp(keyed_server.url) as hc:
        with pytest.raises(NotPermitted) as raised:
            hc.offer(name)
        assert (raised.value.code, raised.value.status) == ("HC-101", 401)
        hc.agent(name)(lambda _: None)
        with pytest.raises(NotPermitted):
            hc.run(signals=False)


def test_a_key_that_may_only_work_works_asks_and_waits(keyed_server: Server, name: str) -> None:
    everything = key(keyed_server, *(f"--scope={scope}" for scope in ("read", "offer", "resolve", "register")))
    only_work = key(keyed_server, "--scope=work", f"--agent={name}")
    with (
        keyed_server,
        Handclasp(keyed_server.url, everything) as hc,
        Handclasp(keyed_server.url, only_work) as worker,
    ):
        hc.register(name)

        @worker.agent(name)
        def asker(handoff: Handoff[None]) -> str:
            return handoff.ask("Go on?", options=["yes", "no"]).choice

        with working(worker, seen_by=hc):
            job = hc.offer(name)
            (question,) = eventually(lambda: hc.inbox(job.run))
            hc.resolve(question, "yes")
            assert job.result(timeout=30) == "yes"
        with pytest.raises(NotPermitted) as raised:
            worker.offer(name)
        assert raised.value.code == "HC-102"


def test_a_key_is_not_shown_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDCLASP_URL", "http://somewhere:1/")
    monkeypatch.setenv("HANDCLASP_KEY", "hck_secret")
    address = Address.of(None, None)
    assert (address.url, address.key) == ("http://somewhere:1", "hck_secret")
    assert "secret" not in repr(address)
