//! What a server says of itself: its version, extensions and limits (OpenSSH's PROTOCOL, section 4).

use super::error::Nonsense;
use super::packet::{VERSION, kind, take_string};
use bytes::{Buf, Bytes};

/// Bytes of content that one request carries at most: as many as OpenSSH allows.
pub(super) const MAX_CONTENT: u32 = 255 << 10;

/// As many as every server must take.
const MIN_CONTENT: u32 = 32 << 10;

/// What a server can do beyond the draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// Rename over what exists, at once.
    PosixRename,
    /// Wait until a file is on the disk.
    Fsync,
    /// Tell the free space.
    Statvfs,
    /// Tell its limits.
    Limits,
}

impl Extension {
    const ALL: [Self; 4] = [Self::PosixRename, Self::Fsync, Self::Statvfs, Self::Limits];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PosixRename => "posix-rename@openssh.com",
            Self::Fsync => "fsync@openssh.com",
            Self::Statvfs => "statvfs@openssh.com",
            Self::Limits => "limits@openssh.com",
        }
    }

    /// The version that we speak, which comes with the name.
    fn version(self) -> &'static str {
        if self == Self::Statvfs { "2" } else { "1" }
    }
}

/// The first packet of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(super) offered: Vec<Extension>,
}

impl Greeting {
    /// Reads a packet without its length.
    pub(crate) fn read(mut packet: Bytes) -> Result<Self, Nonsense> {
        if packet.try_get_u8()? != kind::VERSION {
            return Err(Nonsense("something else than a greeting"));
        }
        // It may speak others, but must choose one that we speak too.
        if packet.try_get_u32()? != VERSION {
            return Err(Nonsense("another version of the protocol"));
        }
        let mut offered = Vec::new();
        while !packet.is_empty() {
            let (name, version) = (take_string(&mut packet)?, take_string(&mut packet)?);
            offered.extend(Extension::ALL.into_iter().find(|it| it.name() == name && it.version() == version));
        }
        Ok(Self { offered })
    }
}

/// How much a server takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of content that one request reads.
    pub(crate) read: u32,
    /// Bytes of content that one request writes.
    pub(crate) write: u32,
    /// Files and folders that may be open; absent where the server does not say.
    pub(crate) handles: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { read: MIN_CONTENT, write: MIN_CONTENT, handles: None }
    }
}

impl Limits {
    pub(super) fn take(packet: &mut Bytes) -> Result<Self, Nonsense> {
        let most = |limit: u64| match u32::try_from(limit) {
            // The server has none of its own.
            Ok(0) | Err(_) => MAX_CONTENT,
            Ok(limit) => limit.clamp(MIN_CONTENT, MAX_CONTENT),
        };
        let _of_a_packet = packet.try_get_u64()?;
        let (read, write) = (most(packet.try_get_u64()?), most(packet.try_get_u64()?));
        let handles = Some(packet.try_get_u64()?).filter(|handles| *handles > 0);
        Ok(Self { read, write, handles })
    }
}
