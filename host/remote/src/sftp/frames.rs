//! Cuts what a channel delivers into packets of the protocol.

use super::error::Nonsense;
use bytes::{Bytes, BytesMut};

/// Bytes that the length of a packet takes.
const LENGTH: usize = size_of::<u32>();

/// Bytes of a packet at most: the longest content that is asked for, and what is around it.
const MAX_FRAME: usize = super::greeting::MAX_CONTENT as usize + 1024;

/// What has come and was not taken yet.
#[derive(Default)]
pub(crate) struct Frames {
    /// The beginning of a packet, its length included, that came in pieces.
    gathered: BytesMut,
    /// What came after it.
    rest: Bytes,
}

impl Frames {
    /// Adds what came. Everything that was complete must have been taken before.
    pub(crate) fn add(&mut self, data: Bytes) {
        self.rest = data;
    }

    /// The next packet that is complete, without its length. One that lies in one piece is not copied.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Nonsense> {
        if self.gathered.is_empty()
            && let Some(size) = size(&self.rest)?
            && self.rest.len() >= LENGTH + size
        {
            return Ok(Some(self.rest.split_to(LENGTH + size).split_off(LENGTH)));
        }
        self.gather(LENGTH);
        let Some(size) = size(&self.gathered)? else { return Ok(None) };
        self.gather(LENGTH + size);
        if self.gathered.len() < LENGTH + size {
            return Ok(None);
        }
        Ok(Some(self.gathered.split().freeze().split_off(LENGTH)))
    }

    /// Moves what came over until `size` bytes are gathered.
    fn gather(&mut self, size: usize) {
        let missing = size.saturating_sub(self.gathered.len());
        if !self.rest.is_empty() {
            self.gathered.reserve(missing);
        }
        self.gathered.extend_from_slice(&self.rest.split_to(missing.min(self.rest.len())));
    }
}

/// The size of the packet that begins there, without its length, if that much is known.
fn size(start: &[u8]) -> Result<Option<usize>, Nonsense> {
    let Some(&length) = start.first_chunk::<LENGTH>() else { return Ok(None) };
    match u32::from_be_bytes(length) as usize {
        0 => Err(Nonsense("a packet with nothing in it")),
        size if size > MAX_FRAME => Err(Nonsense("a packet that is too long")),
        size => Ok(Some(size)),
    }
}
