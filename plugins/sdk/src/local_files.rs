//! Files of the daemon's own machine: which of them a [`transfer`](crate::transfer) reads or writes.
//!
//! A driver names them and never sees what they hold. They lie below the folders that the operator names; a relative path
//! starts at the first of those. Ask before you connect: what is refused here needs no session.
//!
//! The module [`transfer`](crate::transfer) has an example. Capability: `local-files`.

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::local_files::LocalFile;
