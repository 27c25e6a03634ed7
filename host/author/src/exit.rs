//! The codes that the verbs end with.

/// All went well.
pub(crate) const SUCCESS: u8 = 0;
/// It failed, or what was tried did.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong, or a file that it names cannot be read.
pub(crate) const USAGE: u8 = 2;
/// Somebody pressed Ctrl-C twice.
pub(crate) const INTERRUPTED: u8 = 130;
