//! Moving files and folders, against OpenSSH's SFTP program. Here: single files.

mod again;
mod alike;
mod broken;
mod kept;
#[path = "../shared/request.rs"]
mod request;
mod server;
mod trees;
mod watch;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use hostler_model::{Direction, ErrorKind, Failure, HashAlgorithm, Moved, Phase};
use hostler_remote::{Compare, Links, LocalPath, Session, Transfer};
use server::{Fate, Server, kind, status};
use std::fs::{self, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use watch::Watch;

/// Longer than what may be on its way, and no multiple of anything.
const SIZE: usize = (6 << 20) + 12_345;

/// A time long ago: seconds since 1970.
const LONG_AGO: u64 = 1_000_000_000;

/// A server, a session with it, and a root of the daemon.
struct Case {
    server: Server,
    session: Box<dyn Session>,
    root: TempDir,
}

impl Case {
    async fn new() -> Self {
        Self::on(Server::start().await).await
    }

    async fn on(server: Server) -> Self {
        let session = server.session().await;
        Self { server, session, root: tempfile::tempdir().expect("folder") }
    }

    /// A path of the daemon.
    fn here(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A path of the server.
    fn there(&self, name: &str) -> PathBuf {
        self.server.path(name)
    }

    fn transfer(&self, direction: Direction, local: &str, remote: &str) -> Transfer {
        let root = Dir::open_ambient_dir(self.root.path(), ambient_authority()).expect("root");
        Transfer {
            direction,
            local: LocalPath { root: Arc::new(root), path: local.into(), shown: format!("/root/{local}") },
            remote: remote.into(),
            recursive: false,
            overwrite: true,
            resume: false,
            compare: Compare::Never,
            links: Links::Copy,
            verify: None,
            request_size: u32::MAX,
            mode: None,
            make_folders: false,
            in_place: false,
            durable: false,
            limit: u64::MAX,
            timeout: Duration::from_mins(1),
        }
    }

    fn up(&self, local: &str, remote: &str) -> Transfer {
        self.transfer(Direction::Upload, local, remote)
    }

    fn down(&self, remote: &str, local: &str) -> Transfer {
        self.transfer(Direction::Download, local, remote)
    }

    async fn run(&self, transfer: Transfer) -> Result<Moved, Failure> {
        self.session.transfer(transfer, Arc::new(Watch::default())).await
    }

    async fn moved(&self, transfer: Transfer) -> Moved {
        self.run(transfer).await.expect("moved")
    }

    async fn refused(&self, transfer: Transfer, kind: ErrorKind, words: &str) {
        is(&self.run(transfer).await.expect_err("refused"), kind, words);
    }
}

fn is(failure: &Failure, kind: ErrorKind, words: &str) {
    assert_eq!((failure.kind.clone(), failure.phase), (kind, Phase::Transfer), "{failure}");
    assert!(failure.message.contains(words), "{failure}");
}

/// Bytes that repeat nowhere, other ones for each seed.
fn content(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Makes a file that changed long ago.
fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).expect("written");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("mode");
    let time = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(LONG_AGO));
    fs::File::options().write(true).open(path).expect("open").set_times(time).expect("time");
}

/// Compares without showing megabytes.
fn holds(path: &Path, content: &[u8]) {
    let there = fs::read(path).expect("a file");
    assert_eq!(there.len(), content.len(), "{}", path.display());
    let differs = there.iter().zip(content).position(|(a, b)| a != b);
    assert_eq!(differs, None, "{}", path.display());
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").mode() & 0o7777
}

#[tokio::test]
async fn a_file_goes_up_with_its_mode_and_time_and_comes_down_again() {
    let case = Case::new().await;
    let bytes = content(SIZE, 1);
    write(&case.here("a"), &bytes, 0o640);
    let watch = Arc::new(Watch::default());
    let moved = case.session.transfer(case.up("a", "b"), watch.clone()).await.expect("moved");
    assert_eq!((moved.files, moved.skipped, moved.bytes, moved.total), (1, 0, SIZE as u64, SIZE as u64));
    assert_eq!((moved.resumed, moved.atomic, moved.request_size), (0, true, 255 << 10));
    assert_eq!((moved.local_path.as_str(), moved.remote_path.as_str()), ("/root/a", "b"));
    assert_eq!(moved.warnings, [""; 0]);
    assert_eq!(*watch.steps.lock().expect("no panic"), [format!("write b from /root/a, {SIZE}")]);
    let last = watch.progress.lock().expect("no panic").last().cloned().expect("the last report");
    assert_eq!((last.bytes, last.total, last.file.as_str()), (SIZE as u64, SIZE as u64, "b"));

    let moved = case.moved(case.down("b", "c")).await;
    assert_eq!((moved.files, moved.bytes, moved.total, moved.atomic), (1, SIZE as u64, SIZE as u64, true));
    for path in [case.there("b"), case.here("c")] {
        holds(&path, &bytes);
        assert_eq!(mode(&path), 0o640);
        assert_eq!(fs::metadata(&path).expect("a file").mtime().cast_unsigned(), LONG_AGO);
    }
    assert_eq!((names(&case.there("")), names(&case.here(""))), (vec!["b".into()], vec!["a".into(), "c".into()]));
}

#[tokio::test]
async fn what_exists_is_replaced_only_if_that_is_asked_and_keeps_its_mode() {
    let case = Case::new().await;
    write(&case.here("new"), b"new", 0o644);
    write(&case.there("old"), b"the old content", 0o4750);
    let refused = Transfer { overwrite: false, ..case.up("new", "old") };
    case.refused(refused, ErrorKind::TransferFailed, "`old` exists already").await;
    holds(&case.there("old"), b"the old content");
    assert!(case.moved(case.up("new", "old")).await.atomic);
    holds(&case.there("old"), b"new");
    assert_eq!(mode(&case.there("old")), 0o750, "it is another program now");
    case.moved(Transfer { mode: Some(0o4711), ..case.up("new", "old") }).await;
    assert_eq!(mode(&case.there("old")), 0o4711);

    let refused = Transfer { overwrite: false, ..case.down("old", "new") };
    case.refused(refused, ErrorKind::TransferFailed, "`/root/new` exists already").await;
    write(&case.here("new"), b"newer", 0o600);
    case.moved(case.down("old", "new")).await;
    holds(&case.here("new"), b"new");
    assert_eq!(mode(&case.here("new")), 0o600);
    case.moved(Transfer { mode: Some(0o444), ..case.down("old", "new") }).await;
    assert_eq!(mode(&case.here("new")), 0o444);
    assert_eq!(names(&case.there("")), ["old"]);
}

#[tokio::test]
async fn links_and_devices_are_written_through() {
    let case = Case::new().await;
    let bytes = content(SIZE, 2);
    write(&case.here("a"), &bytes, 0o600);
    write(&case.there("file"), &content(2 * SIZE, 3), 0o604);
    symlink("file", case.there("link")).expect("link");
    let moved = case.moved(case.up("a", "link")).await;
    assert_eq!((moved.atomic, moved.bytes), (false, SIZE as u64));
    assert_eq!(fs::read_link(case.there("link")).expect("still a link"), Path::new("file"));
    holds(&case.there("file"), &bytes);
    assert_eq!(mode(&case.there("file")), 0o604);
    let before = fs::metadata("/dev/null").expect("a device");
    assert!(!case.moved(Transfer { mode: Some(0o600), ..case.up("a", "/dev/null") }).await.atomic);
    let after = fs::metadata("/dev/null").expect("a device");
    assert_eq!((before.mode(), before.mtime()), (after.mode(), after.mtime()), "it is left as it is");

    // In the daemon's root, the file that a link leads to is replaced at once.
    fs::create_dir(case.here("deep")).expect("folder");
    fs::write(case.here("deep/file"), "old").expect("written");
    symlink("deep/file", case.here("link")).expect("link");
    assert!(case.moved(case.down("file", "link")).await.atomic);
    holds(&case.here("deep/file"), &bytes);
    assert!(case.here("link").is_symlink());
    symlink("/etc/hostname", case.here("out")).expect("link");
    case.refused(case.down("file", "out"), ErrorKind::PermissionDenied, "`/root/out`").await;
    assert_eq!(names(&case.here("deep")), ["file"]);
}

#[tokio::test]
async fn in_place_is_in_place() {
    let case = Case::new().await;
    write(&case.here("a"), b"short", 0o640);
    write(&case.there("b"), b"something longer", 0o600);
    let number = fs::metadata(case.there("b")).expect("a file").ino();
    let moved = case.moved(Transfer { in_place: true, ..case.up("a", "b") }).await;
    assert!(!moved.atomic);
    holds(&case.there("b"), b"short");
    assert_eq!(fs::metadata(case.there("b")).expect("a file").ino(), number);
    case.moved(Transfer { in_place: true, ..case.up("a", "made") }).await;
    assert_eq!(mode(&case.there("made")), 0o640);
    write(&case.here("c"), b"something longer", 0o600);
    let number = fs::metadata(case.here("c")).expect("a file").ino();
    assert!(!case.moved(Transfer { in_place: true, ..case.down("b", "c") }).await.atomic);
    holds(&case.here("c"), b"short");
    assert_eq!((fs::metadata(case.here("c")).expect("a file").ino(), mode(&case.here("c"))), (number, 0o600));
}

#[tokio::test]
async fn where_nothing_may_be_made_beside_it_a_file_is_written_in_place() {
    let case = Case::new().await;
    write(&case.here("a"), b"new", 0o600);
    write(&case.there("b"), b"old", 0o600);
    case.server.rule(|request| match request.kind {
        kind::OPEN if request.name().strip_suffix(".part").is_some() => Fate::Refuse(status::PERMISSION_DENIED),
        _ => Fate::Pass,
    });
    let moved = case.moved(case.up("a", "b")).await;
    assert!(!moved.atomic && moved.warnings[0].contains("beside `b`"), "{moved:?}");
    holds(&case.there("b"), b"new");
    case.refused(case.up("a", "c"), ErrorKind::PermissionDenied, "`c`").await;
    assert_eq!(names(&case.there("")), ["b"]);
}

#[tokio::test]
async fn a_server_that_cannot_replace_at_once_says_so() {
    let case = Case::on(Server::without("posix-rename,fsync,statvfs,limits").await).await;
    let bytes = content(SIZE, 4);
    write(&case.here("a"), &bytes, 0o600);
    let moved = case.moved(Transfer { durable: true, ..case.up("a", "b") }).await;
    assert_eq!((moved.atomic, moved.request_size), (true, 32 << 10));
    assert!(moved.warnings[0].contains("when `b` is on its disk"), "{moved:?}");
    holds(&case.there("b"), &bytes);
    write(&case.here("a"), b"other", 0o600);
    let moved = case.moved(case.up("a", "b")).await;
    assert!(!moved.atomic && moved.warnings[0].contains("no `b` for a moment"), "{moved:?}");
    holds(&case.there("b"), b"other");
    assert_eq!(names(&case.there("")), ["b"]);
    let moved = case.moved(case.down("b", "c")).await;
    assert_eq!((moved.bytes, moved.request_size), (5, 32 << 10));
}

#[tokio::test]
async fn folders_above_are_made_if_that_is_asked() {
    let case = Case::new().await;
    write(&case.here("a"), b"content", 0o600);
    fs::create_dir(case.there("x")).expect("folder");
    case.refused(case.up("a", "x/y/z/b"), ErrorKind::NotFound, "`x/y/z/b`").await;
    let watch = Arc::new(Watch::default());
    let asked = Transfer { make_folders: true, ..case.up("a", "x/y/z/b") };
    case.session.transfer(asked, watch.clone()).await.expect("moved");
    holds(&case.there("x/y/z/b"), b"content");
    assert_eq!(watch.steps.lock().expect("no panic")[1..], ["make folder x/y", "make folder x/y/z"]);
    case.refused(case.down("x/y/z/b", "p/q/b"), ErrorKind::NotFound, "`/root/p/q/b`").await;
    case.moved(Transfer { make_folders: true, ..case.down("x/y/z/b", "p/q/b") }).await;
    holds(&case.here("p/q/b"), b"content");
}

#[tokio::test]
async fn nothing_is_sent_that_was_not_admitted() {
    let case = Case::new().await;
    write(&case.here("a"), b"content", 0o600);
    write(&case.there("b"), b"content", 0o600);
    let asked = [
        ("write", case.up("a", "c")),
        ("list", case.down("b", "d")),
        ("read", case.down("b", "d")),
        ("make folder", Transfer { make_folders: true, ..case.up("a", "x/c") }),
    ];
    for (forbidden, transfer) in asked {
        let watch = Watch::denying(forbidden, ErrorKind::Denied);
        let failure = case.session.transfer(transfer, watch).await.expect_err("denied");
        assert_eq!(failure.kind, ErrorKind::Denied, "{forbidden}");
    }
    assert_eq!(case.server.count(kind::OPEN), 1, "the part below a folder that is missing");
    assert_eq!((names(&case.there("")), names(&case.here(""))), (vec!["b".into()], vec!["a".into()]));
}

#[tokio::test]
async fn a_folder_is_no_file_and_a_missing_one_is_missing() {
    let case = Case::new().await;
    for folder in [case.here("folder"), case.there("folder")] {
        fs::create_dir(folder).expect("folder");
    }
    for file in [case.here("file"), case.there("file")] {
        fs::write(file, "content").expect("written");
    }
    for transfer in [case.up("folder", "x"), case.down("file", "folder"), case.down("x", "x")] {
        let (kind, words) = match (transfer.direction, transfer.remote.as_str()) {
            (Direction::Download, "x") => (ErrorKind::NotFound, "no `x`"),
            _ => (ErrorKind::TransferFailed, "`/root/folder` is a folder"),
        };
        case.refused(transfer, kind, words).await;
    }
    case.refused(case.up("file", "folder"), ErrorKind::TransferFailed, "`folder` is a folder").await;
    case.refused(case.down("folder", "x"), ErrorKind::TransferFailed, "`folder` is a folder").await;
    case.refused(case.up("missing", "x"), ErrorKind::NotFound, "no `/root/missing`").await;
    case.refused(case.up("file", "folder/"), ErrorKind::InvalidRequest, "names no file").await;
    case.refused(case.down("/dev/null", "x"), ErrorKind::TransferFailed, "is a device").await;
    assert_eq!(names(&case.here("")), ["file", "folder"]);
    assert_eq!(names(&case.there("")), ["file", "folder"]);
}

#[tokio::test]
async fn empty_files_and_files_of_unknown_size_are_whole() {
    let case = Case::new().await;
    write(&case.here("a"), b"", 0o600);
    assert_eq!(case.moved(case.up("a", "b")).await.files, 1);
    let moved = case.moved(case.down("b", "c")).await;
    assert_eq!((moved.files, moved.bytes, moved.total), (1, 0, 0));
    holds(&case.here("c"), b"");
    let verify = Some(HashAlgorithm::Md5);
    let moved = case.moved(Transfer { verify, ..case.down("/proc/version", "v") }).await;
    let version = fs::read("/proc/version").expect("Linux");
    holds(&case.here("v"), &version);
    assert_eq!((moved.bytes, moved.total), (version.len() as u64, version.len() as u64));
}

#[tokio::test]
async fn the_size_of_requests_is_what_is_asked_within_reason() {
    let case = Case::new().await;
    write(&case.here("a"), &content(1 << 20, 5), 0o600);
    for (asked, real) in [(0, 4096), (5000, 5000), (u32::MAX, 255 << 10)] {
        let (writes, reads) = (case.server.count(kind::WRITE), case.server.count(kind::READ));
        let moved = case.moved(Transfer { request_size: asked, ..case.up("a", "b") }).await;
        let requests = (1_usize << 20).div_ceil(real);
        // Blocks that are read ahead hold whole requests.
        assert_eq!((moved.request_size as usize, case.server.count(kind::WRITE) - writes), (real, requests));
        case.moved(Transfer { request_size: asked, ..case.down("b", "c") }).await;
        assert_eq!(case.server.count(kind::READ) - reads, requests);
    }
}

#[tokio::test]
async fn both_sides_are_compared_if_that_is_asked() {
    let case = Case::new().await;
    let bytes = content(SIZE, 6);
    write(&case.here("a"), &bytes, 0o600);
    write(&case.there("b"), b"old", 0o600);
    let verify = Some(HashAlgorithm::Sha256);
    let hash = case.moved(Transfer { verify, ..case.up("a", "c") }).await.hash.expect("a hash");
    assert_eq!((hash.algorithm, hash.hex.len()), (HashAlgorithm::Sha256, 64));
    let down = case.moved(Transfer { verify, ..case.down("c", "d") }).await.hash.expect("a hash");
    assert_eq!(hash, down);
    assert_eq!(case.server.commands().len(), 2);
    // A disk that loses a byte.
    case.server.rule(|request| {
        if request.kind == kind::WRITE && request.offset() == 0 {
            *request.body.last_mut().expect("content") ^= 1;
        }
        Fate::Pass
    });
    for resume in [false, true] {
        let damaged = Transfer { verify, resume, ..case.up("a", "b") };
        case.refused(damaged, ErrorKind::TransferFailed, "`b` differs from its source").await;
        holds(&case.there("b"), b"old");
        assert_eq!(names(&case.there("")), ["b", "c"]);
    }
}

#[tokio::test]
async fn a_file_keeps_its_owner_as_far_as_the_server_lets_it() {
    let case = Case::new().await;
    write(&case.here("a"), b"new", 0o600);
    write(&case.there("b"), b"old", 0o2640);
    // Whoever runs the tests may give files away, or not; the answer has to be true.
    let given_away = chown(case.there("b"), Some(12_345), Some(12_345)).is_ok();
    assert_eq!(case.moved(case.up("a", "b")).await.warnings, [""; 0]);
    let now = fs::metadata(case.there("b")).expect("a file");
    assert_eq!(now.uid() == 12_345, given_away);
    assert_eq!(now.mode() & 0o7777, 0o640);
    case.server.rule(|request| match request.kind {
        // Flags that say that there is an owner, and nothing else.
        kind::FSETSTAT if request.body.len() == 20 && request.body[8..12] == [0, 0, 0, 2] => {
            Fate::Refuse(status::PERMISSION_DENIED)
        }
        _ => Fate::Pass,
    });
    let warnings = case.moved(case.up("a", "b")).await.warnings;
    assert_eq!(!warnings.is_empty(), given_away, "{warnings:?}");
    assert!(warnings.iter().all(|warning| warning.contains("`b` belongs to another user")), "{warnings:?}");
}

#[tokio::test]
async fn two_transfers_share_a_session() {
    let case = Case::new().await;
    let (one, two) = (content(SIZE, 7), content(SIZE, 8));
    write(&case.here("one"), &one, 0o600);
    write(&case.there("two"), &two, 0o600);
    let (up, down) = futures::join!(case.run(case.up("one", "one")), case.run(case.down("two", "two")));
    assert_eq!((up.expect("moved").files, down.expect("moved").files), (1, 1));
    holds(&case.there("one"), &one);
    holds(&case.here("two"), &two);
}

#[tokio::test]
async fn the_longest_name_is_no_problem() {
    let case = Case::new().await;
    let name = "n".repeat(255);
    write(&case.here("a"), b"content", 0o600);
    for resume in [false, true] {
        case.moved(Transfer { resume, ..case.up("a", &name) }).await;
        case.moved(Transfer { resume, ..case.down(&name, &name) }).await;
        holds(&case.here(&name), b"content");
    }
}

#[tokio::test]
async fn the_same_content_is_left_alone_if_that_is_asked() {
    let case = Case::new().await;
    write(&case.here("a"), b"content", 0o600);
    let compare = Compare::Hash(HashAlgorithm::Sha256);
    let first = case.moved(Transfer { compare, ..case.up("a", "b") }).await;
    let again = case.moved(Transfer { compare, ..case.up("a", "b") }).await;
    assert_eq!(((first.files, first.skipped), (again.files, again.skipped, again.bytes)), ((1, 0), (0, 1, 0)));
    write(&case.there("b"), b"CONTENT", 0o600);
    let by_time = Transfer { compare: Compare::SizeAndTime, ..case.up("a", "b") };
    assert_eq!(case.moved(by_time).await.skipped, 1, "size and time are the same");
    assert_eq!(case.moved(Transfer { compare, ..case.down("b", "a") }).await.files, 1);
    holds(&case.here("a"), b"CONTENT");
}
