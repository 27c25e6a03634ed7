//! A plugin that keeps failing is not called for a while, and the daemon says so.

use crate::hostile::{body, serves, with_plugin};
use anyhow::{Context, ensure};
use hostler_tests::{Answer, Daemon};
use serde_json::{Value, json};
use ureq::http::Method;

/// After two failures in a row, for a second.
const TWO: &str = "plugins.breaker = { failures = 2, wait = 1, max_wait = 60 }";

fn moody(command: &str) -> Value {
    let mut body = body("moody");
    body["command"] = command.into();
    body
}

fn breaker(daemon: &Daemon, plugin: &str) -> anyhow::Result<Value> {
    Ok(daemon.get(&format!("/v1/plugins/{plugin}"))?.body["breaker"].clone())
}

/// Runs a job that ends with an error of this kind.
fn fails(daemon: &Daemon, command: &str, kind: &str) -> anyhow::Result<()> {
    let job = daemon.run(&moody(command))?;
    ensure!(job["error"]["kind"] == kind, "{job}");
    Ok(())
}

/// A job that is sent away; answers after how many seconds it may come again.
fn sent_away(answer: &Answer, phase: &str) -> anyhow::Result<u64> {
    let (kind, found) = (&answer.body["data"]["kind"], &answer.body["data"]["phase"]);
    assert_eq!((answer.status, kind, found), (503, &json!("plugin-unavailable"), &json!(phase)), "{}", answer.text);
    let (_, seconds) = answer.headers.split_once("\"retry-after\": \"").context("it says when to come again")?;
    Ok(seconds.split('"').next().unwrap_or_default().parse()?)
}

/// Lines of the audit, newest first.
fn audit(daemon: &Daemon, event: &str) -> anyhow::Result<Vec<Value>> {
    let answer = daemon.get(&format!("/v1/audit?event={event}"))?;
    Ok(answer.body["audit"].as_array().with_context(|| answer.text.clone())?.clone())
}

/// Submits a job until it is accepted, and waits for its end.
fn when_accepted(daemon: &Daemon, body: &Value) -> anyhow::Result<Value> {
    loop {
        let answer = daemon.execute(body)?;
        if answer.status == 201 {
            return daemon.wait(answer.job()?);
        }
        sent_away(&answer, "plugin")?;
    }
}

#[test]
fn a_driver_that_keeps_failing_is_not_called_until_it_is_tried_again() -> anyhow::Result<()> {
    let daemon = with_plugin("moody", TWO)?;
    for command in ["panic", "well", "panic"] {
        fails(&daemon, command, if command == "panic" { "trap" } else { "as-asked" })?;
    }
    assert_eq!(breaker(&daemon, "moody")?["state"], "closed", "an error that it answers is no failure");
    fails(&daemon, "panic", "trap")?;
    assert!(sent_away(&daemon.execute(&moody("well"))?, "plugin")? >= 1);
    let shown = breaker(&daemon, "moody")?;
    assert_eq!((&shown["failures"], &shown["opened"]), (&json!(2), &json!(1)), "{shown}");
    let metrics = daemon.get("/metrics")?.text;
    for line in
        ["hostler_plugin_breaker_open{plugin=\"moody\"} 1", "hostler_plugin_breaker_open{plugin=\"paramiko\"} 0"]
    {
        assert!(metrics.contains(line), "{metrics}");
    }
    serves(&daemon)?;

    assert_eq!(when_accepted(&daemon, &moody("panic"))?["error"]["kind"], "trap");
    let shown = breaker(&daemon, "moody")?;
    assert_eq!((&shown["state"], &shown["opened"]), (&json!("open"), &json!(2)), "{shown}");
    assert_eq!(when_accepted(&daemon, &moody("well"))?["error"]["kind"], "as-asked");
    assert_eq!(breaker(&daemon, "moody")?["state"], "closed");
    fails(&daemon, "well", "as-asked")?;

    let (opened, closed) = (audit(&daemon, "breaker-opened")?, audit(&daemon, "breaker-closed")?);
    assert_eq!((opened.len(), closed.len()), (2, 1), "{opened:?} {closed:?}");
    let first = opened.last().context("it opened")?;
    assert_eq!((&first["plugin"], &first["by"]), (&json!("moody"), &json!("breaker")), "{first}");
    assert!(first["reason"].as_str().is_some_and(|reason| reason.contains("trapped")), "{first}");
    let seconds = |line: &Value| line["reason"].as_str().and_then(|it| it.split(' ').nth(5)?.parse::<u64>().ok());
    assert_eq!((seconds(first), seconds(&opened[0])), (Some(1), Some(2)), "{opened:?}");
    Ok(())
}

#[test]
fn a_version_that_is_loaded_anew_is_called_at_once() -> anyhow::Result<()> {
    let daemon = with_plugin("moody", "plugins.breaker = { failures = 1, wait = 600 }")?;
    fails(&daemon, "panic", "trap")?;
    assert!(sent_away(&daemon.execute(&moody("well"))?, "plugin")? > 500);
    let loaded = daemon.send(Method::POST, "/v1/plugins/moody/load", "")?;
    assert_eq!((loaded.status, &loaded.body["breaker"]["state"]), (200, &json!("closed")), "{}", loaded.text);
    fails(&daemon, "well", "as-asked")
}

#[test]
fn a_policy_that_keeps_failing_denies_without_being_called() -> anyhow::Result<()> {
    let config = "plugins.breaker = { failures = 2, wait = 600 }\n[[policy]]\nplugin = \"policy-traps\"";
    let daemon = with_plugin("policy-traps", config)?;
    for _ in 0..2 {
        let refused = daemon.execute(&body("paramiko"))?;
        assert_eq!(refused.body["data"]["kind"], "trap", "{}", refused.text);
    }
    let calls = |daemon: &Daemon| {
        Ok::<_, anyhow::Error>(daemon.get("/v1/plugins/policy-traps")?.body["usage"]["calls"].clone())
    };
    let before = calls(&daemon)?;
    let refused = daemon.execute(&body("paramiko"))?;
    assert!(sent_away(&refused, "policy")? > 500);
    assert!(refused.text.contains("policy-traps"), "it says which: {}", refused.text);
    assert_eq!(calls(&daemon)?, before);
    let denied = audit(&daemon, "denied")?;
    assert_eq!(
        (&denied[0]["by"], &denied[0]["rule"]),
        (&json!("policy-traps"), &json!("plugin-unavailable")),
        "{denied:?}"
    );
    Ok(())
}
