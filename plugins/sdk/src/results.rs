//! Results that a driver makes itself, out of what it read in a [`Shell`](crate::shell::Shell).
//!
//! ```no_run
//! use hostler_sdk::driver::Item;
//! use hostler_sdk::results::{Made, keep};
//!
//! # fn kept(answer: Vec<u8>) -> Result<Item, hostler_sdk::Error> {
//! let command = "show version".to_owned();
//! let run = keep(&Made { command: command.clone(), output: answer, exit_status: Some(0) })?;
//! Ok(Item { command, run })
//! # }
//! ```

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::results::{Made, keep};
