//! The wire formats of `NetPulse`, one module each. They share nothing but [`crate::coerce`].

mod credential;
pub(crate) mod v0_2;
mod webhook;
