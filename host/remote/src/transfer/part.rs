//! The names of part files: beside the target, hidden, and told from each other.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Bytes of a name that every usual file system takes.
const MAX_NAME: usize = 255;

/// A name for the part of a file called `name`. It is always the same for what `identity` stands for, so that a later
/// transfer of the same thing finds it; without one, it is like no other.
pub(super) fn part_name(name: &str, identity: Option<&Identity<'_>>) -> String {
    let mark = match identity {
        Some(identity) => identity.mark(),
        None => Uuid::now_v7().simple().to_string(),
    };
    let room = MAX_NAME - mark.len() - "...part".len();
    let name = &name[..name.floor_char_boundary(room)];
    format!(".{name}.{mark}.part")
}

/// What tells a content from others, as far as can be seen without reading it.
pub(super) struct Identity<'a> {
    /// Where it goes.
    pub(super) target: &'a str,
    /// Where it comes from: the server's path, or what the daemon's system tells its file by.
    pub(super) source: &'a str,
    /// Bytes.
    pub(super) size: u64,
    /// When it changed last: seconds since 1970, and nanoseconds where they are known.
    pub(super) modified: (i64, i64),
}

impl Identity<'_> {
    fn mark(&self) -> String {
        let Self { target, source, size, modified: (seconds, nanoseconds) } = self;
        let hash = Sha256::digest(format!("{size} {seconds}.{nanoseconds} {source}\0{target}"));
        format!("{:x}", Bytes::copy_from_slice(&hash[..12]))
    }
}

/// A path taken apart: the folder with its slash, and the name in it.
pub(super) fn apart(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity<'_> = Identity { target: "/srv/file", source: "/file", size: 10, modified: (20, 30) };

    #[test]
    fn a_part_is_found_again_for_the_same_content_only() {
        let name = part_name("file", Some(&IDENTITY));
        assert_eq!(name, part_name("file", Some(&IDENTITY)));
        assert!(name.strip_suffix(".part").is_some_and(|name| name.starts_with(".file.")), "{name}");
        for other in [
            Identity { target: "/srv/files", ..IDENTITY },
            Identity { source: "/files", ..IDENTITY },
            Identity { size: 11, ..IDENTITY },
            Identity { modified: (20, 31), ..IDENTITY },
        ] {
            assert_ne!(name, part_name("file", Some(&other)));
        }
        assert_ne!(part_name("file", None), part_name("file", None));
    }

    #[test]
    fn no_name_is_too_long_and_no_character_is_cut() {
        for name in ["x".repeat(255), "€".repeat(85), format!("x{}", "€".repeat(84))] {
            for identity in [None, Some(&IDENTITY)] {
                let part = part_name(&name, identity);
                assert!((200..=MAX_NAME).contains(&part.len()), "{}", part.len());
            }
        }
    }

    #[test]
    fn a_path_has_a_folder_and_a_name() {
        assert_eq!(["a", "/a", "a/b", "/a/b/c"].map(apart), [("", "a"), ("/", "a"), ("a/", "b"), ("/a/b/", "c")]);
    }
}
