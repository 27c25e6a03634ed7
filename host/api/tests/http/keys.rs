//! `/v1/keys`.

use crate::scripted::Scripted;
use axum::http::StatusCode;
use hostler_model::{ErrorKind, Failure, Phase, Scope};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

#[tokio::test]
async fn a_key_is_shown_once_with_what_it_is_for() {
    let backend = Scripted::default();
    let body = json!({
        "name": "portal", "scopes": ["submit", "read"], "drivers": ["paramiko"], "hosts": ["*.example", "10.0.0.0/8"],
        "expires_at": "2100-01-01T00:00:00Z", "rate": {"per_second": 5},
    });
    let (status, headers, text) = backend.ask_raw("POST", "/v1/keys", body.to_string()).await;
    assert_eq!((status, &headers["cache-control"]), (StatusCode::CREATED, &"no-store".parse().expect("text")));
    let shown = json!({
        "name": "portal", "scopes": ["submit", "read"], "drivers": ["paramiko"], "hosts": ["*.example", "10.0.0.0/8"],
        "rate": {"per_second": 5, "burst": 5}, "created_at": "2026-11-22T14:34:56Z", "created_by": "operator",
        "expires_at": "2100-01-01T00:00:00Z", "last_used_at": null, "key": "hostler_00",
    });
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), shown);
    let (wanted, by) = backend.script().new_key.take().expect("it was made");
    assert_eq!((by.as_str(), wanted.caller.scopes), ("operator", [Scope::Submit, Scope::Read].into()));
    let (_, list) = backend.ask("GET", "/v1/keys", Value::Null).await;
    assert_eq!(list["keys"][0]["name"], "operator");
    assert!(list["keys"][0].get("key").is_none() && list["keys"][0].get("digest").is_none(), "{list}");
}

#[tokio::test]
async fn a_key_may_say_how_long_it_lives() {
    let backend = Scripted::default();
    let body = json!({"name": "short", "scopes": ["read"], "expires_in": 60});
    let before = Timestamp::now();
    assert_eq!(backend.ask("POST", "/v1/keys", body).await.0, StatusCode::CREATED);
    let (wanted, _) = backend.script().new_key.take().expect("it was made");
    let end = wanted.expires_at.expect("an end");
    assert!(end >= before + SignedDuration::from_secs(60) && end <= Timestamp::now() + SignedDuration::from_secs(60));
}

#[tokio::test]
async fn a_wrong_body_makes_no_key() {
    for wrong in [
        json!({}),
        json!({"name": "a"}),
        json!({"name": "a", "scopes": "read"}),
        json!({"name": "a", "scopes": ["write"]}),
        json!({"name": "a", "scopes": ["read"], "key": "mine"}),
        json!({"name": "a", "scopes": ["read"], "expires_in": -1}),
        json!({"name": "a", "scopes": ["read"], "expires_at": "tomorrow"}),
        json!({"name": "a", "scopes": ["read"], "expires_in": 1, "expires_at": "2100-01-01T00:00:00Z"}),
        json!({"name": "a", "scopes": ["read"], "rate": {"per_second": 0}}),
        json!({"name": "a", "scopes": ["read"], "rate": {"burst": 1}}),
    ] {
        let backend = Scripted::default();
        let (status, reply) = backend.ask("POST", "/v1/keys", wrong.clone()).await;
        assert_eq!((status.as_u16(), &reply["kind"]), (422, &json!("invalid-request")), "{wrong}: {reply}");
        assert!(backend.script().new_key.is_none(), "{wrong}");
    }
}

#[tokio::test]
async fn a_key_is_revoked_by_its_name() {
    let backend = Scripted::default();
    let (status, _, text) = backend.ask_raw("DELETE", "/v1/keys/portal", "").await;
    assert_eq!((status, text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(backend.script().revoked, Some(("portal".into(), "operator".into())));
    backend.script().failure = Some(Failure::new(ErrorKind::NotFound, Phase::Store, "There is none."));
    assert_eq!(backend.ask("DELETE", "/v1/keys/other", Value::Null).await.0, StatusCode::NOT_FOUND);
}
