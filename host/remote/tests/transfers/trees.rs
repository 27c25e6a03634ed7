//! Folders both ways.

mod compared;
mod faults;
mod links;
mod sides;

use crate::server::{Fate, kind};
use crate::watch::Watch;
use hostler_model::{Direction, ErrorKind, Phase};
use hostler_remote::Transfer;
use sides::{Sides, listing};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Some of everything that can be moved.
fn plant(folder: &Path) {
    let at = |path: &str| folder.join(path);
    fs::create_dir_all(at("deep/deeper/deepest")).expect("folders");
    fs::create_dir(at("empty")).expect("folder");
    fs::write(at("plain"), "some content").expect("file");
    fs::write(at("nothing"), "").expect("file");
    fs::write(at("deep/it's a \"name\" with \\ and\nmore *ü*"), "odd").expect("file");
    fs::write(at("deep/deeper/-script"), "#!/bin/sh").expect("file");
    fs::write(at("deep/deeper/deepest/large"), vec![b'l'; 3_000_000]).expect("file");
    for (path, mode) in [("plain", 0o640), ("deep/deeper/-script", 0o755), ("deep/deeper", 0o750), ("empty", 0o500)] {
        fs::set_permissions(at(path), fs::Permissions::from_mode(mode)).expect("mode");
    }
    symlink("plain", at("link")).expect("link");
    symlink("../plain", at("deep/up")).expect("link");
    symlink("nowhere", at("deep/dangling")).expect("link");
    sides::age(folder);
}

/// A folder of many small files.
fn plant_many(folder: &Path, count: usize) {
    for number in 0..count {
        let within = folder.join(format!("{}", number % 7));
        fs::create_dir_all(&within).expect("folder");
        fs::write(within.join(format!("{number}.txt")), format!("{number} ").repeat(800)).expect("file");
    }
    sides::age(folder);
}

#[tokio::test]
async fn a_folder_arrives_as_it_was_both_ways() {
    let sides = Sides::start().await;
    plant(&sides.local("there"));
    let up = sides.up("there", "here").await.expect("moved");
    assert_eq!(listing(&sides.remote("here")), listing(&sides.local("there")));
    assert_eq!((up.files, up.skipped, up.failed, up.bytes, up.total), (5, 0, 0, 3_000_024, 3_000_024));
    assert!(up.atomic && up.failures.is_empty() && up.warnings.is_empty(), "{up:?}");
    let down = sides.down("here", "back").await.expect("moved");
    assert_eq!(listing(&sides.local("back")), listing(&sides.local("there")));
    assert_eq!((down.files, down.bytes, down.total), (5, 3_000_024, 3_000_024));
    assert!(down.atomic && down.failures.is_empty() && down.warnings.is_empty(), "{down:?}");
}

#[tokio::test]
async fn what_is_there_already_stays_beside_what_comes() {
    let sides = Sides::start().await;
    for (from, to) in [(sides.local("new"), sides.remote("old")), (sides.remote("new"), sides.local("old"))] {
        fs::create_dir_all(from.join("folder")).expect("folder");
        fs::write(from.join("folder/same"), "new").expect("file");
        fs::write(from.join("folder/fresh"), "fresh").expect("file");
        fs::create_dir_all(to.join("folder")).expect("folder");
        fs::write(to.join("folder/same"), "the old one").expect("file");
        fs::write(to.join("folder/other"), "other").expect("file");
        fs::set_permissions(to.join("folder"), fs::Permissions::from_mode(0o700)).expect("mode");
    }
    let moved = [sides.up("new", "old").await.expect("moved"), sides.down("new", "old").await.expect("moved")];
    for (moved, to) in moved.into_iter().zip([sides.remote("old"), sides.local("old")]) {
        assert_eq!((moved.files, moved.failed), (2, 0), "{moved:?}");
        let read = |name| fs::read_to_string(to.join("folder").join(name)).expect("file");
        assert_eq!([read("same"), read("fresh"), read("other")], ["new", "fresh", "other"]);
        let mode = fs::metadata(to.join("folder")).expect("folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "a folder that was there keeps its mode");
    }
}

#[tokio::test]
async fn missing_folders_above_are_made_only_if_asked() {
    let sides = Sides::start().await;
    for folder in [sides.local("from"), sides.remote("from")] {
        fs::create_dir(&folder).expect("folder");
        fs::write(folder.join("file"), "content").expect("file");
    }
    for direction in [Direction::Upload, Direction::Download] {
        let transfer = Transfer { make_folders: false, ..sides.transfer(direction, "from", "a/b/c") };
        let failure = sides.run(transfer).await.expect_err("no folder");
        assert_eq!((failure.kind, failure.phase), (ErrorKind::NotFound, Phase::Transfer));
        let made = sides.run(sides.transfer(direction, "from", "a/b/c")).await.expect("moved");
        assert_eq!((made.files, made.failed), (1, 0));
    }
    for to in [sides.remote("a/b/c/file"), sides.local("a/b/c/file")] {
        assert_eq!(fs::read_to_string(to).expect("file"), "content");
    }
}

#[tokio::test]
async fn a_root_and_a_path_that_ends_with_a_slash_are_folders_too() {
    let sides = Sides::start().await;
    plant(&sides.local(""));
    let up = sides.up("", "new/").await.expect("moved");
    assert_eq!((up.files, up.failed), (5, 0), "{up:?}");
    assert_eq!(listing(&sides.remote("new")), listing(&sides.local("")));
    let before = listing(&sides.local(""));
    fs::remove_dir_all(sides.local("deep")).expect("removed");
    let down = sides.down("new/", "").await.expect("moved");
    assert_eq!((down.files, down.failed), (5, 0), "{down:?}");
    let now = listing(&sides.local(""));
    assert!(now.keys().eq(before.keys()) && now[Path::new("deep")] == before[Path::new("deep")]);
}

#[tokio::test]
async fn a_file_is_moved_as_one_and_a_folder_needs_the_word() {
    let sides = Sides::start().await;
    for at in [sides.local("at"), sides.remote("at")] {
        fs::create_dir(&at).expect("folder");
        fs::write(at.join("file"), "content").expect("file");
    }
    for direction in [Direction::Upload, Direction::Download] {
        let moved = sides.run(sides.transfer(direction, "at/file", "file")).await.expect("moved");
        assert_eq!((moved.files, moved.bytes), (1, 7));
        let transfer = Transfer { recursive: false, ..sides.transfer(direction, "at", "folder") };
        let failure = sides.run(transfer).await.expect_err("a folder");
        assert!(failure.message.contains("/at`") && failure.message.contains("folder"), "{failure}");
    }
}

#[tokio::test]
async fn a_thousand_small_files_arrive() {
    let sides = Sides::start().await;
    plant_many(&sides.local("many"), 1000);
    let watch = Arc::new(Watch::default());
    let up = sides.transfer(Direction::Upload, "many", "many");
    let moved = sides.watched(up, watch.clone()).await.expect("moved");
    assert_eq!((moved.files, moved.failed), (1000, 0), "{:?}", moved.failures.first());
    assert_eq!(listing(&sides.remote("many")), listing(&sides.local("many")));
    assert_eq!((watch.count("write"), watch.count("make")), (1000, 8), "each is asked about once");
    let last = watch.progress.lock().expect("no panic").last().cloned().expect("a report");
    assert_eq!((last.bytes, last.total), (moved.bytes, moved.bytes));
    let watch = Arc::new(Watch::default());
    let down = sides.transfer(Direction::Download, "many", "back");
    let moved = sides.watched(down, watch.clone()).await.expect("moved");
    assert_eq!((moved.files, moved.failed), (1000, 0), "{:?}", moved.failures.first());
    assert_eq!(listing(&sides.local("back")), listing(&sides.local("many")));
    assert_eq!((watch.count("read"), watch.count("list")), (1000, 9), "and first what it is");
}

/// With one file after the other, this would come to a standstill.
#[tokio::test]
async fn many_files_are_on_their_way_at_once() {
    let sides = Sides::start().await;
    plant_many(&sides.local("many"), 100);
    for direction in [Direction::Upload, Direction::Download] {
        let mut opened = 0;
        sides.server().rule(move |request| {
            opened += usize::from(request.kind == kind::OPEN);
            if (1..32).contains(&opened) { Fate::Hold } else { Fate::Pass }
        });
        let moving = sides.run(sides.transfer(direction, "many", "many"));
        let moved = tokio::time::timeout(Duration::from_mins(1), moving).await.expect("32 files at once");
        assert_eq!(moved.expect("moved").files, 100);
        if direction == Direction::Upload {
            fs::remove_dir_all(sides.local("many")).expect("removed");
        }
    }
    assert_eq!(listing(&sides.remote("many")), listing(&sides.local("many")));
}
