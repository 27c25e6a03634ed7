//! What must not be lost, replaced or waited for, whatever happens meanwhile.

use crate::server::{Fate, Server, kind, status};
use crate::{Case, content, holds, is, names, write};
use futures::future::join_all;
use hostler_model::{Direction, ErrorKind};
use hostler_remote::Transfer;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

#[tokio::test]
async fn a_file_is_emptied_only_once_its_source_is_open() {
    let case = Case::new().await;
    write(&case.there("a"), b"new", 0o600);
    write(&case.here("b"), b"old", 0o600);
    case.server.rule(|request| match request.kind {
        kind::OPEN => Fate::Refuse(status::PERMISSION_DENIED),
        _ => Fate::Pass,
    });
    for resume in [false, true] {
        let in_place = Transfer { in_place: true, resume, ..case.down("a", "b") };
        case.refused(in_place, ErrorKind::PermissionDenied, "`a`").await;
        holds(&case.here("b"), b"old");
    }
}

#[tokio::test]
async fn who_gives_up_while_the_old_file_is_removed_keeps_the_new_one() {
    let case = Case::on(Server::without("posix-rename").await).await;
    write(&case.here("a"), b"new", 0o600);
    write(&case.there("b"), b"old", 0o600);
    case.server.rule(|request| match request.kind {
        kind::REMOVE if request.name() == "b" => Fate::Refuse(status::PERMISSION_DENIED),
        _ => Fate::Pass,
    });
    case.refused(case.up("a", "b"), ErrorKind::PermissionDenied, "`b`").await;
    assert_eq!(names(&case.there("")), ["b"], "nothing has changed, so that nothing is kept");

    let (saw, mut seen) = mpsc::unbounded_channel();
    let old = case.there("b");
    case.server.rule(move |request| {
        if request.kind == kind::REMOVE && request.name() == "b" {
            fs::remove_file(&old).expect("removed");
            let _nobody_waits = saw.send(());
            return Fate::Swallow;
        }
        Fate::Pass
    });
    tokio::select! {
        outcome = case.run(case.up("a", "b")) => panic!("it cannot be over: {outcome:?}"),
        _ = seen.recv() => {}
    }
    case.session.close().await;
    let left = names(&case.there(""));
    assert_eq!(left.len(), 1);
    holds(&case.there(&left[0]), b"new");
}

#[tokio::test]
async fn what_comes_to_be_there_meanwhile_is_replaced_only_if_that_is_asked() {
    for (direction, asked, in_place) in [
        (Direction::Upload, kind::WRITE, false),
        (Direction::Upload, kind::OPEN, true),
        (Direction::Download, kind::READ, false),
    ] {
        for overwrite in [true, false] {
            let case = Case::new().await;
            write(&case.here("a"), b"new", 0o600);
            write(&case.there("c"), b"new", 0o600);
            let (transfer, target, shown) = match direction {
                Direction::Upload => (case.up("a", "b"), case.there("b"), "`b`"),
                Direction::Download => (case.down("c", "b"), case.here("b"), "`/root/b`"),
            };
            let path = target.clone();
            case.server.rule(move |request| {
                if request.kind == asked {
                    fs::write(&path, "another's").expect("written");
                }
                Fate::Pass
            });
            let transfer = Transfer { overwrite, in_place, ..transfer };
            if overwrite {
                case.moved(transfer).await;
                holds(&target, b"new");
                continue;
            }
            case.refused(transfer, ErrorKind::TransferFailed, &format!("{shown} exists already")).await;
            holds(&target, b"another's");
            let names = names(target.parent().expect("a folder"));
            assert_eq!(names.len(), 2, "no part is left: {names:?}");
        }
    }
}

#[tokio::test]
async fn of_many_that_replace_nothing_one_arrives() {
    let case = Case::new().await;
    write(&case.there("a"), &content(100_000, 1), 0o640);
    for (name, in_place) in [("part", false), ("place", true)] {
        let one = || Transfer { overwrite: false, in_place, ..case.down("a", name) };
        let outcomes = join_all((0..16).map(|_| case.run(one()))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        for failure in outcomes.into_iter().filter_map(Result::err) {
            is(&failure, ErrorKind::TransferFailed, "exists already");
        }
        holds(&case.here(name), &content(100_000, 1));
    }
    assert_eq!(names(&case.here("")), ["part", "place"]);
}

/// Opening it would wait for somebody who reads from it.
#[tokio::test]
async fn nothing_is_written_to_a_pipe() {
    let case = Case::new().await;
    write(&case.here("a"), b"new", 0o600);
    let made = Command::new("mkfifo").arg(case.there("pipe")).status().expect("mkfifo");
    assert!(made.success());
    symlink("pipe", case.there("link")).expect("link");
    for name in ["pipe", "link"] {
        for (in_place, resume) in [(false, false), (true, false), (false, true)] {
            let moving = case.run(Transfer { in_place, resume, ..case.up("a", name) });
            let outcome = timeout(Duration::from_secs(10), moving).await.expect("nobody waits");
            is(&outcome.expect_err("a pipe"), ErrorKind::TransferFailed, &format!("`{name}` is a pipe"));
        }
    }
    assert_eq!(names(&case.there("")), ["link", "pipe"]);
}

#[tokio::test]
async fn a_part_that_no_transfer_would_find_again_does_not_stay() {
    let case = Case::new().await;
    case.server.rule(|request| match request.kind {
        kind::READ if request.offset() > 0 => Fate::Refuse(status::FAILURE),
        _ => Fate::Pass,
    });
    // Its size is not known.
    let transfer = Transfer { resume: true, ..case.down("/proc/version", "v") };
    case.refused(transfer, ErrorKind::TransferFailed, "`/proc/version`").await;
    assert_eq!(names(&case.here("")), [""; 0]);
}

#[tokio::test]
async fn a_server_that_gives_little_is_not_asked_for_all_of_it_at_once() {
    let case = Case::new().await;
    write(&case.there("a"), &content(1 << 20, 1), 0o600);
    let (saw, mut seen) = mpsc::unbounded_channel();
    case.server.rule(move |request| match request.kind {
        kind::READ if request.body.ends_with(&[0, 0, 0, 1]) => {
            let _nobody_waits = saw.send(());
            Fate::Swallow
        }
        kind::READ => {
            request.ask_for_at_most(1);
            Fate::Pass
        }
        _ => Fate::Pass,
    });
    let files = case.session.files().await.expect("files");
    let reading = timeout(Duration::from_secs(1), files.read("a", 0, 1 << 20)).await;
    reading.expect_err("it waits");
    let mut requests = 0;
    while seen.try_recv().is_ok() {
        requests += 1;
    }
    assert_eq!(requests, 64);
    case.server.rule(|request| {
        if request.kind == kind::READ {
            request.ask_for_at_most(1000);
        }
        Fate::Pass
    });
    let read = files.read("a", 0, 1 << 20).await.expect("read");
    assert!(read == content(1 << 20, 1), "in short pieces, but all of it");
    assert_eq!(files.read("a", 1 << 20, 10).await.expect("the end"), [0; 0]);
}
