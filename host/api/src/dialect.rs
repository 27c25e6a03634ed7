//! The wire formats of `NetPulse`, one module each. They share nothing but [`crate::coerce`].

pub(crate) mod v0_2;
