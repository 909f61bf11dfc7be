"""The generated files are what the generator makes of the published document."""

from __future__ import annotations

import generate

from handclasp import operations


def test_types_and_operations_are_up_to_date() -> None:
    for path, text in generate.files().items():
        assert path.read_text(encoding="utf-8") == text, f"run `python tools/generate.py`: {path.name} has changed"


def test_every_operation_is_known_by_its_name() -> None:
    assert operations.ALL["complete"] is operations.COMPLETE
    assert all(operation.name == name for name, operation in operations.ALL.items())
