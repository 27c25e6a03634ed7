//! What is left alone because it is the same already.

use super::plant_many;
use super::sides::{Sides, age, contents};
use crate::server::Server;
use crate::watch::Watch;
use hostler_model::{Direction, ErrorKind, HashAlgorithm};
use hostler_remote::{Compare, Transfer};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const BOTH: [Direction; 2] = [Direction::Upload, Direction::Download];

/// Where the files come from.
fn source(sides: &Sides, direction: Direction) -> PathBuf {
    if direction == Direction::Upload { sides.local("many") } else { sides.remote("many") }
}

/// Changes two files of the source: one in content alone, one in size.
fn change(sides: &Sides, direction: Direction) {
    let source = source(sides, direction);
    let path = source.join("1/8.txt");
    let time = fs::metadata(&path).and_then(|file| file.modified()).expect("time");
    let content = fs::read(&path).expect("file");
    fs::write(&path, content.iter().rev().copied().collect::<Vec<_>>()).expect("file");
    fs::File::open(&path).and_then(|file| file.set_modified(time)).expect("time");
    let mut content = fs::read(source.join("2/9.txt")).expect("file");
    content.truncate(content.len() / 2);
    fs::write(source.join("2/9.txt"), content).expect("file");
}

#[tokio::test]
async fn files_with_the_same_hash_are_left_alone() {
    for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Md5] {
        let sides = Sides::start().await;
        plant_many(&sides.local("many"), 300);
        sides.up("many", "many").await.expect("moved");
        for direction in BOTH {
            change(&sides, direction);
            let transfer = Transfer { compare: Compare::Hash(algorithm), ..sides.transfer(direction, "many", "many") };
            let moved = sides.run(transfer.clone()).await.expect("moved");
            assert_eq!((moved.files, moved.skipped, moved.failed), (2, 298, 0), "{moved:?}");
            assert!(moved.bytes < 4000 && moved.total > 300_000, "{moved:?}");
            let again = sides.run(transfer).await.expect("moved");
            assert_eq!((again.files, again.skipped, again.bytes, again.atomic), (0, 300, 0, true));
        }
        assert!(contents(&sides.remote("many")) == contents(&sides.local("many")));
        let commands = sides.server().commands();
        assert!(commands.len() <= 8, "{} commands for 1200 files", commands.len());
    }
}

#[tokio::test]
async fn without_a_command_that_hashes_the_files_are_read() {
    for denied in [true, false] {
        let server = if denied { Server::start().await } else { Server::without_commands().await };
        let sides = Sides::on(server).await;
        plant_many(&sides.local("many"), 20);
        sides.up("many", "many").await.expect("moved");
        for direction in BOTH {
            change(&sides, direction);
            let compare = Compare::Hash(HashAlgorithm::Sha256);
            let transfer = Transfer { compare, ..sides.transfer(direction, "many", "many") };
            let watch = if denied { Watch::denying("exec", ErrorKind::Denied) } else { Arc::default() };
            let moved = sides.watched(transfer, watch).await.expect("moved");
            assert_eq!((moved.files, moved.skipped, moved.failed), (2, 18, 0), "{moved:?}");
        }
        assert_eq!(sides.server().commands().is_empty(), denied, "a server that runs none was asked");
    }
}

#[tokio::test]
async fn odd_names_are_hashed_too() {
    let sides = Sides::start().await;
    let odd = ["-", "-c", "a b", "it's", "back\\slash", "new\nline", "$HOME", "*", "ünï", "-- x"];
    fs::create_dir(sides.local("odd")).expect("folder");
    for name in odd {
        fs::write(sides.local("odd").join(name), name.repeat(10)).expect("file");
    }
    age(&sides.local("odd"));
    sides.up("odd", "odd").await.expect("moved");
    let compare = Compare::Hash(HashAlgorithm::Sha256);
    for direction in BOTH {
        // What cannot be read back must have been hashed there.
        let transfer = Transfer { compare, ..sides.transfer(direction, "odd", "odd") };
        let moved = sides.run(transfer).await.expect("moved");
        assert_eq!((moved.files, moved.skipped), (0, odd.len() as u64), "{moved:?}");
    }
    let commands = sides.server().commands();
    assert_eq!(commands.len(), 2 * 3, "all plain names at once, and the two others: {commands:?}");
}

#[tokio::test]
async fn files_with_the_same_size_and_time_are_left_alone() {
    for direction in BOTH {
        let sides = Sides::start().await;
        plant_many(&sides.local("many"), 50);
        sides.up("many", "many").await.expect("moved");
        change(&sides, direction);
        let transfer = Transfer { compare: Compare::SizeAndTime, ..sides.transfer(direction, "many", "many") };
        let moved = sides.run(transfer.clone()).await.expect("moved");
        assert_eq!((moved.files, moved.skipped), (1, 49), "a change of content alone is not seen");
        let (here, there) = (sides.local("many/1/8.txt"), sides.remote("many/1/8.txt"));
        assert_ne!(fs::read(here).expect("file"), fs::read(&there).expect("file"));
        fs::remove_file(there).expect("removed");
        let file = fs::File::open(source(&sides, direction).join("3/10.txt")).expect("file");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).expect("time");
        let moved = sides.run(transfer).await.expect("moved");
        let missing = u64::from(direction == Direction::Upload);
        assert_eq!((moved.files, moved.skipped), (1 + missing, 48), "one has another time");
    }
}

#[tokio::test]
async fn what_arrived_is_compared_where_that_is_asked() {
    let sides = Sides::start().await;
    plant_many(&sides.local("many"), 100);
    fs::write(sides.local("many/large"), vec![b'l'; 1_000_000]).expect("file");
    for direction in BOTH {
        let verify = Some(HashAlgorithm::Sha256);
        let moved = sides.run(Transfer { verify, ..sides.transfer(direction, "many", "many") }).await.expect("moved");
        assert_eq!((moved.files, moved.failed, moved.hash), (101, 0, None), "there is a hash for each");
    }
    let commands = sides.server().commands();
    assert_eq!(commands.len(), 2, "what is small is read: {commands:?}");
    // Now the server says something else of what it has.
    sides.server().lie(b"50 50 50", b"05 05 05");
    let transfer = Transfer { verify: Some(HashAlgorithm::Md5), ..sides.transfer(Direction::Upload, "many", "many") };
    let moved = sides.run(transfer).await.expect("moved");
    let failed: Vec<_> = moved.failures.iter().map(|failure| failure.path.as_str()).collect();
    assert_eq!((moved.files, failed), (100, vec!["1/50.txt"]));
    assert!(moved.failures[0].reason.contains("differs"), "{:?}", moved.failures);
}
