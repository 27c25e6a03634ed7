//! How far one clock is from another.

use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What asking once tells of another clock.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Offset {
    /// How many seconds it is ahead; negative: behind.
    ahead: f64,
    /// By how many seconds that may be wrong: nobody knows when between question and answer it was looked at.
    plus_minus: f64,
}

impl Offset {
    /// What a clock told that was asked between two moments, in seconds since 1970. None if that is no time.
    pub(crate) fn new(before: SystemTime, told: &str, after: SystemTime) -> Option<Self> {
        let told = Duration::try_from_secs_f64(told.trim().parse().ok()?).ok()?.as_secs_f64();
        let [before, after] = [before, after].map(|moment| moment.duration_since(UNIX_EPOCH).ok());
        let (before, after) = (before?.as_secs_f64(), after?.as_secs_f64());
        Some(Self { ahead: told - before.midpoint(after), plus_minus: (after - before) / 2.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_told_is_held_against_the_middle_of_asking() {
        let offset = |told| Offset::new(at(1_000), told, at(1_002));
        assert_eq!(offset("1011.5\n"), Some(Offset { ahead: 10.5, plus_minus: 1.0 }));
        assert_eq!(offset("991.0\n"), Some(Offset { ahead: -10.0, plus_minus: 1.0 }));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for told in ["", "date: bad", "-1", "NaN", "1e400"] {
            assert_eq!(Offset::new(at(1), told, at(2)), None, "{told}");
        }
    }
}
