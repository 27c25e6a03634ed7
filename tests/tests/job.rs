//! What tests ask for, and how they read what came of it.

use anyhow::Context;
use hostler_tests::{Daemon, Sshd};
use serde_json::{Value, json};

/// The body of a request that runs commands as [`Sshd::USER`].
pub(crate) fn body(sshd: &Sshd, command: impl Into<Value>) -> Value {
    json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "127.0.0.1",
            "port": sshd.port(),
            "username": Sshd::USER,
            "password": Sshd::PASSWORD
        },
        "command": command.into()
    })
}

/// The body of a request that runs lines as root, by sudo.
pub(crate) fn elevated(sshd: &Sshd, config: impl Into<Value>) -> Value {
    with(body(sshd, Value::Null), |it| {
        it["config"] = config.into();
        it["driver_args"] = json!({"sudo": true, "sudo_password": Sshd::PASSWORD, "timeout": 60.0});
    })
}

/// The same with changes.
pub(crate) fn with(mut body: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut body);
    body
}

/// Runs a job that succeeds, and answers it as `/v1` shows it.
pub(crate) fn finishing(daemon: &Daemon, body: &Value) -> anyhow::Result<Value> {
    let job = daemon.run(body)?;
    assert_eq!((&job["state"], &job["error"]), (&json!("finished"), &Value::Null), "{job}");
    Ok(job)
}

/// Runs a job of one command that succeeds, and answers what it wrote to standard output.
pub(crate) fn output(daemon: &Daemon, body: &Value) -> anyhow::Result<String> {
    let job = finishing(daemon, body)?;
    assert_eq!(job["results"][0]["exit_status"], 0, "{job}");
    Ok(job["results"][0]["stdout"].as_str().with_context(|| format!("no output in {job}"))?.to_owned())
}

/// Runs a job that fails, and answers the sentence that it fails with.
pub(crate) fn failing(daemon: &Daemon, body: &Value, kind: &str, phase: &str) -> anyhow::Result<String> {
    let job = daemon.run(body)?;
    assert_eq!(job["state"], "failed", "{job}");
    assert_eq!((&job["error"]["kind"], &job["error"]["phase"]), (&json!(kind), &json!(phase)), "{job}");
    let listed = listed(daemon, &job)?;
    assert_eq!(listed["result"]["type"], 2, "{listed}");
    assert_eq!(listed["result"]["error"]["kind"], kind, "{listed}");
    Ok(job["error"]["message"].as_str().context("a failure has a sentence")?.to_owned())
}

/// A job of `/v1` as dialect 0.2 shows it.
pub(crate) fn listed(daemon: &Daemon, job: &Value) -> anyhow::Result<Value> {
    let id = job["id"].as_str().context("a job has an id")?;
    let listed = daemon.get(&format!("/job?id={id}"))?;
    assert_eq!(listed.status, 200, "{}", listed.text);
    Ok(listed.body["data"][0].clone())
}
