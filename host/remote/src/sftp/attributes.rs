//! What the protocol says about a file (draft-ietf-secsh-filexfer-02 section 5), and how one is opened (section 6.3).

use super::error::Nonsense;
use super::packet::take_string;
use bitflags::bitflags;
use bytes::{Buf, BufMut, Bytes, BytesMut};

const SIZE: u32 = 1;
const OWNER: u32 = 2;
const MODE: u32 = 4;
const TIMES: u32 = 8;
const EXTENDED: u32 = 1 << 31;

/// What is known about a file, or to be set; absent is what is not. A link's are its own where links are not followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileAttributes {
    /// Bytes.
    pub(crate) size: Option<u64>,
    /// The numbers of user and group.
    pub(crate) owner: Option<(u32, u32)>,
    /// Its sort and permissions, as in inode(7).
    pub(crate) mode: Option<u32>,
    /// When it was read and when it was changed last: seconds since 1970 in UTC.
    pub(crate) times: Option<(u32, u32)>,
}

bitflags! {
    /// What a file is opened for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct OpenFlags: u32 {
        const READ = 1;
        const WRITE = 2;
        const APPEND = 4;
        /// It is made if it does not exist.
        const CREATE = 8;
        /// What it holds is thrown away; only with `CREATE`.
        const TRUNCATE = 16;
        /// It must not exist, not even as a dangling link; only with `CREATE`.
        const EXCLUSIVE = 32;
    }
}

impl FileAttributes {
    pub(super) fn put(&self, packet: &mut BytesMut) {
        let flag = |given, flag| if given { flag } else { 0 };
        packet.put_u32(
            flag(self.size.is_some(), SIZE)
                | flag(self.owner.is_some(), OWNER)
                | flag(self.mode.is_some(), MODE)
                | flag(self.times.is_some(), TIMES),
        );
        if let Some(size) = self.size {
            packet.put_u64(size);
        }
        if let Some((user, group)) = self.owner {
            packet.put_u32(user);
            packet.put_u32(group);
        }
        if let Some(mode) = self.mode {
            packet.put_u32(mode);
        }
        if let Some((accessed, modified)) = self.times {
            packet.put_u32(accessed);
            packet.put_u32(modified);
        }
    }

    pub(super) fn take(packet: &mut Bytes) -> Result<Self, Nonsense> {
        let flags = packet.try_get_u32()?;
        let has = |flag| flags & flag != 0;
        let pair = |packet: &mut Bytes| Ok::<_, Nonsense>((packet.try_get_u32()?, packet.try_get_u32()?));
        let attributes = Self {
            size: has(SIZE).then(|| packet.try_get_u64()).transpose()?,
            owner: has(OWNER).then(|| pair(packet)).transpose()?,
            mode: has(MODE).then(|| packet.try_get_u32()).transpose()?,
            times: has(TIMES).then(|| pair(packet)).transpose()?,
        };
        if has(EXTENDED) {
            for _ in 0..packet.try_get_u32()? {
                let (_name, _value) = (take_string(packet)?, take_string(packet)?);
            }
        }
        Ok(attributes)
    }
}
