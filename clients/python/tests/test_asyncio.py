"""The client for programs with an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from house import Server

from handclasp import AsyncHandclasp, AsyncHandoff, Failure, Handoff, NoResult, types


@contextlib.asynccontextmanager
async def working(hc: AsyncHandclasp) -> AsyncIterator[None]:
    """Lets the client's agents work while the block runs."""
    names = {agent.name for agent in hc._agents}
    task = asyncio.create_task(hc.run(signals=False))
    while not task.done() and not names <= {agent.agent for agent in await hc.agents()}:
        await asyncio.sleep(0.02)
    try:
        yield
    finally:
        hc.stop()
        await task


def test_coroutines_and_plain_functions_are_agents_beside_each_other(server: Server, name: str) -> None:
    async def story() -> None:
        async with AsyncHandclasp(server.url) as hc:

            @hc.agent(name)
            async def first(handoff: AsyncHandoff[int]) -> None:
                async def pay() -> str:
                    await asyncio.sleep(0)
                    return "paid"

                await handoff.progress("at it", percent=10)
                one = await handoff.effect("pay", key="a", do=pay)
                two = await handoff.effect("pay", key="b", do=lambda: "paid too")
                await handoff.hand_to(f"{name}-plain", handoff.payload + 1, result=[one, two])

            @hc.agent(f"{name}-plain")
            def second(handoff: Handoff[int]) -> int:
                return handoff.effect("add", do=lambda: handoff.payload + 1)

            async with working(hc):
                job = await hc.offer(name, 1, task="Count")
                assert await job.result(timeout=30) == 3
                assert (await job.status()).result == ["paid", "paid too"]
                run = await hc.get_run(job.run)
                assert [run.task, run.condition] == ["Count", "completed"]

    asyncio.run(story())


def test_a_coroutine_asks_delegates_and_spawns(server: Server, name: str) -> None:
    async def story() -> None:
        async with AsyncHandclasp(server.url) as hc:

            @hc.agent(name)
            async def sender(handoff: AsyncHandoff[None]) -> Any:
                spawned = await handoff.spawn(f"{name}-helper", 1)
                back = await handoff.delegate(f"{name}-helper", 2)
                answer = await handoff.ask("Go on?", options=["yes", "no"])
                return [spawned.startswith("hnd_"), back, answer.choice]

            @hc.agent(f"{name}-helper")
            async def helper(handoff: AsyncHandoff[int]) -> int:
                return handoff.payload * 10

            async with working(hc):
                job = await hc.offer(name)
                while not (questions := await hc.inbox(job.run)):
                    await asyncio.sleep(0.02)
                await hc.resolve(questions[0], "yes")
                assert await job.result(timeout=30) == [True, 20, "yes"]

    asyncio.run(story())


def test_many_at_once_share_one_client(server: Server, name: str) -> None:
    async def story() -> None:
        async with AsyncHandclasp(server.url) as hc:

            @hc.agent(name, concurrency=32)
            async def agent(handoff: AsyncHandoff[int]) -> int:
                if handoff.payload == 13:
                    raise Failure("not that one", retryable=False)
                return handoff.payload

            async with working(hc):
                jobs = await asyncio.gather(*(hc.offer(name, number) for number in range(40)))
                results = await asyncio.gather(*(job.result(timeout=60) for job in jobs), return_exceptions=True)
                assert [result for result in results if isinstance(result, int)] == [n for n in range(40) if n != 13]
                assert isinstance(results[13], NoResult)

    asyncio.run(story())


def test_draining_gives_back_what_is_not_finished(server: Server, name: str) -> None:
    async def story() -> None:
        async with AsyncHandclasp(server.url) as hc:
            started = asyncio.Event()

            @hc.agent(name)
            async def stuck(_: AsyncHandoff[None]) -> None:
                started.set()
                await asyncio.Event().wait()

            task = asyncio.create_task(hc.run(drain=0.1, signals=False))
            await hc.register(name)
            job = await hc.offer(name)
            await asyncio.wait_for(started.wait(), timeout=30)
            hc.stop()
            await asyncio.wait_for(task, timeout=30)
            status = await job.status()
            assert (status.phase, status.held_by) == ("offered", None)

    asyncio.run(story())


def test_events_are_followed_from_where_one_likes(server: Server, name: str) -> None:
    async def story() -> None:
        async with AsyncHandclasp(server.url) as hc:
            await hc.register(name)
            before = (await hc.list_events()).newest
            run = await hc.open_run("Watch this")
            seen: list[types.EventLine] = []

            async def watch() -> None:
                async for event in hc.events(after=before, run=run.run):
                    seen.append(event)
                    if len(seen) == 2:
                        return

            watching = asyncio.create_task(watch())
            await hc.offer(name, run=run.run)
            await asyncio.wait_for(watching, timeout=30)
            assert [event.version for event in seen] == [1, 2]
            assert {event.run for event in seen} == {run.run}
            page = await hc.list_events(before, run=run.run, limit=1)
            assert [event.id for event in page.events] == [seen[0].id]
            rest = await hc.list_events(seen[0].id, run=run.run)
            assert rest.events[0].id == seen[1].id

    asyncio.run(story())


def test_an_agent_of_nobody_is_not_run(server: Server) -> None:
    async def story() -> None:
        async with AsyncHandclasp(server.url) as hc:
            await hc.run(signals=False)

    with pytest.raises(Exception, match="no agent"):
        asyncio.run(story())
