//! Links in a folder that become links on the other side.

use super::{FILES, Tally};
use crate::blocking::blocking;
use crate::transfer::landing::real;
use crate::transfer::part::{apart, part_name};
use crate::transfer::place::Place;
use crate::transfer::source::unreadable;
use crate::transfer::walk::{Contents, Item, inside};
use crate::transfer::work::{Work, failed};
use crate::{Attributes, FileChange, FileKind, Step};
use cap_std::fs::Dir;
use futures::future::join_all;
use hostler_model::{ErrorKind, Failure, Phase};
use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Things of the daemon that the links of a transfer may lead to: each is judged.
const LOOKS: usize = 100_000;

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
        let (folder, name) = apart(path);
        let mut part = Place::new(self, path, [folder, &part_name(name, None)].concat());
        // No later transfer goes on with a link.
        part.condemn();
        client.symlink(text.as_bytes(), part.path().as_bytes()).await.map_err(refused)?;
        part.take_place(true).await
    }

    pub(super) async fn download_links<'a>(
        &self,
        contents: &'a Contents,
        tally: &mut Tally<'a>,
    ) -> Result<(), Failure> {
        let mut admitted = HashSet::new();
        for (link, text) in &contents.links {
            if !tally.has_place(link) {
                continue;
            }
            if leads_out(text, link.depth() - 1) {
                tally.failed(link.path.clone(), "The link leads out of the folder.".into());
                continue;
            }
            if let Err(failure) = self.make_link_here(link, text, &mut admitted).await {
                tally.refused(link, failure)?;
            }
        }
        Ok(())
    }

    /// Makes a link of the daemon. What may be done with it may be done with what it leads to, and with all that is
    /// below that, so all of it is judged, but for what is in `admitted`.
    async fn make_link_here(&self, link: &Item, text: &str, admitted: &mut HashSet<PathBuf>) -> Result<(), Failure> {
        let (root, path, text) = (&self.transfer.local.root, self.here(link), text.to_owned());
        let (shown, to, limit) = (self.shown(&path), led_to(&path, &text), LOOKS.saturating_sub(admitted.len()));
        let unreadable = |error: io::Error| unreadable(&shown, &error);
        for one in [&path, &to] {
            self.admit_below(&link.source, one, Some(0)).await?;
        }
        let (there, place) = (root.clone(), path.clone());
        let finding = blocking(Phase::Transfer, move || {
            let folder = real(&there, place.parent().unwrap_or(Path::new("")))?;
            let mut found = all_of(&there, real(&there, &to)?, limit)?;
            found.extend(place.file_name().map(|name| folder.join(name)));
            Ok(found)
        });
        for one in finding.await?.map_err(unreadable)? {
            if !admitted.contains(&one) {
                self.admit_below(&link.source, &one, Some(0)).await?;
                admitted.insert(one);
            }
        }
        let (root, overwrite) = (root.clone(), self.transfer.overwrite);
        let linked = blocking(Phase::Transfer, move || link_here(&root, &path, &text, overwrite)).await?;
        match linked.map_err(unreadable)? {
            Linked::Done => Ok(()),
            Linked::IsFolder => Err(is_folder(&shown)),
            Linked::IsThere => Err(is_there(&shown)),
        }
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

/// Where a link leads that does not [lead out](leads_out). The folders above it are none of them links.
fn led_to(link: &Path, text: &str) -> PathBuf {
    let mut to = link.parent().unwrap_or(Path::new("")).to_owned();
    for step in Path::new(text).components() {
        match step {
            Component::ParentDir => _ = to.pop(),
            Component::CurDir => {}
            step => to.push(step),
        }
    }
    to
}

/// A path, and what is below it if it is a folder. No link is followed.
fn all_of(root: &Dir, path: PathBuf, limit: usize) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![path];
    let mut next = 0;
    while let Some(one) = found.get(next).cloned() {
        next += 1;
        if root.symlink_metadata(inside(&one)).is_ok_and(|there| there.is_dir()) {
            for entry in root.read_dir(inside(&one))? {
                found.push(one.join(entry?.file_name()));
            }
        }
        if found.len() > limit {
            return Err(io::Error::other("links lead to more files than anybody judges"));
        }
    }
    Ok(found)
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
    fn a_link_leads_to_what_its_text_says_from_its_folder_on() {
        for (link, text, to) in
            [("in/x", "../keys/id", "keys/id"), ("in/a/x", "./b", "in/a/b"), ("in/x", ".", "in"), ("in/x", "..", "")]
        {
            assert_eq!(led_to(Path::new(link), text), Path::new(to), "{link} to {text}");
        }
    }

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
