//! Reading a file of the server at the speed of the link.

use super::flight::Flight;
use super::work::{FLIGHT, Work};
use crate::sftp::{self, Client, Handle};
use bytes::{Bytes, BytesMut};
use hostler_model::Failure;
use std::ops::Range;
use std::sync::Arc;

/// A range of a file that is being read, with as much as possible asked for ahead.
pub(super) struct Reading<'a> {
    work: &'a Work,
    path: &'a str,
    handle: Arc<Handle>,
    /// What was not asked for yet.
    rest: Range<u64>,
    request: u32,
    flight: Flight<Bytes>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(work: &'a Work, path: &'a str, handle: Arc<Handle>, range: Range<u64>) -> Self {
        let flight = Flight::new(FLIGHT, work.flight.clone());
        Self { work, path, handle, rest: range, request: work.request_size(), flight }
    }

    /// The next piece; `None` at the end of the range, or of the file if that comes before.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while !self.rest.is_empty() {
            let left = self.rest.end - self.rest.start;
            let size = u32::try_from(left).map_or(self.request, |left| left.min(self.request));
            if !self.flight.has_room(size).await {
                break;
            }
            let at = self.rest.start;
            self.flight.push(size, piece(self.work.client.clone(), self.handle.clone(), at, size));
            self.rest.start += u64::from(size);
        }
        match self.flight.next().await {
            None => Ok(None),
            Some(Ok(piece)) if piece.is_empty() => Ok(None),
            Some(Ok(piece)) => Ok(Some(piece)),
            Some(Err(error)) => Err(self.work.refused(self.path, error)),
        }
    }

    /// Whether everything was asked for.
    pub(super) fn all_asked(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Asks for a piece at once, and again for what the server leaves out. It is shorter only at the end of the file.
fn piece(
    client: Client,
    handle: Arc<Handle>,
    at: u64,
    size: u32,
) -> impl Future<Output = Result<Bytes, sftp::Error>> + Send + 'static {
    let first = client.read(&handle, at, size);
    async move {
        let first = first.await?;
        if first.is_empty() || first.len() >= size as usize {
            return Ok(first);
        }
        let mut whole = BytesMut::from(&*first);
        while whole.len() < size as usize {
            let (at, missing) = (at + whole.len() as u64, size as usize - whole.len());
            let more = client.read(&handle, at, u32::try_from(missing).unwrap_or(size)).await?;
            if more.is_empty() {
                break;
            }
            whole.extend_from_slice(&more);
        }
        Ok(whole.freeze())
    }
}
