//! Following a job, and reading what it wrote.

use crate::scripted::{ID, KEY, Scripted, job, no_host_keys, send};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use hostler_api::{Api, Config};
use hostler_jobs::{Event, Happening, Progress, Slice, State, Told};
use hostler_model::{ErrorKind, Failure, Outcome, Phase, Secret};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;
use tower::ServiceExt;

fn following(told: Vec<Told>) -> Scripted {
    let backend = Scripted::with_jobs(vec![job(State::Started)]);
    backend.script().told = told;
    backend
}

fn event(number: u64, what: Happening) -> Told {
    Told::Event(Event { number, at: "2026-11-22T14:34:57Z".parse().expect("a time"), what })
}

fn output(number: u64, bytes: &[u8]) -> Told {
    event(number, Happening::Output { run: 0, stream: "stdout".into(), offset: 3, bytes: bytes.into() })
}

fn ended() -> Told {
    let error = Failure::new(ErrorKind::Timeout, Phase::Exec, "It took too long.").with_detail("hidden");
    Told::Job(Box::new(hostler_jobs::Job { outcome: Some(Outcome::from(error)), ..job(State::Failed) }))
}

async fn ask(backend: &Scripted, path: &str, last: Option<&str>) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder().uri(format!("/v1/jobs/{ID}{path}")).header("x-api-key", KEY);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    send(&backend.api(), request.body(Body::empty()).expect("a request")).await
}

/// Name, id and data of each message.
fn messages(text: &str) -> Vec<(String, Option<String>, Value)> {
    let field = |message: &str, name: &str| {
        let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(ToOwned::to_owned)
    };
    let message = |message: &str| {
        let data = field(message, "data").expect("data");
        (field(message, "event").expect("a name"), field(message, "id"), serde_json::from_str(&data).expect("JSON"))
    };
    text.split_terminator("\n\n").map(message).collect()
}

#[tokio::test]
async fn events_have_a_name_a_number_and_json() {
    let progress = Progress { run: 0, file: "/a".into(), bytes: 1, total: 2, rate: 3 };
    let told = vec![
        Told::Job(Box::new(job(State::Queued))),
        output(1, "é\n\nb".as_bytes()),
        output(2, b"\xff"),
        event(3, Happening::Progress(progress)),
        event(4, Happening::Cut { reason: "It is full.".into() }),
        event(1 << 32, Happening::Again { attempt: 2 }),
        ended(),
    ];
    let (status, headers, text) = ask(&following(told), "/events", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(
        (&headers["cache-control"], &headers["x-accel-buffering"]),
        (&"no-cache".parse().expect("a value"), &"no".parse().expect("a value"))
    );
    let at = "2026-11-22T14:34:57Z";
    let standing = |state: &str, ended_at: Value, started_at: Value, error: Value| json!({"id": ID, "state": state, "attempt": 1, "started_at": started_at, "ended_at": ended_at, "error": error});
    let error = json!({"kind": "timeout", "phase": "exec", "message": "It took too long."});
    let wanted = [
        ("job", None, standing("queued", Value::Null, Value::Null, Value::Null)),
        ("output", Some("1"), json!({"run": 0, "stream": "stdout", "offset": 3, "text": "é\n\nb", "at": at})),
        (
            "output",
            Some("2"),
            json!({"run": 0, "stream": "stdout", "offset": 3, "text": "\u{fffd}", "base64": "/w==", "at": at}),
        ),
        ("progress", Some("3"), json!({"run": 0, "file": "/a", "bytes": 1, "total": 2, "rate": 3, "at": at})),
        ("cut", Some("4"), json!({"reason": "It is full.", "at": at})),
        ("again", Some("4294967296"), json!({"attempt": 2, "at": at})),
        ("end", None, standing("failed", json!("2026-11-22T14:34:58Z"), json!("2026-11-22T14:34:56.25Z"), error)),
    ];
    let wanted = wanted.map(|(name, id, data)| (name.to_owned(), id.map(ToOwned::to_owned), data));
    assert_eq!(messages(&text), wanted);
}

#[tokio::test]
async fn a_client_goes_on_where_it_was() {
    for (path, last, after) in [
        ("/events", None, "after 0"),
        ("/events?after=7", None, "after 7"),
        ("/events", Some("8"), "after 8"),
        ("/events?after=7", Some("8"), "after 8"),
    ] {
        let backend = following(vec![]);
        assert_eq!(ask(&backend, path, last).await.0, StatusCode::OK);
        assert_eq!(backend.script().read.as_deref(), Some(after), "{path} {last:?}");
    }
    for (path, last) in
        [("/events?after=x", None), ("/events?after=-1", None), ("/events", Some("a")), ("/events?a=1", None)]
    {
        assert_eq!(ask(&following(vec![]), path, last).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{path} {last:?}");
    }
    let (status, _, _) = ask(&Scripted::default(), "/events", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn there_are_so_many_followers_and_no_more() {
    let (backend, awaited) = (following(vec![output(1, b"a")]), Arc::new(Notify::new()));
    backend.script().more_to_come = Some(awaited);
    let config = Config { max_followers: 1, ..Config::default() };
    let api = Api::new(config, backend, no_host_keys(), Secret::new(KEY.into()));
    let request = || {
        let request = Request::builder().uri(format!("/v1/jobs/{ID}/events")).header("x-api-key", KEY);
        request.body(Body::empty()).expect("a request")
    };
    let first = api.router().oneshot(request()).await.expect("an answer");
    assert_eq!(first.status(), StatusCode::OK);
    let (status, headers, text) = send(&api, request()).await;
    assert_eq!((status, headers.contains_key("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, true), "{text}");
    drop(first);
    let again = api.router().oneshot(request()).await.expect("an answer");
    assert_eq!(again.status(), StatusCode::OK, "the place of a client that has gone is free");
}

#[tokio::test]
async fn output_comes_as_bytes_with_its_place() {
    let backend = following(vec![]);
    backend.script().slice = Some(Slice { offset: 5, bytes: b"\xffabc".into(), total: Some(9) });
    let path = format!("/v1/jobs/{ID}/output?run=2&stream=stderr&offset=4&wait=3");
    let request = Request::builder().uri(path).header("x-api-key", KEY).body(Body::empty()).expect("a request");
    let response = backend.api().router().oneshot(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    let header = |name: &str| head.headers[name].to_str().expect("text").to_owned();
    assert_eq!(
        (header("output-offset"), header("output-next"), header("output-total")),
        ("5".into(), "9".into(), "9".into())
    );
    assert_eq!(
        (header("content-type"), header("x-content-type-options")),
        ("application/octet-stream".into(), "nosniff".into())
    );
    assert_eq!(axum::body::to_bytes(body, 99).await.expect("a body"), &b"\xffabc"[..]);
    assert_eq!(backend.script().read.as_deref(), Some("2 stderr 4 3s"));
}

#[tokio::test]
async fn output_that_is_not_there_yet_is_empty() {
    let backend = following(vec![]);
    backend.script().slice = Some(Slice { offset: 0, bytes: Vec::new(), total: None });
    let (status, headers, text) = ask(&backend, "/output", None).await;
    assert_eq!((status, text.as_str(), headers.get("output-total")), (StatusCode::OK, "", None));
    assert_eq!(headers["output-next"], "0");
    assert_eq!(backend.script().read.as_deref(), Some("0 stdout 0 0ns"));
    for wrong in ["run=-1", "stream=stdin", "offset=x", "wait=61", "of=1"] {
        let (status, _, _) = ask(&backend, &format!("/output?{wrong}"), None).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}
