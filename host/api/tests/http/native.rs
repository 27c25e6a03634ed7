//! The native API.

use crate::scripted::{ID, Scripted, job};
use axum::http::StatusCode;
use hostler_jobs::{AuditFilter, Job, Recorded, State};
use hostler_model::{
    AuditEntry, AuditEvent, ErrorKind, Exit, Failure, JobId, Options, Outcome, Output, Phase, RunResult,
};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn plugins_are_listed() {
    let (status, reply) = Scripted::default().ask("GET", "/v1/plugins", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let plugin = json!({
        "name": "paramiko", "version": "0.1.0", "summary": "Linux over SSH", "world": "driver",
        "digest": "sha256:00", "origin": "built-in", "signed_by": null, "loaded_at": "2026-11-22T14:34:56Z",
        "previous": null, "grants": ["connect"], "limits": {"memory": 1}, "usage": null,
        "breaker": null, "error": null,
    });
    assert_eq!(reply, json!({"plugins": [plugin]}));
}

#[tokio::test]
async fn the_audit_is_shown_by_pages_and_filters() {
    let job = JobId::new();
    let entry = AuditEntry {
        caller: Some("portal".into()),
        job: Some(job),
        plugin: "paramiko".into(),
        digest: "sha256:00".into(),
        target: Some("a@b:22".into()),
        by: "grants".into(),
        rule: "plugin.paramiko.grants[1]".into(),
        reason: "no".into(),
        details: json!({"command": "ls"}),
        ..AuditEntry::new(AuditEvent::Denied, "exec")
    };
    let at = "2026-11-22T14:34:56Z".parse().expect("a time");
    let backend = Scripted::default();
    backend.script().audit = vec![Recorded { id: 7, at, entry }];
    let (status, reply) = backend.ask("GET", &format!("/v1/audit?job={job}&limit=10"), Value::Null).await;
    let shown = json!({
        "id": 7, "at": "2026-11-22T14:34:56Z", "event": "denied", "caller": "portal", "job": job, "plugin": "paramiko",
        "digest": "sha256:00", "action": "exec", "target": "a@b:22", "by": "grants",
        "rule": "plugin.paramiko.grants[1]", "reason": "no", "details": {"command": "ls"},
    });
    assert_eq!((status, reply), (StatusCode::OK, json!({"audit": [shown], "next": null})));
    let (_, reply) = backend.ask("GET", "/v1/audit?limit=1", Value::Null).await;
    assert_eq!(reply["next"], "7", "there may be more");
    backend.ask("GET", "/v1/audit?caller=portal&event=would-deny&cursor=7", Value::Null).await;
    let (caller, event) = (Some("portal".into()), Some(AuditEvent::WouldDeny));
    let wanted = AuditFilter { caller, event, before: Some(7), job: None };
    assert_eq!(backend.script().audit_filter, Some(wanted));
    for wrong in ["job=x", "limit=0", "limit=1001", "limit=all", "jobs=1", "event=nonsense", "cursor=x"] {
        let (status, _) = Scripted::default().ask("GET", &format!("/v1/audit?{wrong}"), Value::Null).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn a_job_shows_everything_but_secrets() {
    let result = |exit, stdout, stderr| RunResult {
        command: "c".into(),
        exit,
        stdout,
        stderr,
        duration: Duration::from_millis(1500),
        session_reused: false,
        moved: None,
        parsed: None,
        launched: None,
    };
    let text = Output { head: "hé\n".into(), ..Output::default() };
    let cut = Output { head: b"\xff1".into(), tail: b"2".into(), omitted: 7 };
    let outcome = Outcome {
        results: vec![
            result(Exit::Status(3), text, Output::default()),
            result(Exit::Signal("KILL".into()), Output::default(), cut),
            result(Exit::Unknown, Output::default(), Output::default()),
        ],
        error: Some(Failure::new(ErrorKind::ConnectionLost, Phase::Exec, "It broke.").with_detail("hidden")),
        warnings: Vec::new(),
    };
    let options = Options {
        ttl: Some(Duration::from_mins(1)),
        execution_timeout: Some(Duration::from_millis(1500)),
        pinned: true,
        ..Options::default()
    };
    let trace = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    let job = Job { outcome: Some(outcome), warnings: vec!["mind".into()], options, trace, ..job(State::Failed) };
    let (status, reply) = Scripted::with_jobs(vec![job]).ask("GET", &format!("/v1/jobs/{ID}"), Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let wanted = json!({
        "id": ID,
        "state": "failed",
        "caller": "operator",
        "batch": null,
        "driver": "paramiko",
        "driver_version": "0.1.0",
        "driver_digest": "sha256:00",
        "target": {"host": "192.0.2.10", "port": 22, "user": "admin"},
        "command": ["uname -s"],
        "config": null,
        "connection_args": {"host": "192.0.2.10", "username": "admin", "port": 22},
        "driver_args": {},
        "secrets": ["connection_args.password"],
        "ttl": 60.0,
        "execution_timeout": 1.5,
        "result_ttl": null,
        "repeatable": false,
        "queue_strategy": "pinned",
        "attempt": 1,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "waiting_for": null,
        "created_at": "2026-11-22T14:34:56Z",
        "started_at": "2026-11-22T14:34:56.25Z",
        "cancel_requested_at": null,
        "ended_at": "2026-11-22T14:34:58Z",
        "warnings": ["mind"],
        "results": [
            {"command": "c", "exit_status": 3, "exit_signal": null, "stdout": "hé\n", "stderr": "", "duration_s": 1.5, "session_reused": false},
            {
                "command": "c", "exit_status": null, "exit_signal": "KILL", "stdout": "", "duration_s": 1.5, "session_reused": false,
                "stderr": "\u{fffd}1\n[7 bytes omitted]\n2", "stderr_base64": "/zEy",
                "stderr_omitted": 7, "stderr_omitted_at": 2,
            },
            {"command": "c", "exit_status": null, "exit_signal": null, "stdout": "", "stderr": "", "duration_s": 1.5, "session_reused": false},
        ],
        "error": {"kind": "connection-lost", "phase": "exec", "message": "It broke."},
    });
    assert_eq!(reply, wanted);
}

#[tokio::test]
async fn no_such_job_is_a_problem_document() {
    for id in ["what", ID] {
        let (status, headers, text) = Scripted::default().ask_raw("GET", &format!("/v1/jobs/{id}"), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers["content-type"], "application/problem+json");
        let reply: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&reply["type"], &reply["title"]), (&json!("about:blank"), &json!("Not Found")));
        assert_eq!(
            (&reply["kind"], &reply["phase"], &reply["status"]),
            (&json!("not-found"), &json!("store"), &json!(404))
        );
        assert_eq!(reply.get("job").is_some(), id == ID);
    }
}

#[tokio::test]
async fn a_failure_names_the_job() {
    let backend = Scripted::default();
    backend.script().failure =
        Some(Failure::new(ErrorKind::Internal, Phase::Store, "The store failed.").with_detail("hidden"));
    let (status, reply) = backend.ask("GET", &format!("/v1/jobs/{ID}"), Value::Null).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let wanted = json!({
        "type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": "The store failed.",
        "kind": "internal", "phase": "store", "job": ID,
    });
    assert_eq!(reply, wanted);
}

#[tokio::test]
async fn a_client_can_wait_for_a_job() {
    let backend = Scripted::with_jobs(vec![job(State::Finished)]);
    for path in [format!("/v1/jobs/{ID}?wait=0"), format!("/v1/jobs/{ID}?wait=60")] {
        let (status, reply) = backend.ask("GET", &path, Value::Null).await;
        assert_eq!((status, &reply["state"]), (StatusCode::OK, &json!("finished")), "{path}");
    }
    for wait in ["61", "-1", "1.5", "soon", ""] {
        let (status, reply) = backend.ask("GET", &format!("/v1/jobs/{ID}?wait={wait}"), Value::Null).await;
        assert_eq!((status, &reply["kind"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid-request")), "{wait}");
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_refused() {
    for path in [format!("/v1/jobs/{ID}?wiat=1"), "/v1/plugins?a=b".into()] {
        let (status, reply) = Scripted::default().ask("GET", &path, Value::Null).await;
        assert_eq!((status, &reply["kind"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid-request")), "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problem_documents() {
    for (method, path, wanted) in [("GET", "/v1/nope", 404), ("GET", "/v1", 404), ("POST", "/v1/plugins", 405)] {
        let (status, headers, _) = Scripted::default().ask_raw(method, path, "").await;
        assert_eq!(status.as_u16(), wanted, "{path}");
        assert_eq!(headers["content-type"], "application/problem+json", "{path}");
    }
}
