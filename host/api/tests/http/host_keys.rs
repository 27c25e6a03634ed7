//! `/v1/host-keys`, over a real file.

use crate::scripted::{KEY, Scripted, send};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hostler_model::AuditEvent;
use hostler_remote::HostKeys;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINPheg0wRfgea1/UnmFcccA6enbPbWgLc9NF5GRDcIBv";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuIOeRLv4qHxwQJN6usEcTi8lHO/JNOk8TqB/UdfuA3";

fn folder() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("known_hosts");
    (folder, file)
}

async fn ask(file: &Path, method: &str, query: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(format!("/v1/host-keys{query}")).header("x-api-key", KEY);
    let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
    let api = Scripted::default().api_with(HostKeys::new(file.into()));
    let (status, _, text) = send(&api, request.body(body).expect("a request")).await;
    (status, serde_json::from_str(&text).expect("a body of JSON"))
}

#[tokio::test]
async fn keys_are_added_listed_and_removed() {
    let (_folder, file) = folder();
    assert_eq!(ask(&file, "GET", "", Value::Null).await, (StatusCode::OK, json!({"host_keys": []})));
    let body = json!({"host": "Host.Example", "port": 2222, "key": format!("{HOST_KEY} a comment")});
    let (status, line) = ask(&file, "POST", "", body).await;
    let wanted = json!({
        "line": 1, "marker": null, "hosts": ["[host.example]:2222"], "hashed": false, "type": "ssh-ed25519",
        "fingerprint": line["fingerprint"],
    });
    assert_eq!((status, &line), (StatusCode::CREATED, &wanted));
    assert!(line["fingerprint"].as_str().is_some_and(|text| text.starts_with("SHA256:")), "{line}");
    assert_eq!(fs::read_to_string(&file).expect("read"), format!("[host.example]:2222 {HOST_KEY}\n"));
    let (_, list) = ask(&file, "GET", "", Value::Null).await;
    assert_eq!(list, json!({"host_keys": [wanted]}));
    let (status, reply) = ask(&file, "DELETE", "?host=host.example", Value::Null).await;
    assert_eq!((status, &reply["kind"]), (StatusCode::NOT_FOUND, &json!("not-found")), "port 22 is another server");
    let (status, reply) = ask(&file, "DELETE", "?host=host.example&port=2222", Value::Null).await;
    assert_eq!((status, reply), (StatusCode::OK, json!({"removed": [wanted]})));
    assert_eq!(fs::read_to_string(&file).expect("read"), "");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused() {
    let (_folder, file) = folder();
    fs::write(&file, format!("@revoked * {OTHER}\n")).expect("write");
    for (body, status, kind) in [
        (json!({"host": "h"}), 422, "invalid-request"),
        (json!({"host": "h", "key": HOST_KEY, "hosts": 1}), 422, "invalid-request"),
        (json!({"host": "h", "key": HOST_KEY, "port": 70000}), 422, "invalid-request"),
        (json!({"host": "h", "key": "ssh-ed25519 AAAA"}), 422, "invalid-request"),
        (json!({"host": "h\nother", "key": HOST_KEY}), 422, "invalid-request"),
        (json!({"host": "*", "key": HOST_KEY}), 422, "invalid-request"),
        (json!({"host": "h", "key": OTHER}), 502, "host-key-revoked"),
    ] {
        let (answered, reply) = ask(&file, "POST", "", body.clone()).await;
        assert_eq!((answered.as_u16(), &reply["kind"]), (status, &json!(kind)), "{body} {reply}");
    }
    for query in ["", "?host=h&port=0x16", "?host=h&user=u"] {
        let (status, reply) = ask(&file, "DELETE", query, Value::Null).await;
        assert_eq!((status.as_u16(), &reply["kind"]), (422, &json!("invalid-request")), "{query}");
    }
    assert_eq!(fs::read_to_string(&file).expect("read"), format!("@revoked * {OTHER}\n"));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_the_daemons_failure() {
    let (folder, _) = folder();
    let (status, reply) = ask(folder.path(), "GET", "", Value::Null).await;
    assert_eq!((status.as_u16(), &reply["kind"], &reply["phase"]), (500, &json!("internal"), &json!("host-key")));
    assert!(!reply.to_string().contains(folder.path().to_str().expect("UTF-8")), "{reply}");
}

#[tokio::test]
async fn who_changed_the_record_is_in_the_audit() {
    let (_folder, file) = folder();
    let backend = Scripted::default();
    let api = backend.api_with(HostKeys::new(file));
    let body = json!({"host": "h", "key": HOST_KEY}).to_string();
    for (method, path) in [("POST", "/v1/host-keys"), ("DELETE", "/v1/host-keys?host=h")] {
        let request = Request::builder().method(method).uri(path).header("x-api-key", KEY);
        let (status, ..) = send(&api, request.body(body.clone().into()).expect("a request")).await;
        assert!(status.is_success(), "{status}");
    }
    let recorded: Vec<_> = backend.script().recorded.iter().map(|line| (line.event, line.caller.clone())).collect();
    let operator = Some("operator".to_owned());
    assert_eq!(recorded, [(AuditEvent::HostKeyAdded, operator.clone()), (AuditEvent::HostKeyRemoved, operator)]);
    let lines = &backend.script().recorded;
    assert!(lines.iter().all(|line| line.target.as_deref() == Some("h:22")));
}
