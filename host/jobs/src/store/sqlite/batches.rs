//! The table of batches.

use super::Sqlite;
use super::row::{self, to_json};
use crate::Batch;
use crate::store::BatchStore;
use futures::future::BoxFuture;
use hostler_model::{BatchId, Failure};
use rusqlite::{OptionalExtension, named_params};

impl BatchStore for Sqlite {
    fn insert_batch<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (id, caller, refused) = (batch.id.to_string(), batch.caller.clone(), to_json(&batch.refused)?);
            let at = batch.created_at.as_microsecond();
            self.writer
                .change(move |connection| {
                    let values = named_params! { ":id": id, ":caller": caller, ":at": at, ":refused": refused };
                    connection.prepare_cached(INSERT)?.execute(values).map(drop)
                })
                .await
        })
    }

    fn batch(&self, id: BatchId) -> BoxFuture<'_, Result<Option<Batch>, Failure>> {
        Box::pin(self.read(move |connection| {
            connection.prepare_cached(BATCH)?.query_row([id.to_string()], row::batch).optional()
        }))
    }
}

const INSERT: &str = "INSERT INTO batches (id, caller, created_at, refused) VALUES (:id, :caller, :at, :refused)";
const BATCH: &str = "SELECT id, caller, created_at, refused FROM batches WHERE id = ?";
