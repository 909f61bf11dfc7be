"""What a sender sees."""

from __future__ import annotations

import pytest
from conftest import working
from pydantic import BaseModel

from handclasp import (
    Failure,
    Handclasp,
    Handoff,
    KeyReused,
    Late,
    Misused,
    NoResult,
    NotFound,
    Patience,
    Refused,
    Unavailable,
    types,
)


class Receipt(BaseModel):
    """What a refund gives."""

    number: int
    note: str | None = None


def test_a_result_comes_back(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def billing(handoff: Handoff[dict[str, int]]) -> dict[str, int]:
        assert handoff.task == "Refund order 17"
        assert handoff.attempt == 1
        return {"refunded": handoff.payload["amount"]}

    with working(hc):
        job = hc.offer(name, {"order": 17, "amount": 20}, task="Refund order 17")
        assert job.result(timeout=30) == {"refunded": 20}
        assert job.status().phase == "completed"
        assert hc.get_run(job.run).over


def test_a_result_is_an_instance_of_the_model_that_it_must_hold(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def billing(handoff: Handoff[dict[str, int]]) -> Receipt:
        return Receipt(number=handoff.payload["order"])

    with working(hc):
        job = hc.offer(name, {"order": 17}, returns=Receipt)
        assert job.result(timeout=30) == Receipt(number=17)
        assert job.status().returns == "receipt@1.0.0"


def test_nothing_at_all_is_a_payload_and_a_result(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def nobody(handoff: Handoff[None]) -> None:
        assert handoff.payload is None

    with working(hc):
        assert hc.offer(name).result(timeout=30) is None


def test_what_ends_without_a_result_is_raised_with_its_reason(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def hopeless(_: Handoff[None]) -> None:
        raise Failure("the account is closed", retryable=False, hint="ask the customer for another one")

    with working(hc):
        job = hc.offer(name)
        with pytest.raises(NoResult, match="the account is closed") as raised:
            job.result(timeout=30)
        assert raised.value.phase == "dead_lettered"
        letters = hc.dead_letters(agent=name)
        assert [(letter.handoff, letter.hint) for letter in letters] == [(job.handoff, "ask the customer for another one")]


def test_a_result_that_is_not_there_in_time_is_late(hc: Handclasp, name: str) -> None:
    hc.register(name)
    with pytest.raises(Late):
        hc.offer(name).result(timeout=0.2)


def test_the_same_key_gives_the_same_job_and_takes_no_other_content(hc: Handclasp, name: str) -> None:
    hc.register(name)
    key = f"order-17-{name}"
    first = hc.offer(name, {"order": 17}, idempotency_key=key)
    second = hc.offer(name, {"order": 17}, idempotency_key=key)
    assert (first.run, first.handoff, first.trace_id) == (second.run, second.handoff, second.trace_id)
    with pytest.raises(KeyReused) as raised:
        hc.offer(name, {"order": 18}, idempotency_key=key)
    assert (raised.value.code, raised.value.status) == ("HC-006", 409)
    assert raised.value.hint


def test_work_is_added_to_a_run_and_stopped_with_it(hc: Handclasp, name: str) -> None:
    hc.register(name)
    run = hc.open_run("Look into it", conversation="thread-1")
    job = hc.offer(name, {"part": 1}, run=run.run)
    other = hc.offer(name, {"part": 2}, run=run.run)
    other.cancel("not needed")
    assert other.status().phase == "cancelled"
    assert job.status().phase == "offered"
    hc.cancel(run.run, "the customer called")
    with pytest.raises(NoResult, match="the customer called"):
        job.result(timeout=30)
    assert [line.condition for line in hc.list_runs(trace_id=run.trace_id)] == ["cancelled"]


def test_a_traceparent_names_the_run(hc: Handclasp, name: str) -> None:
    hc.register(name)
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    job = hc.offer(name, traceparent=f"00-{trace_id}-00f067aa0ba902b7-01")
    assert job.trace_id == trace_id


def test_terms_reach_the_receiver(hc: Handclasp, name: str) -> None:
    seen: list[types.Briefing] = []

    @hc.agent(name, capabilities=["translate"])
    def translate(handoff: Handoff[str]) -> str:
        seen.append(handoff.briefing)
        return handoff.payload.upper()

    constraint = types.NewItem(kind="constraint", key="tone", value="polite", must_carry=True)
    with working(hc):
        job = hc.offer(
            name,
            "hello",
            items=[constraint],
            acceptance=["it is loud"],
            requires=["translate"],
            justification="it is the only one",
            finish_within=60,
            reason="missing_capability",
        )
        assert job.result(timeout=30) == "HELLO"
    (briefing,) = seen
    assert [(item.key, item.value) for item in briefing.items if item.must_carry] == [("tone", "polite")]
    assert (briefing.acceptance, briefing.justification, briefing.reason) == (
        ["it is loud"],
        "it is the only one",
        "missing_capability",
    )
    assert briefing.deadline_ms is not None


def test_a_refusal_says_what_is_wrong_and_what_to_do(hc: Handclasp, name: str) -> None:
    with pytest.raises(Refused) as raised:
        hc.offer(name)
    assert raised.value.code == "HC-010"
    assert name in raised.value.detail
    assert raised.value.hint in str(raised.value)
    with pytest.raises(NotFound):
        hc.get_handoff("hnd_01m7wy5ked8vb11r2q540r8vcy_5")


def test_contents_are_stored_by_their_digest(hc: Handclasp) -> None:
    run = hc.open_run("Keep this").run
    stored = hc.store(run, b"\x00\xff not JSON")
    assert stored.bytes == 11
    assert hc.content(run, stored.digest) == b"\x00\xff not JSON"


def test_a_server_that_is_not_there_is_waited_for_only_so_long() -> None:
    # Port 9 is `discard`, which nobody listens on.
    with Handclasp("http://127.0.0.1:9", patience=Patience(seconds=0.2)) as hc, pytest.raises(Unavailable):
        hc.agents()


def test_an_answer_of_somebody_else_is_no_answer() -> None:
    with pytest.raises(Refused) as raised:
        raise refused_by_a_proxy()
    assert raised.value.code == "HTTP-404"


def refused_by_a_proxy() -> Refused:
    from handclasp.errors import refused

    return refused(404, b"<html>no such page</html>")


def test_a_coroutine_is_no_agent_of_the_blocking_client(hc: Handclasp) -> None:
    async def coroutine(_: Handoff[None]) -> None: ...

    with pytest.raises(Misused):
        hc.agent("somebody")(coroutine)
