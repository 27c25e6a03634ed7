//! The table of the audit.

use super::{Sqlite, row};
use crate::store::AuditStore;
use crate::{AuditFilter, Recorded};
use futures::future::BoxFuture;
use hostler_model::{AuditEntry, Failure};
use jiff::Timestamp;
use rusqlite::{ToSql, named_params, params_from_iter};

impl AuditStore for Sqlite {
    fn record(&self, entry: &AuditEntry, at: Timestamp) {
        let (at, job) = (at.as_microsecond(), entry.job.map(|job| job.to_string()));
        let (caller, event) = (entry.caller.clone(), entry.event.to_string());
        let entry = serde_json::to_string(entry).expect("texts and JSON have a JSON form");
        self.writer.note("a line of the audit", move |connection| {
            let values = named_params! { ":at": at, ":job": job, ":caller": caller, ":event": event, ":entry": entry };
            connection.prepare_cached(RECORD)?.execute(values)
        });
    }

    fn audit(&self, filter: AuditFilter, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, Failure>> {
        Box::pin(async move {
            // Nobody waited for the disk when they were written: now somebody does.
            self.writer.change(|_| Ok(())).await?;
            self.read(move |connection| {
                let (condition, values) = condition(filter);
                let sql = format!("SELECT id, at, entry FROM audit WHERE {condition} ORDER BY id DESC LIMIT {limit}");
                connection.prepare_cached(&sql)?.query_map(params_from_iter(values), row::recorded)?.collect()
            })
            .await
        })
    }
}

/// The condition of a filter and its parameters.
fn condition(filter: AuditFilter) -> (String, Vec<Box<dyn ToSql>>) {
    let (mut condition, mut values) = (String::from("TRUE"), Vec::<Box<dyn ToSql>>::new());
    let mut also = |test: &str, value: Option<Box<dyn ToSql>>| {
        if let Some(value) = value {
            condition += test;
            values.push(value);
        }
    };
    also(" AND job = ?", filter.job.map(|job| Box::new(job.to_string()) as _));
    also(" AND caller = ?", filter.caller.map(|caller| Box::new(caller) as _));
    also(" AND event = ?", filter.event.map(|event| Box::new(event.to_string()) as _));
    also(" AND id < ?", filter.before.map(|id| Box::new(id) as _));
    (condition, values)
}

const RECORD: &str = "
    INSERT INTO audit (at, job, caller, event, entry) VALUES (:at, :job, :caller, :event, :entry)";
