//! What is in a folder, with all that is below it, before any of it is moved.

mod local;
mod remote;

pub(super) use local::{attributes, inside};

use crate::sftp::failure;
use crate::{Attributes, FileKind};
use hostler_model::{ErrorKind, Failure, NotMoved};
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Things in a folder and below it that one transfer moves at most.
const MAX_ITEMS: usize = 100_000;

/// Bytes of their paths at most.
const MAX_PATHS: usize = 32 << 20;

/// Folders inside one another at most.
const MAX_DEPTH: usize = 64;

/// Something in the folder.
#[derive(Debug)]
pub(super) struct Item {
    /// Its path below the folder, with `/` between names; empty for the folder itself.
    pub(super) path: String,
    /// Where its content is on the side it comes from: elsewhere, if a link led there. For the daemon's side below the
    /// folder, for the server's a path of the server.
    pub(super) source: String,
    pub(super) attributes: Attributes,
}

impl Item {
    /// The path of the folder that it is in; nothing for the folder that is moved.
    pub(super) fn parent(&self) -> Option<&str> {
        if self.path.is_empty() { None } else { Some(self.path.rsplit_once('/').map_or("", |(parent, _)| parent)) }
    }

    /// How many folders it is in.
    pub(super) fn depth(&self) -> usize {
        if self.path.is_empty() { 0 } else { 1 + self.path.matches('/').count() }
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Contents {
    /// The folder itself, then those in it, each after the one that it is in.
    pub(super) folders: Vec<Item>,
    pub(super) files: Vec<Item>,
    /// Links that become links, with their text.
    pub(super) links: Vec<(Item, String)>,
    /// What cannot be moved.
    pub(super) unmoved: Vec<NotMoved>,
    /// Folders that were not looked into yet.
    waiting: Vec<Arc<Folder>>,
}

/// A folder that is to be looked into.
struct Folder {
    path: String,
    source: String,
    /// The one that it was found in, how ever it came there.
    around: Option<Arc<Folder>>,
}

impl Folder {
    /// It, and those around it.
    fn trail(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |folder| folder.around.as_deref())
    }
}

impl Contents {
    /// It begins with the folder that is moved.
    fn of(source: String, attributes: Attributes) -> Self {
        let waiting = vec![Arc::new(Folder { path: String::new(), source: source.clone(), around: None })];
        let folders = vec![Item { path: String::new(), source, attributes }];
        Self { folders, waiting, ..Self::default() }
    }

    /// Puts what was found in `folder` in its place.
    fn add(&mut self, folder: &Arc<Folder>, item: Item) {
        match item.attributes.kind {
            FileKind::File => self.files.push(item),
            FileKind::Folder if folder.trail().count() > MAX_DEPTH => {
                self.leave(
                    item.path,
                    format!("More than {MAX_DEPTH} folders are inside one another: move it by itself."),
                );
            }
            FileKind::Folder if folder.trail().any(|around| around.source == item.source) => {
                self.leave(item.path, "The link leads back to a folder that it is in.");
            }
            FileKind::Folder => {
                let (path, source) = (item.path.clone(), item.source.clone());
                self.waiting.push(Arc::new(Folder { path, source, around: Some(folder.clone()) }));
                self.folders.push(item);
            }
            FileKind::Link | FileKind::Other => {
                self.leave(item.path, "It is neither a file nor a folder nor a link: devices, pipes and sockets stay.");
            }
        }
    }

    fn leave(&mut self, path: String, reason: impl Into<String>) {
        self.unmoved.push(NotMoved { path, reason: reason.into() });
    }
}

/// A path with one more name.
pub(super) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{}/{name}", folder.trim_end_matches('/')) }
}

/// Counts what is seen in all folders, so that there is an end.
#[derive(Default)]
struct Seen {
    items: AtomicUsize,
    bytes: AtomicUsize,
}

impl Seen {
    /// So many more things, and bytes of their paths. Errors: `limit`.
    fn add(&self, items: usize, bytes: usize) -> Result<(), Failure> {
        let items = items + self.items.fetch_add(items, Ordering::Relaxed);
        let bytes = bytes + self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if items <= MAX_ITEMS && bytes <= MAX_PATHS {
            return Ok(());
        }
        let message = format!(
            "The folder holds more than {MAX_ITEMS} files, folders and links, or paths of more than {} MiB: move its \
             parts one by one.",
            MAX_PATHS >> 20
        );
        Err(failure(ErrorKind::Limit, message))
    }
}
