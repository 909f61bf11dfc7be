"""The world outside: a process that does what it is asked, counts how often, and is never killed.

It knows nothing of Handclasp and does not mind being asked twice: whoever does so is found out. One
request after the other is served, in the order in which they came in; so a look-up finds everything
that somebody had asked for before it, even if that one has died since.
"""

from __future__ import annotations

import os
import socket
import sys
from collections import Counter
from pathlib import Path

HOST = "127.0.0.1"

# One request is a few bytes on the loopback. Whoever connects and says nothing has died in that moment.
SAID_WITHIN = 5.0


def ask(port: int, what: str, key: str) -> int:
    """Has a thing done (`perform`), or asks how often it was (`look`); gives the count."""
    with socket.create_connection((HOST, port), timeout=60) as line:
        line.sendall(f"{what} {key}\n".encode())
        return int(line.makefile().readline())


def counted(file: Path) -> Counter[str]:
    """How often each thing was done."""
    return Counter(file.read_text().split()) if file.exists() else Counter()


def serve(file: Path) -> None:
    """Serves for ever; the first line that it prints is its port."""
    times = counted(file)
    with file.open("a") as done, socket.create_server((HOST, 0), backlog=512) as door:
        print(door.getsockname()[1], flush=True)
        while True:
            line, _ = door.accept()
            with line:
                line.settimeout(SAID_WITHIN)
                try:
                    what, _, key = line.makefile().readline().strip().partition(" ")
                    if what == "perform":
                        times[key] += 1
                        done.write(f"{key}\n")
                        done.flush()
                        os.fsync(done.fileno())
                    if what:
                        line.sendall(f"{times[key]}\n".encode())
                except OSError:
                    # Who asked is dead; what was asked for is done.
                    continue


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
