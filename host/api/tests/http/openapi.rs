//! The description of the native API, and the page to try it.

use crate::scripted::{Scripted, send};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use std::{env, fs};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

async fn get(path: &str) -> (StatusCode, HeaderMap, String) {
    send(&Scripted::default().api(), Request::get(path).body(Body::empty()).expect("a request")).await
}

async fn document() -> Value {
    let (status, _, text) = get("/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn the_description_is_the_one_that_was_looked_at() {
    let document = document().await;
    let text = serde_json::to_string_pretty(&document).expect("JSON") + "\n";
    #[expect(clippy::disallowed_methods, reason = "so its snapshot is renewed")]
    let renew = env::var_os("UPDATE_OPENAPI").is_some();
    if renew {
        fs::write(SNAPSHOT, &text).expect("the snapshot can be written");
    }
    let looked_at = fs::read_to_string(SNAPSHOT).expect("the snapshot is there");
    assert!(text == looked_at, "the API has changed: run `UPDATE_OPENAPI=1 make test`, and look at what differs");
}

#[tokio::test]
async fn every_operation_is_described_and_needs_a_key() {
    let document = document().await;
    assert_eq!((&document["openapi"], &document["security"]), (&json!("3.1.0"), &json!([{"key": []}])));
    let scheme = &document["components"]["securitySchemes"]["key"];
    assert_eq!(
        (&scheme["type"], &scheme["in"], &scheme["name"]),
        (&json!("apiKey"), &json!("header"), &json!("X-API-KEY"))
    );
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().expect("methods").iter().map(move |(method, operation)| (path, method, operation))
    });
    let mut ids = Vec::new();
    for (path, method, operation) in operations {
        ids.push(operation["operationId"].as_str().expect("an id"));
        for field in ["summary", "tags"] {
            assert!(operation.get(field).is_some(), "{method} {path} has no {field}");
        }
        let (status, _, text) = send(
            &Scripted::default().api(),
            Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.replace(['{', '}'], ""))
                .body(Body::empty())
                .expect("a request"),
        )
        .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {text}");
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "a name for each");
}

#[tokio::test]
async fn its_examples_are_accepted() {
    let document = document().await;
    for (path, schema) in [("/v1/jobs", "JobRequest"), ("/v1/batches", "BatchRequest")] {
        let example = &document["components"]["schemas"][schema]["example"];
        let (status, reply) = Scripted::default().ask("POST", path, example.clone()).await;
        assert_eq!(status, StatusCode::CREATED, "{path} {reply}");
    }
}

#[tokio::test]
async fn the_page_is_served_from_here_alone() {
    let (status, headers, text) = get("/docs/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        headers["content-security-policy"].to_str().expect("text").starts_with("default-src 'self'"),
        "{headers:?}"
    );
    assert!(!text.contains("://"), "{text}");
    let (_, _, script) = get("/docs/swagger-initializer.js").await;
    assert!(script.contains("/openapi.json") && script.contains(r#""validatorUrl": "none""#), "{script}");
    assert_eq!(get("/docs").await.0, StatusCode::SEE_OTHER);
}
