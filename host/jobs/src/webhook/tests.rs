use super::*;
use crate::store::Arrival;
use crate::store::conformance::{self, arrival, queued, success};
use crate::{Filter, clock};
use hostler_model::{Secret, TaskId};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

const PLANTED: &str = "planted-secret-of-a-webhook";

/// How long a test waits for what is to happen.
const PATIENCE: Duration = Duration::from_secs(20);

struct Plain;

impl Letter for Plain {
    fn body(&self, job: &Job, event: WebhookEvent, _at: Timestamp, dialect: &str) -> Vec<u8> {
        format!("{event} {} {}{dialect}", job.id, job.state).into_bytes()
    }

    fn body_of_task(
        &self,
        slice: &TaskSlice,
        _job: Option<&Job>,
        event: WebhookEvent,
        _at: Timestamp,
        _dialect: &str,
    ) -> Vec<u8> {
        [format!("{event} {} ", slice.task.id).as_bytes(), &slice.output].concat()
    }
}

/// What a receiver heard.
struct Heard {
    head: String,
    body: String,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no header {name} in {}", self.head))
    }
}

/// A receiver that gives these answers, one after the other; an empty one is none. It hands on what it hears.
async fn receiver(answers: &'static [&'static str]) -> (u16, mpsc::UnboundedReceiver<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (port, (tell, heard)) = (listener.local_addr().expect("an address").port(), mpsc::unbounded_channel());
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let heard = hear(&mut stream).await;
            let answer = format!("HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            if answer.starts_with("HTTP/1.1 \r") {
                tokio::spawn(async move { stream.read(&mut [0]).await });
            } else {
                stream.write_all(answer.as_bytes()).await.expect("the daemon reads");
            }
            let _gone = tell.send(heard);
        }
    });
    (port, heard)
}

async fn hear(stream: &mut TcpStream) -> Heard {
    let mut text = String::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.expect("the daemon writes");
        text.push_str(std::str::from_utf8(&part[..count]).expect("text"));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let heard = Heard { head: head.into(), body: body.into() };
            if heard.body.len().to_string() == heard.header("content-length") {
                return heard;
            }
        }
        assert!(count > 0, "it ended after {text:?}");
    }
}

/// Starts to deliver from the store in a folder. Without `private`, only public receivers are allowed.
fn start(folder: &Path, private: &[&str], max_attempts: u32) -> (Arc<Webhooks>, Ledger) {
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let ledger = Ledger::open(folder, &crate::Config::default()).expect("a store");
    let config = WebhookConfig {
        allow_private: private.iter().map(ToString::to_string).collect(),
        max_attempts: max_attempts.try_into().expect("not zero"),
        timeout: 1.try_into().expect("not zero"),
    };
    (config.build(&ledger, Arc::new(Plain)).expect("it starts"), ledger)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn hook(host: &str, port: u16) -> Webhook {
    let mut webhook = Webhook::new(Secret::new(format!("http://{host}:{port}/{PLANTED}?key={PLANTED}")));
    webhook.secret = Some(Secret::new(PLANTED.into()));
    webhook.headers = BTreeMap::from([("authorization".into(), Secret::new(format!("Bearer {PLANTED}")))]);
    webhook
}

/// A job in the store that waits, with webhooks.
async fn job(webhooks: &Webhooks, ledger: &Ledger, hooks: Vec<Webhook>) -> Job {
    let job = queued("a");
    let watches = webhooks.seal(job.id, hooks).expect("they are right");
    ledger.store.insert(Arrival { webhooks: &watches, ..arrival(&job) }).await.expect("inserted");
    job
}

/// A job in the store that launches a task, with a webhook that wants these events.
async fn detached(webhooks: &Webhooks, ledger: &Ledger, port: u16, events: &[WebhookEvent]) -> (Job, TaskId) {
    let (job, task) = conformance::launching_job();
    let mut hook = hook("127.0.0.1", port);
    hook.events = events.iter().copied().collect();
    let watches = webhooks.seal(job.id, vec![hook]).expect("they are right");
    let id = task.task.id.clone();
    ledger.store.insert(Arrival { task: Some(task), webhooks: &watches, ..arrival(&job) }).await.expect("inserted");
    (job, id)
}

async fn end(ledger: &Ledger, job: &Job) {
    ledger.store.end(job.id, &success(), &[], clock::now()).await.expect("stored").expect("it was open");
}

/// The only delivery of a job, when it looks as it should.
async fn until(webhooks: &Webhooks, job: JobId, right: impl Fn(&Delivery) -> bool) -> Delivery {
    let seen = async {
        loop {
            let deliveries = webhooks.deliveries(job).await.expect("they are read");
            assert!(deliveries.len() < 2, "{deliveries:?}");
            if let Some(delivery) = deliveries.into_iter().find(&right) {
                return delivery;
            }
            // The one who hears of news is the deliverer.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, seen).await.expect("it comes to that")
}

fn over(delivery: &Delivery) -> bool {
    delivery.state != DeliveryState::Waiting
}

fn webhooks_left(folder: &Path) -> u32 {
    let raw = rusqlite::Connection::open(folder.join("jobs.sqlite")).expect("raw");
    raw.query_row("SELECT count(*) FROM webhooks", [], |row| row.get(0)).expect("a count")
}

#[tokio::test]
async fn a_letter_is_signed_and_its_secrets_are_in_no_file() {
    let (folder, (port, mut heard)) = (folder(), receiver(&["204 No Content"]).await);
    let (webhooks, ledger) = start(folder.path(), &["127.0.0.0/8"], 1);
    let job = job(&webhooks, &ledger, vec![hook("127.0.0.1", port)]).await;
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        assert!(!bytes.windows(PLANTED.len()).any(|part| part == PLANTED.as_bytes()), "{} has it", path.display());
    }
    end(&ledger, &job).await;
    let heard = timeout(PATIENCE, heard.recv()).await.expect("in time").expect("a letter");
    assert!(heard.head.starts_with(&format!("POST /{PLANTED}?key={PLANTED} HTTP/1.1")), "{}", heard.head);
    assert_eq!(heard.body, format!("finished {} finished", job.id));
    assert_eq!(heard.header("authorization"), format!("Bearer {PLANTED}"));
    let (id, seconds) =
        (heard.header("webhook-id"), heard.header("webhook-timestamp").parse::<i64>().expect("seconds"));
    assert!((Timestamp::now().as_second() - seconds).abs() < 60);
    let signature = signature::sign(&Secret::new(PLANTED.into()), id, seconds, heard.body.as_bytes());
    assert_eq!(Some(heard.header("webhook-signature")), signature.as_deref());
    // The same trace as the job's, another step of it.
    let trace = heard.header("traceparent");
    assert!(
        trace.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && !trace.contains("b7ad6b7169203331"),
        "{trace}"
    );
    let told = until(&webhooks, job.id, over).await;
    assert_eq!((told.state, told.id.as_str(), told.attempts[0].status), (DeliveryState::Delivered, id, Some(204)));
    assert_eq!(told.to, format!("http://127.0.0.1:{port}"));
    assert_eq!(webhooks_left(folder.path()), 0, "nobody needs its secrets any more");
}

#[tokio::test]
async fn what_fails_is_tried_again_also_by_the_next_run() {
    let (folder, (port, mut heard)) = (folder(), receiver(&["500 Oops", "200 OK"]).await);
    let (webhooks, ledger) = start(folder.path(), &["127.0.0.1"], 8);
    let job = job(&webhooks, &ledger, vec![hook("127.0.0.1", port)]).await;
    end(&ledger, &job).await;
    let first = heard.recv().await.expect("a letter");
    let waiting = until(&webhooks, job.id, |delivery| !delivery.attempts.is_empty()).await;
    assert_eq!((waiting.state, waiting.attempts[0].status), (DeliveryState::Waiting, Some(500)));
    assert!(waiting.next_at > Some(waiting.attempts[0].at));
    webhooks.shutdown().await;
    drop((webhooks, ledger));

    let (webhooks, _ledger) = start(folder.path(), &["127.0.0.1"], 8);
    let second = timeout(PATIENCE, heard.recv()).await.expect("in time").expect("another letter");
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    let told = until(&webhooks, job.id, over).await;
    assert_eq!((told.state, told.attempts.len(), told.next_at), (DeliveryState::Delivered, 2, None));
}

#[tokio::test]
async fn a_webhook_says_how_often_it_is_tried_again_and_in_whose_words_it_tells() {
    let (folder, (port, mut heard)) = (folder(), receiver(&["500 Oops", "500 Oops", "500 Oops"]).await);
    let (webhooks, ledger) = start(folder.path(), &["127.0.0.1"], 8);
    let mut hook = hook("127.0.0.1", port);
    (hook.dialect, hook.retry_after) = (" in 0.4".into(), Some(vec![Duration::ZERO]));
    let job = job(&webhooks, &ledger, vec![hook]).await;
    end(&ledger, &job).await;
    let told = until(&webhooks, job.id, over).await;
    assert_eq!((told.state, told.attempts.len()), (DeliveryState::GivenUp, 2), "once, and once more");
    let body = format!("finished {} finished in 0.4", job.id);
    for _ in 0..2 {
        assert_eq!(heard.recv().await.expect("a letter").body, body);
    }
}

#[tokio::test]
async fn receivers_that_do_not_answer_hold_up_nobody_else() {
    let folder = folder();
    let (silent, mut silence) = receiver(&["", "", "", ""]).await;
    let (port, mut heard) = receiver(&["200 OK"]).await;
    let (webhooks, ledger) = start(folder.path(), &["127.0.0.0/8"], 1);
    let mut unheard = Vec::new();
    for _ in 0..4 {
        let job = job(&webhooks, &ledger, vec![hook("127.0.0.1", silent)]).await;
        end(&ledger, &job).await;
        unheard.push(job.id);
    }
    for _ in 0..super::deliverer::TO_ONE {
        silence.recv().await.expect("it is asked");
    }
    let job = job(&webhooks, &ledger, vec![hook("127.0.0.1", port)]).await;
    end(&ledger, &job).await;
    timeout(PATIENCE, heard.recv()).await.expect("in time").expect("a letter");
    let given_up = until(&webhooks, unheard[3], over).await;
    assert_eq!(given_up.state, DeliveryState::GivenUp);
    let error = given_up.attempts[0].error.as_deref();
    assert_eq!(error, Some("The receiver did not answer within 1 s."));
    assert_eq!(webhooks_left(folder.path()), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (folder, (target, mut reached)) = (folder(), receiver(&["200 OK"]).await);
    let (webhooks, ledger) = start(folder.path(), &["127.0.0.0/8"], 1);
    let location = Box::leak(format!("302 Found\r\nLocation: http://127.0.0.1:{target}/").into_boxed_str());
    let (port, _heard) = receiver(Box::leak(Box::new([&*location]))).await;
    let moved = job(&webhooks, &ledger, vec![hook("127.0.0.1", port)]).await;
    end(&ledger, &moved).await;
    let told = until(&webhooks, moved.id, over).await;
    assert_eq!((told.state, told.attempts[0].status), (DeliveryState::GivenUp, Some(302)));
    assert!(reached.try_recv().is_err(), "the redirect was followed");
}

#[tokio::test]
async fn a_name_of_a_private_address_is_not_connected_to() {
    let (folder, (port, mut heard)) = (folder(), receiver(&["200 OK"]).await);
    let (webhooks, ledger) = start(folder.path(), &[], 1);
    let refused = webhooks.seal(JobId::new(), vec![hook("127.0.0.1", port)]).expect_err("an address is seen at once");
    assert_eq!(refused.kind, ErrorKind::InvalidRequest);
    let job = job(&webhooks, &ledger, vec![hook("localhost", port)]).await;
    end(&ledger, &job).await;
    let told = until(&webhooks, job.id, over).await;
    let error = told.attempts[0].error.clone().expect("an error");
    assert!(error.contains("localhost") && error.contains("webhooks.allow_private"), "{error}");
    assert!(!error.contains(PLANTED), "{error}");
    assert!(heard.try_recv().is_err(), "it was connected to");
}

#[tokio::test]
async fn each_webhook_hears_only_what_it_asked_for() {
    let folder = folder();
    let (webhooks, ledger) = start(folder.path(), &["127.0.0.0/8"], 1);
    let only = |events: &[WebhookEvent]| {
        let mut hook = hook("127.0.0.1", 9);
        hook.events = events.iter().copied().collect();
        hook
    };
    let hooks = vec![only(&[WebhookEvent::Started, WebhookEvent::Failed]), only(&[WebhookEvent::Canceled])];
    let (begun, waiting) = (job(&webhooks, &ledger, hooks.clone()).await, job(&webhooks, &ledger, hooks).await);
    let owner = crate::store::Owner::new();
    assert!(ledger.store.claim(begun.id, owner, clock::now()).await.expect("stored"));
    end(&ledger, &begun).await;
    let filter = Filter { id: Some(waiting.id), ..Filter::default() };
    ledger.store.request_cancel(filter, clock::now()).await.expect("stored");
    for (job, event) in [(begun.id, WebhookEvent::Started), (waiting.id, WebhookEvent::Canceled)] {
        assert_eq!(until(&webhooks, job, over).await.event, event);
    }
    assert_eq!(webhooks_left(folder.path()), 0);
}

#[tokio::test]
async fn the_secrets_of_a_webhook_stay_until_the_end_of_the_task_was_told() {
    let (folder, (port, mut heard)) = (folder(), receiver(&["204 No Content", "204 No Content"]).await);
    let (webhooks, ledger) = start(folder.path(), &["127.0.0.0/8"], 1);
    let events = [WebhookEvent::TaskOutput, WebhookEvent::TaskEnded];
    let (job, task) = detached(&webhooks, &ledger, port, &events).await;
    ledger.store.saw_task(&task, conformance::wrote(0, "one", false)).await.expect("stored");
    assert_eq!(heard.recv().await.expect("a letter").body, format!("task-output {task} one"));
    until(&webhooks, job.id, over).await;
    end(&ledger, &job).await;
    assert_eq!(webhooks_left(folder.path()), 1, "the end of the task is still to be told");
    ledger.store.saw_task(&task, conformance::wrote(3, "two", true)).await.expect("stored");
    assert_eq!(heard.recv().await.expect("a letter").body, format!("task-ended {task} two"));
    let told = async {
        while webhooks_left(folder.path()) > 0 {
            // The one who hears of news is the deliverer.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("nobody needs its secrets any more");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_told_no_more() {
    let (folder, (port, _heard)) = (folder(), receiver(&["410 Gone"]).await);
    let (webhooks, ledger) = start(folder.path(), &["127.0.0.0/8"], 8);
    let events = [WebhookEvent::Finished, WebhookEvent::TaskOutput, WebhookEvent::TaskEnded];
    let (job, task) = detached(&webhooks, &ledger, port, &events).await;
    ledger.store.saw_task(&task, conformance::wrote(0, "one", false)).await.expect("stored");
    let told = until(&webhooks, job.id, over).await;
    assert_eq!((told.state, told.attempts[0].status), (DeliveryState::GivenUp, Some(410)));
    ledger.store.saw_task(&task, conformance::wrote(3, "two", false)).await.expect("stored");
    end(&ledger, &job).await;
    ledger.store.saw_task(&task, conformance::wrote(6, "three", true)).await.expect("stored");
    assert_eq!(webhooks.deliveries(job.id).await.expect("they are read"), [told]);
    assert_eq!(webhooks_left(folder.path()), 0);
}

#[test]
fn what_cannot_be_sent_is_refused_when_it_is_submitted() {
    let runtime = crate::store::conformance::runtime();
    let (_inside, folder) = (runtime.enter(), folder());
    let (webhooks, _ledger) = start(folder.path(), &[], 1);
    let seal = |change: fn(&mut Webhook)| {
        let mut webhook = Webhook::new(Secret::new("https://hooks.example/".into()));
        change(&mut webhook);
        webhooks.seal(JobId::new(), vec![webhook]).map(drop)
    };
    seal(|_| ()).expect("it is right");
    for wrong in [
        (|webhook| webhook.method = "GET\r\nX: y".into()) as fn(&mut Webhook),
        |webhook| webhook.secret = Some(Secret::new("whsec_no base64".into())),
        |webhook| webhook.headers = BTreeMap::from([("host".into(), Secret::new("inside".into()))]),
        |webhook| webhook.headers = BTreeMap::from([("Webhook-Id".into(), Secret::new("1".into()))]),
        |webhook| webhook.headers = BTreeMap::from([("x".into(), Secret::new("a\r\nb: c".into()))]),
        |webhook| webhook.url = Secret::new("file:///etc/passwd".into()),
    ] {
        assert_eq!(seal(wrong).expect_err("refused").kind, ErrorKind::InvalidRequest);
    }
}
