//! The mode of a file whose content stays as it is.

use super::Step;
use super::source::unreadable;
use super::work::Work;
use crate::FileChange;
use crate::blocking::blocking;
use crate::sftp::FileAttributes;
use cap_std::fs::{Permissions, PermissionsExt};
use hostler_model::{Failure, Phase};
use std::path::Path;

impl Work {
    /// Gives a file of the server the mode that is asked for, unless that is what it `has`.
    pub(super) async fn set_mode_there(&self, remote: &str, has: Option<u32>) -> Result<(), Failure> {
        let Some(mode) = self.missing_mode(has) else { return Ok(()) };
        self.admit(Step::Change(&FileChange::SetMode { path: remote.to_owned(), mode })).await?;
        let attributes = FileAttributes { mode: Some(mode), ..FileAttributes::default() };
        let set = self.client.setstat(remote.as_bytes(), &attributes).await;
        set.map_err(|error| self.refused(remote, error))
    }

    /// The same of a file of the daemon.
    pub(super) async fn set_mode_here(&self, local: &Path, has: Option<u32>) -> Result<(), Failure> {
        let Some(mode) = self.missing_mode(has) else { return Ok(()) };
        let (root, path) = (self.transfer.local.root.clone(), local.to_owned());
        let setting = blocking(Phase::Transfer, move || root.set_permissions(path, Permissions::from_mode(mode)));
        setting.await?.map_err(|error| unreadable(&self.shown(local), &error))
    }

    fn missing_mode(&self, has: Option<u32>) -> Option<u32> {
        self.transfer.mode.filter(|&mode| has != Some(mode))
    }
}
