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

const INSERT: &str = "
    INSERT INTO batches (id, caller, created_at, refused) VALUES (:id, :caller, :at, :refused)
    ON CONFLICT (id) DO UPDATE SET refused = excluded.refused WHERE created_at = excluded.created_at";
const BATCH: &str = "SELECT id, caller, created_at, refused FROM batches WHERE id = ?";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn of_two_that_have_one_name_the_first_stays_and_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Sqlite::open(folder.path()).expect("a store");
        let id = BatchId::new();
        let first = Batch { id, caller: "somebody".into(), created_at: id.made_at(), refused: json!([]) };
        let later = Batch { created_at: jiff::Timestamp::MAX, refused: json!([1]), ..first.clone() };
        for (batch, kept) in
            [(&first, json!([])), (&later, json!([])), (&Batch { refused: json!([2]), ..first.clone() }, json!([2]))]
        {
            store.insert_batch(batch).await.expect("no failure");
            assert_eq!(store.batch(id).await.expect("it reads"), Some(Batch { refused: kept, ..first.clone() }));
        }
    }
}
