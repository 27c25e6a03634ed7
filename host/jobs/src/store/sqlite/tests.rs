use super::*;
use crate::store::conformance::{conformance, insert_job as insert, queued};
use crate::store::{JobStore, Owner};
use crate::{Filter, Page, clock};
use hostler_model::ErrorKind;
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

#[test]
fn two_daemons_do_not_share_a_store() {
    let (_store, folder) = open();
    assert!(matches!(Sqlite::open(folder.path()), Err(Error::InUse { .. })));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (store, folder) = open();
    drop(store);
    let raw = Connection::open(folder.path().join("jobs.sqlite")).expect("raw");
    raw.pragma_update(None, "user_version", 99).expect("version");
    let error = Sqlite::open(folder.path()).err().expect("refused");
    assert!(matches!(error, Error::NewerSchema { found: 99, .. }));
    assert!(error.to_string().contains("install the newer version"));
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("jobs.sqlite"), "this is not a database, but long enough for one ".repeat(99))
        .expect("write");
    assert!(matches!(Sqlite::open(folder.path()), Err(Error::Sqlite { .. })));
}
