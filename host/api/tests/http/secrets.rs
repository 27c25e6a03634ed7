//! A planted secret comes back from nowhere.

use crate::scripted::{Scripted, request_with};
use serde_json::{Value, json};

const PLANTED: &str = "hunter2-planted";

#[tokio::test]
async fn no_wrong_place_echoes_a_secret() {
    let changes = [
        json!({"password": PLANTED}),
        json!({"credential": {"deep": [PLANTED]}}),
        json!({"connection_args": PLANTED}),
        json!({"connection_args": [PLANTED]}),
        json!({"connection_args": {"password": {"value": PLANTED}}}),
        json!({"connection_args": {"password": [PLANTED]}}),
        json!({"connection_args": {"token": PLANTED, "what": PLANTED}}),
        json!({"connection_args": {"host": {"password": PLANTED}}}),
        json!({"driver_args": PLANTED}),
        json!({"driver_args": {"sudo_password": PLANTED}}),
        json!({"driver_args": {"timeout": [{"password": PLANTED}]}}),
        json!({"command": {"password": PLANTED}}),
        json!({"command": [{"password": PLANTED}]}),
        json!({"command": null, "connection_args": {"password": PLANTED}}),
        json!({"config": "both", "connection_args": {"password": PLANTED}}),
        json!({"driver": "nope", "connection_args": {"password": PLANTED}}),
        json!({"driver": {"password": PLANTED}}),
        json!({"options": PLANTED}),
        json!({"options": {"ttl": {"password": PLANTED}, "queue_strategy": [PLANTED], "webhook": {"auth": ["u", PLANTED]}}}),
        json!({"connection_args": {"password": PLANTED}}),
    ];
    for change in changes {
        let backend = Scripted::default();
        let body = request_with(change.clone()).to_string();
        let (status, headers, text) = backend.ask_raw("POST", "/device/execute", body).await;
        assert!(!text.contains(PLANTED) && !format!("{headers:?}").contains(PLANTED), "{change}: {status} {text}");
        if let Some(request) = backend.script().submitted.take() {
            let public = json!([request.connection_args.public(), request.driver_args.public(), request.warnings]);
            assert!(!public.to_string().contains(PLANTED), "{change}: {public}");
        }
    }
}

#[tokio::test]
async fn no_form_of_the_old_dialects_echoes_a_secret() {
    let places = ["/v0.2/device/execute", "/v0.2/device/bulk", "/v0.2/device/test-connection", "/v0.2/pull/"];
    let more = ["/v0.2/pull/batch", "/v0.2/push/", "/v0.3/device/exec", "/v0.3/device/bulk", "/v0.3/device/test"];
    let changes = [
        json!({"password": PLANTED}),
        json!({"devices": PLANTED}),
        json!({"devices": [PLANTED]}),
        json!({"devices": [{"host": "h", "password": PLANTED}, {"password": [PLANTED]}, {"host": {"a": PLANTED}}]}),
        json!({"devices": [{"host": "h", "command": [{"a": PLANTED}]}, {"host": "i", "config": {"a": PLANTED}}]}),
        json!({"args": PLANTED, "enable_mode": PLANTED}),
        json!({"credential": PLANTED}),
        json!({"credential": {"ref": [PLANTED], "token": PLANTED}}),
        json!({"webhook": {"url": "u", "auth": [PLANTED], "headers": {"a": [PLANTED]}}}),
        json!({"options": {"webhook": {"url": [PLANTED], "cookies": PLANTED}}}),
        json!({"ttl": [PLANTED], "result_ttl": {"a": PLANTED}, "queue_strategy": [PLANTED]}),
    ];
    for path in places.into_iter().chain(more) {
        for change in &changes {
            let body = request_with(change.clone()).to_string();
            let (status, headers, text) = Scripted::default().ask_raw("POST", path, body).await;
            assert!(
                !text.contains(PLANTED) && !format!("{headers:?}").contains(PLANTED),
                "{path} {change}: {status} {text}"
            );
        }
    }
}

#[tokio::test]
async fn the_native_api_echoes_none_either() {
    let changes = [
        json!({"password": PLANTED}),
        json!({"connection_args": PLANTED}),
        json!({"connection_args": {"password": [PLANTED]}}),
        json!({"connection_args": {"token": PLANTED, "what": PLANTED}}),
        json!({"connection_args": {"host": {"password": PLANTED}}}),
        json!({"driver_args": PLANTED}),
        json!({"driver_args": {"sudo_password": PLANTED}}),
        json!({"command": {"password": PLANTED}}),
        json!({"command": [{"password": PLANTED}]}),
        json!({"driver": {"password": PLANTED}}),
        json!({"ttl": PLANTED, "repeatable": PLANTED, "queue_strategy": PLANTED, "dry_run": PLANTED}),
        json!({"connection_args": {"password": PLANTED}}),
        json!({"connection_args": {"password": PLANTED}, "dry_run": true}),
    ];
    for change in changes {
        let backend = Scripted::default();
        let job = request_with(change.clone());
        let mut common = change.clone();
        common["targets"] = json!([{"connection_args": {"host": "h"}}, change.clone(), PLANTED]);
        let mut targets = job.clone();
        targets["targets"] = json!([{}, change.clone()]);
        for (path, body) in [("/v1/jobs", job), ("/v1/batches", common), ("/v1/batches", targets)] {
            let (status, headers, text) = backend.ask_raw("POST", path, body.to_string()).await;
            assert!(!text.contains(PLANTED) && !format!("{headers:?}").contains(PLANTED), "{body}: {status} {text}");
        }
        let refused: Vec<String> = backend.script().batches.iter().map(|batch| batch.refused.to_string()).collect();
        assert!(!refused.concat().contains(PLANTED), "{change}: {refused:?}");
    }
    for body in [PLANTED.to_owned(), format!("{{{PLANTED}: 1}}"), format!("{{\"password\": {PLANTED}}}")] {
        let (_, _, text) = Scripted::default().ask_raw("POST", "/v1/jobs", body.clone()).await;
        assert!(!text.contains(PLANTED), "{body}: {text}");
    }
}

#[tokio::test]
async fn no_broken_body_echoes_a_secret() {
    let whole = request_with(json!({"connection_args": {"password": PLANTED}})).to_string();
    let start = whole.find(PLANTED).expect("the secret is in the body");
    let bodies = [
        PLANTED.to_owned(),
        format!("\"{PLANTED}\""),
        format!("{{{PLANTED}: 1}}"),
        format!("password={PLANTED}"),
        whole[..start + PLANTED.len()].to_owned(),
        whole.replace(PLANTED, &format!("{PLANTED}\u{1}")),
        whole.replace(&format!("\"{PLANTED}\""), PLANTED),
    ];
    for body in bodies {
        let (_, _, text) = Scripted::default().ask_raw("POST", "/device/execute", body.clone()).await;
        let reply: Value = serde_json::from_str(&text).expect("JSON");
        assert!(reply["detail"].is_array(), "{text}");
        assert!(!text.contains(PLANTED), "{body}: {text}");
    }
}
