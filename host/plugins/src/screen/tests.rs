use super::*;
use crate::scrub::Scrubber;
use hostler_model::Secret;
use hostler_remote::Process;
use std::collections::BTreeMap;
use tokio::sync::mpsc::{self, UnboundedSender};

const SOON: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(20);

/// A shell that shows what the test sends, in a job with a secret, and what was passed on.
struct Job {
    server: UnboundedSender<Event>,
    screen: Screen,
    passed_on: String,
}

impl Job {
    fn new(secret: &str) -> Self {
        let secrets = BTreeMap::from([("driver_args.enable_password".into(), Secret::new(secret.into()))]);
        let (server, events) = mpsc::unbounded_channel();
        let shell = Shell::new(Process::new(events), mpsc::channel(1).0);
        let screen = Screen::new(shell, Scrubber::new(&secrets).0.stream(), 100);
        Self { server, screen, passed_on: String::new() }
    }

    fn show(&self, text: &str) {
        self.server.send(Event::Stdout(text.to_owned().into())).expect("the screen lives");
    }

    /// What stood before the match, and the match.
    async fn expect(&mut self, pattern: &str, patience: Duration) -> Result<(String, String), Failure> {
        let patterns = Patterns::new(&[pattern.to_owned()]).expect("a pattern");
        let Self { screen, passed_on, .. } = self;
        let show = |bytes: &[u8]| passed_on.push_str(&String::from_utf8_lossy(bytes));
        let found = screen.expect(&patterns, patience, show).await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((text(found.before), text(found.matched)))
    }

    async fn fails(&mut self, pattern: &str, patience: Duration) -> (ErrorKind, String) {
        let failure = self.expect(pattern, patience).await.expect_err("it fails");
        (failure.kind, failure.message)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_pieces_is_found_once_it_is_whole_and_the_rest_stays() {
    let mut job = Job::new("hunter22");
    job.show("one\nswi");
    assert_eq!(job.fails("switch> $", SOON).await.0, ErrorKind::Timeout);
    let server = job.server.clone();
    let later = tokio::spawn(async move {
        tokio::task::yield_now().await;
        server.send(Event::Stdout("tch> ".into())).expect("the screen lives");
    });
    assert_eq!(job.expect("switch> $", LONG).await.expect("found"), ("one\n".into(), "switch> ".into()));
    later.await.expect("sent");
    job.show("two three");
    assert_eq!(job.expect("two", LONG).await.expect("found"), (String::new(), "two".into()));
    assert_eq!(job.expect("three", SOON).await.expect("found"), (" ".into(), "three".into()));
    assert_eq!(job.passed_on, "one\nswitch> two three", "each byte is passed on once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_neither_found_nor_passed_on() {
    let mut job = Job::new("hunter22");
    job.show("<hunt");
    job.show("er22>");
    assert_eq!(job.fails("hunter22", SOON).await.0, ErrorKind::Timeout);
    assert_eq!(job.expect(">", SOON).await.expect("found"), ("<******".into(), ">".into()));
    assert_eq!(job.passed_on, "<******>");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_ends_as_a_secret_begins_is_found_after_a_silence() {
    let mut job = Job::new("# hunter22");
    job.show("switch# ");
    let started = Instant::now();
    assert_eq!(job.expect("switch# $", LONG).await.expect("found").1, "switch# ");
    assert!((SILENCE..LONG).contains(&started.elapsed()), "{:?}", started.elapsed());
    job.show("hunter22\nswitch> ");
    assert_eq!(job.expect("> $", LONG).await.expect("found").0, "******\nswitch", "it was one after all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_says_what_is_shown_instead() {
    let mut job = Job::new("hunter22");
    job.show("Overwrite? hunter22 [confirm]");
    let (kind, message) = job.fails("> $", SOON).await;
    assert_eq!(kind, ErrorKind::Timeout);
    assert!(message.contains("within 0.01 s; 27 bytes"), "{message}");
    assert!(message.ends_with(r#""Overwrite? ****** [confirm]""#), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn last_words_are_found_before_the_end_is_told() {
    let mut job = Job::new("hunter22");
    job.show("bye hunt");
    job.server.send(Event::Ended(Ok(Exit::Status(3)))).expect("the screen lives");
    assert_eq!(job.expect("bye", LONG).await.expect("found").1, "bye");
    for _ in 0..2 {
        let (kind, message) = job.fails("bye", LONG).await;
        assert_eq!(kind, ErrorKind::Closed);
        assert!(
            message.contains("ended the shell with status 3; 5 bytes") && message.ends_with(r#"" hunt""#),
            "{message}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_and_a_closed_session_are_told_apart() {
    let mut job = Job::new("hunter22");
    let lost = Failure::new(ErrorKind::ConnectionLost, Phase::Exec, "gone");
    job.server.send(Event::Ended(Err(lost))).expect("the screen lives");
    assert_eq!(job.fails("x", LONG).await.0, ErrorKind::ConnectionLost);
    let mut job = Job::new("hunter22");
    job.server.send(Event::Stopped { confirmed: false }).expect("the screen lives");
    assert_eq!(job.fails("x", LONG).await.0, ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_cap_is_kept_unread() {
    let mut job = Job::new("hunter22");
    for _ in 0..10 {
        job.show(&"x".repeat(30));
    }
    let (kind, message) = job.fails("y", LONG).await;
    assert_eq!(kind, ErrorKind::Limit, "{message}");
    assert!(message.contains("120 bytes are not consumed"), "what nobody reads is not fetched: {message}");
    for _ in 0..10 {
        job.expect("x{30}", LONG).await.expect("there is room again");
    }
    assert_eq!(job.passed_on.len(), 300);
    assert_eq!(job.fails("x", SOON).await.0, ErrorKind::Timeout);
}
