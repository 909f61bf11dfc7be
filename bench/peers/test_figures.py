"""Holds the arithmetic behind the published figures: percentiles, gaps, medians, and whose turn it is.

Needs neither a peer nor a clock: `python3 -m unittest discover bench/peers`. Whether a peer does the work is not asked
here; every answer is compared with `measure.expected` while it is measured.
"""

import time
import unittest

import handclasp_server
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
        self.assertEqual(len(gaps.since(0)), 4)
        self.assertEqual(gaps.since(time.perf_counter()), [])

    def test_a_workflow_counts_with_its_share_of_the_window(self):
        one_caller = [(0, 8), (8, 12), (12, 16), (16, 24), (24, 25)]
        seen = self.seen(10, 20, [one_caller])
        self.assertAlmostEqual(seen.workflows_per_s, (2 / 4 + 1 + 4 / 8) / 10)
        self.assertEqual(seen.latencies_ms, [4000, 8000])
        self.assertEqual(seen.answered, 5)

    def test_a_system_in_which_64_end_together_has_the_same_rate_wherever_the_window_lies(self):
        waves = [(began, began + 4) for began in range(0, 40, 4)]
        for opens in (4, 5, 6.5, 7.9):
            self.assertAlmostEqual(self.seen(opens, opens + 3, [waves] * 64).workflows_per_s, 64 / 4)

    def test_a_workflow_that_takes_the_whole_window_is_slow_and_not_absent(self):
        seen = self.seen(10, 13, [[(0, 30)], [(0, 11), (11, 14)]])
        self.assertAlmostEqual(seen.workflows_per_s, (3 / 30 + 1 / 11 + 2 / 3) / 3)
        self.assertEqual(seen.latencies_ms, [30_000, 3000])

    def test_the_load_goes_on_until_what_was_under_way_has_ended(self):
        load = measure.Load(measure.Row("step", 1, 2, 0.0, measure.FOLDER))
        load.answered(0, 0.0, measure.expected(1))
        self.assertTrue(load.goes_on())
        load.closes = 0.0
        load.answered(0, 0.0, measure.expected(1))
        self.assertTrue(load.goes_on())
        load.answered(1, 0.0, measure.expected(2))
        self.assertFalse(load.goes_on())
        seen = load.seen(measure.Gaps())
        self.assertEqual((seen.answered, seen.failed), (2, 1))

    @staticmethod
    def seen(opens, closes, callers):
        return measure.Seen(opens, closes, [[measure.Workflow(*each) for each in caller] for caller in callers], [], 0, None)

    def test_a_row_is_the_median_of_its_repetitions(self):
        def line(rate, p50, failed):
            words = {"peer": "p", "kind": "k", "steps": 2, "concurrent": 1, "version": f"at {rate}", "durability": "d"}
            return words | {"workflows_per_s": rate, "wf_p50_ms": p50, "failed": failed, "first_failure": "late" if failed else None}

        (row,) = table.medians([line(30.0, 1.0, 0), line(10.0, None, 2), line(20.0, 4.0, 1)])
        self.assertEqual((row["workflows_per_s"], row["workflows_per_s_range"]), (20.0, [10.0, 30.0]))
        self.assertEqual((row["wf_p50_ms"], row["failed"], row["first_failure"], row["version"]), (2.5, 3, "late", "at 20.0"))

    def test_our_durability_is_read_where_the_store_is_opened(self):
        self.assertEqual(handclasp_server.synchronous(), "FULL")

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
