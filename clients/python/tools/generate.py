"""Writes `types.py` and `operations.py` from `api/openapi.json`.

Run it after the published document has changed: `python tools/generate.py`. A test holds both files to
what this program writes. Names of types are those of the document; ids stay strings, enumerations become
literals. What a server answers may have grown since this client was made: unknown fields of answers are
left alone, and their enumerations are open. What a client sends is checked to the letter.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[2] / "api" / "openapi.json"
PACKAGE = HERE.parent / "src" / "handclasp"

Schema = dict[str, Any]

# Fields that would hide something of Python or of pydantic get an underscore, and their own name as alias.
RESERVED = {"schema", "json", "copy", "dict"}

TYPES_HEAD = '''"""What crosses the doors of Handclasp.

Written by `tools/generate.py` from `api/openapi.json`; change that, not this.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


class Said(BaseModel):
    """What a client sends: nothing but what the server knows."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Heard(BaseModel):
    """What a server answers: a newer one may say more."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)
'''

OPERATIONS_HEAD = '''"""The endpoints of Handclasp, each with what it answers.

Written by `tools/generate.py` from `api/openapi.json`; change that, not this.
"""

from __future__ import annotations

from typing import Any, Final

from handclasp import types
from handclasp.operation import Operation
'''


def name_of(reference: str) -> str:
    """The name that a `$ref` ends with."""
    return reference.rsplit("/", 1)[-1]


def references(schema: Any) -> Iterator[str]:
    """Every type that a schema names."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield name_of(schema["$ref"])
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def reachable(schemas: dict[str, Schema], roots: Iterator[str]) -> set[str]:
    """Everything that the roots are made of."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found and name in schemas:
            found.add(name)
            waiting.extend(references(schemas[name]))
    return found


def answered(document: Schema) -> set[str]:
    """The types that a server may answer with."""
    answers = [operation["responses"] for path in document["paths"].values() for operation in path.values()]
    problems = document["components"]["responses"]
    return reachable(document["components"]["schemas"], iter([*references(answers), *references(problems)]))


def in_order(schemas: dict[str, Schema]) -> Iterator[str]:
    """The names, each after those that it is made of."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in done:
            return
        done.add(name)
        for other in sorted(references(schemas[name])):
            yield from visit(other)
        yield name

    for name in sorted(schemas):
        yield from visit(name)


def literals(schema: Schema) -> list[str] | None:
    """The values of an enumeration."""
    if "enum" in schema:
        return list(schema["enum"])
    variants = schema.get("oneOf")
    if variants and all("const" in variant for variant in variants):
        return [variant["const"] for variant in variants]
    return None


class Types:
    """The file of types."""

    def __init__(self, document: Schema) -> None:
        self.schemas: dict[str, Schema] = document["components"]["schemas"]
        self.answered = answered(document)

    def text(self) -> str:
        """The whole file."""
        parts = [TYPES_HEAD]
        for name in in_order(self.schemas):
            schema = self.schemas[name]
            parts.append(self.model(name, schema) if "properties" in schema or schema.get("type") == "object" else self.alias(name, schema))
        return "\n".join(parts)

    def alias(self, name: str, schema: Schema) -> str:
        """An id, a number or an enumeration."""
        values = literals(schema)
        python = f"Literal[{', '.join(json.dumps(value) for value in values)}]" if values else self.python(schema)
        doc = docstring(schema.get("description", ""), "")
        return f"{name}: TypeAlias = {python}\n{doc}"

    def model(self, name: str, schema: Schema) -> str:
        """An object."""
        base = "Heard" if name in self.answered else "Said"
        lines = [f"\nclass {name}({base}):", docstring(schema.get("description", ""), "    ").rstrip("\n")]
        required = set(schema.get("required", []))
        # What must be there comes first, as Python wants it of arguments.
        fields = sorted(schema.get("properties", {}).items(), key=lambda field: field[0] not in required)
        for field, described in fields:
            lines.append("")
            lines.append(self.field(field, described, field in required, is_open=name in self.answered))
            if described is not True and described.get("description"):
                lines.append(docstring(described["description"], "    ").rstrip("\n"))
        return "\n".join(lines) + "\n"

    def field(self, name: str, schema: Schema | bool, required: bool, is_open: bool) -> str:
        """One field of an object."""
        python = self.python(schema, is_open)
        safe = f"{name}_" if keyword.iskeyword(name) or name in RESERVED else name
        alias = "" if safe == name else f'alias="{name}"'
        default = None if required else self.default(schema)
        if default is not None and default.startswith("factory:"):
            arguments = ", ".join(filter(None, [f"default_factory={default.removeprefix('factory:')}", alias]))
            return f"    {safe}: {python} = Field({arguments})"
        if default == "None" and "None" not in python and python != "Any":
            python = f"{python} | None"
        if alias:
            arguments = ", ".join(filter(None, [f"default={default}" if default else "", alias]))
            return f"    {safe}: {python} = Field({arguments})"
        return f"    {safe}: {python}" + (f" = {default}" if default else "")

    def default(self, schema: Schema | bool) -> str:
        """What stands for a field that is not there, as Python text."""
        if isinstance(schema, dict):
            if schema.get("default") is not None:
                value = schema["default"]
                return json.dumps(value) if isinstance(value, str) else repr(value)
            if schema.get("type") == "array":
                return "factory:list"
            if "$ref" in schema and "properties" in self.schemas[name_of(schema["$ref"])]:
                return f"factory:{name_of(schema['$ref'])}"
            if schema.get("type") == "boolean":
                return "False"
            if schema.get("type") == "integer":
                return "0"
        return "None"

    def python(self, schema: Schema | bool, is_open: bool = False) -> str:
        """The Python type of a schema."""
        if schema is True or not isinstance(schema, dict):
            return "Any"
        if "$ref" in schema:
            name = name_of(schema["$ref"])
            return f"{name} | str" if is_open and literals(self.schemas[name]) else name
        if "anyOf" in schema:
            kinds = [self.python(kind, is_open) for kind in schema["anyOf"] if kind.get("type") != "null"]
            return " | ".join([*kinds, "None"] if len(kinds) < len(schema["anyOf"]) else kinds)
        kind = schema.get("type")
        if isinstance(kind, list):
            named = [self.python({**schema, "type": one}, is_open) for one in kind if one != "null"]
            return " | ".join([*named, "None"])
        if kind == "array":
            return f"list[{self.python(schema.get('items', True), is_open)}]"
        plain = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]"}
        return plain.get(kind, "Any") if isinstance(kind, str) else "Any"


def docstring(text: str, indent: str) -> str:
    """A docstring, wrapped; a list in it stays one."""
    pieces = [" ".join(piece.split()) for piece in re.split(r"\n(?=- )|\n\n", text.replace("\\", "\\\\").strip())]
    if not pieces[0]:
        return ""
    # A quotation mark before the closing ones would be taken for one of them.
    end = ' """' if pieces[-1].endswith('"') else '"""'
    pieces = [*pieces[:-1], pieces[-1] + end]
    pieces[0] = f'"""{pieces[0]}'
    lines = [line for piece in pieces for line in wrapped(piece, 110 - len(indent))]
    if len(pieces) > 1:
        lines.insert(len(wrapped(pieces[0], 110 - len(indent))), "")
    return "\n".join(f"{indent}{line}".rstrip() for line in lines) + "\n"


def wrapped(piece: str, width: int) -> list[str]:
    """A paragraph, or an item of a list."""
    hang = "  " if piece.startswith("- ") else ""
    return textwrap.wrap(piece, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)


def operations(document: Schema) -> str:
    """The file of operations."""
    parts = [OPERATIONS_HEAD]
    names: list[str] = []
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            constant = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", described["operationId"]).upper()
            names.append(constant)
            answer = answer_of(described)
            python, parsed = ("Any", "None") if answer is None else (f"types.{answer}", f"types.{answer}")
            arguments = f'"{described["operationId"]}", "{method.upper()}", "{path}", {parsed}'
            parts.append(f"{constant}: Final[Operation[{python}]] = Operation({arguments})\n" + docstring(described["summary"], ""))
    rows = "".join(f"    {constant}.name: {constant},\n" for constant in names)
    parts.append(f"ALL: Final[dict[str, Operation[Any]]] = {{\n{rows}}}\n" + docstring("All of them, by name.", ""))
    return "\n".join(parts)


def answer_of(described: Schema) -> str | None:
    """The type that an endpoint answers with; none if it is no JSON object of ours."""
    for status, response in described["responses"].items():
        if status.startswith("2"):
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            return name_of(schema["$ref"]) if "$ref" in schema else None
    return None


def files() -> dict[Path, str]:
    """Each file with its text."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return {PACKAGE / "types.py": Types(document).text(), PACKAGE / "operations.py": operations(document)}


def main() -> int:
    """Writes them."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
