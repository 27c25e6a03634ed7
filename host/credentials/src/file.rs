//! Credentials in files.

use crate::error::Why;
use crate::failures;
use crate::fields::Fields;
use hostler_model::Failure;
use rustix::fs::{Mode, OFlags};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How long a file may be, in bytes.
const LIMIT: u64 = 1 << 20;

/// What files are called that hold one credential each.
const ENDINGS: [&str; 2] = ["toml", "json"];

/// A provider of kind `file`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileConfig {
    /// A file in TOML or JSON with an object for each reference, or a folder with such a file for each, `REFERENCE.toml` or
    /// `REFERENCE.json`.
    path: PathBuf,
    /// References that may be used, with `*` and `?`; absent: all.
    pub(crate) allowed: Option<Vec<String>>,
    /// Names of API keys that may use it, with `*` and `?`; absent: all.
    pub(crate) callers: Option<Vec<String>>,
}

/// Where they are. Files are read anew each time, so that a new password counts at once.
#[derive(Clone)]
pub(crate) enum Files {
    One(PathBuf),
    Folder(PathBuf),
}

impl FileConfig {
    pub(crate) fn build(&self) -> Result<Files, Why> {
        let path = self.path.clone();
        if path.is_dir() {
            return Ok(Files::Folder(path));
        }
        let named = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
        if named { Ok(Files::One(path)) } else { Err(Why::Path(path)) }
    }
}

impl Files {
    /// What is there under a plain name; nothing if there is nothing. It blocks.
    pub(crate) fn find(&self, provider: &str, reference: &str) -> Result<Option<Fields>, Failure> {
        match self {
            Self::One(path) => {
                let all: Option<BTreeMap<String, Fields>> = read(provider, path)?;
                let no_file = || failures::unavailable(provider, "has lost its file; the operator puts it back");
                Ok(all.ok_or_else(no_file)?.remove(reference))
            }
            Self::Folder(folder) => {
                let mut paths = ENDINGS.iter().map(|ending| folder.join(format!("{reference}.{ending}")));
                paths.find_map(|path| read(provider, &path).transpose()).transpose()
            }
        }
    }
}

/// Reads a file that nobody else may read. `None` if there is none.
fn read<T: DeserializeOwned>(provider: &str, path: &Path) -> Result<Option<T>, Failure> {
    let name = path.file_name().unwrap_or_default().display();
    let mut text = Zeroizing::new(String::new());
    match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let why = format!("cannot read {name}; the operator finds the reason in the daemon's log");
            return Err(failures::unavailable_because(provider, &why, error));
        }
        Ok((_, mode)) if mode & 0o077 != 0 => {
            let why = format!("does not use {name}, because others can read it; the operator makes its mode 0600");
            return Err(failures::unavailable(provider, &why));
        }
        Ok((file, _)) => {
            text.reserve_exact(usize::try_from(file.metadata().map_or(0, |it| it.len()).min(LIMIT)).unwrap_or(0) + 1);
            let why = format!("cannot read {name}; the operator finds the reason in the daemon's log");
            let read = file.take(LIMIT).read_to_string(&mut text);
            read.map_err(|error| failures::unavailable_because(provider, &why, error))?;
        }
    }
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    // What the readers of TOML and JSON say may quote the file.
    let value = if is_json { serde_json::from_str(&text).ok() } else { toml::from_str(&text).ok() };
    let why = || format!("cannot make sense of {name}; the operator corrects it");
    value.map(Some).ok_or_else(|| failures::unavailable(provider, &why()))
}

/// Opens a file, and tells its mode. Nothing else than a file is waited for.
fn open(path: &Path) -> io::Result<(File, u32)> {
    let file = File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?);
    let found = file.metadata()?;
    if found.is_file() { Ok((file, found.mode())) } else { Err(io::Error::other("it is no file")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).expect("written");
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("changed");
    }

    fn password(files: &Files, reference: &str) -> Option<String> {
        let found = files.find("p", reference).expect("it can be read")?;
        Some(found.map(&BTreeMap::new()).expect("all fields")["password"].expose().to_owned())
    }

    fn files(path: &Path) -> Result<Files, Why> {
        FileConfig { path: path.to_owned(), allowed: None, callers: None }.build()
    }

    #[test]
    fn a_file_has_many_and_a_folder_one_in_each_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let all = folder.path().join("all.toml");
        write(&all, "[web]\nusername = \"u\"\npassword = \"p1\"\n[db]\nusername = \"u\"\npassword = \"p2\"\n", 0o600);
        write(&folder.path().join("one.json"), r#"{"username": "u", "password": "p3"}"#, 0o400);
        let (file, folder) = (files(&all).expect("right"), files(folder.path()).expect("right"));
        assert_eq!(password(&file, "web").as_deref(), Some("p1"));
        assert_eq!(password(&file, "db").as_deref(), Some("p2"));
        assert_eq!(password(&folder, "one").as_deref(), Some("p3"));
        assert_eq!((password(&file, "one"), password(&folder, "web")), (None, None));
        write(&all, "[web]\nusername = \"u\"\npassword = \"new\"\n", 0o600);
        assert_eq!(password(&file, "web").as_deref(), Some("new"), "it is read anew");
    }

    #[test]
    fn what_others_can_read_or_nobody_understands_is_not_used_and_not_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("all.toml");
        for (text, mode, word) in
            [("[web]\npassword = \"hunter2\"", 0o640, "0600"), ("web = hunter2", 0o600, "correct")]
        {
            write(&path, text, mode);
            let failure = files(&path).expect("right").find("p", "web").err().expect("refused");
            assert!(failure.message.contains(word) && !format!("{failure:?}").contains("hunter2"), "{failure:?}");
        }
        fs::remove_file(&path).expect("removed");
        assert!(files(&path).expect("it may come").find("p", "web").is_err());
        assert!(files(&folder.path().join("all.txt")).is_err());
    }
}
