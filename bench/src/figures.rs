//! Times that were taken, what they come to, and how they are printed.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// How long each of many things took, and how long all of them together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times {
    nanos: Vec<u64>,
    altogether: Duration,
}

impl Times {
    /// One more.
    pub(crate) fn took(&mut self, time: Duration) {
        self.nanos.push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// These things were done at the same time as the others.
    pub(crate) fn beside(&mut self, others: Self) {
        self.nanos.extend(others.nanos);
    }

    /// They were done within this time.
    pub(crate) fn within(mut self, altogether: Duration) -> Self {
        self.altogether = altogether;
        self.nanos.sort_unstable();
        self
    }

    /// They were done one after the other, with something else in between.
    pub(crate) fn one_by_one(self) -> Self {
        let altogether = Duration::from_nanos(self.nanos.iter().sum());
        self.within(altogether)
    }

    /// The same was done once more, afterwards.
    pub(crate) fn add(&mut self, later: Self) {
        self.nanos.extend(later.nanos);
        self.nanos.sort_unstable();
        self.altogether += later.altogether;
    }

    /// As one process tells another.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "nanos": self.nanos, "altogether": self.altogether.as_secs_f64() })
    }

    /// As another process has told it.
    pub(crate) fn from_json(value: &Value) -> Self {
        let nanos = value["nanos"].as_array().expect("times").iter().filter_map(Value::as_u64).collect();
        let altogether = Duration::from_secs_f64(value["altogether"].as_f64().expect("a time"));
        Self { nanos, altogether: Duration::ZERO }.within(altogether)
    }

    /// How many were done in a second.
    #[expect(clippy::cast_precision_loss, reason = "nobody reads the sixteenth digit")]
    pub(crate) fn per_second(&self) -> f64 {
        self.nanos.len() as f64 / self.altogether.as_secs_f64()
    }

    /// The time within which this share of them was done, in microseconds.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count is one")]
    pub(crate) fn micros(&self, share: f64) -> f64 {
        let place = ((self.nanos.len() as f64 * share) as usize).min(self.nanos.len().saturating_sub(1));
        self.nanos.get(place).map_or(f64::NAN, |nanos| *nanos as f64 / 1_000.0)
    }
}

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    what: &'static str,
    in_flight: usize,
    per_second: f64,
    /// p50, p90, p99, p99.9 and the longest, in microseconds.
    micros: [f64; 5],
}

const SHARES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

impl Row {
    pub(crate) fn new(what: &'static str, in_flight: usize, times: &Times) -> Self {
        Self { what, in_flight, per_second: times.per_second(), micros: SHARES.map(|(_, share)| times.micros(share)) }
    }
}

/// What a ratio is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    None,
}

/// A figure that was promised.
#[derive(Debug)]
pub(crate) struct Ratio {
    what: &'static str,
    found: f64,
    bound: Bound,
}

impl Ratio {
    pub(crate) fn new(what: &'static str, found: f64, bound: Bound) -> Self {
        Self { what, found, bound }
    }

    fn is_met(&self) -> Option<bool> {
        match self.bound {
            Bound::AtLeast(least) => Some(self.found >= least),
            Bound::AtMost(most) => Some(self.found <= most),
            Bound::None => None,
        }
    }

    fn promised(&self) -> String {
        match self.bound {
            Bound::AtLeast(least) => format!("at least {least}"),
            Bound::AtMost(most) => format!("at most {most}"),
            Bound::None => String::new(),
        }
    }
}

/// Everything as a person reads it.
pub(crate) fn table(rows: &[Row], ratios: &[Ratio]) -> String {
    let mut text = format!("{:<38} {:>9} {:>9}", "", "in flight", "per s");
    for (name, _) in SHARES {
        let _ = write!(text, " {name:>9}");
    }
    text.push_str("   (µs)\n");
    for row in rows {
        let _ = write!(text, "{:<38} {:>9} {:>9.0}", row.what, row.in_flight, row.per_second);
        for micros in row.micros {
            let _ = write!(text, " {micros:>9.1}");
        }
        text.push('\n');
    }
    text.push('\n');
    for ratio in ratios {
        let verdict = match ratio.is_met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let _ = writeln!(text, "{:<52} {:>8.2}   {:<13} {verdict}", ratio.what, ratio.found, ratio.promised());
    }
    text
}

/// Everything as a program reads it.
pub(crate) fn json(rows: &[Row], ratios: &[Ratio]) -> Value {
    let row = |row: &Row| {
        let micros: serde_json::Map<String, Value> =
            SHARES.iter().zip(row.micros).map(|((name, _), micros)| ((*name).to_owned(), json!(micros))).collect();
        json!({ "what": row.what, "in_flight": row.in_flight, "per_second": row.per_second, "micros": micros })
    };
    let ratio = |ratio: &Ratio| json!({ "what": ratio.what, "found": ratio.found, "promised": ratio.promised(), "met": ratio.is_met() });
    json!({ "rows": rows.iter().map(row).collect::<Vec<_>>(), "ratios": ratios.iter().map(ratio).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_taken_from_what_is_sorted() {
        let mut times = Times::default();
        (1..=100).rev().for_each(|micros| times.took(Duration::from_micros(micros)));
        let times = times.within(Duration::from_secs(2));
        let found = [times.per_second(), times.micros(0.5), times.micros(0.99), times.micros(1.0)].map(|figure| format!("{figure:.0}"));
        assert_eq!(found, ["50", "51", "100", "100"]);
    }

    #[test]
    fn a_missed_promise_is_shown() {
        let ratios = [Ratio::new("share", 0.4, Bound::AtLeast(0.5)), Ratio::new("price", 3.0, Bound::AtMost(4.0))];
        let text = table(&[], &ratios);
        let verdicts: Vec<bool> = text.lines().skip(2).map(|line| line.ends_with("MISSED")).collect();
        assert_eq!(verdicts, [true, false]);
    }
}
