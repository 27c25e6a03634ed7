mod schema;

use super::selection::Selection;
use super::*;
use crate::kept::Kept;
use crate::retention::Retention;
use crate::store::conformance::{arrival, conformance, insert_job as insert, queued};
use crate::store::{Arrival, EventStore, Inserted, JobStore, Owner, RetentionStore};
use crate::{Config, Event, Filter, Happening, Idempotency, Job, Page, State, clock};
use futures::future::join_all;
use hostler_model::{BatchId, ErrorKind, Exit, JobId, Outcome, Output, RunResult};
use std::collections::BTreeSet;
use std::time::Duration;
use tempfile::TempDir;

fn open() -> (Sqlite, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (Sqlite::open(folder.path()).expect("a store"), folder)
}

conformance!(open());

#[tokio::test]
async fn files_are_for_the_owner_only() {
    let (store, folder) = open();
    insert(&store, &queued("a")).await.expect("insert");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).expect("folder") {
        let entry = entry.expect("entry");
        assert_eq!(entry.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name());
    }
    assert!(names.contains(&"jobs.sqlite".into()) && names.contains(&"jobs.sqlite-wal".into()), "{names:?}");
}

#[tokio::test]
async fn a_store_that_is_closed_and_opened_again_still_has_its_jobs() {
    let (store, folder) = open();
    let job = queued("a");
    insert(&store, &job).await.expect("insert");
    drop(store);
    let store = Sqlite::open(folder.path()).expect("opened again");
    let kept = store.list(Filter::default(), Page::first(10)).await.expect("list");
    assert_eq!(kept.iter().map(|job| job.id).collect::<Vec<_>>(), [job.id]);
    assert_eq!(store.recover(Owner::new(), clock::now()).await.expect("recovered").lost, [job.id]);
    let error = store.get(job.id).await.expect("get").expect("the job").outcome.expect("outcome").error;
    assert_eq!(error.expect("an error").kind, ErrorKind::Lost);
}

#[tokio::test]
async fn the_log_of_a_job_goes_with_it() {
    let (store, folder) = open();
    let (gone, kept) = (queued("a").started(clock::now()), queued("a").started(clock::now()));
    let what = Happening::Cut { reason: "It is full.".into() };
    let event = Arc::new(Event { number: 1, at: clock::now(), what });
    for job in [&gone, &kept] {
        insert(&store, job).await.expect("insert");
        store.append(vec![(job.id, vec![Arc::clone(&event)])]).await.expect("append");
    }
    let raw = Connection::open(folder.path().join("jobs.sqlite")).expect("raw");
    raw.execute("DELETE FROM jobs WHERE id = ?", [gone.id.to_string()]).expect("delete");
    assert_eq!(store.events(gone.id, 0).await.expect("events"), []);
    assert_eq!(store.events(kept.id, 0).await.expect("events").len(), 1);
}

#[test]
fn two_daemons_do_not_share_a_store() {
    let (_store, folder) = open();
    assert!(matches!(Sqlite::open(folder.path()), Err(Error::InUse { .. })));
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("jobs.sqlite"), "this is not a database, but long enough for one ".repeat(99))
        .expect("write");
    assert!(matches!(Sqlite::open(folder.path()), Err(Error::Sqlite { .. })));
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_leaves_no_half_of_a_job_and_the_store_goes_on_when_there_is_room() {
    let (store, _folder) = open();
    let limit = async |pages: &'static str| {
        let set = format!("PRAGMA max_page_count = {pages}");
        store.writer.change(move |connection| connection.query_row(&set, [], |_| Ok(()))).await.expect("set");
    };
    let running = queued("a").started(clock::now());
    insert(&store, &running).await.expect("there is room");
    // SQLite takes the pages that there are as the least limit.
    limit("1").await;
    let named = |key: usize| Idempotency { key: format!("{key}"), fingerprint: [0; 32] };
    let arrive = async |job: &Job, key| {
        let (kept, idempotency) = (Some(Kept(vec![7; 5000])), Some(&named(key)));
        store.insert(Arrival { kept, idempotency, ..arrival(job) }).await
    };
    let (mut stored, mut refused) = (0, None);
    while refused.is_none() && stored < 1000 {
        let job = queued("b");
        match arrive(&job, stored).await {
            Ok(_) => stored += 1,
            Err(failure) => refused = Some((job, failure)),
        }
    }
    let (job, failure) = refused.expect("the disk is full");
    assert_eq!(failure.kind, ErrorKind::Internal);
    assert!(failure.detail.expect("for the log").contains("full"));
    assert_eq!(store.get(job.id).await.expect("reading goes on"), None);
    limit("1000000").await;
    assert_eq!(arrive(&job, stored).await.expect("there is room again"), Inserted::New);
    assert_eq!(
        store.end(running.id, &Outcome::default(), &[], clock::now()).await.expect("end"),
        Some(State::Finished)
    );
}

#[tokio::test]
async fn what_cannot_be_written_is_an_error_and_can_still_be_read() {
    let (store, _folder) = open();
    let (known, job) = (queued("a"), queued("b"));
    insert(&store, &known).await.expect("it can be written");
    let read_only = |connection: &Connection| connection.pragma_update(None, "query_only", true);
    store.writer.change(read_only).await.expect("set");
    let failure = insert(&store, &job).await.expect_err("nothing can be written");
    assert_eq!(failure.kind, ErrorKind::Internal);
    assert_eq!(store.get(known.id).await.expect("reading goes on").map(|job| job.id), Some(known.id));
    assert_eq!(store.get(job.id).await.expect("reading goes on"), None);
}

#[tokio::test]
async fn a_damaged_file_is_found_after_a_crash_and_the_start_is_refused() {
    let (store, folder) = open();
    let jobs: Vec<Job> = (0..200).map(|_| queued("a")).collect();
    join_all(jobs.iter().map(|job| insert(&store, job))).await;
    drop(store);
    let path = folder.path().join("jobs.sqlite");
    assert!(!folder.path().join("jobs.sqlite-wal").exists(), "a run that ends in order puts its journal away");
    let mut content = std::fs::read(&path).expect("the file");
    let middle = content.len() / 2;
    content[middle..middle + 8192].fill(0xaa);
    std::fs::write(&path, content).expect("written");
    std::fs::write(folder.path().join("jobs.sqlite-wal"), "").expect("written");
    let error = Sqlite::open(folder.path()).err().expect("refused");
    assert!(matches!(error, Error::Damaged { .. } | Error::Sqlite { .. }), "{error:?}");
    assert!(error.to_string().contains("start with an empty one"), "{error}");
}

#[tokio::test]
async fn many_bytes_make_way_and_the_file_shrinks() {
    let (store, folder) = open();
    let path = folder.path().join("jobs.sqlite");
    let result = RunResult {
        command: "cat".into(),
        exit: Exit::Status(0),
        stdout: Output { head: vec![b'x'; 100_000], ..Output::default() },
        stderr: Output::default(),
        duration: Duration::ZERO,
        session_reused: false,
        moved: None,
        parsed: None,
        launched: None,
    };
    let outcome = Outcome { results: vec![result], ..Outcome::default() };
    let jobs: Vec<Job> = (0..100).map(|_| queued("a")).collect();
    join_all(jobs.iter().map(|job| insert(&store, job))).await;
    join_all(
        (0_u16..)
            .zip(&jobs)
            .map(|(number, job)| store.end(job.id, &outcome, &[], job.created_at + Duration::from_secs(number.into()))),
    )
    .await;
    let retention = Retention { bytes: 4 << 20, ..Retention::new(&Config::default()) };
    while !store.sweep(retention, clock::now()).await.expect("swept") {}
    let page = Page { with_results: false, ..Page::first(1000) };
    let left = store.list(Filter::default(), page).await.expect("list");
    assert!((15..=35).contains(&left.len()), "{}", left.len());
    assert_eq!(left.first().map(|job| job.id), jobs.last().map(|job| job.id), "the newest stay");
    drop(store);
    let length = std::fs::metadata(&path).expect("the file").len();
    assert!(length < 9 << 20, "{length}");
}

#[tokio::test]
async fn no_filter_has_the_whole_table_walked_through() {
    let (store, _folder) = open();
    let none = Filter::default();
    let states: BTreeSet<State> = [State::Failed, State::Canceled].into();
    for filter in [
        Filter { id: Some(JobId::new()), ..none.clone() },
        Filter { ids: Some(vec![JobId::new()]), ..none.clone() },
        Filter { host: Some("a".into()), states: states.clone(), ..none.clone() },
        Filter { caller: Some("a".into()), ..none.clone() },
        Filter { driver: Some("a".into()), states: states.clone(), ..none.clone() },
        Filter { batch: Some(BatchId::new()), ..none.clone() },
        Filter { created_after: Some(clock::now()), ..none.clone() },
        Filter { created_before: Some(clock::now()), caller: Some("a".into()), ..none.clone() },
        Filter { states, ..none },
    ] {
        let (sql, selection) = Selection::new(filter.clone()).page("plan", Page::first(10));
        let explain = move |connection: &Connection| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let steps = statement.query_map(&*selection.values(), |row| row.get::<_, String>("detail"))?;
            steps.collect::<rusqlite::Result<Vec<_>>>()
        };
        let steps = store.read(explain).await.expect("a plan");
        assert!(steps.iter().any(|step| step.starts_with("SEARCH jobs")), "{filter:?}: {steps:#?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN jobs")), "{filter:?}: {steps:#?}");
    }
}
