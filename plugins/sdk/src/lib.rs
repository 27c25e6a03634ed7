//! What a plugin of Hostler is written with.
//!
//! A plugin is a component for WebAssembly. A **driver** says what may be asked of a kind of server
//! and carries it out; a **policy** says whether a job, and each action of it, may happen. Either is
//! a type that implements [`driver::Driver`] or [`policy::Policy`], named once in [`driver!`] or
//! [`policy!`], in a crate of type `cdylib`:
//!
//! ```
//! use hostler_sdk::driver::{Description, Driver, Item, Normalised};
//! use hostler_sdk::{Error, Job, Problem, Request, Target};
//!
//! /// A driver that connects to nothing.
//! pub struct Nothing;
//!
//! impl Driver for Nothing {
//!     fn describe() -> Description {
//!         Description {
//!             name: "nothing".into(),
//!             version: env!("CARGO_PKG_VERSION").into(),
//!             summary: "Does nothing.".into(),
//!             connection_schema: r#"{"type": "object"}"#.into(),
//!             driver_schema: r#"{"type": "object"}"#.into(),
//!         }
//!     }
//!
//!     fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
//!         let target = Target { host: "localhost".into(), port: 22, user: "nobody".into(), jumps: vec![] };
//!         Ok(Normalised { target, request, warnings: vec![] })
//!     }
//!
//!     fn execute(_job: Job) -> Result<Vec<Item>, Error> {
//!         Ok(vec![])
//!     }
//! }
//!
//! hostler_sdk::driver!(Nothing);
//! # fn main() {}
//! ```
//!
//! `hostler plugin new NAME --lang rust` makes such a crate, with its manifest and what it can be tried with.
//!
//! Every job gets a fresh instance, which is dropped afterwards: nothing kept in a `static` lives
//! longer than the job. There is no clock, file, network, environment or randomness but what the
//! modules here lend. A panic is written to the daemon's log and ends the job.
//!
//! On the host, logic can be tested with plain `cargo test`; the functions that ask the daemon for
//! something ([`ssh`], [`detached`], [`shell`], [`sftp`], [`local_files`], [`transfer`], [`results`], [`secrets`], [`clock`],
//! [`random`], [`control`]) panic there, and [`log`] writes to standard error.

#[doc(hidden)]
pub mod bindings;
pub mod clock;
pub mod control;
pub mod detached;
pub mod driver;
pub mod local_files;
pub mod log;
mod panic;
pub mod policy;
mod problem;
pub mod random;
pub mod results;
pub mod secrets;
pub mod sftp;
pub mod shell;
pub mod ssh;
pub mod transfer;

#[doc(inline)]
pub use bindings::driver::hostler::plugin::types::{Error, Hop, Job, Problem, Request, Target};
