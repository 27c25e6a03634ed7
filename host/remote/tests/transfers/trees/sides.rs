//! A folder of the daemon and a server, and what is in folders.

use crate::Case;
use crate::server::Server;
use crate::watch::Watch;
use hostler_model::{Direction, Failure, Moved};
use hostler_remote::Transfer;
use std::collections::BTreeMap;
use std::fs::{self, FileTimes};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Both sides of a transfer of a folder.
pub(crate) struct Sides(Case);

impl Sides {
    pub(crate) async fn start() -> Self {
        Self(Case::new().await)
    }

    pub(crate) async fn on(server: Server) -> Self {
        Self(Case::on(server).await)
    }

    pub(crate) fn server(&self) -> &Server {
        &self.0.server
    }

    /// Ends the session, which waits for what still cleans up.
    pub(crate) async fn closed(&self) {
        self.0.session.close().await;
    }

    /// A path of the daemon's side.
    pub(crate) fn local(&self, path: &str) -> PathBuf {
        self.0.here(path)
    }

    /// A path of the server's side.
    pub(crate) fn remote(&self, path: &str) -> PathBuf {
        self.0.there(path)
    }

    /// A transfer of a folder, with nothing special asked.
    pub(crate) fn transfer(&self, direction: Direction, from: &str, to: &str) -> Transfer {
        let (here, there) = match direction {
            Direction::Upload => (from, to),
            Direction::Download => (to, from),
        };
        let there = self.remote(there);
        let transfer = self.0.transfer(direction, here, there.to_str().expect("UTF-8"));
        Transfer { recursive: true, make_folders: true, ..transfer }
    }

    pub(crate) async fn watched(&self, transfer: Transfer, watch: Arc<Watch>) -> Result<Moved, Failure> {
        self.0.session.transfer(transfer, watch).await
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
