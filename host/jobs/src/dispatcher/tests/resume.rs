//! Jobs that an earlier run of the daemon left.

use super::{House, LONG, error, work};
use crate::kept::Kept;
use crate::needs::Need;
use crate::store::Waiting;
use crate::store::conformance::{arrival, queued};
use crate::work::{Run, Task, Work};
use crate::{Job, State};
use hostler_model::{ErrorKind, Failure, Outcome, Phase};

/// A job that an earlier run left, and what became of the request when it was looked at again.
async fn resumed(house: &House, prepared: Result<Run, Failure>) -> Job {
    let job = queued("a");
    house.store.insert(arrival(&job)).await.expect("kept");
    let prepare = Box::new(|| Box::pin(async { prepared }) as _);
    let work = Work { needs: Need::of(&job, &house.config, usize::MAX), task: Task::Kept(prepare) };
    let (id, kept) = (job.id, Kept(Vec::new()));
    house.dispatcher.resume(Waiting { job, kept, left: LONG }, LONG, work);
    house.ended(id).await
}

#[tokio::test]
async fn a_job_of_an_earlier_run_is_judged_again_before_it_begins() {
    let house = House::new(1);
    let job = resumed(&house, Ok(work(async |_, _| Outcome::default()))).await;
    assert_eq!(job.state, State::Finished);
    assert!(job.started_at.is_some());
    let denied = Failure::new(ErrorKind::Denied, Phase::Policy, "Not any more.");
    let job = resumed(&house, Err(denied.clone())).await;
    assert_eq!((job.state, job.started_at, error(&job)), (State::Failed, None, &denied));
}
