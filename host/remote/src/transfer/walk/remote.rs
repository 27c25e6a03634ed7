//! A folder of the server. Nothing of what a server says about it is trusted.

use super::{Contents, Folder, Item, Seen, below};
use crate::sftp::Name;
use crate::transfer::tree::ends_all;
use crate::transfer::work::{Work, failed};
use crate::{Attributes, FileKind, Links, Step};
use futures::FutureExt;
use futures::future::{try_join, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use hostler_model::{Failure, NotMoved};
use std::collections::VecDeque;
use std::sync::Arc;

/// Folders that are listed at once.
const FOLDERS: usize = 16;

/// Pieces of one listing that are asked for at once. OpenSSH gives a hundred names each.
const PIECES: usize = 8;

/// Links of one folder that are looked at at once.
const LINKS: usize = 32;

/// What was found in a folder: something, a link with its text, or what cannot be moved.
enum Found {
    Item(Item),
    Link(Item, String),
    Unmoved(NotMoved),
}

impl Work {
    /// What is in the folder of the server that the transfer names.
    pub(in crate::transfer) async fn walk_remote(&self, attributes: Attributes) -> Result<Contents, Failure> {
        let source = match self.transfer.links {
            // So that it can be told what lies in it.
            Links::Follow => self.real_path(&self.transfer.remote).await?,
            Links::Copy | Links::Skip => self.transfer.remote.clone(),
        };
        let mut contents = Contents::of(source.clone(), attributes);
        let (seen, mut listings) = (Seen::default(), FuturesUnordered::new());
        loop {
            while listings.len() < FOLDERS
                && let Some(folder) = contents.waiting.pop()
            {
                listings.push(self.look_into(&source, folder, &seen));
            }
            let Some((folder, found)) = listings.next().await else { return Ok(contents) };
            match found {
                Ok(found) => {
                    for found in found {
                        match found {
                            Found::Item(item) => contents.add(&folder, item),
                            Found::Link(item, text) => contents.links.push((item, text)),
                            Found::Unmoved(unmoved) => contents.unmoved.push(unmoved),
                        }
                    }
                }
                Err(failure) if folder.path.is_empty() || ends_all(&failure) => return Err(failure),
                Err(failure) => contents.leave(folder.path.clone(), failure.message),
            }
        }
    }

    async fn look_into(
        &self,
        top: &str,
        folder: Arc<Folder>,
        seen: &Seen,
    ) -> (Arc<Folder>, Result<Vec<Found>, Failure>) {
        let found = async {
            let names = self.list(&folder.source, seen).await?;
            let mut found = Vec::with_capacity(names.len());
            for some in names.chunks(LINKS) {
                found.extend(try_join_all(some.iter().map(|name| self.classify(top, &folder, name))).await?);
            }
            Ok(found.into_iter().flatten().collect())
        };
        let found = found.await;
        (folder, found)
    }

    /// All names in a folder. Errors: `limit` if there are too many in all folders.
    async fn list(&self, path: &str, seen: &Seen) -> Result<Vec<Name>, Failure> {
        let refused = |error| self.refused(path, error);
        self.admit(Step::List(path)).await?;
        let folder = self.client.open_folder(path.as_bytes()).await.map_err(refused)?;
        let mut pieces: VecDeque<_> = (0..PIECES).map(|_| self.client.read_folder(&folder)).collect();
        let mut names = Vec::new();
        while let Some(piece) = pieces.pop_front() {
            let Some(mut piece) = piece.await.map_err(refused)?.filter(|piece| !piece.is_empty()) else { break };
            let bytes = piece.iter().map(|name| path.len() + name.name.len()).sum();
            piece.retain(|name| name.name != b"." && name.name != b"..");
            seen.add(piece.len(), bytes)?;
            names.append(&mut piece);
            pieces.push_back(self.client.read_folder(&folder));
        }
        Ok(names)
    }

    /// What a name in a folder means; nothing if it is left out on purpose.
    async fn classify(&self, top: &str, folder: &Folder, name: &Name) -> Result<Option<Found>, Failure> {
        let unmoved = |path, reason: &str| Ok(Some(Found::Unmoved(NotMoved { path, reason: reason.to_owned() })));
        let attributes = Attributes::from(name.attributes);
        let name = match std::str::from_utf8(&name.name) {
            Ok(name) if !name.is_empty() && !name.contains(['/', '\0']) => name,
            Ok(name) => {
                let shown = below(&folder.path, &name.escape_default().to_string());
                return unmoved(shown, "The server gives it a name that no file can have.");
            }
            Err(_) => {
                let shown = below(&folder.path, &String::from_utf8_lossy(&name.name));
                return unmoved(shown, "Its name is not UTF-8: give it another name.");
            }
        };
        let (path, source) = (below(&folder.path, name), below(&folder.source, name));
        let item = Item { path, source, attributes };
        if item.attributes.kind != FileKind::Link {
            return Ok(Some(Found::Item(item)));
        }
        match self.transfer.links {
            Links::Skip => Ok(None),
            Links::Copy => match self.client.read_link(item.source.as_bytes()).await.map(String::from_utf8) {
                Ok(Ok(text)) => Ok(Some(Found::Link(item, text))),
                Ok(Err(_)) => unmoved(item.path, "The link's text is not UTF-8."),
                Err(error) => unless_all_ends(item.path, self.refused(&item.source, error)),
            },
            Links::Follow => match self.follow(&item.source).await {
                Ok((real, _)) if !is_inside(top, &real) => unmoved(item.path, "The link leads out of the folder."),
                Ok((source, attributes)) => Ok(Some(Found::Item(Item { source, attributes, ..item }))),
                Err(failure) => unless_all_ends(item.path, failure),
            },
        }
    }

    /// Where a link leads to, and what is there.
    async fn follow(&self, link: &str) -> Result<(String, Attributes), Failure> {
        let attributes =
            self.client.stat(link.as_bytes()).map(|answer| answer.map_err(|error| self.refused(link, error)));
        let (real, attributes) = try_join(self.real_path(link), attributes).await?;
        Ok((real, attributes.into()))
    }

    async fn real_path(&self, path: &str) -> Result<String, Failure> {
        let real = self.client.real_path(path.as_bytes()).await.map_err(|error| self.refused(path, error))?;
        String::from_utf8(real).map_err(|_| failed(format!("`{path}` leads to a name that is not UTF-8.")))
    }
}

fn unless_all_ends(path: String, failure: Failure) -> Result<Option<Found>, Failure> {
    if ends_all(&failure) {
        return Err(failure);
    }
    Ok(Some(Found::Unmoved(NotMoved { path, reason: failure.message })))
}

/// Whether a real path is that of the folder or of something in it.
fn is_inside(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
