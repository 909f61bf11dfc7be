"""Python values as JSON, and the digest by which both sides name the same content.

A digest is the SHA-256 of the canonical JSON (RFC 8785): sorted keys, no blanks, numbers as ECMAScript
writes them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any

from pydantic_core import to_jsonable_python


def plain(value: Any) -> Any:
    """A value as plain JSON: models, dates, sets and dataclasses become what JSON has."""
    return to_jsonable_python(value, by_alias=True)


def digest(value: Any) -> str:
    """The digest of a plain value."""
    return "sha256:" + hashlib.sha256("".join(_canonical(value)).encode("utf-8")).hexdigest()


def _canonical(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        # By UTF-16 code units, as RFC 8785 has it; this differs from Python's order above U+FFFF.
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
        yield "{"
        for place, (key, inner) in enumerate(pairs):
            yield f"{',' if place else ''}{json.dumps(key, ensure_ascii=False)}:"
            yield from _canonical(inner)
        yield "}"
    elif isinstance(value, (list, tuple)):
        yield "["
        for place, inner in enumerate(value):
            if place:
                yield ","
            yield from _canonical(inner)
        yield "]"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield number(value)
    else:
        yield json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """A number as ECMAScript writes it: every JSON number is a double there."""
    double = float(value)
    if not math.isfinite(double):
        raise ValueError(f"{value} is no JSON number")
    if double == 0:
        return "0"
    sign = "-" if double < 0 else ""
    # `repr` gives the shortest digits that are read back as the same number, as ECMAScript wants.
    mantissa, _, exponent = repr(abs(double)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # Where the decimal point stands, counted from the first digit that is not 0.
    leading = len(whole) - (len(whole + fraction) - len(digits))
    point = leading + int(exponent or 0)
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = point - 1
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if power > 0 else '-'}{abs(power)}"
