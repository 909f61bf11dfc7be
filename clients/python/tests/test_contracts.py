"""Contracts from pydantic models, and what is read back to them."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import working
from pydantic import BaseModel, create_model, field_validator

from handclasp import ContractBroken, Handclasp, Handoff, NoResult, ReadBackGap, Refused, contract, types
from handclasp.contracts import contract_of


class OrderLine(BaseModel):
    """Without a name of its own, a contract is called like its class."""

    amount: int


def refund(name: str, version: str = "1.0.0", **options: Any) -> type[BaseModel]:
    """A model whose contract no other test has."""
    model = create_model("Refund", order=(int, ...), amount=(int, ...))
    return contract(f"refund-{name}", version, **options)(model)


def test_a_model_is_named_after_its_class_unless_it_says_otherwise() -> None:
    assert contract_of(OrderLine).id == "order-line@1.0.0"
    assert contract_of(OrderLine).range == "order-line@^1.0.0"
    assert contract_of(refund("x", "1.2.0")).id == "refund-x@1.2.0"

    class HTTPRequest(refund("x")):  # type: ignore[misc]  # made by a function
        """A model that says more than its parent is another contract."""

    assert contract_of(HTTPRequest).id == "http-request@1.0.0"


def test_a_payload_arrives_as_the_model_that_the_agent_accepts(hc: Handclasp, name: str) -> None:
    @contract(f"refund-{name}", "1.2.0")
    class Refund(BaseModel):
        order: int
        amount: int = 10

    @hc.agent(name, accepts=Refund)
    def billing(handoff: Handoff[Refund]) -> int:
        return handoff.payload.amount * 2

    with working(hc):
        assert hc.offer(name, Refund(order=17, amount=20)).result(timeout=30) == 40
        assert hc.offer(name, {"order": 17}, contract=f"refund-{name}@1").result(timeout=30) == 20
        assert hc.offer(name, {"order": 17}, contract=Refund).status().contract == f"refund-{name}@1.2.0"


def test_a_broken_contract_names_every_field(hc: Handclasp, name: str) -> None:
    model = refund(name)
    hc.publish(model)
    hc.register(name, types.Register(accepts=[contract_of(model).range]))
    with pytest.raises(ContractBroken) as raised:
        hc.offer(name, {"order": "seventeen"}, contract=model)
    assert raised.value.code == "HC-008"
    assert {error.pointer for error in raised.value.errors} == {"/order", "/amount"}
    assert raised.value.pointer in {"/order", "/amount"}
    assert raised.value.expected
    assert raised.value.found


def test_a_published_version_never_changes(hc: Handclasp, name: str) -> None:
    hc.publish(refund(name))
    hc.publish(refund(name))
    other = contract(f"refund-{name}", "1.0.0")(create_model("Refund", order=(str, ...)))
    with pytest.raises(Refused) as raised:
        hc.publish(other)
    assert raised.value.code == "HC-043"


def test_a_breaking_change_under_a_compatible_version_is_refused(hc: Handclasp, name: str) -> None:
    hc.publish(refund(name))
    breaking = create_model("Refund", order=(int, ...), amount=(int, ...), why=(str, ...))
    with pytest.raises(Refused) as raised:
        hc.publish(contract(f"refund-{name}", "1.1.0")(breaking))
    assert raised.value.code == "HC-044"
    hc.publish(contract(f"refund-{name}", "2.0.0")(breaking))
    assert [one.contract for one in hc.contracts() if name in one.contract] == [f"refund-{name}@1.0.0", f"refund-{name}@2.0.0"]


def test_the_client_reads_back_for_an_agent_where_the_contract_asks_for_it(hc: Handclasp, name: str) -> None:
    model = refund(name, read_back="echo")

    @hc.agent(name, accepts=model)
    def billing(handoff: Handoff[Any]) -> Any:
        return handoff.payload.amount / 4

    constraint = types.NewItem(kind="constraint", key="tone", value="polite", must_carry=True)
    with working(hc):
        job = hc.offer(name, model(order=17, amount=10), items=[constraint], acceptance=["it is right"])
        assert job.result(timeout=30) == 2.5
        events = " ".join(str(line.event) for line in hc.list_events(run=job.run).events)
        assert "'by': 'client'" in events


def test_an_agent_reads_back_in_its_own_name_and_mends_a_gap(hc: Handclasp, name: str) -> None:
    model = refund(name, read_back="echo", confidence_min=80)
    gaps: list[str] = []

    @hc.agent(name, accepts=model, read_back="agent")
    def billing(handoff: Handoff[Any]) -> str:
        with pytest.raises(ReadBackGap) as gap:
            handoff.accept(items=[], confidence=90)
        gaps.append(gap.value.detail)
        with pytest.raises(Refused) as unsure:
            handoff.accept(confidence=10)
        gaps.append(unsure.value.code)
        handoff.accept(confidence=90)
        return "understood"

    constraint = types.NewItem(kind="constraint", key="tone", value="polite", must_carry=True)
    with working(hc):
        job = hc.offer(name, model(order=17, amount=10), items=[constraint])
        assert job.result(timeout=30) == "understood"
    assert "itm_" in gaps[0]
    assert gaps[1] == "HC-014"


def test_what_the_client_cannot_read_back_for_an_agent_is_declined(hc: Handclasp, name: str) -> None:
    model = refund(name, read_back="echo", confidence_min=80)

    @hc.agent(name, accepts=model)
    def billing(_: Handoff[Any]) -> None:
        raise AssertionError("nobody has accepted")

    with working(hc):
        job = hc.offer(name, model(order=17, amount=10))
        with pytest.raises(NoResult, match="HC-014"):
            job.result(timeout=30)


def test_an_agent_that_accepts_by_itself_must_do_so(hc: Handclasp, name: str) -> None:
    @hc.agent(name, read_back="agent")
    def forgetful(_: Handoff[None]) -> str:
        return "done"

    with working(hc):
        job = hc.offer(name, retry=types.Retry(attempts=1))
        with pytest.raises(NoResult, match=r"handoff\.accept"):
            job.result(timeout=30)


def test_a_payload_that_the_contract_passes_and_the_model_does_not_is_not_tried_again(hc: Handclasp, name: str) -> None:
    @contract(f"even-{name}", "1.0.0")
    class Even(BaseModel):
        number: int

        @field_validator("number")
        @classmethod
        def is_even(cls, number: int) -> int:
            if number % 2:
                raise ValueError(f"{number} is odd")
            return number

    @hc.agent(name, accepts=Even)
    def agent(handoff: Handoff[Even]) -> int:
        return handoff.payload.number

    with working(hc):
        job = hc.offer(name, {"number": 3}, contract=Even)
        with pytest.raises(NoResult, match="3 is odd"):
            job.result(timeout=30)
        assert job.status().attempts == 1


def test_a_result_that_breaks_its_contract_is_a_failed_attempt(hc: Handclasp, name: str) -> None:
    @hc.agent(name)
    def agent(handoff: Handoff[None]) -> dict[str, object]:
        return {"amount": 20 if handoff.attempt == 2 else "twenty"}

    with working(hc):
        job = hc.offer(name, returns=OrderLine, retry=types.Retry(attempts=2, backoff_ms=1))
        assert job.result(timeout=30) == OrderLine(amount=20)
