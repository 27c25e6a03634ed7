//! The table of decisions.

use super::{Sqlite, row};
use crate::Recorded;
use crate::store::AuditStore;
use futures::future::BoxFuture;
use hostler_model::{AuditEntry, Failure, JobId};
use jiff::Timestamp;
use rusqlite::{named_params, params};

impl AuditStore for Sqlite {
    fn record(&self, entry: &AuditEntry, at: Timestamp) {
        let (at, job) = (at.as_microsecond(), entry.job.map(|job| job.to_string()));
        let entry = serde_json::to_string(entry).expect("texts and JSON have a JSON form");
        self.writer.note("a decision", move |connection| {
            connection.prepare_cached(RECORD)?.execute(named_params! { ":at": at, ":job": job, ":entry": entry })
        });
    }

    fn decisions(&self, job: Option<JobId>, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>> {
        Box::pin(async move {
            // Nobody waited for the disk when they were made: now somebody does.
            self.writer.change(|_| Ok(())).await?;
            self.read(move |connection| {
                let (job, limit) = (job.map(|job| job.to_string()), i64::try_from(limit).unwrap_or(i64::MAX));
                connection.prepare_cached(DECISIONS)?.query_map(params![job, limit], row::decision)?.collect()
            })
            .await
        })
    }
}

const RECORD: &str = "INSERT INTO audit (at, job, entry) VALUES (:at, :job, :entry)";
const DECISIONS: &str = "SELECT at, entry FROM audit WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC LIMIT ?2";
