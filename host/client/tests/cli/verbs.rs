//! `hostler jobs`, `cancel`, `output` and `keys`.

use crate::scripted::{Daemon, answer, nothing};
use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn job(id: &str, command: &str) -> Value {
    json!({
        "id": id, "state": "failed", "driver": "paramiko", "caller": "operator", "command": [command],
        "target": {"host": "web1", "port": 22, "user": "ops"}, "created_at": "2026-11-22T14:34:56.123456Z",
        "error": {"kind": "refused", "phase": "connect", "message": "Start its sshd."},
    })
}

#[tokio::test]
async fn jobs_are_listed_page_by_page() -> anyhow::Result<()> {
    let daemon = Daemon::start(|asked| match asked.line.as_str() {
        "GET /v1/jobs?limit=3&state=failed&state=queued&host=web1" => {
            answer(200, &json!({"jobs": [job("j3", "up\u{1b}[2Jtime"), job("j2", "b")], "next": "j2"}))
        }
        "GET /v1/jobs?limit=1&state=failed&state=queued&host=web1&cursor=j2" => {
            answer(200, &json!({"jobs": [job("j1", &"x".repeat(99))], "next": "j1"}))
        }
        _ => nothing(),
    })
    .await?;
    let line = ["jobs", "--state=failed,queued", "--host=web1", "--limit=3"];
    let ended = daemon.typed(&line).await?;
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "JOB  STATE            TARGET       CREATED               COMMAND");
    assert_eq!(
        lines[1], "j3   failed: refused  ops@web1:22  2026-11-22T14:34:56Z  up [2Jtime",
        "no escape gets through"
    );
    assert_eq!((lines.len(), lines[3].ends_with("xx…")), (4, true), "{}", ended.stdout);
    let ended = daemon.typed(&[&line[..], &["--json"]].concat()).await?;
    let document: Value = serde_json::from_str(&ended.stdout)?;
    assert_eq!(document["jobs"].as_array().map(Vec::len), Some(3));
    Ok(())
}

#[tokio::test]
async fn a_job_is_shown_whole() -> anyhow::Result<()> {
    let daemon = Daemon::start(|asked| {
        let mut job = job("j1", "uptime");
        job["results"] = json!([{
            "command": "uptime", "exit_status": 1, "exit_signal": null, "stdout": "up\n", "stderr": "no\n", "duration_s": 0.5,
        }]);
        if asked.line == "GET /v1/jobs/j1" { answer(200, &job) } else { nothing() }
    })
    .await?;
    let ended = daemon.typed(&["jobs", "show", "j1"]).await?;
    assert!(ended.stdout.contains("error    Start its sshd. (refused in phase connect)\n"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("$ uptime\n[exit status 1 after 0.500 s]\nup\nno\n"), "{}", ended.stdout);
    let ended = daemon.typed(&["jobs", "show", "none"]).await?;
    assert_eq!((ended.code, ended.stderr.as_str()), (254, "hostler: There is nothing at this path.\n"));
    Ok(())
}

#[tokio::test]
async fn cancel_waits_for_the_ends() -> anyhow::Result<()> {
    let daemon = Daemon::start(|asked| match asked.line.as_str() {
        "POST /v1/jobs/j1/cancel" => answer(202, &json!({})),
        "POST /v1/jobs/j2/cancel" => answer(409, &json!({"detail": "The job is finished already."})),
        "GET /v1/jobs/j1?wait=30" => {
            let error = json!({"kind": "canceled", "phase": "exec", "message": "The remote process was stopped."});
            answer(200, &json!({"id": "j1", "state": "canceled", "ended_at": "2026-11-22T14:34:56Z", "error": error}))
        }
        _ => nothing(),
    })
    .await?;
    let ended = daemon.typed(&["cancel", "j1"]).await?;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "j1 canceled: The remote process was stopped.\n"));
    let ended = daemon.typed(&["cancel", "j2", "j1"]).await?;
    assert_eq!(ended.code, 254);
    assert_eq!(ended.stderr, "j2: The job is finished already.\n");
    assert!(ended.stdout.starts_with("j1 canceled"), "the others are cancelled nevertheless");
    Ok(())
}

/// A part of a stream as the daemon answers it.
fn slice(offset: u64, bytes: &'static [u8], total: Option<u64>) -> Response<Body> {
    let mut answer = Response::new(Body::from(bytes));
    answer.headers_mut().insert("output-offset", offset.into());
    answer.headers_mut().insert("output-next", (offset + bytes.len() as u64).into());
    if let Some(total) = total {
        answer.headers_mut().insert("output-total", total.into());
    }
    answer
}

#[tokio::test]
async fn output_is_followed_to_its_end() -> anyhow::Result<()> {
    let daemon = Daemon::start(|asked| match asked.line.as_str() {
        "GET /v1/jobs/j/output?run=1&stream=stderr&offset=0&wait=30" => slice(0, b"one\n", None),
        "GET /v1/jobs/j/output?run=1&stream=stderr&offset=4&wait=30" => slice(4, b"", None),
        "GET /v1/jobs/j/output?run=0&stream=stdout&offset=0" => slice(0, b"\xff", None),
        "GET /v1/jobs/j/output?run=0&stream=stdout&offset=1" => slice(1, b"", None),
        _ => nothing(),
    })
    .await?;
    let ended = daemon.typed(&["output", "j", "--json"]).await?;
    let piece: Value = serde_json::from_str(&ended.stdout)?;
    assert_eq!((&piece["base64"], &piece["offset"]), (&json!("/w=="), &json!(0)), "it ends without --follow");

    let asked = std::sync::atomic::AtomicUsize::new(0);
    let daemon = Daemon::start(move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => slice(0, b"one\n", None),
        1 => slice(4, b"", None),
        2 => slice(4, b"two\n", Some(8)),
        _ => nothing(),
    })
    .await?;
    let begun = Instant::now();
    let ended = daemon.typed(&["output", "j", "--follow", "--run=1", "--stderr"]).await?;
    assert!(begun.elapsed() >= Duration::from_secs(1), "a daemon that does not wait is asked at once again");
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "one\ntwo\n"));
    assert_eq!(daemon.asked()[1].line, "GET /v1/jobs/j/output?run=1&stream=stderr&offset=4&wait=30");
    Ok(())
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked() -> anyhow::Result<()> {
    let daemon = Daemon::start(|asked| match asked.line.as_str() {
        "POST /v1/keys" => answer(201, &json!({"name": "ci", "key": "hostler_abc"})),
        "GET /v1/keys" => {
            answer(200, &json!({"keys": [{"name": "ci", "scopes": ["submit", "read"], "hosts": ["a", "b"]}]}))
        }
        "DELETE /v1/keys/ci" => Response::builder().status(204).body(Body::empty()).expect("a response"),
        _ => nothing(),
    })
    .await?;
    let line =
        ["keys", "create", "ci", "--scope=submit,read", "--host=web*", "--expires-in=2d", "--rate=5", "--burst=9"];
    let ended = daemon.typed(&line).await?;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "hostler_abc\n"));
    let body = json!({
        "name": "ci", "scopes": ["submit", "read"], "hosts": ["web*"], "expires_in": 172_800,
        "rate": {"per_second": 5, "burst": 9},
    });
    assert_eq!(daemon.asked()[0].body, body);
    let ended = daemon.typed(&["keys", "list"]).await?;
    assert!(ended.stdout.contains("ci    submit,read  never    never      all      a,b\n"), "{}", ended.stdout);
    let ended = daemon.typed(&["keys", "revoke", "ci"]).await?;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "ci is revoked\n"));
    Ok(())
}
