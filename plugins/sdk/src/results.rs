//! Results that a driver makes itself, out of what it read in a [`Shell`](crate::shell::Shell).

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::results::{Made, keep};
