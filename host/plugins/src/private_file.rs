//! Files of the daemon's own: nobody else can have written them, and each is replaced as a whole.

use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tempfile::NamedTempFile;

/// The content of a file that belongs to the daemon's user and that nobody else can open; `None` if there is no such
/// file. Links are not followed. What is checked is what was opened, not what the name may mean a moment later.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    let own = rustix::process::geteuid().as_raw();
    if !metadata.is_file() || metadata.uid() != own || metadata.mode() & 0o077 != 0 {
        let message = "it must be a file of the daemon's user, and nobody else may open it (chmod 600)";
        return Err(io::Error::new(ErrorKind::PermissionDenied, message));
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.read_to_end(&mut content)?;
    Ok(Some(content))
}

/// Puts a new file (mode 0600) in place of the old one, if there is one. It is on disk when this returns.
pub(crate) fn replace(path: &Path, content: &[&[u8]]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::with_prefix_in(".part-", folder)?;
    for piece in content {
        file.write_all(piece)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_others_can_open_or_a_link_leads_to_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        assert!(read(&file).expect("a missing file is no error").is_none());
        replace(&file, &[b"one", b"two"]).expect("writable");
        assert_eq!(read(&file).expect("readable").as_deref(), Some(&b"onetwo"[..]));
        symlink(&file, &link).expect("a link");
        assert!(read(&link).is_err());
        set_permissions(&file, Permissions::from_mode(0o640)).expect("it is ours");
        assert_eq!(read(&file).map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied));
    }
}
