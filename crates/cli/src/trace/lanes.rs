//! The timeline of a run: one lane per handoff, drawn with characters that need no colour.

use handclasp_core::time::{Millis, Timestamp};

use super::{Hop, Trace};

/// Nobody works on it.
const WAITS: char = '·';
/// Somebody works on it.
const WORKS: char = '█';
/// An attempt ended here without a result.
const BREAKS: char = '✗';

/// The narrowest timeline that still tells something.
const WIDTH_MIN: usize = 20;

/// Draws the lanes, at most `columns` wide.
pub(super) fn lanes(trace: &Trace, columns: usize) -> Vec<String> {
    let names: Vec<&str> = trace.handoffs.iter().map(|hop| hop.step.as_str()).collect();
    let indent = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 2;
    let width = columns.saturating_sub(indent).max(WIDTH_MIN);
    let scale = Scale { start: trace.opened_at_ms, length: trace.touched_at_ms.since(trace.opened_at_ms), width };
    let mut lines = vec![format!("{:indent$}{}", "", scale.head())];
    lines.extend(trace.handoffs.iter().map(|hop| format!("{:indent$}{}", hop.step, lane(hop, &scale, trace.touched_at_ms))));
    lines
}

fn lane(hop: &Hop, scale: &Scale, last: Timestamp) -> String {
    let mut cells = vec![' '; scale.width];
    let end = hop.ended_at_ms.unwrap_or(last);
    fill(&mut cells, scale, hop.offered_at_ms, end, WAITS);
    for attempt in &hop.attempts {
        let to = attempt.to_ms.unwrap_or(last);
        fill(&mut cells, scale, attempt.from_ms, to, WORKS);
        if attempt.to_ms.is_some() && attempt.end != "completed" {
            cells[scale.column(to)] = BREAKS;
        }
    }
    cells.into_iter().collect::<String>().trim_end().to_owned()
}

fn fill(cells: &mut [char], scale: &Scale, from: Timestamp, to: Timestamp, with: char) {
    cells[scale.column(from)..=scale.column(to)].fill(with);
}

struct Scale {
    start: Timestamp,
    length: Millis,
    width: usize,
}

impl Scale {
    /// The column of a moment, from 0; the last event is in the last one.
    fn column(&self, at: Timestamp) -> usize {
        let last = self.width - 1;
        let elapsed = at.since(self.start).0.min(self.length.0);
        let column = u128::from(elapsed) * last as u128 / u128::from(self.length.0.max(1));
        usize::try_from(column).unwrap_or(last)
    }

    fn head(&self) -> String {
        let length = self.length.to_string();
        format!("0 s{length:>width$}", width = self.width.saturating_sub(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_in_its_column_and_nothing_lies_outside() {
        let scale = Scale { start: Timestamp(1_000), length: Millis(100), width: 11 };
        let columns: Vec<usize> = [0, 1_000, 1_050, 1_100, 9_999].into_iter().map(|at| scale.column(Timestamp(at))).collect();
        assert_eq!(columns, [0, 0, 5, 10, 10]);
        assert_eq!(scale.head(), "0 s  100 ms");
        let instant = Scale { start: Timestamp(5), length: Millis(0), width: 20 };
        assert_eq!(instant.column(Timestamp(5)), 0);
    }
}
