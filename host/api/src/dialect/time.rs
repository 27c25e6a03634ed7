//! Times as Python writes them.

use jiff::Timestamp;

/// ISO 8601 as Python's `isoformat` writes it: microseconds and `+00:00`.
pub(super) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

/// Seconds from one time to another.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
