//! Whole files and folders, moved by the daemon between its own machine and the job's target.
//!
//! ```no_run
//! # use hostler_sdk::{Error, ssh::Session};
//! use hostler_sdk::driver::Item;
//! use hostler_sdk::local_files::LocalFile;
//! use hostler_sdk::transfer::{Options, upload};
//!
//! # fn send(connect: impl Fn() -> Result<Session, Error>) -> Result<Item, Error> {
//! let image = LocalFile::to_read("images/router.bin")?;
//! let session = connect()?;
//! let moved = upload(&session, &image, "/flash/router.bin", &Options::default())?;
//! Ok(Item { command: "upload".into(), run: moved.id })
//! # }
//! ```
//!
//! A file changes at once: it is written beside its target and then takes the target's place.

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::transfer::{Moved, Options, download, upload};

impl Default for Options {
    /// One file, which replaces what is there, from its beginning, as fast as possible, within the operator's deadline.
    fn default() -> Self {
        Self {
            recursive: false,
            overwrite: true,
            resume: false,
            compare: "never".into(),
            links: "copy".into(),
            verify: None,
            request_size: None,
            mode: None,
            make_folders: false,
            in_place: false,
            durable: false,
            timeout_ms: None,
        }
    }
}
