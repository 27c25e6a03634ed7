//! One file from the daemon to the server.

use super::work::{OneFile, Work};
use hostler_model::Failure;
use std::path::Path;

impl Work {
    /// Moves a file of the daemon, `local` below the transfer's root, to `remote` on the server. Asks for the admission
    /// of all that it does.
    pub(super) async fn upload_file(&self, local: &Path, remote: &str) -> Result<OneFile, Failure> {
        unimplemented!("{} {remote}", local.display())
    }
}
