"""The event loop behind the blocking client: one thread, started when it is first needed.

Heartbeats, long polls and every request run there, whatever the caller's threads are busy with.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from handclasp.errors import Misused

T = TypeVar("T")


class Loop:
    """A thread that runs coroutines for threads that block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end; gives it up when the caller is interrupted."""
        if threading.current_thread() is self._thread:
            work.close()
            raise Misused("a coroutine called the blocking client, which would wait for itself; use AsyncHandclasp there")
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def soon(self, work: Callable[[], None]) -> None:
        """Has something done in the loop, and does not wait for it."""
        self._started().call_soon_threadsafe(work)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._process != os.getpid():
            raise Misused("this client was made before a fork, and its thread has stayed behind; make one in each process")
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A program that ends does not wait for it: what matters is in the server's log.
                self._thread = threading.Thread(target=self._loop.run_forever, name="handclasp", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Ends the thread, and whatever still runs in it."""
        with self._lock:
            loop, self._loop, thread, self._thread = self._loop, None, self._thread, None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(_end(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _end() -> None:
    """Gives up what is still under way, so that whoever waits for it is told."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
