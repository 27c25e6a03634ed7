//! What goes wrong midway: nothing is corrupted, nothing is left.

use crate::server::{Fate, kind, status};
use crate::{Case, SIZE, Watch, content, holds, is, names, write};
use hostler_model::ErrorKind;
use hostler_remote::Transfer;
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Both files, where one is to take the other's place.
async fn both() -> Case {
    let case = Case::new().await;
    write(&case.here("up"), &content(4 * SIZE, 1), 0o600);
    write(&case.there("down"), &content(4 * SIZE, 2), 0o600);
    write(&case.there("up"), b"old there", 0o600);
    write(&case.here("down"), b"old here", 0o600);
    case
}

/// Nothing has changed, and nothing is left.
fn untouched(case: &Case) {
    holds(&case.there("up"), b"old there");
    holds(&case.here("down"), b"old here");
    assert_eq!(
        (names(&case.there("")), names(&case.here(""))),
        (vec!["down".to_owned(), "up".into()], vec!["down".to_owned(), "up".into()])
    );
}

#[tokio::test]
async fn a_full_disk_is_told() {
    let case = both().await;
    case.server.rule(|request| match request.kind {
        kind::WRITE if request.offset() >= 1 << 20 => Fate::Refuse(status::FAILURE),
        _ => Fate::Pass,
    });
    case.refused(case.up("up", "up"), ErrorKind::TransferFailed, "bytes of `up` and no more: its disk may be full")
        .await;
    untouched(&case);
    let in_place = Transfer { in_place: true, ..case.up("up", "down") };
    case.refused(in_place, ErrorKind::TransferFailed, "`down` itself was being written").await;
}

#[tokio::test]
async fn an_error_that_only_closing_tells_of_is_one() {
    let case = both().await;
    for refused in [kind::CLOSE, kind::FSTAT] {
        case.server.rule(move |request| match request.kind {
            kind if kind == refused => Fate::Refuse(status::FAILURE),
            _ => Fate::Pass,
        });
        let transfer = if refused == kind::CLOSE { case.up("up", "up") } else { case.down("down", "down") };
        case.refused(transfer, ErrorKind::TransferFailed, "could not do that").await;
        untouched(&case);
    }
}

#[tokio::test]
async fn a_file_that_changes_meanwhile_is_not_taken() {
    let case = both().await;
    // Long enough that the end is read after the beginning was sent.
    let changes: [fn(&std::path::Path); 2] = [
        |path| fs::File::options().write(true).open(path).expect("open").set_len(1000).expect("cut"),
        |path| fs::File::options().append(true).open(path).expect("open").write_all(b"more").expect("written"),
    ];
    for change in changes {
        for (asked, path, transfer) in [
            (kind::WRITE, case.here("up"), case.up("up", "up")),
            (kind::READ, case.there("down"), case.down("down", "down")),
        ] {
            let before = fs::read(&path).expect("a file");
            let file = path.clone();
            let mut first = true;
            case.server.rule(move |request| {
                if request.kind == asked && std::mem::take(&mut first) {
                    change(&file);
                }
                Fate::Pass
            });
            case.refused(transfer, ErrorKind::TransferFailed, "changed while it was read").await;
            untouched(&case);
            write(&path, &before, 0o600);
        }
    }
}

#[tokio::test]
async fn short_answers_are_asked_for_again() {
    let case = both().await;
    case.server.rule(|request| {
        if request.kind == kind::READ {
            request.ask_for_at_most(20_000);
        }
        Fate::Pass
    });
    let moved = case.moved(case.down("down", "down")).await;
    assert_eq!(moved.bytes, 4 * SIZE as u64);
    holds(&case.here("down"), &content(4 * SIZE, 2));
}

#[tokio::test]
async fn a_transfer_that_is_given_up_leaves_no_part() {
    for resume in [false, true] {
        let case = both().await;
        for (asked, transfer) in [(kind::WRITE, case.up("up", "up")), (kind::READ, case.down("down", "down"))] {
            let (saw, mut seen) = mpsc::unbounded_channel();
            case.server.rule(move |request| {
                if request.kind == asked && request.offset() >= 1 << 20 {
                    let _nobody_waits = saw.send(());
                    return Fate::Swallow;
                }
                Fate::Pass
            });
            let asked = Transfer { resume, ..transfer };
            let moving = case.session.transfer(asked, Arc::new(Watch::default()));
            tokio::select! {
                outcome = moving => panic!("it cannot be over: {outcome:?}"),
                _ = seen.recv() => {}
            }
        }
        // It waits for what still runs.
        case.session.close().await;
        if resume {
            assert_eq!((names(&case.there("")).len(), names(&case.here("")).len()), (3, 3), "both parts are kept");
        } else {
            untouched(&case);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_closes_meanwhile_cleans_up_first() {
    for upload in [true, false] {
        let case = both().await;
        let transfer = if upload { case.up("up", "up") } else { case.down("down", "down") };
        let asked = if upload { kind::WRITE } else { kind::READ };
        let (saw, mut seen) = mpsc::unbounded_channel();
        case.server.rule(move |request| {
            if request.kind == asked && request.offset() >= 1 << 20 {
                let _nobody_waits = saw.send(());
                return Fate::Swallow;
            }
            Fate::Pass
        });
        let close = async {
            seen.recv().await;
            case.session.close().await;
        };
        let (outcome, ()) = futures::join!(case.run(transfer), close);
        is(&outcome.expect_err("closed"), ErrorKind::InvalidRequest, "The session is closed");
        untouched(&case);
    }
}

#[tokio::test]
async fn time_that_is_up_is_told_with_what_was_done() {
    let case = both().await;
    for (asked, transfer) in [(kind::WRITE, case.up("up", "up")), (kind::READ, case.down("down", "down"))] {
        case.server.rule(move |request| match request.kind {
            kind if kind == asked && request.offset() >= 1 << 20 => Fate::Swallow,
            _ => Fate::Pass,
        });
        let transfer = Transfer { timeout: Duration::from_millis(700), ..transfer };
        let failure = case.run(transfer).await.expect_err("late");
        is(&failure, ErrorKind::Timeout, "raise `timeout`, or set `resume`");
        let done = format!(" of {} bytes of `", 4 * SIZE);
        assert!(failure.message.contains(&done) && !failure.message.starts_with("0 of"), "{failure}");
        untouched(&case);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_while_the_part_takes_its_place_corrupts_nothing() {
    let case = both().await;
    case.server.rule(|request| match request.kind {
        kind::EXTENDED if request.name().starts_with("posix-rename") => Fate::Cut,
        _ => Fate::Pass,
    });
    case.refused(case.up("up", "up"), ErrorKind::ConnectionLost, "while `up` was moved").await;
    holds(&case.there("up"), b"old there");
}

#[tokio::test]
async fn what_is_to_last_is_brought_to_the_disk_before_it_takes_its_place() {
    let case = both().await;
    let (said, mut names) = mpsc::unbounded_channel();
    case.server.rule(move |request| {
        if request.kind == kind::EXTENDED {
            let _nobody_waits = said.send(request.name());
        }
        Fate::Pass
    });
    case.moved(Transfer { durable: true, ..case.up("up", "up") }).await;
    case.moved(Transfer { durable: true, ..case.down("down", "down") }).await;
    let mut asked = Vec::new();
    while let Ok(name) = names.try_recv() {
        asked.push(name);
    }
    assert_eq!(asked[asked.len() - 3..][..2], ["fsync@openssh.com", "posix-rename@openssh.com"], "{asked:?}");
}
