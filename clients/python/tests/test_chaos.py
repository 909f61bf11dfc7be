"""What the chaos test judges by; the test itself is `cargo xtask chaos`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chaos import effects
from chaos.plan import drawn
from chaos.verdict import defects

REQUEST = '{"level":"INFO","message":"request","method":"POST","path":"/v1/runs","status":%d}'


def test_a_seed_repeats_its_plan_and_another_one_does_not() -> None:
    assert drawn(7, 160, 16) == drawn(7, 160, 16)
    assert drawn(7, 160, 16) != drawn(8, 160, 16)


def test_a_plan_has_as_many_handoffs_and_blows_as_were_asked_for_and_hits_everybody() -> None:
    plan = drawn(7, 160, 16)
    assert plan.handoffs in (160, 161)
    assert len(plan.blows) == 16
    assert {blow.victim for blow in plan.blows} == {"server", "worker", "sender"}
    assert max(blow.after for blow in plan.blows) < len(plan.orders)


def test_the_world_outside_counts_what_it_is_asked_to_do_and_remembers_it(tmp_path: Path) -> None:
    done = tmp_path / "done.txt"
    words = [sys.executable, "-m", "chaos.effects", str(done)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as outside:
        assert outside.stdout is not None
        port = int(outside.stdout.readline())
        assert effects.ask(port, "look", "refund:1") == 0
        assert effects.ask(port, "perform", "refund:1") == 1
        assert effects.ask(port, "perform", "refund:1") == 2
        assert effects.ask(port, "look", "refund:1") == 2
        outside.kill()
    assert effects.counted(done) == {"refund:1": 2}


def test_defects_of_the_server_are_found_in_its_log() -> None:
    broken = ["thread 'main' panicked at src/run.rs:1", '{"level":"ERROR","message":"a defect"}', REQUEST % 500]
    assert len(list(defects("\n".join(broken)))) == 3
    assert list(defects("\n".join(["stopped", REQUEST % 200, REQUEST % 503]))) == []
