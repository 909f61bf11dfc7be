"""Real processes that die: workers, and the server."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
from conftest import working
from house import Server, Worker, eventually, lines

from handclasp import Handclasp, Handoff, types

# Announces itself, does something outside once, then works until somebody says so.
SLOW = """
import os, pathlib, time
from handclasp import Handclasp
hc = Handclasp()
journal = open(os.environ["JOURNAL"], "a", buffering=1)

@hc.agent(os.environ["AGENT"], lease=1)
def slow(handoff):
    receipt = handoff.effect("pay", key=handoff.payload["order"], do=lambda: journal.write("paid\\n"))
    journal.write(f"holds {handoff.id}\\n")
    go_on = pathlib.Path(os.environ["JOURNAL"]).parent / "go-on"
    while not go_on.exists():
        time.sleep(0.02)
    return {"by": os.getpid(), "children": len(os.listdir(f"/proc/{os.getpid()}/task"))}

hc.run()
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the workers write what they do."""
    return tmp_path / "journal"


def hold(journal: Path, times: int) -> bool:
    """Whether so many turns have begun."""
    return sum(line.startswith("holds") for line in lines(journal)) >= times


def test_a_worker_is_killed_and_another_takes_over_with_the_effect_done_once(
    server: Server, hc: Handclasp, name: str, journal: Path
) -> None:
    with Worker(server, SLOW, name, journal) as first:
        eventually(lambda: [agent for agent in hc.agents() if agent.agent == name])
        job = hc.offer(name, {"order": 17}, retry=types.Retry(attempts=3, backoff_ms=1))
        eventually(lambda: hold(journal, 1))
        with Worker(server, SLOW, name, journal) as second:
            first.kill()
            eventually(lambda: hold(journal, 2))
            (journal.parent / "go-on").touch()
            assert job.result(timeout=30)["by"] == second.process.pid
    assert lines(journal).count("paid") == 1
    assert job.status().attempts == 2


def test_a_worker_that_was_thought_dead_sends_no_late_result(server: Server, hc: Handclasp, name: str, journal: Path) -> None:
    with Worker(server, SLOW, name, journal) as first:
        eventually(lambda: [agent for agent in hc.agents() if agent.agent == name])
        job = hc.offer(name, {"order": 17}, retry=types.Retry(attempts=3, backoff_ms=1))
        eventually(lambda: hold(journal, 1))
        first.send(signal.SIGSTOP)
        with Worker(server, SLOW, name, journal) as second:
            eventually(lambda: hold(journal, 2))
            (journal.parent / "go-on").touch()
            first.send(signal.SIGCONT)
            assert job.result(timeout=30)["by"] == second.process.pid
            first.send(signal.SIGTERM)
            code, said = first.ended()
            assert code == 0
            assert "its result is not sent" in said or "not ours any more" in said
    assert lines(journal).count("paid") == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_finishes_what_it_holds(
    server: Server, hc: Handclasp, name: str, journal: Path, how: signal.Signals
) -> None:
    with Worker(server, SLOW, name, journal) as worker:
        eventually(lambda: [agent for agent in hc.agents() if agent.agent == name])
        job = hc.offer(name, {"order": 17})
        eventually(lambda: hold(journal, 1))
        worker.send(how)
        eventually(lambda: [agent for agent in hc.agents() if agent.agent == name and agent.workers == 0])
        later = hc.offer(name, {"order": 18})
        (journal.parent / "go-on").touch()
        code, said = worker.ended()
        assert code == 0, said
        assert job.result(timeout=30)["by"] == worker.process.pid
        assert later.status().phase == "offered"


def test_a_worker_without_work_stops_at_once(server: Server, hc: Handclasp, name: str, journal: Path) -> None:
    with Worker(server, SLOW, name, journal) as worker:
        eventually(lambda: [agent for agent in hc.agents() if agent.agent == name and agent.workers])
        worker.send(signal.SIGTERM)
        code, said = worker.ended()
        assert code == 0, said


# Has little patience with a server that is not there, and tells of it.
HASTY = SLOW.replace("import Handclasp", "import Handclasp, Patience").replace("Handclasp()", "Handclasp(patience=Patience(seconds=0.2))")


def test_a_worker_that_starts_before_its_server_waits_for_it(own_server: Server, name: str, journal: Path) -> None:
    own_server.stop()
    with Worker(own_server, HASTY, name, journal) as worker:
        assert worker.process.stderr is not None
        assert "not registered yet" in worker.process.stderr.readline()
        own_server.start()
        (journal.parent / "go-on").touch()
        with Handclasp(own_server.url) as hc:
            eventually(hc.agents)
            assert hc.offer(name, {"order": 17}).result(timeout=30)["by"] == worker.process.pid


def test_a_worker_without_a_server_stops_all_the_same(own_server: Server, name: str, journal: Path) -> None:
    own_server.stop()
    with Worker(own_server, HASTY, name, journal) as worker:
        assert worker.process.stderr is not None
        assert "not registered yet" in worker.process.stderr.readline()
        worker.send(signal.SIGTERM)
        code, said = worker.ended()
        assert code == 0, said


def test_a_worker_starts_no_process_of_its_own(server: Server, hc: Handclasp, name: str, journal: Path) -> None:
    with Worker(server, SLOW, name, journal) as worker:
        eventually(lambda: [agent for agent in hc.agents() if agent.agent == name and agent.workers])
        of_each_thread = Path(f"/proc/{worker.process.pid}/task").glob("*/children")
        assert [children.read_text() for children in of_each_thread if children.read_text()] == []


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_comes_back_is_found_again(own_server: Server, name: str, how: str) -> None:
    go_on = threading.Event()
    started = threading.Semaphore(0)

    with Handclasp(own_server.url) as hc:

        @hc.agent(name)
        def agent(handoff: Handoff[int]) -> int:
            started.release()
            assert go_on.wait(30)
            return handoff.effect("double", key=handoff.payload, do=lambda: handoff.payload * 2)

        with working(hc):
            before = hc.offer(name, 1)
            assert started.acquire(timeout=30)
            getattr(own_server, how)()
            offered: list[int] = []
            sending = threading.Thread(target=lambda: offered.append(hc.offer(name, 2).result(timeout=60)))
            sending.start()
            go_on.set()
            own_server.start()
            assert before.result(timeout=30) == 2
            sending.join(timeout=60)
            assert offered == [4]
    own_server.stop()
    own_server.verify()


def test_events_are_followed_across_a_restart_without_holes(own_server: Server, name: str) -> None:
    with Handclasp(own_server.url) as hc:
        hc.register(name)
        stream = hc.events(after=0)
        hc.offer(name, 1)
        ids = [next(stream).id, next(stream).id]
        own_server.kill()
        own_server.start()
        hc.offer(name, 2)
        ids += [next(stream).id, next(stream).id]
        page = hc.list_events(after=0, limit=4)
        assert ids == [event.id for event in page.events]
