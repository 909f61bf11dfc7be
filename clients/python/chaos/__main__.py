"""The command line of the chaos test."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from chaos.plan import Plan, drawn
from chaos.processes import House
from chaos.storm import Storm
from chaos.verdict import Log, findings
from handclasp import Handclasp

# A short test that kills fewer than so many times says little.
KILLS_MIN = 16

# Beyond that: one kill for so many handoffs.
HANDOFFS_PER_KILL = 12

# Blows that find nobody alive, or come after the end, are none. More of them than this, and it was no storm.
DEALT_MIN = 0.75

# Of many findings the first ones tell what is wrong.
FINDINGS_MAX = 20


def main() -> int:
    """Plays one storm; 0 if everything is right afterwards."""
    said = _arguments()
    kills = said.kills or max(KILLS_MIN, said.handoffs // HANDOFFS_PER_KILL)
    plan = drawn(said.seed, said.handoffs, kills)
    folder: Path = said.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"CHAOS_SEED={plan.seed}: {len(plan.orders)} orders, {plan.handoffs} handoffs, {len(plan.blows)} blows; files in {folder}")
    begun = time.monotonic()
    with House(plan, folder, said.binary, blindly=said.blindly) as house:
        storm = Storm(plan, house)
        storm.rage()
        took = time.monotonic() - begun
        found = storm.findings + house.findings
        with Handclasp(house.url) as hc:
            log = Log.read(hc)
            found += findings(plan, house, hc, log)
        house.stop()
        found = list(dict.fromkeys([*found, *house.findings, *_few(plan, storm)]))
        if wrong := house.verify():
            found.append(wrong)
    print(_account(storm, log, took))
    for finding in found[:FINDINGS_MAX]:
        print(f"WRONG: {finding}")
    if found:
        again = f"--handoffs {said.handoffs} --kills {kills} --seed {plan.seed}{' --blindly' if said.blindly else ''}"
        print(f"{len(found)} findings; run again: cargo xtask chaos {again}")
    return 1 if found else 0


def _few(plan: Plan, storm: Storm) -> list[str]:
    dealt = sum(storm.kills.values())
    return [f"only {dealt} of {len(plan.blows)} blows hit somebody"] if dealt < DEALT_MIN * len(plan.blows) else []


def _account(storm: Storm, log: Log, took: float) -> str:
    kills = ", ".join(f"{times} {kind}" for kind, times in storm.kills.items())
    events = log.events
    reconciled = ", ".join(f"{times} {what}" for what, times in sorted(log.reconciled.items())) or "none"
    return f"""\
  kills       {sum(storm.kills.values())}: {kills}
  handoffs    {sum(log.completed.values())} completed in {len(log.runs)} runs, {took:.1f} s
  attempts    {events["handoff_claimed"]}: {events["lease_lost"]} leases lost, {events["attempt_failed"]} failed on purpose
  effects     {sum(log.happened.values())} happened; cut short and looked up: {reconciled}
  log         {sum(events.values())} events"""


def _arguments() -> argparse.Namespace:
    said = argparse.ArgumentParser(prog="cargo xtask chaos", description="Kills everything at random, and counts what happens.")
    said.add_argument("--handoffs", type=int, default=1000, help="at least so many (1000)")
    said.add_argument("--kills", type=int, help="so many blows (one for twelve handoffs)")
    said.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="repeats a plan")
    said.add_argument("--blindly", action="store_true", help="does again what was cut short, without looking; this must fail")
    said.add_argument("--binary", type=Path, required=True, help="the server")
    said.add_argument("--folder", type=Path, required=True, help="where store, logs and answers go; emptied first")
    return said.parse_args()


if __name__ == "__main__":
    sys.exit(main())
