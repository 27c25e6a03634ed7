//! A folder of the daemon.

use super::{Contents, Folder, Item, Seen, below};
use crate::blocking::blocking;
use crate::transfer::work::{Work, failed};
use crate::{Attributes, FileKind, Links};
use cap_std::fs::{Dir, Metadata, MetadataExt};
use hostler_model::{Failure, Phase};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The bits of a mode that are permissions (inode(7)).
const PERMISSIONS: u32 = 0o7777;

/// What is left out, and why, in one sentence.
type LeftOut = String;

impl Work {
    /// What is in the folder of the daemon that the transfer names.
    pub(in crate::transfer) async fn walk_local(&self) -> Result<Contents, Failure> {
        let (local, links, stop) = (self.transfer.local.clone(), self.transfer.links, CancellationToken::new());
        let _stops_it = stop.clone().drop_guard();
        let walking = blocking(Phase::Transfer, move || {
            let unreadable = |error: io::Error| {
                failed(format!("The daemon cannot list `{}`: check its path, owner and mode.", local.shown))
                    .with_detail(&error)
            };
            // Nothing is followed out of it from here on.
            let top = local.root.open_dir(inside(&local.path)).map_err(unreadable)?;
            let attributes = attributes(&top.dir_metadata().map_err(unreadable)?);
            let mut walk =
                Walk { contents: Contents::of(String::new(), attributes), top, links, seen: Seen::default() };
            while let Some(folder) = walk.contents.waiting.pop().filter(|_| !stop.is_cancelled()) {
                let is_top = folder.path.is_empty();
                match walk.look_into(&folder) {
                    Ok(within) => within?,
                    Err(error) if is_top => return Err(unreadable(error)),
                    Err(error) => {
                        walk.contents.leave(folder.path.clone(), format!("The daemon cannot list it: {error}."));
                    }
                }
            }
            Ok(walk.contents)
        });
        walking.await?
    }
}

struct Walk {
    contents: Contents,
    top: Dir,
    links: Links,
    seen: Seen,
}

impl Walk {
    /// Fails outside if the folder cannot be listed, inside if all of it comes to an end.
    fn look_into(&mut self, folder: &Arc<Folder>) -> io::Result<Result<(), Failure>> {
        for entry in self.top.read_dir(inside(folder.source.as_ref()))? {
            let entry = entry?;
            let name = entry.file_name();
            if let Err(failure) = self.seen.add(1, folder.path.len() + name.len()) {
                return Ok(Err(failure));
            }
            let Some(name) = name.to_str() else {
                let shown = below(&folder.path, &name.to_string_lossy());
                self.contents.leave(shown, "Its name is not UTF-8: give it another name.");
                continue;
            };
            let (path, source) = (below(&folder.path, name), below(&folder.source, name));
            let found = match entry.metadata().map(|metadata| attributes(&metadata)) {
                Ok(attributes) if attributes.kind == FileKind::Link => self.link(&path, &source, attributes),
                Ok(attributes) => Ok(Some(Item { path: path.clone(), source, attributes })),
                Err(error) => Err(format!("The daemon cannot look at it: {error}.")),
            };
            match found {
                Ok(Some(item)) => self.contents.add(folder, item),
                Ok(None) => {}
                Err(reason) => self.contents.leave(path, reason),
            }
        }
        Ok(Ok(()))
    }

    /// What stands in the place of a link, unless that is the link itself, or nothing.
    fn link(&mut self, path: &str, source: &str, attributes: Attributes) -> Result<Option<Item>, LeftOut> {
        match self.links {
            Links::Skip => Ok(None),
            Links::Copy => {
                let text = self
                    .top
                    .read_link_contents(source)
                    .map_err(|error| format!("The daemon cannot read it: {error}."))?;
                let text = text.into_os_string().into_string().map_err(|_| "The link's text is not UTF-8.")?;
                self.contents.links.push((Item { path: path.to_owned(), source: source.to_owned(), attributes }, text));
                Ok(None)
            }
            Links::Follow => {
                let real = self.top.canonicalize(source).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => "The link leads nowhere.".to_owned(),
                    _ => "The link leads out of the folder, or around in circles.".to_owned(),
                })?;
                let real = real.to_str().ok_or("The link leads to a name that is not UTF-8.")?;
                let real = if real == "." { "" } else { real };
                let metadata = self
                    .top
                    .metadata(inside(real.as_ref()))
                    .map_err(|error| format!("The link leads to nothing that the daemon can look at: {error}."))?;
                let attributes = self::attributes(&metadata);
                Ok(Some(Item { path: path.to_owned(), source: real.to_owned(), attributes }))
            }
        }
    }
}

/// A path that may be empty.
pub(in crate::transfer) fn inside(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// What the daemon's system tells about a file.
pub(in crate::transfer) fn attributes(metadata: &Metadata) -> Attributes {
    let sort = metadata.file_type();
    let kind = if sort.is_file() {
        FileKind::File
    } else if sort.is_dir() {
        FileKind::Folder
    } else if sort.is_symlink() {
        FileKind::Link
    } else {
        FileKind::Other
    };
    Attributes {
        kind,
        size: Some(metadata.len()),
        mode: Some(metadata.mode() & PERMISSIONS),
        user: Some(metadata.uid()),
        group: Some(metadata.gid()),
        modified: u32::try_from(metadata.mtime()).ok(),
    }
}
