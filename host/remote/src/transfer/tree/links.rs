//! Links in a folder that become links on the other side.

use super::{FILES, Tally};
use crate::blocking::blocking;
use crate::sftp::Extension;
use crate::transfer::part::{apart, part_name};
use crate::transfer::source::unreadable;
use crate::transfer::walk::Contents;
use crate::transfer::work::{Work, failed};
use crate::{Attributes, FileChange, FileKind, Step};
use cap_std::fs::Dir;
use futures::future::join_all;
use hostler_model::{ErrorKind, Failure, Phase};
use std::io;
use std::path::{Component, Path};

impl Work {
    pub(super) async fn upload_links<'a>(&self, contents: &'a Contents, tally: &mut Tally<'a>) -> Result<(), Failure> {
        let links: Vec<_> = contents.links.iter().filter(|(link, _)| tally.has_place(link)).collect();
        for some in links.chunks(FILES) {
            let outcomes = join_all(some.iter().map(|(link, text)| self.link_there(self.there(link), text))).await;
            for ((link, _), outcome) in some.iter().zip(outcomes) {
                match outcome {
                    Ok(at_once) => tally.moved.atomic &= at_once,
                    Err(failure) => tally.refused(link, failure)?,
                }
            }
        }
        Ok(())
    }

    /// Makes a link on the server. Says whether it was there at once, if it took the place of something.
    async fn link_there(&self, path: String, text: &str) -> Result<bool, Failure> {
        let path = path.as_str();
        let refused = |error| self.refused(path, error);
        let (client, bytes) = (&self.client, path.as_bytes());
        self.admit(Step::Change(&FileChange::Link { path: path.to_owned(), to: text.to_owned() })).await?;
        let there = client.lstat(bytes).await.map_err(refused);
        match there.map(|there| Attributes::from(there).kind) {
            Err(failure) if failure.kind == ErrorKind::NotFound => {
                client.symlink(text.as_bytes(), bytes).await.map_err(refused)?;
                return Ok(true);
            }
            Err(failure) => return Err(failure),
            Ok(FileKind::Link) if client.read_link(bytes).await.is_ok_and(|there| there == text.as_bytes()) => {
                return Ok(true);
            }
            Ok(FileKind::Folder) => return Err(is_folder(path)),
            Ok(_) if !self.transfer.overwrite => return Err(is_there(path)),
            Ok(_) => {}
        }
        let at_once = client.offers(Extension::PosixRename);
        if at_once {
            let (folder, name) = apart(path);
            let part = [folder, &part_name(name, None)].concat();
            client.symlink(text.as_bytes(), part.as_bytes()).await.map_err(refused)?;
            if let Err(error) = client.posix_rename(part.as_bytes(), bytes).await {
                self.leave(client.remove(part.as_bytes()));
                return Err(refused(error));
            }
        } else {
            client.remove(bytes).await.map_err(refused)?;
            client.symlink(text.as_bytes(), bytes).await.map_err(refused)?;
        }
        Ok(at_once)
    }

    pub(super) async fn download_links<'a>(
        &self,
        contents: &'a Contents,
        tally: &mut Tally<'a>,
    ) -> Result<(), Failure> {
        for (link, text) in &contents.links {
            if !tally.has_place(link) {
                continue;
            }
            if leads_out(text, link.depth() - 1) {
                tally.failed(link.path.clone(), "The link leads out of the folder.".into());
                continue;
            }
            let (root, path) = (self.transfer.local.root.clone(), self.here(link));
            let (shown, text, overwrite) = (self.shown(&path), text.clone(), self.transfer.overwrite);
            let linked = blocking(Phase::Transfer, move || link_here(&root, &path, &text, overwrite)).await?;
            match linked.map_err(|error| unreadable(&shown, &error)) {
                Ok(Linked::Done) => {}
                Ok(Linked::IsFolder) => tally.refused(link, is_folder(&shown))?,
                Ok(Linked::IsThere) => tally.refused(link, is_there(&shown))?,
                Err(failure) => tally.refused(link, failure)?,
            }
        }
        Ok(())
    }
}

/// How making a link ended.
enum Linked {
    Done,
    IsFolder,
    IsThere,
}

fn link_here(root: &Dir, path: &Path, text: &str, overwrite: bool) -> io::Result<Linked> {
    match root.symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => root.symlink_contents(text, path)?,
        Err(error) => return Err(error),
        Ok(there) if there.is_symlink() && root.read_link_contents(path)? == Path::new(text) => {}
        Ok(there) if there.is_dir() => return Ok(Linked::IsFolder),
        Ok(_) if !overwrite => return Ok(Linked::IsThere),
        Ok(_) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let part = path.with_file_name(part_name(&name, None));
            root.symlink_contents(text, &part)?;
            if let Err(error) = root.rename(&part, root, path) {
                root.remove_file(&part)?;
                return Err(error);
            }
        }
    }
    Ok(Linked::Done)
}

/// Whether a link that lies in so many folders could lead out of the outermost one. After a name, `..` need not lead
/// back to where the name is, because that may be a link too.
fn leads_out(text: &str, depth: usize) -> bool {
    let mut steps = Path::new(text).components().peekable();
    let mut up = 0;
    while steps.next_if(|step| matches!(step, Component::ParentDir | Component::CurDir)).is_some_and(|step| {
        up += usize::from(step == Component::ParentDir);
        true
    }) {}
    up > depth || steps.any(|step| !matches!(step, Component::Normal(_) | Component::CurDir))
}

fn is_folder(path: &str) -> Failure {
    failed(format!("`{path}` is a folder already, and a link is to be there: remove it."))
}

fn is_there(path: &str) -> Failure {
    failed(format!("`{path}` is there already: set `overwrite`, or remove it."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_may_lead_up_as_far_as_the_folder_goes() {
        for (text, depth) in [("a", 0), ("./a/b", 0), (".", 0), ("../a", 1), ("./../../a", 2), ("..", 1), ("", 0)] {
            assert!(!leads_out(text, depth), "{text} in {depth}");
        }
        for (text, depth) in [("..", 0), ("/", 9), ("/etc/passwd", 9), ("../../a", 1), ("a/../..", 1), ("a/../b", 1)] {
            assert!(leads_out(text, depth), "{text} in {depth}");
        }
    }
}
