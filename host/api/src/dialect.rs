//! The wire formats of `NetPulse`, one module each. What several of them have literally alike is a module beside them.

mod cause;
mod credential;
mod driver;
mod enveloped;
mod exception;
mod fault;
mod fields;
pub(crate) mod letter;
mod listed;
mod queue;
mod rendering;
mod states;
mod template;
mod tested;
mod time;
mod trial;
pub(crate) mod unprefixed;
pub(crate) mod v0_2;
pub(crate) mod v0_3;
pub(crate) mod v0_4;
mod webhook;
mod whole;
mod worker;
