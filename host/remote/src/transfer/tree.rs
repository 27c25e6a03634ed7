//! A folder with all that is in it.

use super::work::Work;
use hostler_model::{Failure, Moved};

impl Work {
    /// Moves the folder of the daemon that the transfer names, with all that is in it, to the server.
    pub(super) async fn upload_tree(&self) -> Result<Moved, Failure> {
        unimplemented!("{}", self.transfer.remote)
    }

    /// Moves the folder of the server that the transfer names, with all that is in it, to the daemon.
    pub(super) async fn download_tree(&self) -> Result<Moved, Failure> {
        unimplemented!("{}", self.transfer.remote)
    }
}
