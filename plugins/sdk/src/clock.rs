//! The time, and waiting.
//!
//! ```no_run
//! # use hostler_sdk::{Error, clock, ssh::{Exec, Session}};
//! # fn settled(session: &Session) -> Result<(), Error> {
//! while session.run(&Exec::new("systemctl is-active app"))?.exit_status != Some(0) {
//!     clock::sleep(2_000)?; // fails when the job has to end
//! }
//! # Ok(())
//! # }
//! ```

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::clock::{now_ms, sleep};
