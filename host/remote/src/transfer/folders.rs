//! Folders of the server above what is moved.

use super::Step;
use super::work::Work;
use crate::FileChange;
use crate::sftp::{Error, StatusCode};
use futures::future::join_all;
use hostler_model::Failure;

impl Work {
    /// Makes the folders that are missing above a path.
    pub(super) async fn make_folders(&self, path: &str) -> Result<(), Failure> {
        let above = path.match_indices('/').map(|(slash, _)| &path[..slash]);
        let folders: Vec<_> = above.filter(|folder| !folder.is_empty()).collect();
        let seen = join_all(folders.iter().map(|folder| self.client.stat(folder.as_bytes()))).await;
        for (folder, seen) in folders.into_iter().zip(seen) {
            match seen {
                Ok(_) => {}
                Err(Error::Status(status)) if status.code == StatusCode::NoSuchFile => {
                    self.admit(Step::Change(&FileChange::MakeFolder { path: folder.to_owned() })).await?;
                    let made = self.client.make_folder(folder.as_bytes(), None).await;
                    // Another file of this transfer may have been faster.
                    if let Err(error) = made
                        && self.client.stat(folder.as_bytes()).await.is_err()
                    {
                        return Err(self.refused(folder, error));
                    }
                }
                Err(error) => return Err(self.refused(folder, error)),
            }
        }
        Ok(())
    }
}
