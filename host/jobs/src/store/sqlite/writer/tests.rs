use super::*;
use futures::{FutureExt, join};
use std::path::Path;
use tempfile::TempDir;

fn database() -> (Connection, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let connection = Connection::open(folder.path().join("db")).expect("a database");
    connection.pragma_update(None, "journal_mode", "wal").expect("wal");
    connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY)").expect("table");
    (connection, folder)
}

fn insert(n: i64) -> impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static {
    move |connection| connection.execute("INSERT INTO t VALUES (?)", [n])
}

/// Rows that another connection sees: those that are committed.
fn committed(folder: &Path) -> i64 {
    let other = Connection::open(folder.join("db")).expect("another connection");
    other.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("count")
}

/// A change that says when it was made, and holds the transaction open until it is released.
fn held() -> (impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (made, is_made) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let change = move |connection: &Connection| {
        let changed = insert(0)(connection);
        made.send(()).expect("the test waits");
        released.recv().expect("the test releases");
        changed
    };
    (change, is_made, release)
}

#[tokio::test]
async fn a_change_is_answered_only_after_its_commit() {
    let (connection, folder) = database();
    let writer = Writer::start(connection).expect("writer");
    let (change, is_made, release) = held();
    let mut answer = Box::pin(writer.change(change));
    assert!((&mut answer).now_or_never().is_none());
    is_made.recv().expect("the change is made");
    assert_eq!(committed(folder.path()), 0);
    assert!((&mut answer).now_or_never().is_none(), "it was answered before the commit");
    release.send(()).expect("the writer waits");
    assert_eq!(answer.await.expect("stored"), 1);
    assert_eq!(committed(folder.path()), 1);
}

#[tokio::test]
async fn what_waits_shares_one_transaction_and_only_the_wrong_change_fails() {
    let (connection, folder) = database();
    let writer = Writer::start(connection).expect("writer");
    let (change, is_made, release) = held();
    let mut first = Box::pin(writer.change(change));
    assert!((&mut first).now_or_never().is_none());
    is_made.recv().expect("the change is made");

    let path = folder.path().to_owned();
    let mut second = Box::pin(writer.change(insert(1)));
    let mut wrong = Box::pin(writer.change(insert(1)));
    let mut third = Box::pin(writer.change(move |connection| insert(2)(connection).map(|_| committed(&path))));
    assert!((&mut second).now_or_never().is_none());
    assert!((&mut wrong).now_or_never().is_none());
    assert!((&mut third).now_or_never().is_none());
    release.send(()).expect("the writer waits");

    let (_, second, wrong, third) = join!(first, second, wrong, third);
    assert_eq!(second.expect("stored"), 1);
    assert!(wrong.is_err());
    assert_eq!(third.expect("stored"), 0, "the changes before it were committed apart from it");
    assert_eq!(committed(folder.path()), 3);
}

#[tokio::test]
async fn a_commit_that_fails_is_no_success() {
    let (connection, folder) = database();
    let writer = Writer::start(connection).expect("writer");
    let failed = writer.change(|connection| connection.execute_batch("INSERT INTO t VALUES (7); ROLLBACK")).await;
    assert!(failed.is_err());
    assert_eq!(committed(folder.path()), 0);
    assert_eq!(writer.change(insert(1)).await.expect("the writer goes on"), 1);
}

#[test]
fn notes_wait_for_a_change_that_somebody_waits_for_and_no_longer() {
    let (inbox, waiting) = mpsc::channel();
    let make = || -> Make { Box::new(|_| Box::new(|| {})) };
    let (note, awaited) = (|| Change::Note(make()), || Change::Awaited(make()));
    for change in [note(), note(), awaited(), awaited(), note()] {
        inbox.send(change).expect("it is open");
    }
    assert_eq!(gather(&waiting).len(), 3, "notes go with the first change that somebody waits for");
    assert_eq!(gather(&waiting).len(), 1, "somebody waited for more");
    assert_eq!(gather(&waiting).len(), 1, "the last one has no company");
    drop(inbox);
    assert_eq!(gather(&waiting).len(), 0);
}

#[tokio::test]
async fn notes_are_written_without_a_change_and_at_the_end() {
    let (connection, folder) = database();
    let writer = Writer::start(connection).expect("writer");
    writer.note("a row", insert(1));
    writer.committed().await;
    assert_eq!(committed(folder.path()), 1);
    writer.note("a row", insert(2));
    drop(writer);
    assert_eq!(committed(folder.path()), 2);
}
