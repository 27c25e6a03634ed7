//! Ctrl-C, and readers that go away.

use crate::scripted::{Asked, Daemon, Page, answer, broken_off, event, nothing, wrote};
use axum::body::Body;
use axum::http::Response;
use futures::channel::mpsc;
use futures::{StreamExt, stream};
use serde_json::json;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

const ONE: [&str; 4] = ["run", "u@h", "--", "x"];

/// A daemon whose jobs write a line, tell `begun` of it, and go on until they are cancelled, if that helps.
async fn endless(begun: mpsc::UnboundedSender<()>, helps: bool) -> anyhow::Result<Daemon> {
    let canceled = Arc::new(Semaphore::new(0));
    Daemon::start(move |Asked { line, .. }| match line.as_str() {
        "POST /v1/jobs" => answer(201, &json!({"id": "j0"})),
        "POST /v1/batches" => answer(
            201,
            &json!({"id": "b", "jobs": [{"index": 0, "id": "j0"}, {"index": 1, "id": "j1"}], "refused": []}),
        ),
        "POST /v1/jobs/j0/cancel" | "POST /v1/batches/b/cancel" => {
            canceled.add_permits(if helps { 2 } else { 0 });
            answer(202, &json!({}))
        }
        "GET /v1/jobs/j0/events" | "GET /v1/jobs/j1/events" => {
            let canceled = Arc::clone(&canceled);
            let begun = begun.clone();
            let end = stream::once(async move {
                // Who waits for it may have gone.
                let _heard = begun.unbounded_send(());
                canceled.acquire_owned().await.map_err(io::Error::other)?.forget();
                let error = json!({"kind": "canceled", "phase": "exec", "message": "The remote process was stopped."});
                Ok(event(0, "end", &json!({"state": "canceled", "error": error})))
            });
            Response::new(Body::from_stream(stream::iter([Ok::<_, io::Error>(wrote(1, "stdout", "hi\n"))]).chain(end)))
        }
        _ => nothing(),
    })
    .await
}

#[tokio::test]
async fn ctrl_c_cancels_and_says_what_was_confirmed() -> anyhow::Result<()> {
    let (begun, mut has_begun) = mpsc::unbounded();
    let daemon = endless(begun, true).await?;
    let (interrupt, interrupts) = mpsc::unbounded();
    let press = async {
        has_begun.next().await;
        interrupt.unbounded_send(())
    };
    let (ended, pressed) = tokio::join!(daemon.typed_with(&ONE, interrupts), press);
    pressed?;
    let ended = ended?;
    assert_eq!((ended.code, ended.stdout.as_str()), (130, "hi\n"));
    assert!(ended.stderr.contains("u@h: canceled: The remote process was stopped."), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn a_cancel_whose_answer_is_lost_is_asked_again() -> anyhow::Result<()> {
    let cancels = AtomicUsize::new(0);
    let (canceled, is_canceled) = (Arc::new(Semaphore::new(0)), |_| event(0, "end", &json!({"state": "canceled"})));
    let daemon = Daemon::start(move |Asked { line, .. }| match line.as_str() {
        "POST /v1/jobs" => answer(201, &json!({"id": "j0"})),
        "POST /v1/jobs/j0/cancel" if cancels.fetch_add(1, Ordering::Relaxed) == 0 => broken_off("{"),
        "POST /v1/jobs/j0/cancel" => {
            canceled.add_permits(1);
            answer(202, &json!({}))
        }
        "GET /v1/jobs/j0/events" => {
            let canceled = Arc::clone(&canceled).acquire_owned();
            let end = async move { canceled.await.map(is_canceled).map_err(io::Error::other) };
            Response::new(Body::from_stream(stream::once(end)))
        }
        _ => nothing(),
    })
    .await?;
    let (interrupt, interrupts) = mpsc::unbounded();
    interrupt.unbounded_send(())?;
    let ended = daemon.typed_with(&ONE, interrupts).await?;
    assert_eq!(ended.code, 130);
    assert!(!ended.stderr.contains("not cancelled"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn ctrl_c_cancels_all_hosts_at_once() -> anyhow::Result<()> {
    let (begun, mut has_begun) = mpsc::unbounded();
    let daemon = endless(begun, true).await?;
    let (interrupt, interrupts) = mpsc::unbounded();
    let press = async {
        has_begun.next().await;
        has_begun.next().await;
        interrupt.unbounded_send(())
    };
    let line = ["run", "--user=u", "a", "b", "--", "x"];
    let (ended, pressed) = tokio::join!(daemon.typed_with(&line, interrupts), press);
    pressed?;
    assert_eq!(ended?.code, 130);
    assert_eq!(daemon.asked().iter().filter(|asked| asked.line.ends_with("/cancel")).count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_second_ctrl_c_leaves_at_once() -> anyhow::Result<()> {
    let (begun, mut has_begun) = mpsc::unbounded();
    let daemon = endless(begun, false).await?;
    let (interrupt, interrupts) = mpsc::unbounded();
    let press = async {
        has_begun.next().await;
        interrupt.unbounded_send(())?;
        interrupt.unbounded_send(())
    };
    let (ended, pressed) = tokio::join!(daemon.typed_with(&ONE, interrupts), press);
    pressed?;
    assert_eq!(ended?.code, 130);
    Ok(())
}

#[tokio::test]
async fn a_job_that_was_just_submitted_is_cancelled_too() -> anyhow::Result<()> {
    let (begun, _) = mpsc::unbounded();
    let daemon = endless(begun, true).await?;
    let (interrupt, interrupts) = mpsc::unbounded();
    interrupt.unbounded_send(())?;
    let ended = daemon.typed_with(&["run", "--detach", "u@h", "--", "x"], interrupts).await?;
    assert_eq!(ended.code, 130, "{}", ended.stderr);
    Ok(())
}

/// A pipe that nobody reads.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_job_that_nobody_reads_is_cancelled_quietly() -> anyhow::Result<()> {
    let (begun, _) = mpsc::unbounded();
    let daemon = endless(begun, true).await?;
    let (_nobody, interrupts) = mpsc::unbounded();
    let errors = Page::default();
    let code = daemon.typed_onto(&ONE, Box::new(Closed), Box::new(errors.clone()), interrupts).await?;
    assert_eq!((code, errors.text().as_str()), (141, ""));
    assert!(daemon.asked().iter().any(|asked| asked.line == "POST /v1/jobs/j0/cancel"));
    Ok(())
}
