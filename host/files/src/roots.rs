//! The folders that jobs may read and write on the daemon's side.

use crate::Error;
use cap_std::fs::Dir;
use hostler_model::{ErrorKind, Failure, Phase, check_path};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// See the module.
pub struct Roots {
    /// The first one is where relative paths start.
    first: Root,
    others: Vec<Root>,
}

struct Root {
    /// What requests call it.
    name: PathBuf,
    /// Where it was when the daemon started: without links.
    place: PathBuf,
}

/// Something in a root, whether or not it exists.
#[derive(Clone, Debug)]
pub struct Place {
    /// The root. Whatever is opened through it lies below it, also if links change later.
    pub folder: Arc<Dir>,
    /// From there on; `.` for the root itself.
    pub path: PathBuf,
    /// The whole, for people.
    pub shown: String,
}

impl Roots {
    /// Checks the folders that the operator named; if there are none, it is `files` of the data directory, whose path
    /// must be canonical.
    pub(crate) fn open(configured: &[PathBuf], data: &Path) -> Result<Self, Error> {
        let lent = data.join("files");
        let mut roots = Vec::with_capacity(configured.len());
        for path in configured {
            let root = Root::new(path)?;
            if data.starts_with(&root.place) || root.place.starts_with(data) && !root.place.starts_with(&lent) {
                return Err(Error::OwnFiles { path: path.clone(), data: data.to_owned() });
            }
            roots.push(root);
        }
        if roots.is_empty() {
            roots.push(Root::new(&lent)?);
        }
        let first = roots.remove(0);
        Ok(Self { first, others: roots })
    }

    /// Finds what a request names: an absolute path in a root, or a relative one in the first root. A path that leads
    /// out, by itself or over a link, gets the same answer whether anything is there or not; an absolute link always
    /// leads out. Blocks.
    pub fn find(&self, path: &str) -> Result<Place, Failure> {
        check_path(path)?;
        let whole = self.first.name.join(path);
        let roots = std::iter::once(&self.first).chain(&self.others);
        let inside = roots.filter_map(|root| Some((root, whole.strip_prefix(&root.name).ok()?)));
        let innermost = inside.min_by_key(|(_, below)| below.components().count());
        let (root, below) = innermost.ok_or_else(|| outside(path))?;
        let folder = root.open().map_err(|error| gone(path, root).with_detail(error))?;
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        // What else may be wrong with it depends on what it is wanted for.
        if folder.metadata(below).is_err_and(|error| leads_out(&error)) {
            return Err(outside(path));
        }
        Ok(Place { folder: Arc::new(folder), path: below.to_owned(), shown: whole.display().to_string() })
    }
}

impl Root {
    fn new(path: &Path) -> Result<Self, Error> {
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return Err(Error::NotPlain(path.to_owned()));
        }
        let place = fs::canonicalize(path);
        let root = place.map(|place| Self { name: path.components().collect(), place });
        let root = root.and_then(|root| root.open().map(|_| root));
        root.map_err(|source| Error::Root { path: path.to_owned(), source })
    }

    /// Opens the folder anew, because it may have been mounted meanwhile. No link is followed on the way: who may write
    /// into a root must not be able to turn another one, which lies in it, elsewhere.
    fn open(&self) -> io::Result<Dir> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = rustix::fs::open("/", flags, Mode::empty())?;
        for part in self.place.components().skip(1) {
            folder = rustix::fs::openat(&folder, part.as_os_str(), flags, Mode::empty())?;
        }
        Ok(Dir::from_std_file(File::from(folder)))
    }
}

/// cap-std's own verdict; what the system refuses has a number.
fn leads_out(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

fn outside(path: &str) -> Failure {
    let message = format!(
        "{path:?} lies outside the folders of the daemon that jobs may use: name a file in one that the operator \
         lists in `files.roots`"
    );
    Failure::new(ErrorKind::Denied, Phase::Transfer, message)
}

fn gone(path: &str, root: &Root) -> Failure {
    let name = root.name.display();
    let message =
        format!("{path:?} cannot be reached: ask the operator to bring the folder {name} of `files.roots` back");
    Failure::new(ErrorKind::Internal, Phase::Transfer, message)
}

#[cfg(test)]
mod tests;
