//! What every store must do with the logs of jobs.

use super::{OWNER, arrival, claim, find, insert, queued};
use crate::store::{Arrival, Owner, Store};
use crate::{Captured, Event, Happening, Job, Ran, Slice, clock};
use hostler_model::{ErrorKind, Exit, Failure, JobId, Options, Outcome, Output, Phase, RunResult};
use std::sync::Arc;
use std::time::Duration;

fn event(number: u64, what: Happening) -> Arc<Event> {
    Arc::new(Event { number, at: clock::now(), what })
}

fn output(number: u64, run: u32, stream: &str, offset: u64, text: &str) -> Arc<Event> {
    event(number, Happening::Output { run, stream: stream.into(), offset, bytes: text.into() })
}

fn ran(number: u64, run: u32, stdout: Captured) -> Arc<Event> {
    let result = RunResult {
        command: format!("command {run}"),
        exit: Exit::Status(run),
        stdout: Output::default(),
        stderr: Output::default(),
        duration: Duration::from_millis(5),
        session_reused: true,
        moved: None,
        parsed: None,
        launched: None,
    };
    event(number, Happening::Ran(Ran { stdout, ..Ran::new(run, &result) }))
}

async fn started(store: &impl Store) -> JobId {
    let id = insert(store, "a").await;
    assert!(claim(store, id).await);
    id
}

async fn append(store: &impl Store, job: JobId, events: &[Arc<Event>]) {
    store.append(vec![(job, events.to_vec())]).await.expect("append");
}

async fn end(store: &impl Store, job: JobId, last: &[Arc<Event>]) {
    store.end(job, &Outcome::default(), last, clock::now()).await.expect("end").expect("it had not ended");
}

/// All events after a number, page by page.
async fn events(store: &impl Store, job: JobId, mut after: u64) -> Vec<Arc<Event>> {
    let mut all = Vec::new();
    loop {
        let page = store.events(job, after).await.expect("events");
        let Some(last) = page.last() else { return all };
        after = last.number;
        all.extend(page.into_iter().map(Arc::new));
    }
}

async fn read(store: &impl Store, job: JobId, run: u32, stream: &str, offset: u64) -> Slice {
    store.output(job, run, stream.into(), offset).await.expect("output")
}

pub(crate) async fn events_come_back_as_they_went_in(store: &impl Store) {
    let (job, other) = (started(store).await, started(store).await);
    let cut = event(70, Happening::Cut { reason: "It is full.".into() });
    let mut all: Vec<_> = (1..70).map(|number| output(number, 0, "stdout", number, "x\u{0}ü")).collect();
    all.extend([cut, ran(71, 0, Captured { head: 1, tail: 2, total: 9 })]);
    append(store, job, &all[..40]).await;
    append(store, other, &[output(1, 0, "stderr", 0, "other")]).await;
    append(store, job, &all[40..]).await;
    append(store, job, &all[30..50]).await;
    assert_eq!(events(store, job, 0).await, all);
    assert_eq!(events(store, job, 50).await, all[50..]);
    assert_eq!(events(store, job, 71).await, []);
    assert_eq!(events(store, JobId::new(), 0).await, []);
}

pub(crate) async fn the_last_events_come_with_the_end(store: &impl Store) {
    let all = [output(1, 0, "stdout", 0, "ab"), output(2, 0, "stderr", 0, "e"), output(3, 0, "stdout", 2, "cd")];
    for before in 0..=3 {
        let job = started(store).await;
        append(store, job, &all[..before]).await;
        // Whoever ends the job does not know yet that the store has these.
        end(store, job, &all).await;
        append(store, job, &all[1..]).await;
        for after in 0..=3 {
            assert_eq!(events(store, job, after).await, all[usize::try_from(after).expect("small")..], "{before}");
        }
        assert_eq!(read(store, job, 0, "stdout", 0).await.bytes, b"abcd", "{before}");
    }
}

pub(crate) async fn what_comes_for_a_job_that_does_not_run_is_passed_over(store: &impl Store) {
    let (waiting, ended) = (insert(store, "a").await, started(store).await);
    end(store, ended, &[]).await;
    for job in [waiting, ended, JobId::new()] {
        append(store, job, &[output(1, 0, "stdout", 0, "late")]).await;
        assert_eq!(events(store, job, 0).await, []);
    }
}

pub(crate) async fn output_is_read_from_any_offset(store: &impl Store) {
    let job = started(store).await;
    let told = [output(1, 0, "stdout", 0, "abc"), output(2, 1, "stdout", 0, "no"), output(3, 0, "stdout", 3, "def")];
    append(store, job, &told).await;
    let slice = |offset, text: &str, total| Slice { offset, bytes: text.into(), total };
    assert_eq!(read(store, job, 0, "stdout", 6).await, slice(6, "", None));
    let last = [output(4, 0, "stdout", 6, "gh"), ran(5, 0, Captured { head: 4, tail: 4, total: 8 })];
    end(store, job, &last).await;
    for (offset, text) in [(0, "abcdefgh"), (2, "cdefgh"), (3, "defgh"), (7, "h"), (8, ""), (99, "")] {
        assert_eq!(read(store, job, 0, "stdout", offset).await, slice(offset, text, Some(8)));
    }
    assert_eq!(read(store, job, 1, "stdout", 0).await, slice(0, "no", None));
    assert_eq!(read(store, job, 0, "stderr", 0).await, slice(0, "", Some(0)));
    // What all shells show is one stream, and a later run begins in its middle.
    let job = started(store).await;
    append(store, job, &[output(1, 0, "shell", 0, "ab"), output(2, 1, "shell", 2, "cd")]).await;
    assert_eq!(read(store, job, 1, "shell", 0).await, slice(2, "cd", None));
}

pub(crate) async fn long_output_comes_in_parts(store: &impl Store) {
    let job = started(store).await;
    let piece = "x".repeat(64 << 10);
    let told: Vec<_> = (0..20).map(|number| output(number + 1, 0, "stdout", number << 16, &piece)).collect();
    append(store, job, &told).await;
    let mut offset = 0;
    while offset < 20 << 16 {
        let slice = read(store, job, 0, "stdout", offset).await;
        assert!(slice.offset == offset && (1..=512 << 10).contains(&slice.bytes.len()), "{}", slice.bytes.len());
        offset += slice.bytes.len() as u64;
    }
    let page = store.events(job, 0).await.expect("events");
    assert!((1..20).contains(&page.len()), "{}", page.len());
}

pub(crate) async fn a_lost_job_has_the_results_of_what_had_ended(store: &impl Store) {
    let job = started(store).await;
    assert!(store.mark_effect(job, OWNER, clock::now()).await.expect("mark"));
    let told = [
        output(1, 0, "stdout", 0, "abcdef"),
        output(2, 0, "stderr", 0, "e"),
        ran(3, 0, Captured { head: 2, tail: 3, total: 6 }),
        output(4, 1, "stdout", 0, "in the middle"),
    ];
    append(store, job, &told).await;
    assert_eq!(store.recover(Owner::new(), clock::now()).await.expect("recovered").lost, [job]);
    let outcome = find(store, job).await.outcome.expect("an outcome");
    assert_eq!(outcome.error.map(|error| error.kind), Some(ErrorKind::Lost));
    let [result] = outcome.results.as_slice() else { panic!("{:?}", outcome.results) };
    assert_eq!((result.command.as_str(), &result.exit), ("command 0", &Exit::Status(0)));
    assert_eq!(result.stdout, Output { head: b"ab".into(), tail: b"def".into(), omitted: 1 });
    assert_eq!(events(store, job, 0).await, told, "its log is still there");
}

pub(crate) async fn a_job_that_begins_again_begins_a_new_log(store: &impl Store) {
    let job = Job { attempt: 1, options: Options { repeatable: true, ..Options::default() }, ..queued("a") };
    let job = job.started(clock::now());
    let kept = Some(crate::kept::Kept(b"sealed".to_vec()));
    store.insert(Arrival { kept, ..arrival(&job) }).await.expect("insert");
    append(store, job.id, &[output(1, 0, "stdout", 0, "first")]).await;
    let recovered = store.recover(Owner::new(), clock::now()).await.expect("recovered");
    assert_eq!(recovered.queued[0].job.attempt, 2);
    let log = events(store, job.id, 1).await;
    assert_eq!(log.iter().map(|event| &event.what).collect::<Vec<_>>(), [&Happening::Again { attempt: 2 }]);
    assert_eq!(events(store, job.id, 0).await, log, "what the first attempt wrote is gone");
    assert!(claim(store, job.id).await);
    let next = output(Event::before(2) + 1, 0, "stdout", 0, "second");
    append(store, job.id, std::slice::from_ref(&next)).await;
    assert_eq!(events(store, job.id, log[0].number).await, [next]);
    assert_eq!(read(store, job.id, 0, "stdout", 0).await.bytes, b"second");
}

pub(crate) async fn a_failed_end_still_has_its_log(store: &impl Store) {
    let id = started(store).await;
    let failure = Outcome::from(Failure::new(ErrorKind::Timeout, Phase::Exec, "It took too long."));
    let last = [output(1, 0, "stdout", 0, "so far")];
    store.end(id, &failure, &last, clock::now()).await.expect("end");
    assert_eq!(events(store, id, 0).await, last);
    let late = [output(1, 0, "stdout", 0, "so far"), output(2, 0, "stdout", 6, "!")];
    assert_eq!(store.end(id, &failure, &late, clock::now()).await.expect("end"), None);
    assert_eq!(events(store, id, 0).await, last, "an end that does not take place adds nothing");
}
