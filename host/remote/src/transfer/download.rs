//! One file from the server to the daemon.

use super::work::{OneFile, Work};
use crate::Attributes;
use hostler_model::Failure;
use std::path::Path;

impl Work {
    /// Moves a file of the server to the daemon, `local` below the transfer's root. `known` is what a listing told of it,
    /// which saves asking again. Asks for the admission of all that it does.
    pub(super) async fn download_file(
        &self,
        remote: &str,
        local: &Path,
        known: Option<&Attributes>,
    ) -> Result<OneFile, Failure> {
        unimplemented!("{remote} {} {known:?}", local.display())
    }
}
