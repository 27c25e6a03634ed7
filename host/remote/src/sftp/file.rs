//! An open file, as the floor above sees it.

use super::client::{Client, Handle};
use super::error::Error;
use super::{failure, within};
use crate::connection::Line;
use crate::files::{Attributes, File, MAX_READ, OpenMode};
use bytes::Bytes;
use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, TryFutureExt};
use hostler_model::{ErrorKind, Failure};
use std::sync::Arc;

/// Bytes on their way to be written.
const WRITES: usize = 4 << 20;

/// Requests to read that are on their way.
const REQUESTS: usize = 64;

pub(super) struct OpenFile {
    pub(super) line: Arc<Line>,
    pub(super) client: Client,
    pub(super) handle: Handle,
    pub(super) path: String,
    pub(super) mode: OpenMode,
}

impl OpenFile {
    /// OpenSSH would say that there is no such file.
    fn opened_to_be(&self, used: &str, opened: bool) -> Result<(), Failure> {
        let message = || format!("`{}` was not opened to be {used}: open it so.", self.path);
        if opened { Ok(()) } else { Err(failure(ErrorKind::InvalidRequest, message())) }
    }

    /// Asks for all of it at once, and for what is missing again: a server may give less than it was asked for. How much
    /// it gives decides how many requests that takes, so that they are bounded.
    pub(super) async fn content(&self, offset: u64, size: usize) -> Result<Vec<u8>, Error> {
        let (mut content, mut most) = (Vec::new(), self.client.limits().read as usize);
        while content.len() < size && most > 0 {
            let pieces = (content.len()..size).step_by(most).take(REQUESTS).map(|start| {
                let length = most.min(size - start);
                let offset = offset.saturating_add(start as u64);
                (length, self.client.read(&self.handle, offset, u32::try_from(length).unwrap_or(u32::MAX)))
            });
            let mut whole = true;
            for (length, piece) in pieces.collect::<Vec<_>>() {
                let piece = piece.await?;
                if !whole {
                    continue;
                }
                content.extend_from_slice(&piece);
                whole = piece.len() == length;
                if !whole {
                    // None at all is the end of the file.
                    most = piece.len();
                }
            }
        }
        Ok(content)
    }

    pub(super) async fn put(&self, mut offset: u64, content: &[u8]) -> Result<(), Error> {
        let most = self.client.limits().write as usize;
        for batch in content.chunks(WRITES) {
            let pieces = batch.chunks(most).map(|piece| {
                let written = self.client.write(&self.handle, offset, Bytes::copy_from_slice(piece));
                offset = offset.saturating_add(piece.len() as u64);
                written
            });
            try_join_all(pieces).await?;
        }
        Ok(())
    }

    pub(super) async fn closed(self) -> Result<(), Error> {
        self.client.close(self.handle).await
    }
}

/// Refuses to read more than fits into one answer of ours.
pub(super) fn check_size(size: u32) -> Result<(), Failure> {
    if size <= MAX_READ {
        return Ok(());
    }
    let message = format!("{size} bytes are more than one call reads: ask for {MAX_READ} at most.");
    Err(failure(ErrorKind::Limit, message))
}

impl File for OpenFile {
    fn stat(&self) -> BoxFuture<'_, Result<Attributes, Failure>> {
        within(&self.line, &self.path, self.client.fstat(&self.handle)).map_ok(Attributes::from).boxed()
    }

    fn read(&self, offset: u64, size: u32) -> BoxFuture<'_, Result<Vec<u8>, Failure>> {
        async move {
            self.opened_to_be("read", self.mode.read)?;
            check_size(size)?;
            within(&self.line, &self.path, self.content(offset, size as usize)).await
        }
        .boxed()
    }

    fn write<'a>(&'a self, offset: u64, content: &'a [u8]) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            self.opened_to_be("written", self.mode.write)?;
            within(&self.line, &self.path, self.put(offset, content)).await
        }
        .boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        async move {
            let (line, path) = (self.line.clone(), self.path.clone());
            within(&line, &path, self.closed()).await
        }
        .boxed()
    }
}
