//! Random numbers of the daemon's system, fit for keys.
//!
//! ```no_run
//! let suffix: String = hostler_sdk::random::bytes(8).iter().map(|byte| format!("{byte:02x}")).collect();
//! let part = format!("/tmp/upload-{suffix}");
//! ```

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::random::bytes;
