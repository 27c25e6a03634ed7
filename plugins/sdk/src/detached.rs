//! Commands that go on when their job has ended.

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::detached::{Task, launch};
