"""A network that loses answers: what is sent arrives, and every so often the connection ends before the answer does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Network:
    """Stands between client and server. `loses` says of each answer, by its number, whether it is lost."""

    def __init__(self, server: str, loses: Callable[[int], bool]) -> None:
        host, _, port = server.removeprefix("http://").partition(":")
        self._server = (host, int(port))
        self._loses = loses
        self._answers = 0
        self._lock = threading.Lock()
        self.lost = 0
        """How many answers were lost."""
        self.silent = False
        """While this is so, answers vanish, and the connection stays."""
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(self._server)
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()
                threading.Thread(target=self._answer, args=(far, near), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        """Requests pass untouched."""
        with suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
        _end(near, far)

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        """Answers pass, or end the connection."""
        with suppress(OSError):
            while data := far.recv(65536):
                with self._lock:
                    self._answers += 1
                    lost = self._loses(self._answers)
                    self.lost += lost
                if lost:
                    break
                if not self.silent:
                    near.sendall(data)
        _end(near, far)


def _end(*connections: socket.socket) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
