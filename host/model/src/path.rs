//! How a path must be written.

use crate::{ErrorKind, Failure, Phase};

/// Bytes of a path: as many as Linux takes (`PATH_MAX`).
pub const MAX_PATH: usize = 4096;

/// A path has one spelling, so that a policy needs to know one only.
///
/// # Errors
///
/// `invalid-request`, if it is too long, or has a NUL, `..`, `.`, `//` or a slash at its end.
pub fn check_path(path: &str) -> Result<(), Failure> {
    let invalid = |message| Err(Failure::new(ErrorKind::InvalidRequest, Phase::Transfer, message));
    if path.len() > MAX_PATH {
        return invalid(format!("a path has {MAX_PATH} bytes at most, this one has {}", path.len()));
    }
    if path.contains('\0') {
        return invalid("write the path without NUL".into());
    }
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
    if parts.any(|part| matches!(part, "" | "." | "..")) {
        return invalid(format!("write the path {path:?} without `..`, `.`, `//` and a slash at its end"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for path in ["notes", "notes/a..b", "/etc/motd", "/home/admin/.ssh", "/a\nb", "..."] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        let others = ["", "/", ".", "..", "../x", "/..", "/etc/../x", "x/..", "./x", "/./x", "x/.", "//etc", "/etc//x"];
        for path in others.into_iter().chain(["/etc/"]) {
            assert!(check_path(path).expect_err(path).message.contains("without `..`"), "{path}");
        }
        assert!(check_path("a\0b").is_err());
        assert!(check_path(&"x".repeat(MAX_PATH)).is_ok());
        assert!(check_path(&"x".repeat(MAX_PATH + 1)).is_err());
    }
}
