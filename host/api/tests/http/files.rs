//! Files that clients hand over and fetch.

use crate::scripted::{KEY, Scripted, job, send};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use futures::stream;
use hostler_jobs::State;
use hostler_model::{Caller, Direction, Exit, Moved, Outcome, Output, RunResult, Scope};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

/// Hands over a file, and answers how it is shown.
async fn stage(backend: &Scripted, name: &str, content: &str) -> Value {
    let (status, headers, text) = backend.ask_raw("POST", &format!("/v1/files?name={name}"), content.to_owned()).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(headers["location"], format!("/v1/files/{}", file["id"].as_str().expect("an id")));
    file
}

async fn fetch(backend: &Scripted, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(path).header("x-api-key", KEY);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(&backend.api(), request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_file_is_handed_over_fetched_and_removed() {
    let backend = Scripted::default();
    let file = stage(&backend, "a%20b.txt", "hello world").await;
    let hash = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    assert_eq!((&file["name"], &file["size"], &file["sha256"]), (&json!("a b.txt"), &json!(11), &json!(hash)));
    let id = file["id"].as_str().expect("an id");
    for path in
        [format!("/v1/files/{id}"), format!("/storage/fetch/{id}"), format!("/v0.4/storage/fetch/{id}/a%20b.txt")]
    {
        let (status, headers, text) = fetch(&backend, &path, &[]).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, "hello world"), "{path}");
        assert_eq!(headers["content-length"], "11");
        assert_eq!(headers["accept-ranges"], "bytes");
        assert_eq!(headers["content-type"], "application/octet-stream");
        assert_eq!(headers["content-disposition"], "attachment; filename=\"a b.txt\"");
        assert_eq!(headers["etag"], format!("\"{hash}\""));
    }
    let (status, ..) = backend.ask_raw("DELETE", &format!("/v1/files/{id}"), "").await;
    assert_eq!((status, backend.staged_folders()), (StatusCode::NO_CONTENT, 0));
    let (status, reply) = backend.ask("GET", &format!("/v1/files/{id}"), Value::Null).await;
    assert_eq!((status, &reply["kind"]), (StatusCode::NOT_FOUND, &json!("not-found")));
    for path in [format!("/storage/fetch/{id}"), "/storage/fetch/dl_1/x".into(), "/storage/fetch/..%2F..%2Fetc".into()]
    {
        let (status, reply) = backend.ask("GET", &path, Value::Null).await;
        assert_eq!((status, reply), (StatusCode::NOT_FOUND, json!({"detail": "File not found"})), "{path}");
    }
}

#[tokio::test]
async fn a_part_of_a_file_is_served_where_it_is_asked_for() {
    let backend = Scripted::default();
    let file = stage(&backend, "x", "0123456789").await;
    let path = format!("/v1/files/{}", file["id"].as_str().expect("an id"));
    let tag = format!("\"{}\"", file["sha256"].as_str().expect("a hash"));
    let partial = StatusCode::PARTIAL_CONTENT;
    for (headers, status, text, range) in [
        (vec![("range", "bytes=2-4")], partial, "234", Some("bytes 2-4/10")),
        (vec![("range", "bytes=7-")], partial, "789", Some("bytes 7-9/10")),
        (vec![("range", "bytes=-2")], partial, "89", Some("bytes 8-9/10")),
        (vec![("range", "bytes=8-99")], partial, "89", Some("bytes 8-9/10")),
        (vec![("range", "bytes=0-1,4-5")], StatusCode::OK, "0123456789", None),
        (vec![("range", "lines=1-2")], StatusCode::OK, "0123456789", None),
        (vec![("range", "bytes=10-")], StatusCode::RANGE_NOT_SATISFIABLE, "", Some("bytes */10")),
        (vec![("range", "bytes=2-4"), ("if-range", &tag)], partial, "234", Some("bytes 2-4/10")),
        (vec![("range", "bytes=2-4"), ("if-range", "\"other\"")], StatusCode::OK, "0123456789", None),
        (vec![("if-none-match", &tag)], StatusCode::NOT_MODIFIED, "", None),
    ] {
        let (found, reply, body) = fetch(&backend, &path, &headers).await;
        assert_eq!((found, body.as_str()), (status, text), "{headers:?}");
        assert_eq!(reply.get("content-range").and_then(|range| range.to_str().ok()), range, "{headers:?}");
    }
}

#[tokio::test]
async fn a_file_of_somebody_else_is_not_there() {
    let backend = Scripted::default();
    let file = stage(&backend, "x", "mine").await;
    let scopes = [Scope::Submit, Scope::Read].into();
    backend.admit("other", Caller { name: "portal".into(), scopes, ..Caller::operator() }, None);
    for path in ["/v1/files/", "/storage/fetch/"] {
        let path = format!("{path}{}", file["id"].as_str().expect("an id"));
        let request = Request::get(&path).header("x-api-key", "other").body(Body::empty()).expect("a request");
        assert_eq!(send(&backend.api(), request).await.0, StatusCode::NOT_FOUND);
        let request = Request::get(&path).body(Body::empty()).expect("a request");
        assert_eq!(send(&backend.api(), request).await.0, StatusCode::FORBIDDEN, "without a key nobody gets anything");
    }
}

#[tokio::test]
async fn what_is_too_large_or_broken_off_leaves_nothing() {
    let backend = Scripted::default();
    let (status, _, text) = backend.ask_raw("POST", "/v1/files", "x".repeat((64 << 10) + 1)).await;
    assert_eq!((status, text.contains("files.staged_max_size")), (StatusCode::PAYLOAD_TOO_LARGE, true), "{text}");
    let pieces = [Ok("begin"), Err(io::Error::other("the client went away"))];
    let (status, ..) = backend.ask_raw("POST", "/v1/files", Body::from_stream(stream::iter(pieces))).await;
    assert_eq!((status, backend.staged_folders()), (StatusCode::BAD_REQUEST, 0));
}

#[tokio::test]
async fn a_job_names_a_file_that_was_handed_over() {
    let backend = Scripted::default();
    let file = stage(&backend, "x", "content").await;
    let transfer = json!({"operation": "upload", "remote_path": "/tmp/"});
    let body = |staged: Value| json!({"connection_args": {"host": "a"}, "driver_args": {"file_transfer": transfer}, "staged": staged});
    let (status, reply) = backend.ask("POST", "/v1/jobs", body(file["id"].clone())).await;
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    let staged = backend.script().submitted.as_ref().and_then(|request| request.options.staged);
    assert_eq!(staged.map(|id| json!(id)), Some(file["id"].clone()));
    let (status, reply) = backend.ask("POST", "/v1/jobs", body(json!("../x"))).await;
    assert_eq!((status, &reply["problems"][0]["path"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(["staged"])));
}

#[tokio::test]
async fn what_was_downloaded_has_an_address_under_which_it_is_found() {
    let mut job = job(State::Finished);
    let moved = Moved {
        direction: Direction::Download,
        local_path: "staged:caf\u{e9} log".into(),
        remote_path: "/var/log/x".into(),
        files: 1,
        skipped: 0,
        failed: 0,
        bytes: 1,
        total: 1,
        resumed: 0,
        restarted: None,
        atomic: true,
        request_size: 1,
        hash: None,
        failures: vec![],
        staged: Some("ID".into()),
        warnings: vec![],
    };
    let result = RunResult {
        command: "file_transfer_download".into(),
        exit: Exit::Status(0),
        stdout: Output::default(),
        stderr: Output::default(),
        duration: Duration::from_millis(1),
        session_reused: false,
        moved: Some(Box::new(moved)),
        parsed: None,
        launched: None,
    };
    job.outcome = Some(Outcome { results: vec![result], ..Outcome::default() });
    let path = format!("/v0.4/jobs/{}", job.id);
    let (_, _, text) = fetch(&Scripted::with_jobs(vec![job]), &path, &[("host", "127.0.0.1:9000")]).await;
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    let url = "http://127.0.0.1:9000/storage/fetch/ID/caf%C3%A9%20log";
    assert_eq!(reply["result"]["retval"][0]["download_url"], url, "{reply}");
}
