//! What each caller may do, and how often.

use crate::scripted::{ID, KEY, Scripted, info, job, request, send};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use hostler_api::Api;
use hostler_jobs::{Batch, Job, Key, KeyDigest, State};
use hostler_model::{BatchId, Caller, KeyInfo, Rate, Scope};
use serde_json::Value;
use std::sync::Arc;

fn caller(scopes: &[Scope]) -> Caller {
    Caller { name: "portal".into(), scopes: scopes.iter().copied().collect(), ..Caller::operator() }
}

async fn ask(api: &Api, method: &str, path: &str, key: &str) -> (StatusCode, HeaderMap, String) {
    let body = if path.ends_with("execute") { request().to_string() } else { String::new() };
    let request = Request::builder().method(method).uri(path).header("x-api-key", key);
    send(api, request.body(Body::from(body)).expect("a request")).await
}

#[tokio::test]
async fn each_route_needs_its_scope() {
    let job_path = format!("/v1/jobs/{ID}");
    let (events_path, output_path) = (format!("{job_path}/events"), format!("{job_path}/output"));
    let (cancel_path, batch_path) = (format!("{job_path}/cancel"), format!("/v1/batches/{ID}"));
    let (cancel_batch_path, retry_path) = (format!("{batch_path}/cancel"), format!("{batch_path}/retry"));
    let routes = [
        ("POST", "/device/execute", Some(Scope::Submit)),
        ("GET", "/job", Some(Scope::Read)),
        ("DELETE", "/job?status=queued", Some(Scope::Cancel)),
        ("GET", "/worker", Some(Scope::Read)),
        ("DELETE", "/worker?host=h", Some(Scope::Cancel)),
        ("POST", "/device/test-connection", Some(Scope::Submit)),
        ("POST", "/pull/", Some(Scope::Submit)),
        ("POST", "/pull/batch", Some(Scope::Submit)),
        ("POST", "/push/", Some(Scope::Submit)),
        ("POST", "/push/batch", Some(Scope::Submit)),
        ("POST", "/v0.2/device/bulk", Some(Scope::Submit)),
        ("POST", "/v0.3/device/exec", Some(Scope::Submit)),
        ("POST", "/v0.3/device/bulk", Some(Scope::Submit)),
        ("POST", "/v0.3/device/test", Some(Scope::Submit)),
        ("GET", "/v0.3/job", Some(Scope::Read)),
        ("DELETE", "/v0.3/worker?host=h", Some(Scope::Cancel)),
        ("GET", "/health", None),
        ("POST", "/v1/jobs", Some(Scope::Submit)),
        ("GET", "/v1/jobs", Some(Scope::Read)),
        ("GET", &job_path, Some(Scope::Read)),
        ("POST", &cancel_path, Some(Scope::Cancel)),
        ("POST", "/v1/batches", Some(Scope::Submit)),
        ("GET", &batch_path, Some(Scope::Read)),
        ("POST", &cancel_batch_path, Some(Scope::Cancel)),
        ("POST", &retry_path, Some(Scope::Submit)),
        ("GET", &events_path, Some(Scope::Read)),
        ("GET", &output_path, Some(Scope::Read)),
        ("GET", "/v1/audit", Some(Scope::Admin)),
        ("GET", "/v1/host-keys", Some(Scope::Admin)),
        ("POST", "/v1/host-keys", Some(Scope::Admin)),
        ("DELETE", "/v1/host-keys?host=h", Some(Scope::Admin)),
        ("GET", "/v1/keys", Some(Scope::Admin)),
        ("POST", "/v1/keys", Some(Scope::Admin)),
        ("DELETE", "/v1/keys/name", Some(Scope::Admin)),
        ("GET", "/v1/plugins", Some(Scope::Admin)),
        ("GET", "/v1/plugins/paramiko", Some(Scope::Admin)),
        ("PUT", "/v1/plugins/paramiko", Some(Scope::Admin)),
        ("DELETE", "/v1/plugins/paramiko", Some(Scope::Admin)),
        ("POST", "/v1/plugins/paramiko/load", Some(Scope::Admin)),
        ("POST", "/v1/plugins/paramiko/rollback", Some(Scope::Admin)),
    ];
    let all = [Scope::Submit, Scope::Read, Scope::Cancel, Scope::All, Scope::Admin];
    let backend = Scripted::with_jobs(vec![job(State::Finished)]);
    let api = backend.api();
    for (method, path, needed) in routes {
        for scope in all {
            backend.admit("k", caller(&[scope]), None);
            let (status, _, text) = ask(&api, method, path, "k").await;
            let allowed = needed.is_none_or(|needed| needed == scope) || scope == Scope::Admin;
            assert_eq!(status != StatusCode::FORBIDDEN, allowed, "{method} {path} with {scope}: {text}");
            if let Some(needed) = needed.filter(|_| !allowed) {
                assert!(text.contains("denied") && text.contains(&format!("`{needed}`")), "{method} {path}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_job_of_somebody_else_is_not_there() {
    let mut other = job(State::Finished);
    other.caller = "somebody else".into();
    let backend = Scripted::with_jobs(vec![other]);
    let api = backend.api();
    for (scopes, wanted) in [(&[Scope::Read][..], 404), (&[Scope::Read, Scope::All], 200), (&[Scope::Admin], 200)] {
        backend.admit("k", caller(scopes), None);
        for path in ["", "?wait=0", "/events", "/output"].map(|rest| format!("/v1/jobs/{ID}{rest}")) {
            let (status, _, text) = ask(&api, "GET", &path, "k").await;
            assert_eq!(status.as_u16(), wanted, "{scopes:?} {path}: {text}");
        }
        for path in ["/job", "/v1/jobs"] {
            ask(&api, "GET", path, "k").await;
            let owner = (wanted == 404).then(|| "portal".to_owned());
            assert_eq!(backend.script().filter.take().expect("a filter").caller, owner, "{scopes:?} {path}");
        }
        let (_, _, page) = ask(&api, "GET", "/v1/jobs?caller=somebody%20else", "k").await;
        assert_eq!(page.contains(ID), wanted == 200, "{scopes:?} {page}");
    }
}

#[tokio::test]
async fn what_somebody_else_submitted_is_not_cancelled_nor_done_once_more() {
    let batch = BatchId::new();
    let one = |state, caller: &str| Job { caller: caller.into(), batch: Some(batch), ..job(state) };
    let backend = Scripted::with_jobs(vec![one(State::Started, "somebody else"), one(State::Failed, "somebody else")]);
    let recorded =
        Batch { id: batch, caller: "somebody else".into(), created_at: batch.made_at(), refused: Value::Array(vec![]) };
    backend.script().batches = vec![recorded];
    let api = backend.api();
    let ways = [
        ("POST", format!("/v1/jobs/{ID}/cancel"), 202),
        ("GET", format!("/v1/batches/{batch}"), 200),
        ("POST", format!("/v1/batches/{batch}/cancel"), 202),
        ("POST", format!("/v1/batches/{batch}/retry"), 422),
    ];
    let scopes = [Scope::Submit, Scope::Read, Scope::Cancel];
    for (all, beyond) in [(None, Some(404)), (Some(Scope::All), None)] {
        backend.admit("k", caller(&scopes.into_iter().chain(all).collect::<Vec<_>>()), None);
        for (method, path, within) in &ways {
            let (status, _, text) = ask(&api, method, path, "k").await;
            assert_eq!(status.as_u16(), beyond.unwrap_or(*within), "{all:?} {method} {path}: {text}");
        }
    }
}

#[tokio::test]
async fn whoever_asks_is_known_to_the_backend() {
    let backend = Scripted::default();
    let api = backend.api();
    let limited = Caller { hosts: Some(vec!["*.lab".into()]), ..caller(&[Scope::Submit, Scope::Cancel]) };
    backend.admit("k", limited.clone(), None);
    assert_eq!(ask(&api, "POST", "/device/execute", "k").await.0, StatusCode::CREATED);
    assert_eq!(backend.script().submitter, Some(limited));
    ask(&api, "DELETE", "/job?status=queued", "k").await;
    assert_eq!(backend.script().by.as_deref(), Some("portal"));
    assert_eq!(ask(&api, "POST", "/device/execute", KEY).await.0, StatusCode::CREATED);
    assert_eq!(backend.script().submitter, Some(Caller::operator()));
}

#[tokio::test]
async fn a_key_that_is_used_too_often_is_told_to_wait() {
    let backend = Scripted::default();
    let api = backend.api();
    let rate = Rate { per_second: 1_u32.try_into().expect("not zero"), burst: 3_u32.try_into().expect("not zero") };
    backend.admit("slow", caller(&[Scope::Read]), Some(rate));
    backend.admit("other", caller(&[Scope::Read]), Some(rate));
    let start = std::time::Instant::now();
    let mut refused = Vec::new();
    for _ in 0..20 {
        let (status, headers, text) = ask(&api, "GET", "/v1/jobs/x", "slow").await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            refused.push((headers, text));
        }
    }
    let in_time = 3 + usize::try_from(start.elapsed().as_secs() + 1).expect("small");
    assert!(refused.len() >= 20 - in_time, "{} of 20 were refused", refused.len());
    let (headers, text) = &refused[0];
    let reply: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!((&headers["retry-after"], reply["kind"].as_str()), (&"1".parse().expect("text"), Some("throttled")));
    assert_eq!(ask(&api, "GET", "/health", "other").await.0, StatusCode::OK, "each key has its own");
    for _ in 0..1000 {
        assert_eq!(ask(&api, "GET", "/health", KEY).await.0, StatusCode::OK, "the operator's has none");
    }
}

#[tokio::test]
async fn what_a_key_may_comes_from_the_key_that_opens() {
    let backend = Scripted::default();
    let key = Key::new(KeyInfo { created_by: "boss".into(), ..info(caller(&[Scope::Read])) });
    backend.script().keys.insert(KeyDigest::of(b"reads"), Arc::new(key));
    let api = backend.api();
    let (status, ..) = ask(&api, "GET", "/job?X-API-KEY=reads", "unknown").await;
    assert_eq!(status, StatusCode::OK, "a key that is not known beside one that is");
    assert_eq!(ask(&api, "GET", "/job", "unknown").await.0, StatusCode::FORBIDDEN);
}
