//! What is kept of a batch before its jobs come, so that it is known when it is sent again, whatever became of its targets.

use super::problem::Problem;
use crate::{Api, error::Error};
use hostler_jobs::{Batch, Filter, Idempotency, Page};
use hostler_model::{BatchId, Caller, ErrorKind, Failure, JobId, Phase};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Builder;

/// So long a key names the same batch.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A batch that is kept.
pub(super) struct Entry {
    pub(super) batch: Batch,
    pub(super) record: Record,
    /// Whether it had come before.
    pub(super) known: bool,
}

/// What is kept of a batch itself: [`Batch::refused`].
#[derive(Deserialize, Serialize)]
pub(super) struct Record {
    /// A keyed hash of what was asked, if it has a key.
    fingerprint: Option<[u8; 32]>,
    /// The jobs that it does once more, in its order.
    pub(super) sources: Vec<JobId>,
    /// The targets that were refused, as they are shown.
    pub(super) refused: Value,
}

impl Record {
    pub(super) fn of(batch: &Batch) -> Result<Self, Problem> {
        let Batch { refused, .. } = batch;
        if refused.is_array() {
            // An earlier version kept nothing else.
            return Ok(Self { fingerprint: None, sources: Vec::new(), refused: refused.clone() });
        }
        Self::deserialize(refused).map_err(|error| {
            let message =
                "What is kept of the batch cannot be read; the operator finds the reason in the daemon's log.";
            Failure::new(ErrorKind::Internal, Phase::Store, message).with_detail(error).into()
        })
    }
}

impl Entry {
    /// The batch that this key names, or a new one. `again` are the jobs that are done once more, if it is not for targets of
    /// its own: those of the first time count.
    pub(super) async fn make(
        api: &Api,
        caller: &Caller,
        named: Option<&Idempotency>,
        again: Option<Filter>,
    ) -> Result<Self, Problem> {
        let (id, kept) = find(api, caller, named).await?;
        let fingerprint = named.map(|named| named.fingerprint);
        // The time as exact as the store keeps it: it tells whose entry is kept.
        let created_at = Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap_or(Timestamp::MAX);
        let batch = if let Some(batch) = kept {
            batch
        } else {
            let sources = match again {
                Some(filter) => sources(api, filter).await?,
                None => Vec::new(),
            };
            let refused = json!(Record { fingerprint, sources, refused: json!([]) });
            let batch = Batch { id, caller: caller.name.clone(), created_at, refused };
            api.backend.insert_batch(batch.clone()).await?;
            // The same may have been sent twice at once.
            api.backend.batch(id).await?.unwrap_or(batch)
        };
        let record = Record::of(&batch)?;
        if record.fingerprint != fingerprint {
            let message = "Another batch was submitted with this Idempotency-Key; choose a new key for a new batch.";
            return Err(Failure::new(ErrorKind::IdempotencyConflict, Phase::Store, message).into());
        }
        Ok(Self { known: batch.created_at != created_at, batch, record })
    }

    /// Keeps what was refused this time.
    pub(super) async fn refuse(&self, api: &Api, refused: Value) -> Result<(), Failure> {
        if self.record.refused == refused {
            return Ok(());
        }
        let refused = json!(Record { refused, sources: self.record.sources.clone(), ..self.record });
        api.backend.insert_batch(Batch { refused, ..self.batch.clone() }).await
    }
}

/// The name that a key gives to a batch, which nobody can tell who has not the daemon's key; and the batch, if it is there.
async fn find(api: &Api, caller: &Caller, named: Option<&Idempotency>) -> Result<(BatchId, Option<Batch>), Problem> {
    let Some(Idempotency { key, .. }) = named else { return Ok((BatchId::new(), None)) };
    let mut generation = 0_u32;
    loop {
        let text = json!(["batch", caller.name, key, generation]).to_string();
        let hash = api.backend.fingerprint(text.as_bytes());
        let bytes = hash.first_chunk().expect("a hash is longer than a name");
        let id = Builder::from_custom_bytes(*bytes).into_uuid().to_string().parse().expect("it is a UUID");
        match api.backend.batch(id).await? {
            Some(old) if Timestamp::now().duration_since(old.created_at) > DAY => generation += 1,
            kept => return Ok((id, kept)),
        }
    }
}

/// The jobs that are to be done once more, in the order in which they came.
async fn sources(api: &Api, filter: Filter) -> Result<Vec<JobId>, Problem> {
    let page = Page { before: None, limit: api.config.max_batch, with_results: false };
    let jobs = api.backend.list(filter, page).await?;
    if jobs.is_empty() {
        return Err(Error::Over("No job of this batch has failed; there is nothing to do once more.".into()).into());
    }
    // The list has the newest first.
    Ok(jobs.iter().rev().map(|job| job.id).collect())
}
