"""The scenarios of all clients, and the runner itself: one that finds nothing wrong proves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import scenario
from house import Server


@pytest.mark.parametrize("path", scenario.files(), ids=lambda path: path.stem)
def test_scenario(server: Server, path: Path) -> None:
    scenario.Scenario(path).play(server.url)


@pytest.mark.parametrize(
    ("expected", "status", "answer"),
    [
        ({}, 409, {}),
        ({"code": "HC-012"}, 200, {}),
        ({"code": "HC-012"}, 409, {"code": "HC-006"}),
        ({"status": 404, "code": "HC-012"}, 409, {"code": "HC-012"}),
        ({"answer": {"one": 1}}, 200, {"one": 2}),
        ({"answer": {"one": 1}}, 200, {}),
        ({"answer": {"one": True}}, 200, {"one": 1}),
        ({"answer": {"list": []}}, 200, {"list": [1]}),
        ({"answer": {"list": [{"a": 1}]}}, 200, {"list": [{"a": 2}]}),
        ({"answer": {"one": {"$any": True}}}, 200, {"one": None}),
        ({"answer": {"one": {"$match": "^a"}}}, 200, {"one": "ba"}),
        ({"answer": {"list": {"$contains": [1, 4]}}}, 200, {"list": [1, 2, 3]}),
        ({"lacks": ["/list/0/a"]}, 200, {"list": [{"a": 0}]}),
    ],
)
def test_the_runner_sees_what_is_wrong(expected: dict[str, Any], status: int, answer: Any) -> None:
    assert list(scenario.differences(expected, status, answer))


def test_the_runner_lets_more_than_was_expected_pass() -> None:
    answer = {"code": "HC-012", "list": [{"a": 1, "b": 2}, 3], "other": None}
    expected = {"status": 409, "code": {"$match": "^HC"}, "answer": {"list": {"$contains": [3, {"a": 1}]}}, "lacks": ["/other", "/x/y"]}
    assert not list(scenario.differences(expected, 409, answer))
