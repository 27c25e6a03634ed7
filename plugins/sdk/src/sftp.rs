//! Operations on the files of the job's own target, for drivers that look before they act.
//!
//! ```no_run
//! # fn look(session: &hostler_sdk::ssh::Session) -> Result<(), hostler_sdk::Error> {
//! use hostler_sdk::sftp::Sftp;
//!
//! let files = Sftp::open(session)?;
//! let motd = files.read("/etc/motd", 0, 64 << 10)?;
//! hostler_sdk::log::info(&String::from_utf8_lossy(&motd));
//! for entry in files.list("/etc/apt/sources.list.d")?.entries {
//!     hostler_sdk::log::info(&entry.name);
//! }
//! files.close()
//! # }
//! ```
//!
//! A path has one spelling: no `..`, no `.` as a part, no `//`, no slash at its end. What a file holds
//! comes as it is, secrets included. A listing is cut at 10,000 entries and says so; names that are not
//! UTF-8 are left out of it and counted. [`Sftp::write`] replaces a file in place; writing beside it,
//! removing it and renaming leaves a moment without one. A [`transfer`](crate::transfer) moves whole files, and replaces
//! one at once. A [`File`] is read and written piece by piece.

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::sftp::{Attributes, Entry, File, Listing, OpenMode, Sftp};

impl Default for OpenMode {
    /// To read what exists.
    fn default() -> Self {
        Self { read: true, write: false, create: "never".into() }
    }
}
