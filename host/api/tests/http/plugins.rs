//! Plugins are changed over HTTP.

use crate::scripted::{KEY, Scripted, send};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hostler_model::{ErrorKind, Failure, Phase, PluginChange};
use serde_json::{Value, json};

/// Sends a component with more header fields.
async fn put(backend: &Scripted, headers: &[(&str, &str)], body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::put("/v1/plugins/paramiko").header("x-api-key", KEY);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let (status, _, text) = send(&backend.api(), request.body(body.into()).expect("a request")).await;
    (status, serde_json::from_str(&text).expect("a body of JSON"))
}

#[tokio::test]
async fn one_plugin_is_shown_as_in_the_list() {
    let backend = Scripted::default();
    let (_, list) = backend.ask("GET", "/v1/plugins", Value::Null).await;
    let (status, plugin) = backend.ask("GET", "/v1/plugins/paramiko", Value::Null).await;
    assert_eq!((status, &plugin), (StatusCode::OK, &list["plugins"][0]));
    let (status, problem) = backend.ask("GET", "/v1/plugins/nothing", Value::Null).await;
    assert_eq!((status, &problem["kind"]), (StatusCode::NOT_FOUND, &json!("not-found")));
}

#[tokio::test]
async fn a_component_arrives_with_its_signature() {
    let backend = Scripted::default();
    let headers = [("content-type", "application/wasm"), ("plugin-signature", "c2lnbmVk")];
    let (status, plugin) = put(&backend, &headers, "\0asm").await;
    assert_eq!((status, &plugin["name"]), (StatusCode::OK, &json!("paramiko")));
    let Some((name, PluginChange::Install { component, signature })) = backend.script().change.take() else {
        panic!("nothing was installed")
    };
    assert_eq!(
        (name.as_str(), component.as_slice(), signature.as_deref()),
        ("paramiko", &b"\0asm"[..], Some(&b"signed"[..]))
    );
}

#[tokio::test]
async fn what_is_no_component_is_not_read() {
    let backend = Scripted::default();
    for headers in [[("content-type", "application/json")], [("plugin-signature", "-----BEGIN")]] {
        let (status, problem) = put(&backend, &headers, "\0asm").await;
        assert_eq!((status, &problem["kind"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid-request")));
    }
    let (status, _) = put(&backend, &[], vec![0; (64 << 20) + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(backend.script().change.is_none());
    let (status, _) = put(&backend, &[], vec![0; 5 << 20]).await;
    assert_eq!(status, StatusCode::OK, "a component may be larger than other bodies");
}

#[tokio::test]
async fn each_verb_asks_for_its_change() {
    let backend = Scripted::default();
    for (method, path, wanted) in [
        ("POST", "/v1/plugins/paramiko/load", "Load"),
        ("POST", "/v1/plugins/paramiko/rollback", "Rollback"),
        ("DELETE", "/v1/plugins/paramiko", "Remove"),
    ] {
        let (status, plugin) = backend.ask(method, path, Value::Null).await;
        assert_eq!((status, &plugin["name"]), (StatusCode::OK, &json!("paramiko")), "{path}");
        let change = backend.script().change.take();
        assert_eq!(format!("{change:?}"), format!("Some((\"paramiko\", {wanted}))"), "{path}");
    }
}

#[tokio::test]
async fn each_failure_has_a_status() {
    for (kind, wanted) in [
        (ErrorKind::NotFound, StatusCode::NOT_FOUND),
        (ErrorKind::BadPlugin, StatusCode::UNPROCESSABLE_ENTITY),
        (ErrorKind::Denied, StatusCode::FORBIDDEN),
        (ErrorKind::InUse, StatusCode::CONFLICT),
    ] {
        let backend = Scripted::default();
        backend.script().failure = Some(Failure::new(kind.clone(), Phase::Plugin, "No."));
        let (status, problem) = backend.ask("POST", "/v1/plugins/paramiko/load", Value::Null).await;
        assert_eq!((status, &problem["kind"]), (wanted, &json!(kind)));
    }
}
