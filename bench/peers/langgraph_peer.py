"""LangGraph with its SQLite checkpointer and `durability="sync"`: one row of the table.

A workflow is a graph of N nodes; each adds its field and says with `Command(goto=...)` who is next, LangGraph's own way
of handing over. Kinds: `graph` calls the graph from threads with `SqliteSaver`, `graph_async` from one event loop with
`AsyncSqliteSaver`. The library runs in the client's process, as it does for its users; tracing is off.
"""

import asyncio
import os
import platform
import tempfile
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

import measure
import sqlite_settings
from measure import Gaps, Payload, Row, Seen

gaps = Gaps()


class State(TypedDict):
    carried: Payload


def graph(steps: int, saver: BaseCheckpointSaver, is_async: bool) -> CompiledStateGraph:
    """N agents in a line. Each names the next one itself; the edges are only declared."""
    builder = StateGraph(State)
    for step in range(steps):
        next_node = END if step == steps - 1 else f"agent_{step + 1}"
        builder.add_node(f"agent_{step}", node(step, next_node, is_async), destinations=(next_node,))
    builder.add_edge(START, "agent_0")
    return builder.compile(checkpointer=saver)


def node(step: int, next_node: str, is_async: bool):
    def agent(state: State, config: RunnableConfig) -> Command:
        carried = gaps.step(config["configurable"]["thread_id"], state["carried"], step, next_node == END)
        return Command(update={"carried": carried}, goto=next_node)

    async def agent_async(state: State, config: RunnableConfig) -> Command:
        return agent(state, config)

    return agent_async if is_async else agent


def new_thread() -> RunnableConfig:
    return {"configurable": {"thread_id": uuid.uuid4().hex}}


def drive(row: Row, file: str) -> tuple[Seen, str]:
    with SqliteSaver.from_conn_string(file) as saver:
        compiled = graph(row.steps, saver, is_async=False)

        def workflow(sent: Payload) -> Payload:
            return compiled.invoke({"carried": sent}, new_thread(), durability="sync")["carried"]

        seen = measure.in_threads(row, gaps, workflow)
        answers = [saver.conn.execute(question).fetchone()[0] for question in sqlite_settings.QUESTIONS]
        return seen, sqlite_settings.described(*answers)


async def drive_async(row: Row, file: str) -> tuple[Seen, str]:
    async with AsyncSqliteSaver.from_conn_string(file) as saver:
        compiled = graph(row.steps, saver, is_async=True)

        async def workflow(sent: Payload) -> Payload:
            return (await compiled.ainvoke({"carried": sent}, new_thread(), durability="sync"))["carried"]

        seen = await measure.in_tasks(row, gaps, workflow)
        answers = []
        for question in sqlite_settings.QUESTIONS:
            async with saver.conn.execute(question) as cursor:
                answers.append((await cursor.fetchone())[0])
        return seen, sqlite_settings.described(*answers)


def main() -> None:
    # The first variable that is asked for: it overrules a reader's own settings, whose account is not to be filled with this.
    os.environ["LANGSMITH_TRACING_V2"] = "false"
    row = measure.row_asked_for(__doc__, kinds=("graph", "graph_async"))
    with tempfile.TemporaryDirectory(prefix="langgraph-", dir=row.folder) as store:
        file = str(Path(store) / "checkpoints.sqlite")
        seen, settings = asyncio.run(drive_async(row, file)) if row.kind == "graph_async" else drive(row, file)
    versions = ", ".join(f"{name} {version(name)}" for name in ("langgraph", "langgraph-checkpoint-sqlite"))
    measure.report("langgraph", row, seen, f"{versions}, Python {platform.python_version()}", f"durability=sync, {settings}")


if __name__ == "__main__":
    main()
