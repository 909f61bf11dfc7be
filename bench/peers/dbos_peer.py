"""DBOS on SQLite: one row of the table.

Kinds: `step` is a workflow whose agents are steps, called by threads; `step_async` the same with coroutines; `child` is
a workflow whose agents are workflows of their own, started and awaited one after the other. The library runs in the
client's process, as it does for its users, with its default settings; only the admin server is off.
"""

import asyncio
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from dbos import DBOS, DBOSConfig

import measure
import sqlite_settings
from measure import Gaps, Payload, Row, Seen

gaps = Gaps()


@DBOS.step()
def agent_step(workflow: str, received: Payload, step: int, last: bool) -> Payload:
    return gaps.step(workflow, received, step, last)


@DBOS.step()
async def agent_step_async(workflow: str, received: Payload, step: int, last: bool) -> Payload:
    return gaps.step(workflow, received, step, last)


@DBOS.workflow()
def agent_workflow(workflow: str, received: Payload, step: int, last: bool) -> Payload:
    return gaps.step(workflow, received, step, last)


@DBOS.workflow()
def of_steps(carried: Payload, steps: int) -> Payload:
    for step in range(steps):
        carried = agent_step(DBOS.workflow_id, carried, step, step == steps - 1)
    return carried


@DBOS.workflow()
async def of_steps_async(carried: Payload, steps: int) -> Payload:
    for step in range(steps):
        carried = await agent_step_async(DBOS.workflow_id, carried, step, step == steps - 1)
    return carried


@DBOS.workflow()
def of_children(carried: Payload, steps: int) -> Payload:
    for step in range(steps):
        child = DBOS.start_workflow(agent_workflow, DBOS.workflow_id, carried, step, step == steps - 1)
        carried = child.get_result()
    return carried


def drive(row: Row) -> Seen:
    if row.kind == "step_async":
        return asyncio.run(measure.in_tasks(row, gaps, lambda sent: of_steps_async(sent, row.steps)))
    workflow = {"step": of_steps, "child": of_children}[row.kind]
    return measure.in_threads(row, gaps, lambda sent: workflow(sent, row.steps))


def durability(dbos: DBOS) -> str:
    # The engine that DBOS commits with has no public name.
    with dbos._sys_db.engine.connect() as connection:
        answers = [connection.exec_driver_sql(question).scalar_one() for question in sqlite_settings.QUESTIONS]
    return sqlite_settings.described(*answers)


def main() -> None:
    row = measure.row_asked_for(__doc__, kinds=("step", "step_async", "child"))
    with tempfile.TemporaryDirectory(prefix="dbos-", dir=row.folder) as store:
        config = DBOSConfig(
            name="peers",
            system_database_url=f"sqlite:///{Path(store) / 'dbos.sqlite'}",
            log_level="ERROR",
            run_admin_server=False,
        )
        dbos = DBOS(config=config)
        DBOS.launch()
        seen = drive(row)
        measure.report("dbos", row, seen, f"dbos {version('dbos')}, Python {platform.python_version()}", durability(dbos))
    # DBOS's background threads would go on for seconds, with a store that is gone.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
