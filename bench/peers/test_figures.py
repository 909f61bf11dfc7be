"""Holds the arithmetic behind the published figures: percentiles, gaps, medians, and whose turn it is.

Needs neither a peer nor a clock: `python3 -m unittest discover bench/peers`. Whether a peer does the work is not asked
here; every answer is compared with `measure.expected` while it is measured.
"""

import time
import unittest

import measure
import run
import table


class Figures(unittest.TestCase):
    def test_a_percentile_is_a_value_that_was_measured(self):
        hundred = list(range(1, 101))
        self.assertEqual([measure.percentile(hundred, percent) for percent in (50, 95, 99)], [50, 95, 99])
        self.assertEqual(measure.percentile([3.0, 1.0, 2.0], 50), 2.0)
        self.assertEqual(measure.percentile([7.0], 99), 7.0)
        self.assertIsNone(measure.percentile([], 50))

    def test_the_payload_is_about_a_kilobyte_and_every_step_adds_a_field(self):
        self.assertAlmostEqual(len(str(measure.payload())), 1024, delta=64)
        self.assertEqual(measure.expected(2), {**measure.payload(), "step_0": "done", "step_1": "done"})

    def test_a_gap_lies_between_two_steps_of_one_workflow(self):
        gaps = measure.Gaps()
        for workflow, step in (("a", 0), ("b", 0), ("a", 1), ("a", 2), ("b", 1), ("b", 2), ("a", 0)):
            gaps.step(workflow, {}, step, last=step == 2)
        self.assertEqual(len(gaps.between(0, time.perf_counter() + 1)), 4)
        self.assertEqual(gaps.between(0, 0), [])

    def test_an_answer_counts_within_the_window_and_a_wrong_one_always(self):
        window = measure.Window(measure.Row("step", 2, 1, 10.0, measure.FOLDER))
        window.answered(time.perf_counter(), measure.expected(2))  # the warm-up has just begun
        window.ended += [(window.opens, 0.5), (window.closes, 0.5)]
        window.answered(time.perf_counter(), measure.expected(1))
        seen = window.seen(measure.Gaps())
        self.assertEqual((seen.latencies_ms, seen.failed), ([500.0], 1))

    def test_a_row_is_the_median_of_its_repetitions(self):
        def line(rate, p50, failed):
            words = {"peer": "p", "kind": "k", "steps": 2, "concurrent": 1, "version": f"at {rate}", "durability": "d"}
            return words | {"workflows_per_s": rate, "wf_p50_ms": p50, "failed": failed, "first_failure": "late" if failed else None}

        (row,) = table.medians([line(30.0, 1.0, 0), line(10.0, None, 2), line(20.0, 4.0, 1)])
        self.assertEqual((row["workflows_per_s"], row["workflows_per_s_range"]), (20.0, [10.0, 30.0]))
        self.assertEqual((row["wf_p50_ms"], row["failed"], row["first_failure"], row["version"]), (2.5, 3, "late", "at 20.0"))

    def test_everybody_is_measured_on_everything_and_nobody_is_always_first(self):
        peers = [run.Peer("one", ("a", "b"), ()), run.Peer("two", ("c",), ())]
        rows = list(run.rows_in_turn(peers, repetitions=3, seconds=1.0))
        self.assertEqual(len(rows), 3 * 3 * 4)
        for first_of_work in range(4):
            firsts = [rows[repetition * 12 + first_of_work * 3] for repetition in range(3)]
            self.assertEqual({row.kind for _, row in firsts}, {"a", "b", "c"})
            self.assertEqual(len({(row.steps, row.concurrent) for _, row in firsts}), 1)


if __name__ == "__main__":
    unittest.main()
