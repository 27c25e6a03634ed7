//! Following: nothing is lost or told twice, however the events come.

use crate::scripted::{Daemon, Ended, answer, broken_off, event, finished, nothing, told, wrote};
use axum::body::Body;
use axum::http::Response;
use futures::stream;
use serde_json::json;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A daemon whose job tells, in connection after connection, what the script says of the number of the connection.
async fn followed(script: impl Fn(usize, &str) -> Response<Body> + Send + Sync + 'static) -> anyhow::Result<Daemon> {
    let connections = AtomicUsize::new(0);
    Daemon::start(move |asked| match asked.line.as_str() {
        "POST /v1/jobs" => answer(201, &json!({"id": "j1"})),
        "GET /v1/jobs/j1/events" => script(connections.fetch_add(1, Ordering::Relaxed), asked.header("last-event-id")),
        _ => nothing(),
    })
    .await
}

async fn run(daemon: &Daemon) -> anyhow::Result<Ended> {
    daemon.typed(&["run", "u@h", "--", "x"]).await
}

#[tokio::test]
async fn events_may_be_split_at_any_byte() -> anyhow::Result<()> {
    let events = format!(": alive\n\n{}{}{}", wrote(1, "stdout", "grüße\n"), wrote(2, "stderr", "é"), finished(3, 4));
    let length = events.len();
    let daemon = followed(move |cut, _| {
        let (head, tail) = events.as_bytes().split_at(cut);
        let pieces = [Ok::<_, io::Error>(head.to_vec()), Ok(tail.to_vec())];
        Response::new(Body::from_stream(stream::iter(pieces)))
    })
    .await?;
    for cut in 0..length {
        let ended = run(&daemon).await?;
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (4, "grüße\n", "é"), "cut at {cut}");
    }
    Ok(())
}

#[tokio::test]
async fn a_broken_connection_goes_on_after_the_last_event() -> anyhow::Result<()> {
    let daemon = followed(|connection, after| match (connection, after) {
        // The second event is cut in the middle, so it was not told.
        (0, "") => broken_off(wrote(1, "stdout", "one\n") + &wrote(2, "stdout", "two\n")[..20]),
        (1, "1") => answer(503, &json!({"detail": "It starts."})),
        // An end that comes too early is none.
        (2, "1") => told(event(0, "job", &json!({"state": "started"})) + &wrote(2, "stdout", "two\n")),
        (3, "2") => told(wrote(3, "stdout", "three\n") + &finished(4, 0)),
        other => panic!("asked for {other:?}"),
    })
    .await?;
    let ended = run(&daemon).await?;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "one\ntwo\nthree\n", ""));
    Ok(())
}

#[tokio::test]
async fn a_busy_daemon_is_asked_less_and_less_often_whatever_it_says() -> anyhow::Result<()> {
    let daemon = followed(|connection, _| {
        let mut busy = answer(503, &json!({"detail": "Too many follow.", "kind": "busy", "phase": "store"}));
        busy.headers_mut().insert("retry-after", 0.into());
        if connection < 3 { busy } else { told(finished(1, 0)) }
    })
    .await?;
    let begun = Instant::now();
    let ended = run(&daemon).await?;
    assert_eq!((ended.code, daemon.asked().len()), (0, 1 + 4));
    assert!(begun.elapsed() >= Duration::from_millis(100 + 200 + 400), "{:?}", begun.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_submission_whose_answer_is_lost_is_repeated_under_its_name() -> anyhow::Result<()> {
    let submissions = AtomicUsize::new(0);
    let daemon = Daemon::start(move |asked| match asked.line.as_str() {
        "POST /v1/jobs" if submissions.fetch_add(1, Ordering::Relaxed) == 0 => broken_off("{"),
        "POST /v1/jobs" => answer(200, &json!({"id": "j1"})),
        "GET /v1/jobs/j1/events" => told(finished(1, 0)),
        _ => nothing(),
    })
    .await?;
    assert_eq!(run(&daemon).await?.code, 0);
    let asked = daemon.asked();
    assert_eq!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
    assert_eq!(asked[0].body, asked[1].body);
    Ok(())
}
