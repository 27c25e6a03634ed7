//! The daemon's own files: those that jobs may move, and those that clients leave here.
//!
//! [`Roots`] are the folders that the operator lends to jobs. A path is looked for in them and nowhere else: no `..` and
//! no link leads out. [`Staged`] keeps what clients hand over and fetch by its id, under limits of size and age.
//! [`Config`] makes both.
//!
//! This room knows no runtime: everything in it blocks, as files do. Whoever is asynchronous calls it from a thread for
//! that (`spawn_blocking`).

mod config;
mod error;
mod roots;
mod staged;

pub use config::{Config, Files};
pub use error::Error;
pub use roots::{Place, Roots};
pub use staged::{Slot, Staged, StagedFile, Writer};
