//! Names that callers give, and batches.

use super::{Store, arrival, queued};
use crate::store::{Arrival, Inserted};
use crate::{Batch, Filter, Idempotency, Job, Page};
use hostler_model::BatchId;
use serde_json::json;

pub(crate) async fn a_key_names_one_submission_of_its_caller(store: &impl Store) {
    let named = |fingerprint| Idempotency { key: "mine".into(), fingerprint: [fingerprint; 32] };
    let insert = async |job: &Job, named: Idempotency| {
        store.insert(Arrival { idempotency: Some(&named), ..arrival(job) }).await.expect("insert")
    };
    let (first, again, changed) = (queued("a"), queued("a"), queued("b"));
    let of_another = Job { caller: "another".into(), ..queued("a") };
    assert_eq!(insert(&first, named(1)).await, Inserted::New);
    assert_eq!(insert(&again, named(1)).await, Inserted::Known(first.id));
    assert_eq!(insert(&changed, named(2)).await, Inserted::Conflict);
    assert_eq!(insert(&of_another, named(2)).await, Inserted::New);
    let kept: Vec<_> = store.list(Filter::default(), Page::first(10)).await.expect("list");
    assert_eq!(kept.iter().map(|job| job.id).collect::<Vec<_>>(), [of_another.id, first.id]);
    // A job that cannot be kept leaves its key free.
    let named_too = Idempotency { key: "other".into(), ..named(3) };
    store.insert(Arrival { idempotency: Some(&named_too), ..arrival(&first) }).await.expect_err("its name is given");
    assert_eq!(insert(&queued("c"), named_too).await, Inserted::New);
}

pub(crate) async fn a_batch_comes_back_as_it_went_in(store: &impl Store) {
    let id = BatchId::new();
    let refused = json!([{"index": 3, "host": "b", "problem": "no such driver"}]);
    let batch = Batch { id, caller: "somebody".into(), created_at: id.made_at(), refused };
    store.insert_batch(&batch).await.expect("kept");
    assert_eq!(store.batch(id).await.expect("it reads"), Some(batch));
    assert_eq!(store.batch(BatchId::new()).await.expect("it reads"), None);
}
