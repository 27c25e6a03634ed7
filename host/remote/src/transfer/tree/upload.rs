//! A folder of the daemon becomes one of the server.

use super::{FILES, Tally, ends_all};
use crate::sftp::FileAttributes;
use crate::transfer::compare::Pair;
use crate::transfer::space::check_remote;
use crate::transfer::walk::Item;
use crate::transfer::work::{Work, failed};
use crate::{Attributes, FileChange, FileKind, Step};
use futures::future::join_all;
use hostler_model::{ErrorKind, Failure, Moved};

impl Work {
    /// Moves the folder of the daemon that the transfer names, with all that is in it, to the server.
    pub(in crate::transfer) async fn upload_tree(&self) -> Result<Moved, Failure> {
        let mut contents = self.walk_local().await?;
        let mut tally = Tally::new(self, std::mem::take(&mut contents.unmoved));
        check_remote(self, &self.transfer.remote, self.room_for(&contents)).await?;
        let made = self.make_folders_there(&contents.folders, &mut tally).await?;
        let pair = |file: &Item| Pair {
            local: self.transfer.local.path.join(&file.source),
            remote: self.there(file),
            source: file.attributes.clone(),
        };
        self.move_files(&contents.files, pair, &mut tally).await?;
        self.upload_links(&contents, &mut tally).await?;
        self.finish_folders_there(made, &mut tally).await?;
        Ok(tally.moved)
    }

    /// A path of the server.
    pub(super) fn there(&self, item: &Item) -> String {
        let top = self.transfer.remote.trim_end_matches('/');
        match item.path.as_str() {
            "" if top.is_empty() => "/".to_owned(),
            "" => top.to_owned(),
            path => format!("{top}/{path}"),
        }
    }

    /// Makes the folders that are not there, level by level. Gives those that it made.
    async fn make_folders_there<'a>(
        &self,
        folders: &'a [Item],
        tally: &mut Tally<'a>,
    ) -> Result<Vec<&'a Item>, Failure> {
        let mut folders: Vec<_> = folders.iter().collect();
        folders.sort_by_key(|folder| folder.depth());
        let mut made: Vec<&Item> = Vec::new();
        for level in folders.chunk_by(|a, b| a.depth() == b.depth()) {
            let placed: Vec<_> = level.iter().copied().filter(|folder| tally.has_place(folder)).collect();
            for some in placed.chunks(FILES) {
                let outcomes = join_all(some.iter().map(|folder| self.make_folder_there(folder))).await;
                for (folder, outcome) in some.iter().zip(outcomes) {
                    match outcome {
                        Ok(true) => made.push(folder),
                        Ok(false) => {}
                        Err(failure) if folder.path.is_empty() => return Err(failure),
                        Err(failure) => tally.lose(folder, failure)?,
                    }
                }
            }
        }
        Ok(made)
    }

    /// Makes a folder unless it is there. Says whether it did. Only the outermost may be a link to one.
    async fn make_folder_there(&self, folder: &Item) -> Result<bool, Failure> {
        let (path, is_top) = (self.there(folder), folder.path.is_empty());
        let making = FileChange::MakeFolder { path: path.clone() };
        let looking = if is_top {
            self.client.stat(path.as_bytes())
        } else {
            self.admit(Step::Change(&making)).await?;
            self.client.lstat(path.as_bytes())
        };
        let there = looking.await.map_err(|error| self.refused(&path, error));
        match there.map(Attributes::from) {
            Ok(there) if there.kind == FileKind::Folder => return Ok(false),
            Ok(_) => return Err(failed(format!("`{path}` is there already, and is no folder: remove it."))),
            Err(failure) if failure.kind != ErrorKind::NotFound => return Err(failure),
            Err(_) => {}
        }
        if is_top {
            if self.transfer.make_folders {
                self.make_folders(&path).await?;
            }
            self.admit(Step::Change(&making)).await?;
        }
        // Its own mode comes last: it may forbid us to put anything into it.
        let mode = folder.attributes.mode.map(|mode| mode | 0o700);
        self.client.make_folder(path.as_bytes(), mode).await.map_err(|error| self.refused(&path, error))?;
        Ok(true)
    }

    /// Gives folders the mode and time that they had here, those inside others first.
    async fn finish_folders_there(&self, mut made: Vec<&Item>, tally: &mut Tally<'_>) -> Result<(), Failure> {
        made.sort_by_key(|folder| std::cmp::Reverse(folder.depth()));
        for level in made.chunk_by(|a, b| a.depth() == b.depth()) {
            for some in level.chunks(FILES) {
                let outcomes = join_all(some.iter().map(|folder| self.finish_folder_there(folder))).await;
                for (folder, outcome) in some.iter().zip(outcomes) {
                    match outcome {
                        Err(failure) if ends_all(&failure) => return Err(failure),
                        Err(_) => {
                            tally.warn(format!("The server did not set mode and time of `{}`.", self.there(folder)));
                        }
                        Ok(()) => {}
                    }
                }
            }
        }
        Ok(())
    }

    async fn finish_folder_there(&self, folder: &Item) -> Result<(), Failure> {
        let path = self.there(folder);
        let times = folder.attributes.modified.map(|time| (time, time));
        let attributes = FileAttributes { mode: folder.attributes.mode, times, ..FileAttributes::default() };
        let set = self.client.setstat(path.as_bytes(), &attributes).await;
        set.map_err(|error| self.refused(&path, error))
    }
}
