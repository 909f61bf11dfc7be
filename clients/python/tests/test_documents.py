"""What the documents say can be pasted."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from house import REPOSITORY, Server, eventually

from handclasp import Handclasp

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "docs" / "python.md", REPOSITORY / "clients" / "python" / "README.md"]


def blocks(document: Path) -> list[str]:
    """The Python in a document."""
    return BLOCK.findall(document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_six_lines_send_and_six_lines_receive(own_server: Server, document: Path) -> None:
    receiver = next(block for block in blocks(document) if "hc.run()" in block)
    sender = next(block for block in blocks(document) if "job.result(" in block)
    assert all(len([line for line in block.splitlines() if line.strip()]) <= 6 for block in (receiver, sender))

    def started(program: str) -> subprocess.Popen[str]:
        here = program.replace("http://127.0.0.1:4040", own_server.url)
        return subprocess.Popen([sys.executable, "-c", here], stdout=subprocess.PIPE, text=True, env=dict(os.environ))

    receiving = started(receiver)
    try:
        with Handclasp(own_server.url) as hc:
            eventually(hc.agents)
        sending = started(sender)
        said, _ = sending.communicate(timeout=60)
        assert said.strip() == "{'refunded': 20}"
    finally:
        receiving.send_signal(signal.SIGTERM)
        receiving.communicate(timeout=60)
    assert receiving.returncode == 0


def test_every_other_example_is_python() -> None:
    assert all(ast.parse(block) for document in DOCUMENTS for block in blocks(document))
