//! Packets of the protocol (draft-ietf-secsh-filexfer-02): requests into bytes, and bytes into what a server
//! answers. Paths, names and handles are bytes.

use super::attributes::FileAttributes;
use super::error::{Nonsense, Status};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// What a packet is (section 3).
pub(super) mod kind {
    pub(in crate::sftp) const INIT: u8 = 1;
    pub(in crate::sftp) const VERSION: u8 = 2;
    pub(in crate::sftp) const OPEN: u8 = 3;
    pub(in crate::sftp) const CLOSE: u8 = 4;
    pub(in crate::sftp) const READ: u8 = 5;
    pub(in crate::sftp) const WRITE: u8 = 6;
    pub(in crate::sftp) const LSTAT: u8 = 7;
    pub(in crate::sftp) const FSTAT: u8 = 8;
    pub(in crate::sftp) const SETSTAT: u8 = 9;
    pub(in crate::sftp) const FSETSTAT: u8 = 10;
    pub(in crate::sftp) const OPENDIR: u8 = 11;
    pub(in crate::sftp) const READDIR: u8 = 12;
    pub(in crate::sftp) const REMOVE: u8 = 13;
    pub(in crate::sftp) const MKDIR: u8 = 14;
    pub(in crate::sftp) const RMDIR: u8 = 15;
    pub(in crate::sftp) const REALPATH: u8 = 16;
    pub(in crate::sftp) const STAT: u8 = 17;
    pub(in crate::sftp) const RENAME: u8 = 18;
    pub(in crate::sftp) const READLINK: u8 = 19;
    pub(in crate::sftp) const SYMLINK: u8 = 20;
    pub(in crate::sftp) const STATUS: u8 = 101;
    pub(in crate::sftp) const HANDLE: u8 = 102;
    pub(in crate::sftp) const DATA: u8 = 103;
    pub(in crate::sftp) const NAME: u8 = 104;
    pub(in crate::sftp) const ATTRS: u8 = 105;
    pub(in crate::sftp) const EXTENDED: u8 = 200;
    pub(in crate::sftp) const EXTENDED_REPLY: u8 = 201;
}

/// The version that we speak, and every server should.
pub(super) const VERSION: u32 = 3;

/// Bytes of a packet before what its kind adds: length, kind, number.
const HEAD: usize = 9;

/// Bytes of a handle at most (section 3).
const MAX_HANDLE: usize = 256;

/// A request that has no number yet.
pub(crate) struct Request {
    frame: BytesMut,
    /// What follows the frame and is part of the packet.
    content: Bytes,
}

impl Request {
    pub(super) fn new(kind: u8) -> Self {
        let mut frame = BytesMut::with_capacity(128);
        frame.put_u32(0);
        frame.put_u8(kind);
        frame.put_u32(0);
        Self { frame, content: Bytes::new() }
    }

    /// One that the draft does not have.
    pub(super) fn extended(name: &str) -> Self {
        Self::new(kind::EXTENDED).string(name.as_bytes())
    }

    /// The greeting, which has a version where others have a number.
    pub(crate) fn greeting() -> Bytes {
        Self::new(kind::INIT).numbered(VERSION).0
    }

    pub(super) fn string(mut self, text: &[u8]) -> Self {
        self.frame.put_u32(length(text.len()));
        self.frame.put_slice(text);
        self
    }

    pub(super) fn number(mut self, number: u32) -> Self {
        self.frame.put_u32(number);
        self
    }

    pub(super) fn long(mut self, number: u64) -> Self {
        self.frame.put_u64(number);
        self
    }

    pub(super) fn attributes(mut self, attributes: &FileAttributes) -> Self {
        attributes.put(&mut self.frame);
        self
    }

    /// A string at the end, which is not copied.
    pub(super) fn content(mut self, content: Bytes) -> Self {
        self.frame.put_u32(length(content.len()));
        self.content = content;
        self
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.frame.len() + self.content.len()
    }

    /// As it is sent: the frame, and what follows it.
    pub(super) fn numbered(mut self, number: u32) -> (Bytes, Bytes) {
        let size = length(self.size() - size_of::<u32>());
        self.frame[..4].copy_from_slice(&size.to_be_bytes());
        self.frame[5..HEAD].copy_from_slice(&number.to_be_bytes());
        (self.frame.freeze(), self.content)
    }
}

fn length(size: usize) -> u32 {
    u32::try_from(size).expect("nothing that is sent has 4 GiB")
}

/// What a server answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Response {
    Status(Status),
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<Name>),
    Attributes(FileAttributes),
    Extended(Bytes),
}

/// Something in a folder, or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// Any bytes at all: a server that means harm sends `..` and `/`.
    pub(crate) name: Vec<u8>,
    pub(crate) attributes: FileAttributes,
}

impl Response {
    /// Reads a packet without its length. Gives the number of the request that it answers.
    pub(super) fn read(mut packet: Bytes) -> Result<(u32, Self), Nonsense> {
        let packet = &mut packet;
        let kind = packet.try_get_u8()?;
        let number = packet.try_get_u32()?;
        let response = match kind {
            kind::STATUS => Self::Status(Status::take(packet)?),
            kind::HANDLE => match take_string(packet)? {
                long if long.len() > MAX_HANDLE => return Err(Nonsense("a handle of more than 256 bytes")),
                // A copy, because what it is part of may be much larger.
                handle => Self::Handle(Bytes::copy_from_slice(&handle)),
            },
            kind::DATA => Self::Data(take_string(packet)?),
            kind::NAME => {
                let count = packet.try_get_u32()?;
                Self::Names((0..count).map(|_| Name::take(packet)).collect::<Result<_, _>>()?)
            }
            kind::ATTRS => Self::Attributes(FileAttributes::take(packet)?),
            kind::EXTENDED_REPLY => Self::Extended(packet.split_to(packet.len())),
            _ => return Err(Nonsense("a packet of unknown kind")),
        };
        Ok((number, response))
    }
}

impl Name {
    fn take(packet: &mut Bytes) -> Result<Self, Nonsense> {
        let name = take_string(packet)?.to_vec();
        let _as_ls_would_show_it = take_string(packet)?;
        Ok(Self { name, attributes: FileAttributes::take(packet)? })
    }
}

/// Takes a string off, without copying it.
pub(super) fn take_string(packet: &mut Bytes) -> Result<Bytes, Nonsense> {
    let size = packet.try_get_u32()? as usize;
    if size > packet.len() {
        return Err(Nonsense("a string that is longer than its packet"));
    }
    Ok(packet.split_to(size))
}
