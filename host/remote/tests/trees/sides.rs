//! A folder of the daemon and a server, and what is in folders.

use crate::Watch;
use crate::server::Server;
use hostler_model::{Direction, Failure, Moved};
use hostler_remote::{Compare, Links, LocalPath, Session, Transfer};
use std::collections::BTreeMap;
use std::fs::{self, FileTimes};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Both sides, each with a folder of its own.
pub(crate) struct Sides {
    pub(crate) server: Server,
    session: Box<dyn Session>,
    folder: TempDir,
}

impl Sides {
    pub(crate) async fn start() -> Self {
        let server = Server::start().await;
        let session = server.session().await;
        Self { server, session, folder: tempfile::tempdir().expect("folder") }
    }

    /// A path of the daemon's side. If it has no folder yet, it gets one.
    pub(crate) fn local(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A path of the server's side.
    pub(crate) fn remote(&self, path: &str) -> PathBuf {
        self.server.folder.path().join(path)
    }

    /// A transfer of a folder, with nothing special asked.
    pub(crate) fn transfer(&self, direction: Direction, from: &str, to: &str) -> Transfer {
        let (here, there) = match direction {
            Direction::Upload => (from, to),
            Direction::Download => (to, from),
        };
        let root = cap_std::fs::Dir::open_ambient_dir(self.folder.path(), cap_std::ambient_authority());
        let local =
            LocalPath { root: Arc::new(root.expect("folder")), path: here.into(), shown: format!("/daemon/{here}") };
        Transfer {
            direction,
            local,
            remote: self.remote(there).to_str().expect("UTF-8").to_owned(),
            recursive: true,
            overwrite: true,
            resume: false,
            compare: Compare::Never,
            links: Links::Copy,
            verify: None,
            request_size: u32::MAX,
            mode: None,
            make_folders: true,
            in_place: false,
            durable: false,
            timeout: Duration::from_mins(1),
        }
    }

    pub(crate) async fn watched(&self, transfer: Transfer, watch: Arc<Watch>) -> Result<Moved, Failure> {
        self.session.transfer(transfer, watch).await
    }

    pub(crate) async fn run(&self, transfer: Transfer) -> Result<Moved, Failure> {
        self.watched(transfer, Arc::default()).await
    }

    pub(crate) async fn up(&self, from: &str, to: &str) -> Result<Moved, Failure> {
        self.run(self.transfer(Direction::Upload, from, to)).await
    }

    pub(crate) async fn down(&self, from: &str, to: &str) -> Result<Moved, Failure> {
        self.run(self.transfer(Direction::Download, from, to)).await
    }
}

/// What can be seen of a thing in a folder: mode, time, and content or a link's text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    mode: u32,
    modified: Option<i64>,
    content: Vec<u8>,
}

/// All that is in a folder and below it.
pub(crate) fn listing(folder: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    visit(folder, &mut |path, metadata| {
        let content = if metadata.is_symlink() {
            fs::read_link(path).expect("link").into_os_string().into_encoded_bytes()
        } else if metadata.is_file() {
            fs::read(path).expect("file")
        } else {
            Vec::new()
        };
        // Nobody cares for the time of a link.
        let modified = (!metadata.is_symlink()).then(|| metadata.mtime());
        let name = path.strip_prefix(folder).expect("it is in it").to_owned();
        seen.insert(name, Seen { mode: metadata.mode(), modified, content });
    });
    seen
}

/// The content of all files in it.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    listing(folder).into_iter().map(|(path, seen)| (path, seen.content)).collect()
}

/// Makes all files and folders old, each in its own way.
pub(crate) fn age(folder: &Path) {
    let mut time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    visit(folder, &mut |path, metadata| {
        if !metadata.is_symlink() {
            time += Duration::from_mins(1);
            let file = fs::File::open(path).expect("it can be opened");
            file.set_times(FileTimes::new().set_modified(time)).expect("times");
        }
    });
}

/// Those in a folder come before it.
fn visit(path: &Path, visitor: &mut impl FnMut(&Path, &fs::Metadata)) {
    let metadata = fs::symlink_metadata(path).expect("it is there");
    if metadata.is_dir() {
        let mut within: Vec<_> =
            fs::read_dir(path).expect("folder").map(|entry| entry.expect("entry").path()).collect();
        within.sort();
        for path in &within {
            visit(path, visitor);
        }
    }
    visitor(path, &metadata);
}
