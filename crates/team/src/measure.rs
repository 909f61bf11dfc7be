//! Amounts as people write them: lengths of time (`30s`), money (`1.50`) and whole numbers.
//!
//! Owns the two small notations that YAML has no type for. Everything is exact: an amount that
//! cannot be kept to the last digit is refused, not rounded.

use handclasp_core::time::Millis;

use crate::document::Node;

/// The largest whole number that JSON keeps exactly in every language.
pub(crate) const WHOLE_MAX: u64 = (1 << 53) - 1;

/// A hundred years: beyond any deadline, far below what could overflow.
const TIME_MS_MAX: u64 = 100 * 365 * 24 * 3_600_000;

/// A thousand million of any currency.
const COST_MICROS_MAX: u64 = 1_000_000_000 * MICROS;
const MICROS: u64 = 1_000_000;
const MICROS_DIGITS: usize = 6;

/// The units of a length of time. `ms` comes before `s` and `m`, which it would also end in.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 24 * 3_600_000)];

fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// `500ms`, `30s`, `10m`, `1h`, `2d`.
pub(crate) fn duration(text: &str) -> Option<Millis> {
    let (count, unit_ms) = UNITS.iter().find_map(|(unit, unit_ms)| Some((digits(text.strip_suffix(unit)?)?, unit_ms)))?;
    count.checked_mul(*unit_ms).filter(|ms| *ms <= TIME_MS_MAX).map(Millis)
}

/// `2`, `1.50`, `0.000001`: an amount of the team's currency, in millionths.
pub(crate) fn cost_micros(written: &str) -> Option<u64> {
    let (whole, fraction) = written.split_once('.').unwrap_or((written, "0"));
    if fraction.len() > MICROS_DIGITS {
        return None;
    }
    let fraction = digits(&format!("{fraction:0<MICROS_DIGITS$}"))?;
    digits(whole)?.checked_mul(MICROS)?.checked_add(fraction).filter(|micros| *micros <= COST_MICROS_MAX)
}

impl Node {
    /// The length of time that is written here.
    pub(crate) fn duration(&self) -> Option<Millis> {
        duration(self.text()?)
    }

    /// The amount of money that is written here, in millionths.
    pub(crate) fn cost_micros(&self) -> Option<u64> {
        self.value().filter(|value| value.is_number())?;
        cost_micros(self.written()?)
    }

    /// The whole number that is written here.
    pub(crate) fn whole(&self) -> Option<u64> {
        self.value()?.as_u64().filter(|number| *number <= WHOLE_MAX)
    }

    /// The whole number that is written here, where a smaller type holds it.
    pub(crate) fn count<T: TryFrom<u64>>(&self) -> Option<T> {
        T::try_from(self.whole()?).ok()
    }

    /// `true` or `false`.
    pub(crate) fn switch(&self) -> Option<bool> {
        self.value()?.as_bool()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_need_digits_and_a_unit() {
        for (text, ms) in [("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("1h", 3_600_000), ("2d", 172_800_000), ("0s", 0)] {
            assert_eq!(duration(text), Some(Millis(ms)), "{text}");
        }
        for text in ["", "s", "30", "-1s", "+1s", "1.5h", "1 s", "1w", "99999999999999999999s", "40000d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn money_is_exact_to_the_millionth() {
        for (text, micros) in [("1.50", 1_500_000), ("2", 2_000_000), ("0.000001", 1), ("1000000000", COST_MICROS_MAX)] {
            assert_eq!(cost_micros(text), Some(micros), "{text}");
        }
        for text in ["", ".5", "-1", "1e3", "0.0000001", "1.5.0", "1000000001"] {
            assert_eq!(cost_micros(text), None, "{text}");
        }
    }
}
