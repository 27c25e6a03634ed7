//! How the job stands: what time it has left, and whether it was canceled.
//!
//! A driver need not ask: calls that act fail by themselves when the job has to end. It helps who begins something that
//! should not stop halfway.
//!
//! ```no_run
//! # use hostler_sdk::{Error, control};
//! # fn begin() -> Result<(), Error> {
//! if control::canceled() || control::time_left_ms() < 60_000 {
//!     return Err(Error::new("timeout", "exec", "An upgrade needs a minute: give the job more time."));
//! }
//! # Ok(())
//! # }
//! ```

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::control::{canceled, time_left_ms};
