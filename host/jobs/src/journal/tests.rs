use super::*;
use crate::store::Sqlite;
use crate::store::conformance::{arrival, queued, runtime};
use crate::{Happening, clock};
use hostler_model::Outcome;
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

async fn running() -> (Arc<dyn Store>, Job, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).expect("a store"));
    let job = queued("a").started(clock::now());
    store.insert(arrival(&job)).await.expect("insert");
    (store, job, folder)
}

#[derive(Clone, Debug)]
enum Step {
    /// So many bytes on one of two streams.
    Write(usize, usize),
    Flush,
    /// One of three readers reads a page.
    Read(usize),
    /// Time for the flusher.
    Yield,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_usize, 1..50_usize).prop_map(|(stream, length)| Step::Write(stream, length)),
        2 => Just(Step::Flush),
        3 => (0..3_usize).prop_map(Step::Read),
        1 => Just(Step::Yield),
    ]
}

/// The next page for a reader.
async fn read(store: &Arc<dyn Store>, job: &Job, seen: &mut Vec<Event>) -> bool {
    let page = store.events(job.id, seen.last().map_or(0, |event| event.number)).await.expect("events");
    let has_more = !page.is_empty();
    seen.extend(page);
    has_more
}

async fn every_reader_gets_every_byte_once(steps: Vec<Step>) {
    let (store, job, _folder) = running().await;
    let journal = Journal::start(Arc::clone(&store), 1 << 20);
    let log = journal.open(&job);
    let _news = journal.news(job.id);
    let mut written = [Vec::new(), Vec::new()];
    let mut readers = [Vec::new(), Vec::new(), Vec::new()];
    let mut next = 0_u8;
    for step in steps {
        match step {
            Step::Write(stream, length) => {
                let offset = written[stream].len() as u64;
                let bytes: Vec<u8> = (0..length)
                    .map(|_| {
                        next = next.wrapping_add(1);
                        next
                    })
                    .collect();
                log.output(0, ["stdout", "stderr"][stream], offset, &bytes);
                written[stream].extend(bytes);
            }
            Step::Flush => journal.flush().await,
            Step::Read(reader) => drop(read(&store, &job, &mut readers[reader]).await),
            Step::Yield => tokio::task::yield_now().await,
        }
    }
    let last = journal.close(job.id);
    store.end(job.id, &Outcome::default(), &last, clock::now()).await.expect("end");
    for reader in &mut readers {
        while read(&store, &job, reader).await {}
        let mut heard = [Vec::new(), Vec::new()];
        for event in &*reader {
            let Happening::Output { stream, offset, bytes, .. } = &event.what else { panic!("{event:?}") };
            let heard = &mut heard[usize::from(stream == "stderr")];
            assert_eq!(*offset, heard.len() as u64, "a gap or a repeat");
            heard.extend_from_slice(bytes);
        }
        assert_eq!(heard, written);
    }
    assert!(readers.windows(2).all(|pair| pair[0] == pair[1]), "readers were told different things");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..Default::default() })]
    #[test]
    fn any_interleaving_tells_every_reader_every_byte_once(steps in vec(step(), 1..60)) {
        runtime().block_on(every_reader_gets_every_byte_once(steps));
    }
}

#[tokio::test]
async fn what_is_followed_comes_without_anybody_asking_the_store_for_it() {
    let (store, job, _folder) = running().await;
    let journal = Journal::start(Arc::clone(&store), 1 << 20);
    let log = journal.open(&job);
    let mut news = journal.news(job.id);
    news.note();
    log.output(0, "stdout", 0, b"line\n");
    news.come().await;
    assert_eq!(store.events(job.id, 0).await.expect("events").len(), 1);
    assert_eq!(log.size(), None, "memory holds only what the store does not have");
}

#[tokio::test]
async fn nothing_is_kept_of_those_who_do_not_follow_any_more() {
    let (store, job, _folder) = running().await;
    let journal = Journal::start(store, 1 << 20);
    let (one, other) = (journal.news(job.id), journal.news(job.id));
    drop(one);
    assert!(journal.shared.followed().contains_key(&job.id));
    drop(other);
    assert!(journal.shared.followed().is_empty());
}
