"""Canonical JSON, digests, and patience: what needs no server."""

from __future__ import annotations

import datetime
import itertools

import pytest
from pydantic import BaseModel

from handclasp import types
from handclasp.encoding import digest, number, plain
from handclasp.events import Fields
from handclasp.operations import GET_CONTENT
from handclasp.patience import Patience


@pytest.mark.parametrize(
    ("value", "written"),
    [
        # From appendix B of RFC 8785.
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (1.0000000000000001e23, "1.0000000000000001e+23"),
        (999999999999999700000.0, "999999999999999700000"),
        (1e21, "1e+21"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"),
        (333333333.3333332, "333333333.3333332"),
        (333333333.33333325, "333333333.33333325"),
        (1424953923781206.2, "1424953923781206.2"),
        (1, "1"),
        (120.0, "120"),
        (-1.5, "-1.5"),
        (0.001, "0.001"),
    ],
)
def test_a_number_is_written_as_ecmascript_writes_it(value: float, written: str) -> None:
    assert number(value) == written
    assert float(number(value)) == value


def test_a_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no JSON number"):
        number(float("nan"))


def test_the_order_of_keys_does_not_matter_and_is_that_of_utf_16() -> None:
    assert digest({"b": 1, "a": [True, None, "é"]}) == digest({"a": [True, None, "é"], "b": 1})
    # U+1F600 comes before U+FB33 in UTF-16, and after it in Python.
    assert digest({"\ufb33": 1, "\U0001f600": 2}) == "sha256:" + sha256('{"\U0001f600":2,"\ufb33":1}')


def sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def test_models_dates_and_sets_become_plain_json() -> None:
    class Line(BaseModel):
        amount: int
        note: str | None = None

    assert plain({"lines": [Line(amount=1)], "on": datetime.date(2026, 1, 2)}) == {
        "lines": [{"amount": 1, "note": None}],
        "on": "2026-01-02",
    }
    assert plain({1}) == [1]


def test_what_is_sent_leaves_out_what_is_not_said_and_keeps_what_is_null_inside() -> None:
    said = types.Complete(token=7, result={"note": None})
    assert said.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True) == '{"token":7,"result":{"note":null}}'


def test_what_a_newer_server_says_is_no_mistake() -> None:
    line = {"handoff": "hnd_x", "to": "a", "phase": "a_new_phase", "attempts": 1, "a_new_field": 1}
    assert types.HandoffLine.model_validate(line).phase == "a_new_phase"
    with pytest.raises(ValueError, match="typo"):
        types.Offer.model_validate({"to": "a", "typo": 1})


def test_names_in_a_path_are_quoted() -> None:
    assert GET_CONTENT.url(run="run_1", digest="a/b") == "/v1/runs/run_1/contents/a%2Fb"


def test_patience_waits_longer_and_longer_and_ends() -> None:
    waits = list(Patience(seconds=10, first=0.1, longest=2).waits())
    assert sum(waits) == pytest.approx(10)
    assert max(waits) <= 2
    assert list(Patience(seconds=0).waits()) == []
    endless = Patience(seconds=float("inf"), first=0.1, longest=1).waits()
    assert all(0.5 <= wait <= 1 for wait in itertools.islice(endless, 10, 20))


def test_an_event_may_come_in_several_lines_between_comments() -> None:
    fields = Fields()
    stream = [": alive", "id: 7", "event: event", 'data: {"id":', "data: 7}", "", ":", "", "data: 8", ""]
    assert [data for line in stream for data in fields.take(line)] == ['{"id":\n7}', "8"]
