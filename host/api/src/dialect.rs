//! The wire formats of `NetPulse`, one module each. What several of them have literally alike is a module beside them.

mod credential;
mod driver;
mod exception;
mod fault;
mod fields;
mod states;
mod time;
pub(crate) mod v0_2;
mod webhook;
mod whole;
