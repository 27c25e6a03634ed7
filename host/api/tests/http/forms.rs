//! `POST /device/exec` of dialect 0.4 as a form: a request, and a file that comes with it.

use crate::scripted::{KEY, Scripted, send};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::stream;
use hostler_jobs::Rejection;
use hostler_model::{ErrorKind, Failure, Phase};
use serde_json::{Value, json};
use std::io;

/// A part of a form: its `Content-Disposition` behind `form-data; `, and its content.
type Part<'a> = (&'a str, &'a str);

const REQUEST: Part<'_> =
    ("name=\"request\"", r#"{"driver": "paramiko", "connection_args": {"host": "a"}, "command": "id"}"#);
const FILE: Part<'_> = ("name=\"file\"; filename=\"notes.txt\"", "content");

fn form(parts: &[Part<'_>]) -> String {
    let part = |(disposition, content): &Part<'_>| {
        format!("--xyz\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--xyz--\r\n"
}

async fn post(backend: &Scripted, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::post("/device/exec").header("x-api-key", KEY);
    let request = request.header("content-type", "multipart/form-data; boundary=xyz");
    let (status, _, text) = send(&backend.api(), request.body(body.into()).expect("a request")).await;
    (status, serde_json::from_str(&text).expect("JSON"))
}

/// Waits until what was dropped is gone.
async fn nothing_is_left(backend: &Scripted) {
    while backend.staged_folders() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_comes_with_its_request_before_or_behind_it() {
    for parts in [[REQUEST, FILE], [FILE, REQUEST]] {
        let backend = Scripted::default();
        let (status, reply) = post(&backend, form(&parts)).await;
        assert_eq!(status, StatusCode::CREATED, "{reply}");
        let id = backend.script().submitted.as_ref().and_then(|request| request.options.staged).expect("a file");
        let about = backend.staged().about(id).expect("it is there");
        assert_eq!((about.name.as_str(), about.size, about.once), ("notes.txt", 7, true));
        assert_eq!(reply["warnings"], json!([]));
    }
}

#[tokio::test]
async fn a_form_may_have_no_file_and_what_is_not_known_is_told() {
    let backend = Scripted::default();
    let (status, reply) = post(&backend, form(&[("name=\"color\"", "red"), REQUEST])).await;
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    assert!(reply["warnings"][0].as_str().is_some_and(|it| it.contains("\"color\"")), "{reply}");
    assert_eq!(backend.script().submitted.as_ref().and_then(|request| request.options.staged), None);
}

#[tokio::test]
async fn a_name_is_never_a_path_nor_longer_than_a_name() {
    let long = "x".repeat(300);
    for (given, kept) in [
        ("../../etc/passwd", "passwd"),
        ("a%22b", "a\"b"),
        ("caf\u{e9}.txt", "caf\u{e9}.txt"),
        ("a\0b", "ab"),
        (&long, &long[..255]),
        ("", "file"),
    ] {
        let backend = Scripted::default();
        let disposition = format!("name=\"file\"; filename=\"{given}\"");
        let (status, reply) = post(&backend, form(&[REQUEST, (&disposition, "x")])).await;
        if given.contains('\0') && status == StatusCode::UNPROCESSABLE_ENTITY {
            continue; // no header may hold it
        }
        assert_eq!(status, StatusCode::CREATED, "{given:?}: {reply}");
        let id = backend.script().submitted.as_ref().and_then(|request| request.options.staged).expect("a file");
        assert_eq!(backend.staged().about(id).expect("it is there").name, kept);
    }
}

#[tokio::test]
async fn a_form_that_is_wrong_is_refused_and_leaves_nothing() {
    let large = "x".repeat((64 << 10) + 1);
    let endless = format!("--xyz\r\nContent-Disposition: form-data; name=\"{}", "x".repeat(5 << 20));
    let whole = form(&[REQUEST, FILE]);
    let misfit = StatusCode::UNPROCESSABLE_ENTITY;
    for (body, status, words) in [
        (form(&[FILE]), misfit, "Field 'request' is required in multipart mode"),
        (form(&[REQUEST, FILE, FILE]), misfit, "two parts `file`"),
        (form(&[REQUEST, REQUEST, FILE]), misfit, "two parts `request`"),
        (form(&[FILE, ("name=\"request\"", "{")]), misfit, "JSON"),
        (form(&[FILE, ("name=\"request\"", r#"{"driver": "paramiko"}"#)]), misfit, "connection_args"),
        (form(&[REQUEST, (FILE.0, &large)]), StatusCode::PAYLOAD_TOO_LARGE, "files.staged_max_size"),
        (whole[..whole.len() - 12].to_owned(), StatusCode::BAD_REQUEST, "ended too early"),
        (endless, misfit, "a part of the form has no end"),
        ("no form at all".into(), StatusCode::BAD_REQUEST, "ended too early"),
    ] {
        let backend = Scripted::default();
        let begin: String = body.chars().take(200).collect();
        // In pieces, as they come over a network.
        let pieces: Vec<_> = body.into_bytes().chunks(1 << 14).map(|piece| io::Result::Ok(piece.to_vec())).collect();
        let (found, reply) = post(&backend, Body::from_stream(stream::iter(pieces))).await;
        assert_eq!(found, status, "{begin}: {reply}");
        assert!(reply["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{begin}: {reply}");
        nothing_is_left(&backend).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_leaves_nothing() {
    let backend = Scripted::default();
    let begin = form(&[REQUEST, FILE]).replace("--xyz--\r\n", "");
    let pieces = [Ok(begin), Err(io::Error::other("the client went away"))];
    let (status, _) = post(&backend, Body::from_stream(stream::iter(pieces))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    nothing_is_left(&backend).await;
    assert!(backend.script().submitted.is_none());
}

#[tokio::test]
async fn a_file_is_handed_to_whoever_submits_and_a_staged_one_is_named_by_its_id() {
    let refuse = || Rejection::Failed(Failure::new(ErrorKind::Denied, Phase::Policy, "no"));
    let backend = Scripted::rejecting(refuse);
    let (status, _) = post(&backend, form(&[REQUEST, FILE])).await;
    assert_eq!(
        (status, backend.staged_folders()),
        (StatusCode::FORBIDDEN, 1),
        "the daemon removes it then, see `jobs`"
    );
    let backend = Scripted::default();
    let id = uuid::Uuid::now_v7();
    let mut request: Value = serde_json::from_str(REQUEST.1).expect("JSON");
    request["staged_file_id"] = format!("{id}/notes.txt").into();
    let (status, _) = backend.ask("POST", "/device/exec", request.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(backend.script().submitted.as_ref().and_then(|request| request.options.staged), Some(id));
    let text = request.to_string();
    let (status, reply) = post(&backend, form(&[("name=\"request\"", &text), FILE])).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{reply}");
    request["staged_file_id"] = "/etc/shadow".into();
    assert_eq!(backend.ask("POST", "/device/exec", request).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}
