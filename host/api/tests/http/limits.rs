//! How large and how slow a body may be.

use crate::scripted::{KEY, Scripted, no_host_keys, request_with, send};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hostler_api::{Api, Config};
use hostler_model::Secret;
use serde_json::{Value, json};

#[tokio::test]
async fn ten_megabytes_are_too_much() {
    let body = request_with(json!({"command": "x".repeat(10 << 20)})).to_string();
    let (status, _, text) = Scripted::default().ask_raw("POST", "/device/execute", body).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    let data = "The body is larger than 4194304 bytes; send less.";
    assert_eq!(reply, json!({"code": -1, "message": "Payload Too Large", "data": data}));
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let body = "x".repeat(4 << 20);
    let (status, ..) = Scripted::default().ask_raw("POST", "/device/execute", body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let config = Config { body_read_timeout: 0, ..Config::default() };
    let api = Api::new(config, Scripted::default(), no_host_keys(), Secret::new(KEY.into()));
    let body = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/device/execute").header("x-api-key", KEY).body(body).expect("a request");
    let (status, ..) = send(&api, request).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused() {
    assert!(serde_json::from_value::<Config>(json!({"body_limit": 10})).is_ok());
    for wrong in [json!({"body_limt": 10}), json!({"max_connections": 0})] {
        assert!(serde_json::from_value::<Config>(wrong).is_err());
    }
}
