"""What an agent can do with its work, each against the real server."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest
from conftest import working
from house import eventually

from handclasp import (
    Decline,
    Delegated,
    DidNotHappen,
    EffectUnknown,
    Failure,
    Handclasp,
    Handoff,
    LeaseLost,
    NoResult,
    Refused,
    types,
)

SOON = types.Retry(attempts=3, backoff_ms=1)


def test_work_is_handed_on_with_its_result(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def first(handoff: Handoff[int]) -> None:
        handoff.hand_to(f"{name}-next", handoff.payload + 1, result={"seen": handoff.payload})

    @hc.agent(f"{name}-next")
    def second(handoff: Handoff[int]) -> int:
        assert handoff.briefing.from_ == name
        return handoff.payload + 1

    with working(hc):
        job = hc.offer(name, 1)
        assert job.result(timeout=30) == 3
        assert job.status().result == {"seen": 1}


def test_what_an_agent_learned_is_there_for_the_next_one(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def first(handoff: Handoff[None]) -> None:
        fact = types.NewItem(kind="fact", key="license", value="MIT", must_carry=True, confidence=90)
        handoff.hand_to(f"{name}-next", items=[fact])

    @hc.agent(f"{name}-next")
    def second(handoff: Handoff[None]) -> None:
        (item,) = handoff.items
        usage = types.Usage(tokens_in=10, cost_micros=4)
        settled = types.Settlement(item=item.id, why="it is in line 3")
        handoff.complete({item.key: item.value}, discharged=[settled], usage=usage, confidence=80)

    with working(hc):
        job = hc.offer(name)
        assert job.result(timeout=30) == {"license": "MIT"}
        assert hc.get_run(job.run).usage.tokens_in == 10
        assert [item.open for item in hc.items(job.run)] == [False]


def test_a_failed_attempt_is_tried_again(hc: Handclasp, name: str) -> None:
    attempts: list[int] = []

    @hc.agent(name)
    def flaky(handoff: Handoff[None]) -> int:
        attempts.append(handoff.attempt)
        if handoff.attempt == 1:
            raise Failure("the registry answered 503", kind="unavailable")
        if handoff.attempt == 2:
            raise RuntimeError("something else")
        return handoff.attempt

    with working(hc):
        assert hc.offer(name, retry=SOON).result(timeout=30) == 3
    assert attempts == [1, 2, 3]


def test_a_dead_letter_is_redriven_with_another_payload(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def divide(handoff: Handoff[int]) -> float:
        return 10 / handoff.payload

    with working(hc):
        job = hc.offer(name, 0, retry=types.Retry(attempts=1))
        with pytest.raises(NoResult, match="division by zero"):
            job.result(timeout=30)
        assert hc.redrive(job.handoff, payload=5) == job.handoff
        assert job.result(timeout=30) == 2


def test_dead_letters_are_redriven_together(hc: Handclasp, name: str) -> None:
    broken = threading.Event()
    broken.set()

    @hc.agent(name)
    def agent(_: Handoff[int]) -> str:
        if broken.is_set():
            raise Failure("the warehouse is closed", retryable=False)
        return "done"

    with working(hc):
        jobs = [hc.offer(name, number) for number in range(3)]
        eventually(lambda: len(hc.dead_letters(agent=name)) == 3)
        broken.clear()
        redriven = hc.redrive_many(agent=name, why_contains="warehouse")
        assert sorted(redriven.redriven) == sorted(job.handoff for job in jobs)
        assert [job.result(timeout=30) for job in jobs] == ["done"] * 3


def test_what_an_agent_declines_goes_to_its_fallback(hc: Handclasp, name: str) -> None:
    @hc.agent(name, read_back="agent", fallback=f"{name}-other")
    def picky(_: Handoff[None]) -> None:
        raise Decline("I cannot read PDF")

    @hc.agent(f"{name}-other")
    def other(handoff: Handoff[None]) -> str:
        return handoff.briefing.agent

    with working(hc):
        job = hc.offer(name)
        assert job.result(timeout=30) == f"{name}-other"
        assert any("handoff_declined" in str(line.event) for line in hc.list_events(run=job.run).events)


def test_declining_what_was_accepted_is_a_failure_that_is_not_tried_again(hc: Handclasp, name: str) -> None:
    declined: list[int] = []

    @hc.agent(name, fallback=f"{name}-other")
    def picky(handoff: Handoff[None]) -> None:
        declined.append(handoff.attempt)
        raise Decline("I cannot read PDF")

    @hc.agent(f"{name}-other")
    def other(handoff: Handoff[None]) -> str:
        return handoff.briefing.agent

    with working(hc):
        assert hc.offer(name).result(timeout=30) == f"{name}-other"
    assert declined == [1]


def test_an_effect_happens_once_over_all_attempts(hc: Handclasp, name: str) -> None:
    done: list[str] = []

    def mail(to: str) -> str:
        done.append(to)
        return f"sent to {to}"

    @hc.agent(name)
    def billing(handoff: Handoff[dict[str, int]]) -> list[str]:
        receipt = handoff.effect("refund", key=17, do=lambda: mail("bank"), arguments=handoff.payload)
        # Without keys, the n-th of a name in a turn is meant.
        mails = [handoff.effect("mail", do=partial(mail, to)) for to in ("ada", "bob")]
        if handoff.attempt == 1:
            raise Failure("after the effects")
        return [receipt, *mails]

    with working(hc):
        job = hc.offer(name, {"amount": 20}, retry=SOON)
        assert job.result(timeout=30) == ["sent to bank", "sent to ada", "sent to bob"]
    assert done == ["bank", "ada", "bob"]


def test_an_effect_that_certainly_did_not_happen_may_be_tried_again(hc: Handclasp, name: str) -> None:
    tries: list[int] = []

    def pay() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise DidNotHappen("no connection")
        return "paid"

    @hc.agent(name)
    def billing(handoff: Handoff[None]) -> str:
        return handoff.effect("pay", key="A-17", do=pay)

    with working(hc):
        assert hc.offer(name, retry=SOON).result(timeout=30) == "paid"
    assert len(tries) == 2


def test_an_effect_that_was_cut_short_is_looked_up_and_not_repeated(hc: Handclasp, name: str) -> None:
    done: list[str] = []

    def pay() -> str:
        done.append("paid")
        raise ConnectionError("the answer was lost")

    @hc.agent(name)
    def billing(handoff: Handoff[None]) -> str:
        return handoff.effect("pay", key="A-17", do=pay, look_up=lambda: f"{len(done)} found")

    with working(hc):
        assert hc.offer(name, retry=SOON).result(timeout=30) == "1 found"
    assert done == ["paid"]


def test_an_effect_that_was_cut_short_is_asked_about_where_nobody_can_look_it_up(hc: Handclasp, name: str) -> None:
    done: list[str] = []

    def pay() -> str:
        done.append("paid")
        raise ConnectionError("the answer was lost")

    @hc.agent(name)
    def billing(handoff: Handoff[None]) -> Any:
        return handoff.effect("pay", key="A-17", do=pay, arguments={"amount": 20})

    with working(hc):
        job = hc.offer(name, retry=SOON)
        (question,) = eventually(lambda: hc.inbox(job.run))
        assert question.asking == "reconciliation"
        assert question.shown["effect"]
        hc.resolve(question, "happened", text={"receipt": 9})
        assert job.result(timeout=30) == {"receipt": 9}
    assert done == ["paid"]


def test_an_effect_under_way_is_not_begun_beside_itself(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def billing(handoff: Handoff[None]) -> str:
        def inside() -> str:
            with pytest.raises(Refused) as raised:
                handoff.effect("pay", key=1, do=lambda: "twice")
            return raised.value.code

        return handoff.effect("pay", key=1, do=inside)

    with working(hc):
        assert hc.offer(name).result(timeout=30) == "HC-025"
    assert issubclass(EffectUnknown, Refused)


def test_a_question_is_waited_for_and_answered_once(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def asker(handoff: Handoff[None]) -> str:
        answer = handoff.ask({"refund": "A-17"}, options=["yes", "no"])
        return f"{answer.choice}: {answer.text}"

    with working(hc):
        job = hc.offer(name)
        (question,) = eventually(lambda: hc.inbox(job.run))
        assert (question.shown, question.options, question.from_) == ({"refund": "A-17"}, ["yes", "no"], name)
        with pytest.raises(Refused) as raised:
            hc.resolve(question, "perhaps")
        assert raised.value.code == "HC-023"
        hc.resolve(question, "yes", text="go ahead")
        assert job.result(timeout=30) == "yes: go ahead"
        late = hc.resolve(question, "no")
        assert late.answer.choice == "yes"


def test_a_parked_question_is_answered_in_a_new_claim(hc: Handclasp, name: str) -> None:
    turns: list[Any] = []

    @hc.agent(name)
    def asker(handoff: Handoff[None]) -> list[Any]:
        turns.append(handoff.continuation)
        try:
            first = handoff.ask("Which one?", options=["a", "b"], park=True, continuation={"step": 1})
        except Exception as error:  # what an agent catches is not its business
            raise AssertionError from error
        good = handoff.approve({"chosen": first.choice}, park=True)
        return [first.choice, good, [answer.choice for answer in handoff.answers]]

    with working(hc):
        job = hc.offer(name)
        (question,) = eventually(lambda: hc.inbox(job.run))
        assert eventually(lambda: job.status().phase == "waiting")
        hc.resolve(question, "b")
        approval = eventually(lambda: [one for one in hc.inbox(job.run) if one.asking == "approval"])[0]
        hc.resolve(approval, "approved")
        assert job.result(timeout=30) == ["b", True, ["b", "approved"]]
    assert turns == [None, {"step": 1}, {"step": 1}]


def test_silence_is_an_answer_where_it_says_so(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def asker(handoff: Handoff[None]) -> bool:
        return handoff.approve("May I?", within=0.2, on_silence="rejected")

    with working(hc):
        assert hc.offer(name).result(timeout=30) is False


def test_delegated_work_comes_back_to_where_it_was_delegated(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def sender(handoff: Handoff[None]) -> list[Any]:
        one = handoff.delegate(f"{name}-helper", 1, continuation="half done")
        two = handoff.delegate(f"{name}-helper", 2)
        with pytest.raises(Delegated, match="not three"):
            handoff.delegate(f"{name}-helper", 3)
        return [one, two, len(handoff.returned), handoff.continuation]

    @hc.agent(f"{name}-helper")
    def helper(handoff: Handoff[int]) -> int:
        if handoff.payload == 3:
            raise Failure("not three", retryable=False)
        return handoff.payload * 10

    with working(hc):
        assert hc.offer(name).result(timeout=30) == [10, 20, 3, "half done"]


def test_spawned_work_is_spawned_once_over_all_attempts(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def sender(handoff: Handoff[None]) -> list[str]:
        ids = [handoff.spawn(f"{name}-helper", number) for number in range(2)]
        if handoff.attempt == 1:
            raise Failure("after spawning")
        return ids

    @hc.agent(f"{name}-helper")
    def helper(handoff: Handoff[int]) -> int:
        return handoff.payload

    with working(hc):
        job = hc.offer(name, retry=SOON)
        ids = job.result(timeout=30)
        spawned = [line.handoff for line in hc.get_run(job.run).latest if line.to == f"{name}-helper"]
        assert sorted(spawned) == sorted(ids)


def test_progress_is_seen(hc: Handclasp, name: str) -> None:
    go_on = threading.Event()

    @hc.agent(name)
    def slow(handoff: Handoff[None]) -> None:
        handoff.progress("reading", percent=40, waiting_for="the archive")
        go_on.wait(30)

    with working(hc):
        job = hc.offer(name)
        eventually(lambda: any("reading" in str(line.event) for line in hc.list_events(run=job.run).events))
        go_on.set()
        job.result(timeout=30)


def test_work_that_was_stopped_is_known_to_be_and_gives_no_result(hc: Handclasp, name: str) -> None:
    started, seen = threading.Event(), threading.Event()
    refusals: list[LeaseLost] = []

    @hc.agent(name, lease=0.6)
    def slow(handoff: Handoff[None]) -> str:
        started.set()
        eventually(lambda: handoff.cancelled)
        try:
            handoff.progress("still at it")
        except LeaseLost as lost:
            refusals.append(lost)
            raise
        finally:
            seen.set()
        return "too late"

    with working(hc):
        job = hc.offer(name)
        assert started.wait(30)
        job.cancel("the customer called")
        assert seen.wait(30)
        assert [lost.hint for lost in refusals]
        with pytest.raises(NoResult, match="the customer called"):
            job.result(timeout=30)


def test_heartbeats_keep_a_lease_for_longer_than_it_lasts(hc: Handclasp, name: str) -> None:
    @hc.agent(name, lease=0.4)
    def slow(handoff: Handoff[None]) -> int:
        threading.Event().wait(1.5)
        return handoff.attempt

    with working(hc):
        assert hc.offer(name).result(timeout=30) == 1


def test_work_that_is_released_is_done_by_another_attempt(hc: Handclasp, name: str) -> None:
    released: list[str] = []

    @hc.agent(name)
    def agent(handoff: Handoff[None]) -> str:
        if not released:
            released.append(handoff.id)
            handoff.release()
            return "not sent"
        return "done"

    with working(hc):
        assert hc.offer(name).result(timeout=30) == "done"


def test_as_many_at_once_as_there_is_room(hc: Handclasp, name: str) -> None:
    together = threading.Barrier(3)

    @hc.agent(name, concurrency=3)
    def agent(_: Handoff[int]) -> bool:
        together.wait(timeout=30)
        return True

    with working(hc):
        jobs = [hc.offer(name, number) for number in range(6)]
        assert all(job.result(timeout=30) for job in jobs)


def test_an_agent_that_asks_to_exit_ends_its_turn_only(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def agent(handoff: Handoff[None]) -> str:
        if handoff.attempt == 1:
            raise SystemExit(1)
        return "still here"

    with working(hc):
        assert hc.offer(name, retry=SOON).result(timeout=30) == "still here"
