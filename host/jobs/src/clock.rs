//! The wall clock.

use jiff::Timestamp;

/// The time, as exact as the store keeps it: to the microsecond.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).expect("cutting digits off keeps a time in range")
}
