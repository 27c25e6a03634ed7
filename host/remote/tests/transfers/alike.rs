//! What is asked of files whose content is the same already.

use crate::{Case, Watch, holds, mode, write};
use hostler_model::{Direction, ErrorKind, Failure, HashAlgorithm, Phase};
use hostler_remote::{Compare, Transfer};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const BOTH: [Direction; 2] = [Direction::Upload, Direction::Download];

/// A source of one content, and a target of another.
async fn sides(direction: Direction, source: &[u8], target: &[u8]) -> (Case, Transfer, PathBuf) {
    let case = Case::new().await;
    let (transfer, from, to) = match direction {
        Direction::Upload => (case.up("a", "b"), case.here("a"), case.there("b")),
        Direction::Download => (case.down("b", "a"), case.there("b"), case.here("a")),
    };
    write(&from, source, 0o644);
    write(&to, target, 0o600);
    (case, transfer, to)
}

#[tokio::test]
async fn they_get_the_mode_that_is_asked_for() {
    for direction in BOTH {
        for (compare, resume) in
            [(Compare::SizeAndTime, false), (Compare::Hash(HashAlgorithm::Sha256), false), (Compare::Never, true)]
        {
            let (case, transfer, target) = sides(direction, b"content", b"content").await;
            let plain = Transfer { compare, resume, ..transfer };
            assert_eq!(case.moved(plain.clone()).await.skipped, 1);
            assert_eq!(mode(&target), 0o600, "nobody asked for another one");
            let asked = Transfer { mode: Some(0o750), ..plain };
            let changes = usize::from(direction == Direction::Upload);
            for changes in [changes, 0] {
                let watch = Arc::new(Watch::default());
                let moved = case.session.transfer(asked.clone(), watch.clone()).await.expect("moved");
                assert_eq!((moved.skipped, moved.bytes, mode(&target)), (1, 0, 0o750));
                assert_eq!(watch.count("SetMode"), changes, "the server's file, and only if it has another mode");
            }
            if direction == Direction::Upload {
                let asked = Transfer { mode: Some(0o700), ..asked };
                let failure = case.session.transfer(asked, Watch::denying("SetMode", ErrorKind::Denied)).await;
                assert!(matches!(failure, Err(Failure { kind: ErrorKind::Denied, phase: Phase::Policy, .. })));
                assert_eq!(mode(&target), 0o750);
            }
        }
    }
}

#[tokio::test]
async fn what_is_to_be_verified_is_compared_by_content() {
    let verify = Some(HashAlgorithm::Sha256);
    for direction in BOTH {
        for compare in [Compare::SizeAndTime, Compare::Hash(HashAlgorithm::Md5)] {
            let (case, transfer, _) = sides(direction, b"content", b"content").await;
            let moved = case.moved(Transfer { compare, verify, ..transfer }).await;
            let hash = moved.hash.expect("a hash");
            assert_eq!((moved.skipped, hash.algorithm, hash.hex.len()), (1, HashAlgorithm::Sha256, 64));
        }
        let (case, transfer, target) = sides(direction, b"content", b"CONTENT").await;
        let transfer = Transfer { compare: Compare::SizeAndTime, ..transfer };
        assert_eq!(case.moved(transfer.clone()).await.skipped, 1, "size and time are the same");
        let moved = case.moved(Transfer { verify, ..transfer }).await;
        assert_eq!((moved.files, moved.hash.is_some()), (1, true));
        holds(&target, b"content");
    }
}

#[tokio::test]
async fn those_in_a_folder_get_it_too() {
    for direction in BOTH {
        let case = Case::new().await;
        for (folder, mode) in [(case.here("folder"), 0o644), (case.there("folder"), 0o600)] {
            fs::create_dir(&folder).expect("folder");
            for name in ["one", "two"] {
                write(&folder.join(name), b"content", mode);
            }
        }
        let plain = match direction {
            Direction::Upload => case.up("folder", "folder"),
            Direction::Download => case.down("folder", "folder"),
        };
        let compare = Compare::SizeAndTime;
        let transfer = Transfer { recursive: true, compare, mode: Some(0o640), ..plain };
        let watch = Watch::denying("folder/two\", mode", ErrorKind::Denied);
        let moved = case.session.transfer(transfer, watch).await.expect("moved");
        let to = if direction == Direction::Upload { case.there("folder") } else { case.here("folder") };
        assert_eq!(mode(&to.join("one")), 0o640);
        if direction == Direction::Upload {
            assert_eq!((moved.skipped, moved.failed, mode(&to.join("two"))), (1, 1, 0o600), "{moved:?}");
        } else {
            assert_eq!((moved.skipped, moved.failed, moved.total), (2, 0, 14), "{moved:?}");
        }
    }
}
