//! A file that is being taken in.

use super::{Slot, StagedFile, unusable};
use hostler_model::Failure;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;

/// A file that is being taken in. If it is dropped before it is finished, nothing is left.
pub struct Writer {
    content: File,
    hash: Sha256,
    size: u64,
    slot: Slot,
}

impl Writer {
    pub(super) fn new(slot: Slot) -> Result<Self, Failure> {
        Ok(Self { content: slot.create()?, hash: Sha256::new(), size: 0, slot })
    }

    /// Adds content. After an error nothing is left. Blocks.
    pub fn write(mut self, content: &[u8]) -> Result<Self, Failure> {
        self.slot.extend(content.len() as u64)?;
        self.hash.update(content);
        self.content.write_all(content).map_err(|error| unusable(&error))?;
        self.size += content.len() as u64;
        Ok(self)
    }

    /// The file is whole, and can be fetched from now on. Blocks.
    pub fn finish(self) -> Result<StagedFile, Failure> {
        self.slot.keep(self.size, self.hash)
    }
}
