//! Private key files, only from the folders that the operator named.

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, PermissionsExt};
use hostler_model::{ErrorKind, Failure, Phase, Secret};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// No private key is longer.
const MAX_SIZE: u64 = 64 << 10;

/// What stands in a key file.
pub(super) struct KeyFile {
    pub(super) text: Secret,
    /// What stands in the file `NAME-cert.pub` beside it.
    pub(super) certificate: Option<String>,
    /// Whether its mode lets group or others read it.
    pub(super) open_to_others: bool,
}

/// Reads a file below one of the folders; neither `..` nor a link leads out of them. A path that
/// lies elsewhere gets the same answer whether it exists or not.
pub(super) fn read(path: &str, roots: &[PathBuf]) -> Result<KeyFile, Failure> {
    let path = Path::new(path);
    let inside = if path.is_absolute() {
        roots.iter().find_map(|root| Some((root, path.strip_prefix(root).ok()?)))
    } else {
        roots.first().map(|root| (root, path))
    };
    let (root, inside) = inside.ok_or_else(denied)?;
    let open = || {
        let root = Dir::open_ambient_dir(root, ambient_authority())?;
        Ok((root.open(inside)?, root.open(beside(inside)).ok()))
    };
    let (file, certificate) = open().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            unreadable("There is no such key file in the key folders: check its name").with_detail(error)
        }
        _ => denied().with_detail(error),
    })?;
    read_all(file, certificate).map_err(|error| unreadable("The key file cannot be read").with_detail(error))
}

/// Reads a file that the operator named.
pub(super) fn open(path: &Path) -> io::Result<KeyFile> {
    let open = |path: &Path| File::open_ambient(path, ambient_authority());
    read_all(open(path)?, open(&beside(path)).ok())
}

/// Where `ssh-keygen` puts the certificate of a key.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-cert.pub");
    name.into()
}

fn read_all(file: File, certificate: Option<File>) -> io::Result<KeyFile> {
    let metadata = file.metadata()?;
    if metadata.len() > MAX_SIZE {
        return Err(io::Error::other("longer than any private key"));
    }
    // With its whole capacity from the start, it leaves no copy behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_SIZE).expect("fits")));
    file.take(MAX_SIZE).read_to_string(&mut text)?;
    let certificate = certificate.and_then(|file| {
        let mut text = String::new();
        file.take(MAX_SIZE).read_to_string(&mut text).ok().map(|_| text)
    });
    Ok(KeyFile {
        text: Secret::new(text.as_str().to_owned()),
        certificate,
        open_to_others: metadata.permissions().mode() & 0o044 != 0,
    })
}

fn denied() -> Failure {
    Failure::new(
        ErrorKind::Denied,
        Phase::Auth,
        "Key files are read only from the folders that the operator names in `key_roots`: put the key there, or send it as `pkey`.",
    )
}

fn unreadable(what: &str) -> Failure {
    Failure::new(ErrorKind::BadKey, Phase::Auth, format!("{what}, or send the key as `pkey`."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn kind(path: &str, roots: &[PathBuf]) -> ErrorKind {
        read(path, roots).err().expect("refused").kind
    }

    #[test]
    fn only_files_below_the_folders_are_read() {
        let folder = tempfile::tempdir().expect("folder");
        let root = folder.path().join("keys");
        let (inside, outside) = (root.join("team/id"), folder.path().join("secret"));
        fs::create_dir_all(root.join("team")).expect("folder");
        fs::write(&inside, "text").expect("write");
        fs::write(&outside, "other").expect("write");
        symlink(&outside, root.join("out")).expect("link");
        symlink("team/id", root.join("in")).expect("link");
        let roots = [root.clone()];
        for good in ["team/id", "in", "team/../team/id", inside.to_str().expect("UTF-8")] {
            assert_eq!(read(good, &roots).expect(good).text.expose(), "text");
        }
        for bad in ["../secret", "out", "../missing", "/etc/passwd", "/nowhere/at/all"] {
            assert_eq!(kind(bad, &roots), ErrorKind::Denied, "{bad}");
        }
        assert_eq!(kind(outside.to_str().expect("UTF-8"), &roots), ErrorKind::Denied);
        assert_eq!(kind("missing", &roots), ErrorKind::BadKey);
        assert_eq!(kind("team", &roots), ErrorKind::BadKey);
        assert_eq!(kind("team/id", &[]), ErrorKind::Denied);
    }

    #[test]
    fn a_file_that_others_can_read_is_told() {
        let folder = tempfile::tempdir().expect("folder");
        let roots = [folder.path().to_path_buf()];
        for (mode, open) in [(0o600, false), (0o640, true), (0o604, true)] {
            fs::write(folder.path().join("id"), "text").expect("write");
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(folder.path().join("id"), permissions).expect("chmod");
            assert_eq!(read("id", &roots).expect("read").open_to_others, open, "{mode:o}");
        }
    }
}
