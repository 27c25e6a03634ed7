//! `/v1/jobs`.

use crate::scripted::{ID, KEY, Scripted, job, request, request_with, send};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use hostler_jobs::{Job, Rejection, State};
use hostler_model::{ErrorKind, Failure, JobId, Outcome, Phase, Problem};
use serde_json::{Value, json};
use std::time::Duration;

/// Submits with an idempotency key.
async fn submit_as(backend: &Scripted, key: &str, body: &str) -> (StatusCode, HeaderMap, Value) {
    let request = Request::post("/v1/jobs").header("x-api-key", KEY).header("idempotency-key", key);
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let (status, headers, text) = send(&backend.api(), request).await;
    (status, headers, serde_json::from_str(&text).expect("a body of JSON"))
}

/// Paths and codes of what was wrong with a request.
async fn problems(body: Value) -> Vec<(String, String)> {
    let (status, reply) = Scripted::default().ask("POST", "/v1/jobs", body.clone()).await;
    assert_eq!(
        (status, &reply["kind"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid-request")),
        "{body} {reply}"
    );
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let path =
        |problem: &Value| problem["path"].as_array().expect("a path").iter().map(word).collect::<Vec<_>>().join(".");
    let problems = reply["problems"].as_array().expect("problems");
    problems.iter().map(|problem| (path(problem), word(&problem["code"]))).collect()
}

#[tokio::test]
async fn a_job_is_submitted_with_all_that_can_be_asked() {
    let backend = Scripted::default();
    let body = request_with(json!({
        "command": ["a", "b"],
        "driver_args": {"sudo_password": "pw", "timeout": 5},
        "ttl": 60, "execution_timeout": 1.5, "result_ttl": 3600, "repeatable": true, "queue_strategy": "pinned",
    }));
    let (status, headers, text) = backend.ask_raw("POST", "/v1/jobs", body.to_string()).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    assert_eq!(headers["location"], format!("/v1/jobs/{ID}"));
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&reply["state"], &reply["waiting_for"]), (&json!("queued"), &json!("64 of 64 jobs run")));
    let request = backend.script().submitted.take().expect("a request");
    assert_eq!(request.command, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(
        Value::Object(request.connection_args.public().clone()),
        json!({"host": "192.0.2.10", "username": "admin"})
    );
    assert_eq!(Value::Object(request.driver_args.public().clone()), json!({"timeout": 5}));
    let secrets: Vec<String> = request.secrets().into_keys().collect();
    assert_eq!(secrets, ["connection_args.password", "driver_args.sudo_password"]);
    let options = request.options;
    assert_eq!((options.ttl, options.result_ttl), (Some(Duration::from_mins(1)), Some(Duration::from_hours(1))));
    assert_eq!(options.execution_timeout, Some(Duration::from_millis(1500)));
    assert!(options.repeatable && options.pinned);
}

#[tokio::test]
async fn the_driver_may_be_left_out() {
    let backend = Scripted::default();
    let (status, _) = backend.ask("POST", "/v1/jobs", request_with(json!({"driver": null}))).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(backend.script().submitted.take().expect("a request").driver, "paramiko");
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once_and_nothing_is_converted() {
    let body = request_with(json!({
        "command": [1], "ttl": "60", "execution_timeout": 0, "repeatable": "yes", "queue_strategy": "lifo",
        "driver_args": [], "comand": "x",
    }));
    let wanted = [
        ("driver_args", "dict_type"),
        ("command", "string_type"),
        ("ttl", "number_type"),
        ("execution_timeout", "number_type"),
        ("repeatable", "bool_type"),
        ("queue_strategy", "literal_error"),
        ("comand", "extra_forbidden"),
    ];
    assert_eq!(problems(body).await, wanted.map(|(path, code)| (path.to_owned(), code.to_owned())));
    assert_eq!(problems(json!({})).await, [("connection_args".to_owned(), "missing".to_owned())]);
}

#[tokio::test]
async fn what_the_driver_finds_wrong_has_its_place() {
    let rejection = || {
        Rejection::Invalid(vec![Problem::new(
            ["connection_args", "port"],
            "int_type",
            "Input should be a valid integer",
        )])
    };
    let (status, reply) = Scripted::rejecting(rejection).ask("POST", "/v1/jobs", request()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem =
        json!({"path": ["connection_args", "port"], "code": "int_type", "message": "Input should be a valid integer"});
    assert_eq!(reply["problems"], json!([problem]));
}

#[tokio::test]
async fn what_is_no_object_of_json_is_refused() {
    for body in ["", "[]", "null", "{", "a=b"] {
        let (status, _, text) = Scripted::default().ask_raw("POST", "/v1/jobs", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body} {text}");
    }
    let form = Request::post("/v1/jobs").header("x-api-key", KEY).header("content-type", "text/plain");
    let (status, ..) =
        send(&Scripted::default().api(), form.body(request().to_string().into()).expect("a request")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_key_that_was_used_answers_the_job_of_then() {
    let backend = Scripted::default();
    let (status, _, first) =
        submit_as(&backend, "k", r#"{"connection_args": {"host": "a", "username": "u"}, "command": "c"}"#).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, headers, again) =
        submit_as(&backend, "k", r#"{"command":"c","connection_args":{"username":"u","host":"a"}}"#).await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &first["id"]), "the order of fields does not matter");
    assert!(headers.contains_key("location"));
    let (status, _, problem) =
        submit_as(&backend, "k", r#"{"connection_args": {"host": "b", "username": "u"}, "command": "c"}"#).await;
    assert_eq!((status, &problem["kind"]), (StatusCode::CONFLICT, &json!("idempotency-conflict")));
    for wrong in ["", &"k".repeat(256)] {
        assert_eq!(submit_as(&backend, wrong, "{}").await.0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn a_dry_run_shows_the_plan_and_submits_nothing() {
    let backend = Scripted::default();
    let (status, reply) = backend.ask("POST", "/v1/jobs", request_with(json!({"dry_run": true}))).await;
    assert_eq!(status, StatusCode::OK);
    let policy =
        json!({"policy": "business-hours", "mode": "monitor", "verdict": "would-deny", "reason": "It is night."});
    let wanted = json!({
        "target": {"host": "192.0.2.10", "port": 22, "user": "admin"},
        "command": ["uname -s"], "config": null,
        "connection_args": {"host": "192.0.2.10", "username": "admin", "port": 22}, "driver_args": {},
        "driver_version": "0.1.0", "driver_digest": "sha256:00",
        "policies": [policy], "warnings": [],
    });
    assert_eq!(reply, wanted);
    assert!(backend.script().submitted.is_none());
    let denied = || Failure::new(ErrorKind::Denied, Phase::Policy, "No.").into();
    let (status, reply) =
        Scripted::rejecting(denied).ask("POST", "/v1/jobs", request_with(json!({"dry_run": true}))).await;
    assert_eq!((status, &reply["phase"]), (StatusCode::FORBIDDEN, &json!("policy")));
}

/// Jobs, the newest first.
fn several() -> Vec<Job> {
    let one = |state| {
        let outcome =
            (state == State::Failed).then(|| Outcome::from(Failure::new(ErrorKind::Timeout, Phase::Exec, "Slow.")));
        Job { id: JobId::new(), outcome, ..job(state) }
    };
    let mut jobs: Vec<Job> = [State::Finished, State::Failed, State::Queued, State::Started].map(one).into();
    jobs.reverse();
    jobs
}

#[tokio::test]
async fn jobs_are_listed_page_by_page_without_results() {
    let jobs = several();
    let ids: Vec<String> = jobs.iter().map(|job| job.id.to_string()).collect();
    let backend = Scripted::with_jobs(jobs);
    let (mut seen, mut path) = (Vec::new(), "/v1/jobs?limit=3".to_owned());
    for length in [3, 1] {
        let (status, page) = backend.ask("GET", &path, Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        let rows = page["jobs"].as_array().expect("jobs");
        assert_eq!(rows.len(), length, "{page}");
        seen.extend(rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
        path = format!("/v1/jobs?limit=3&cursor={}", page["next"].as_str().unwrap_or_default());
    }
    assert_eq!((seen, path.as_str()), (ids, "/v1/jobs?limit=3&cursor="), "each once, and the last page says so");
    let (_, page) = backend.ask("GET", "/v1/jobs?limit=4", Value::Null).await;
    assert_eq!(page["next"], Value::Null, "a full page may be the last");
    let (_, page) = backend.ask("GET", "/v1/jobs?state=failed", Value::Null).await;
    let row = &page["jobs"][0];
    assert_eq!((&row["error"]["kind"], row.get("results"), row.get("driver_args")), (&json!("timeout"), None, None));
}

#[tokio::test]
async fn each_filter_reaches_the_store() {
    let backend = Scripted::default();
    let batch = JobId::new();
    let query = format!(
        "state=failed&state=queued&host=h&driver=d&caller=c&batch={batch}&created_after=2026-11-22T14:34:56Z&created_before=2026-11-23T00:00:00%2B02:00"
    );
    let (status, _) = backend.ask("GET", &format!("/v1/jobs?{query}"), Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let filter = backend.script().filter.take().expect("a filter");
    assert_eq!(filter.states, [State::Queued, State::Failed].into());
    assert_eq!(
        (filter.host.as_deref(), filter.driver.as_deref(), filter.caller.as_deref()),
        (Some("h"), Some("d"), Some("c"))
    );
    assert_eq!(filter.batch.map(|batch| batch.to_string()), Some(batch.to_string()));
    let times = [filter.created_after, filter.created_before].map(|time| time.expect("a time").to_string());
    assert_eq!(times, ["2026-11-22T14:34:56Z", "2026-11-22T22:00:00Z"]);
    for wrong in
        ["state=done", "batch=1", "created_after=yesterday", "limit=0", "limit=1001", "cursor=x", "status=failed"]
    {
        let (status, _) = backend.ask("GET", &format!("/v1/jobs?{wrong}"), Value::Null).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn a_job_that_has_not_ended_is_cancelled() {
    for (state, wanted) in [(State::Queued, "canceled"), (State::Started, "started")] {
        let backend = Scripted::with_jobs(vec![job(state)]);
        let (status, reply) = backend.ask("POST", &format!("/v1/jobs/{ID}/cancel"), Value::Null).await;
        assert_eq!((status, &reply["state"]), (StatusCode::ACCEPTED, &json!(wanted)));
    }
    let backend = Scripted::with_jobs(vec![job(State::Finished)]);
    let (status, reply) = backend.ask("POST", &format!("/v1/jobs/{ID}/cancel"), Value::Null).await;
    assert_eq!((status, &reply["job"]), (StatusCode::CONFLICT, &json!(ID)), "{reply}");
    let (status, _) = Scripted::default().ask("POST", &format!("/v1/jobs/{ID}/cancel"), Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
