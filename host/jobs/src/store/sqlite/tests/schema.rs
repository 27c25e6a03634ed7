//! What earlier versions left, and what a later one did.

use super::{open, queued};
use crate::store::JobStore;
use crate::store::sqlite::{MIGRATIONS, Sqlite};
use crate::{Error, State};
use hostler_model::{ErrorKind, Failure, Outcome, Phase};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use std::path::Path;
use tempfile::TempDir;

/// A row for each table that no test of jobs comes by, and since which version of the schema it is there.
const ROWS: [(usize, &str, &str); 4] = [
    (2, "audit", r#"INSERT INTO audit (at, entry) VALUES (5, '{"event": "denied"}')"#),
    (
        6,
        "webhooks",
        "INSERT INTO webhooks (job, receiver, events, sealed) VALUES ('a', 'https://a', ',failed,', x'01')",
    ),
    (
        6,
        "deliveries",
        "INSERT INTO deliveries (id, webhook, job, receiver, event, created_at, next_at, body)
         VALUES ('b', 1, 'a', 'https://a', 'failed', 5, 6, x'02')",
    ),
    (
        7,
        "tasks",
        "INSERT INTO tasks (id, caller, is_open, created_at, task, sealed_for, sealed)
         VALUES ('c', 'somebody', TRUE, 5, '{}', 'a', x'03')",
    ),
];

/// A database of this version.
fn earlier(version: usize) -> (Connection, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let raw = raw(folder.path());
    for migration in &MIGRATIONS[..version] {
        raw.execute_batch(migration).expect("schema");
    }
    raw.pragma_update(None, "user_version", i64::try_from(version).expect("few")).expect("version");
    (raw, folder)
}

fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join("jobs.sqlite")).expect("raw")
}

/// The only row of a table, by the names of its columns.
fn row(raw: &Connection, table: &str) -> Vec<(String, Value)> {
    let mut statement = raw.prepare(&format!("SELECT * FROM {table}")).expect("the table");
    let names: Vec<String> = statement.column_names().map(Into::into).collect();
    let value = |(index, name): (usize, &String), row: &rusqlite::Row<'_>| Ok((name.clone(), row.get(index)?));
    statement.query_one([], |row| names.iter().enumerate().map(|name| value(name, row)).collect()).expect("a row")
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (store, folder) = open();
    drop(store);
    let raw = raw(folder.path());
    raw.pragma_update(None, "user_version", 99).expect("version");
    let error = Sqlite::open(folder.path()).err().expect("refused");
    assert!(matches!(error, Error::NewerSchema { found: 99, .. }));
    assert!(error.to_string().contains("install the newer version"));
}

#[tokio::test]
async fn jobs_of_the_schema_before_are_taken_over() {
    let (raw, folder) = earlier(2);
    let (done, failed, waiting) = (queued("a"), queued("b"), queued("c"));
    let error = Failure::new(ErrorKind::Timeout, Phase::Exec, "Too slow.");
    for (job, state, outcome) in [
        (&done, "finished", Some(Outcome { warnings: vec!["careful".into()], ..Outcome::default() })),
        (&failed, "failed", Some(Outcome::from(error.clone()))),
        (&waiting, "queued", None),
    ] {
        let outcome = outcome.map(|outcome| serde_json::to_string(&outcome).expect("JSON"));
        let ended_at = outcome.as_ref().map(|_| 5);
        let plan = serde_json::to_string(&job.plan).expect("JSON");
        let created_at = job.created_at.as_microsecond();
        raw.execute(
            "INSERT INTO jobs (id, state, driver, host, port, user, plan, created_at, ended_at, ttl_ms, outcome, warnings)
             VALUES (?, ?, 'paramiko', ?, 22, 'admin', ?, ?, ?, 1000, ?, '[]')",
            params![job.id.to_string(), state, job.plan.target.host, plan, created_at, ended_at, outcome],
        )
        .expect("a row");
    }
    drop(raw);
    let store = Sqlite::open(folder.path()).expect("migrated");
    let job = async |id| store.get(id).await.expect("get").expect("the job");
    let read = job(done.id).await;
    assert_eq!((read.state, read.caller.as_str(), read.attempt), (State::Finished, "operator", 1));
    assert_eq!((read.plan, read.warnings), (done.plan, vec!["careful".to_owned()]));
    assert_eq!(job(failed.id).await.outcome, Some(error.into()));
    assert_eq!(job(waiting.id).await.state, State::Queued);
}

#[test]
fn what_else_each_schema_before_had_is_taken_over() {
    for version in 2..MIGRATIONS.len() {
        let (before, folder) = earlier(version);
        let rows = ROWS.iter().filter(|(since, ..)| *since <= version);
        let kept: Vec<_> = rows
            .map(|(_, table, insert)| {
                before.execute(insert, []).expect("a row");
                (table, row(&before, table))
            })
            .collect();
        drop(before);
        let _store = Sqlite::open(folder.path()).expect("migrated");
        for (table, kept) in kept {
            let after = row(&raw(folder.path()), table);
            assert!(kept.iter().all(|value| after.contains(value)), "{version}: {kept:?} became {after:?}");
        }
        let counted = row(&raw(folder.path()), "audit_size");
        assert_eq!(counted, [("bytes".to_owned(), Value::Integer(221))], "{version}");
    }
}
