//! What cannot be moved, and what becomes of the rest.

use super::plant_many;
use super::sides::{Sides, age, contents};
use crate::server::{Fate, kind};
use crate::watch::Watch;
use hostler_model::{Direction, ErrorKind, Moved, Phase};
use hostler_remote::{Compare, Transfer};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

const BOTH: [Direction; 2] = [Direction::Upload, Direction::Download];

fn ends(sides: &Sides, direction: Direction) -> (PathBuf, PathBuf) {
    match direction {
        Direction::Upload => (sides.local("from"), sides.remote("to")),
        Direction::Download => (sides.remote("from"), sides.local("to")),
    }
}

fn failed(moved: &Moved) -> Vec<&str> {
    let mut paths: Vec<_> = moved.failures.iter().map(|failure| failure.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(moved.failed, paths.len() as u64);
    paths
}

#[tokio::test]
async fn a_file_that_is_denied_is_one_that_fails() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = ends(&sides, direction);
        plant_many(&from, 30);
        let watch = Watch::denying("/3/17.txt", ErrorKind::Denied);
        let moved = sides.watched(sides.transfer(direction, "from", "to"), watch).await.expect("moved");
        assert_eq!((moved.files, failed(&moved)), (29, vec!["3/17.txt"]));
        assert!(moved.failures[0].reason.starts_with("No "), "{:?}", moved.failures);
        assert!(!to.join("3/17.txt").exists() && to.join("3/24.txt").exists());
    }
}

#[tokio::test]
async fn a_folder_that_is_denied_takes_what_is_in_it_along() {
    let sides = Sides::start().await;
    plant_many(&sides.local("from"), 30);
    let watch = Watch::denying("to/3", ErrorKind::Denied);
    fs::create_dir_all(sides.remote("to/3")).expect("folder");
    sides.server().rule(|request| match request.kind {
        kind::STAT | kind::LSTAT if request.name().contains("to/3") => Fate::End,
        _ => Fate::Pass,
    });
    let moved = sides.watched(sides.transfer(Direction::Upload, "from", "to"), watch).await.expect("moved");
    assert_eq!((moved.files, moved.failed), (26, 5), "the server was not even asked whether it is there");
    let sides = Sides::start().await;
    plant_many(&sides.remote("from"), 30);
    let watch = Watch::denying("from/3", ErrorKind::Denied);
    let moved = sides.watched(sides.transfer(Direction::Download, "from", "to"), watch).await.expect("moved");
    assert_eq!((moved.files, failed(&moved)), (26, vec!["3"]), "nobody knows what is in it");
}

#[tokio::test]
async fn the_end_of_the_job_is_the_end_of_all() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, _) = ends(&sides, direction);
        plant_many(&from, 30);
        let watch = Watch::denying("/3/17.txt", ErrorKind::Canceled);
        let failure = sides.watched(sides.transfer(direction, "from", "to"), watch).await.expect_err("canceled");
        assert_eq!(failure.kind, ErrorKind::Canceled);
    }
}

#[tokio::test]
async fn a_server_that_goes_away_ends_all() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = ends(&sides, direction);
        plant_many(&from, 200);
        let mut left = 70;
        sides.server().rule(move |request| {
            left -= usize::from(request.kind == kind::OPEN);
            if left == 0 { Fate::End } else { Fate::Pass }
        });
        let failure = sides.run(sides.transfer(direction, "from", "to")).await.expect_err("gone");
        let kinds = [ErrorKind::ConnectionLost, ErrorKind::Protocol];
        assert!(kinds.contains(&failure.kind) && failure.phase == Phase::Transfer, "{failure}");
        let whole = contents(&from);
        let parts = |path: &PathBuf| path.to_string_lossy().ends_with(".part");
        for (path, content) in contents(&to).into_iter().filter(|(path, _)| !parts(path)) {
            assert!(whole[&path] == content, "{path:?} is whole if it is there");
        }
    }
}

#[tokio::test]
async fn what_is_neither_file_nor_folder_is_named() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = ends(&sides, direction);
        fs::create_dir(&from).expect("folder");
        fs::write(from.join("file"), "content").expect("file");
        let _socket = UnixListener::bind(from.join("socket")).expect("socket");
        let moved = sides.run(sides.transfer(direction, "from", "to")).await.expect("moved");
        assert_eq!((moved.files, failed(&moved)), (1, vec!["socket"]));
        assert!(!to.join("socket").exists());
    }
}

#[tokio::test]
async fn what_is_in_the_way_stays() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = ends(&sides, direction);
        fs::create_dir_all(from.join("folder/within")).expect("folder");
        fs::write(from.join("folder/within/file"), "new").expect("file");
        fs::write(from.join("file"), "new").expect("file");
        fs::write(from.join("other"), "new").expect("file");
        fs::create_dir_all(to.join("file")).expect("folder");
        fs::write(to.join("folder"), "old").expect("file");
        let moved = sides.run(sides.transfer(direction, "from", "to")).await.expect("moved");
        assert_eq!((moved.files, failed(&moved)), (1, vec!["file", "folder", "folder/within", "folder/within/file"]));
        assert_eq!(fs::read_to_string(to.join("folder")).expect("file"), "old");
        assert!(to.join("file").is_dir());
        // The whole cannot be moved where a file is.
        let failure = sides.run(sides.transfer(direction, "from", "to/other")).await.expect_err("a file");
        assert_eq!((failure.kind, failure.phase), (ErrorKind::TransferFailed, Phase::Transfer));
        assert!(failure.message.contains("to/other`"), "{}", failure.message);
    }
}

/// Where a link stands for a folder here, nothing goes through it.
#[tokio::test]
async fn a_link_in_the_way_is_not_followed() {
    let sides = Sides::start().await;
    fs::create_dir_all(sides.remote("from/folder/within")).expect("folders");
    fs::write(sides.remote("from/folder/within/file"), "new").expect("file");
    fs::create_dir(sides.local("elsewhere")).expect("folder");
    fs::create_dir(sides.local("to")).expect("folder");
    symlink("../elsewhere", sides.local("to/folder")).expect("link");
    let moved = sides.run(sides.transfer(Direction::Download, "from", "to")).await.expect("moved");
    assert_eq!((moved.files, failed(&moved)), (0, vec!["folder", "folder/within", "folder/within/file"]));
    assert_eq!(fs::read_dir(sides.local("elsewhere")).expect("folder").count(), 0);
}

/// Nor on the server.
#[tokio::test]
async fn a_link_in_the_way_on_the_server_is_not_followed() {
    for compare in [Compare::Never, Compare::SizeAndTime] {
        let sides = Sides::start().await;
        fs::create_dir_all(sides.local("from/folder/within")).expect("folders");
        fs::write(sides.local("from/folder/within/file"), "new").expect("file");
        fs::write(sides.local("from/file"), "new").expect("file");
        fs::create_dir(sides.remote("elsewhere")).expect("folder");
        fs::write(sides.remote("elsewhere/file"), "old").expect("file");
        // What stands for the whole may be a link.
        fs::create_dir(sides.remote("real")).expect("folder");
        symlink("real", sides.remote("to")).expect("link");
        symlink("../elsewhere", sides.remote("to/folder")).expect("link");
        symlink("../elsewhere/file", sides.remote("to/file")).expect("link");
        age(&sides.local("from"));
        let time = fs::metadata(sides.local("from/file")).and_then(|file| file.modified()).expect("time");
        fs::File::open(sides.remote("to/file")).and_then(|file| file.set_modified(time)).expect("time");
        let transfer = Transfer { compare, mode: Some(0o4755), ..sides.transfer(Direction::Upload, "from", "to") };
        let moved = sides.run(transfer).await.expect("moved");
        let expected = vec!["file", "folder", "folder/within", "folder/within/file"];
        assert_eq!((moved.files, moved.skipped, failed(&moved)), (0, 0, expected));
        for path in ["file", "folder"] {
            let failure = moved.failures.iter().find(|failure| failure.path == path).expect("named");
            assert!(failure.reason.contains("is there already, and is no f"), "{failure:?}");
            assert!(sides.remote("real").join(path).is_symlink());
        }
        assert_eq!(fs::read_to_string(sides.remote("elsewhere/file")).expect("file"), "old");
        assert_eq!(fs::read_dir(sides.remote("elsewhere")).expect("folder").count(), 1);
        assert_eq!(fs::read_dir(sides.remote("real")).expect("folder").count(), 2);
    }
}

#[tokio::test]
async fn names_that_are_not_utf_8_are_named_and_the_rest_arrives() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = ends(&sides, direction);
        fs::create_dir_all(from.join("folder")).expect("folder");
        fs::write(from.join("folder").join(OsStr::from_bytes(b"caf\xe9")), "coffee").expect("file");
        fs::write(from.join("folder/tea"), "tea").expect("file");
        let moved = sides.run(sides.transfer(direction, "from", "to")).await.expect("moved");
        assert_eq!((moved.files, failed(&moved)), (1, vec!["folder/caf\u{fffd}"]));
        assert!(moved.failures[0].reason.contains("UTF-8"));
        assert!(to.join("folder/tea").exists());
    }
}

#[tokio::test]
async fn a_server_cannot_name_files_elsewhere() {
    let sides = Sides::start().await;
    let from = sides.remote("from");
    fs::create_dir(&from).expect("folder");
    let lies: [(&[u8], &[u8]); 5] = [
        (b"dots", b".../"),
        (b"parent-x", b"../evil1"),
        (b"absolut", b"/evil02"),
        (b"nulnul", b"nul\0ul"),
        (b"in-dir", b"in/dir"),
    ];
    for (truth, lie) in lies {
        fs::write(from.join(OsStr::from_bytes(truth)), "evil").expect("file");
        sides.server().lie(truth, lie);
    }
    fs::write(from.join("good"), "good").expect("file");
    // Names of one and two bytes are where they are because of their length.
    fs::write(from.join("yy"), "evil").expect("file");
    sides.server().lie(b"\0\0\0\x02yy", b"\0\0\0\x02..");
    let moved = sides.down("from", "to").await.expect("moved");
    assert_eq!(moved.files, 1);
    assert_eq!(failed(&moved), [".../", "../evil1", "/evil02", "in/dir", "nul\\u{0}ul"]);
    assert!(moved.failures.iter().all(|failure| failure.reason.contains("no file can have")), "{moved:?}");
    let names = |path: PathBuf| fs::read_dir(path).expect("folder").count();
    assert_eq!((names(sides.local("")), names(sides.local("to"))), (1, 1));
}

#[tokio::test]
async fn folders_that_are_too_deep_are_named() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = ends(&sides, direction);
        let deep: PathBuf = std::iter::repeat_n("d", 64).collect();
        fs::create_dir_all(from.join(&deep).join("d/d")).expect("folders");
        fs::write(from.join(&deep).join("file"), "content").expect("file");
        let moved = sides.run(sides.transfer(direction, "from", "to")).await.expect("moved");
        let beyond = deep.join("d");
        assert_eq!((moved.files, failed(&moved)), (1, vec![beyond.to_str().expect("UTF-8")]));
        assert!(to.join(deep).join("file").exists());
    }
}

#[tokio::test]
async fn what_has_no_room_is_not_begun() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = ends(&sides, direction);
        fs::create_dir(&from).expect("folder");
        fs::write(from.join("a"), "content").expect("file");
        for name in ["b", "c", "d"] {
            // It takes no room, but would if it were moved.
            fs::File::create(from.join(name)).and_then(|file| file.set_len(4 << 40)).expect("a sparse file");
        }
        let failure = sides.run(sides.transfer(direction, "from", "to")).await.expect_err("no room");
        assert_eq!(failure.kind, ErrorKind::TransferFailed);
        assert!(failure.message.contains("13194139533319 bytes"), "{}", failure.message);
        assert!(!Path::new(&to).exists());
    }
}

/// Most of it may be there already.
#[tokio::test]
async fn what_is_there_already_needs_no_room() {
    for direction in BOTH {
        let sides = Sides::start().await;
        let (from, to) = ends(&sides, direction);
        for folder in [&from, &to] {
            fs::create_dir(folder).expect("folder");
            for name in ["a", "b", "c"] {
                fs::File::create(folder.join(name)).and_then(|file| file.set_len(4 << 40)).expect("a sparse file");
            }
            age(folder);
        }
        fs::write(from.join("d"), "content").expect("file");
        let transfer = Transfer { compare: Compare::SizeAndTime, ..sides.transfer(direction, "from", "to") };
        let moved = sides.run(transfer).await.expect("moved");
        assert_eq!((moved.files, moved.skipped, moved.failed), (1, 3, 0), "{moved:?}");
    }
    let sides = Sides::start().await;
    plant_many(&sides.local("from"), 10);
    sides.server().rule(|request| match request.kind {
        kind::EXTENDED if request.name().starts_with("statvfs") => Fate::End,
        _ => Fate::Pass,
    });
    let transfer = Transfer { resume: true, ..sides.transfer(Direction::Upload, "from", "to") };
    assert_eq!(sides.run(transfer).await.expect("moved").files, 10, "nobody asks how much room there is for all");
}
