use super::*;
use crate::store::conformance::{insert_job, queued};
use crate::store::{Owner, Sqlite};
use crate::{Happening, clock};
use futures::StreamExt;
use hostler_model::Outcome;
use std::pin::pin;
use tempfile::TempDir;

/// What a dispatcher has, as far as followers see it.
struct House {
    store: Arc<dyn Store>,
    ends: Arc<Ends>,
    journal: Journal,
    job: Job,
    _folder: TempDir,
}

impl House {
    /// With a job that waits.
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = Sqlite::open(folder.path()).expect("a store");
        let job = queued("a");
        insert_job(&sqlite, &job).await.expect("insert");
        let store: Arc<dyn Store> = Arc::new(sqlite);
        let (ends, journal) = (Arc::new(Ends::default()), Journal::start(Arc::clone(&store), 1 << 20));
        ends.expect(&job);
        Self { store, ends, journal, job, _folder: folder }
    }

    fn follower(&self) -> Follower {
        Follower::new(Arc::clone(&self.store), Arc::clone(&self.ends), &self.journal, self.job.clone())
    }

    async fn start(&self) -> Arc<crate::log::Log> {
        assert!(self.store.claim(self.job.id, Owner::new(), clock::now()).await.expect("claim"));
        self.journal.open(&self.job)
    }

    async fn end(&self) {
        let (at, last) = (clock::now(), self.journal.close(self.job.id));
        let outcome = Outcome::default();
        let state = self.store.end(self.job.id, &outcome, &last, at).await.expect("end").expect("it ran");
        self.ends.hand_out(self.job.clone().ended(state, outcome, at));
    }
}

/// The state of a job, or the text of output.
fn shown(told: Option<Result<Told, Failure>>) -> Option<String> {
    match told?.expect("the store works") {
        Told::Job(job) => Some(job.state.to_string()),
        Told::Event(Event { what: Happening::Output { bytes, .. }, .. }) => {
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        other @ Told::Event(_) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_job_is_followed_from_the_queue_to_its_end() {
    let house = House::new().await;
    let mut told = pin!(house.follower().follow(0));
    assert_eq!(shown(told.next().await).as_deref(), Some("queued"));
    let log = house.start().await;
    assert_eq!(shown(told.next().await).as_deref(), Some("started"), "before it writes anything");
    log.output(0, "stdout", 0, b"one");
    assert_eq!(shown(told.next().await).as_deref(), Some("one"), "before it ends");
    log.output(0, "stdout", 3, b"two");
    house.end().await;
    assert_eq!(shown(told.next().await).as_deref(), Some("two"));
    assert_eq!(shown(told.next().await).as_deref(), Some("finished"));
    assert_eq!(shown(told.next().await), None);
}

#[tokio::test]
async fn who_follows_a_job_that_has_ended_is_told_all_at_once() {
    let mut house = House::new().await;
    house.start().await.output(0, "stdout", 0, b"all");
    house.end().await;
    house.job = house.store.get(house.job.id).await.expect("get").expect("the job");
    for (after, wanted) in [(0, &["all", "finished"][..]), (u64::MAX, &["finished"])] {
        let told: Vec<_> = house.follower().follow(after).map(|told| shown(Some(told)).expect("text")).collect().await;
        assert_eq!(told, wanted);
    }
}

#[tokio::test]
async fn output_is_waited_for_until_there_is_some_or_the_job_is_over() {
    let house = House::new().await;
    let minute = Duration::from_mins(1);
    let empty = house.follower().output(0, "stdout", 0, Duration::ZERO).await.expect("the store works");
    assert_eq!(empty, Slice { offset: 0, bytes: Vec::new(), total: None });
    let log = house.start().await;
    let (first, ()) = tokio::join!(house.follower().output(0, "stdout", 0, minute), async {
        log.output(0, "stdout", 0, b"one");
    });
    assert_eq!(first.expect("the store works").bytes, b"one");
    let (rest, ()) = tokio::join!(house.follower().output(0, "stdout", 3, minute), house.end());
    assert_eq!(rest.expect("the store works").bytes, b"");
}

#[tokio::test]
async fn whoever_follows_what_is_cancelled_in_the_queue_hears_of_it() {
    let house = House::new().await;
    let mut told = pin!(house.follower().follow(0));
    assert_eq!(shown(told.next().await).as_deref(), Some("queued"));
    let filter = crate::Filter { id: Some(house.job.id), ..crate::Filter::default() };
    let canceled = house.store.request_cancel(filter, clock::now()).await.expect("cancel").ended;
    house.ends.announce(&canceled);
    assert_eq!(shown(told.next().await).as_deref(), Some("canceled"));
    assert_eq!(shown(told.next().await), None);
}
