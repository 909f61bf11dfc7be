"""Answers that are lost on the way: nothing is done twice, and nothing is left lying."""

from __future__ import annotations

from conftest import working
from house import Server, eventually
from network import Network

from handclasp import Handclasp, Handoff, Patience, types


def test_what_is_said_twice_is_done_once(own_server: Server, name: str) -> None:
    done: list[int] = []

    def pay(order: int) -> str:
        done.append(order)
        return f"R-{order}"

    with (
        Network(own_server.url, lambda answer: answer % 3 == 0) as network,
        Handclasp(network.url, patience=Patience(first=0.01)) as hc,
        Handclasp(own_server.url) as watcher,
    ):

        @hc.agent(name)
        def billing(handoff: Handoff[int]) -> dict[str, str | int]:
            handoff.progress("paying")
            receipt = handoff.effect("pay", key=handoff.payload, do=lambda: pay(handoff.payload))
            mail = handoff.spawn(f"{name}-mail", receipt)
            return {"receipt": receipt, "mail": mail, "attempt": handoff.attempt}

        @hc.agent(f"{name}-mail")
        def mailer(handoff: Handoff[str]) -> str:
            return handoff.payload

        with working(hc):
            jobs = [hc.offer(name, order, retry=types.Retry(attempts=1)) for order in range(20)]
            for job in jobs:
                job.result(timeout=60)
        assert network.lost > 30
        runs = list(watcher.list_runs())
        assert len(runs) == 20
        assert {run.handoffs for run in runs} == {2}
        assert [job.status().attempts for job in jobs] == [1] * 20
    assert sorted(done) == list(range(20))


def test_what_was_given_out_to_a_worker_that_stopped_is_given_back(own_server: Server, name: str) -> None:
    with Network(own_server.url, lambda _: False) as network, Handclasp(network.url) as hc, Handclasp(own_server.url) as watcher:

        @hc.agent(name)
        def nobody(_: Handoff[None]) -> None:
            raise AssertionError("it never heard of it")

        with working(hc, seen_by=watcher):
            network.silent = True
            job = watcher.offer(name)
            eventually(lambda: job.status().phase == "accepted")
            network.silent = False
        assert job.status().phase == "offered"
