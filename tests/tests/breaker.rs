//! A plugin that keeps failing is not called for a while, and the daemon says so.

use crate::hostile::{body, serves, with_plugin};
use crate::{SETUP, daemon, job};
use anyhow::{Context, ensure};
use hostler_tests::{Answer, Daemon, Setup, Sshd, unique_nap};
use serde_json::{Map, Value, json};
use std::fs::OpenOptions;
use std::time::{Duration, Instant};
use ureq::http::Method;

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

/// Asks until there is an answer.
fn until<T>(mut asked: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(answer) = asked()? {
            return Ok(answer);
        }
        ensure!(Instant::now() < end, "it did not come to that within a minute");
    }
}

/// Submits a job until it is accepted, and waits for its end.
fn when_accepted(daemon: &Daemon, body: &Value) -> anyhow::Result<Value> {
    until(|| {
        let answer = daemon.execute(body)?;
        if answer.status == 201 {
            return daemon.wait(answer.job()?).map(Some);
        }
        sent_away(&answer, "plugin").map(|_| None)
    })
}

#[test]
fn a_driver_that_keeps_failing_is_not_called() -> anyhow::Result<()> {
    let daemon = with_plugin("moody", "plugins.breaker = { failures = 2, wait = 600 }")?;
    for command in ["panic", "well", "panic"] {
        fails(&daemon, command, if command == "panic" { "trap" } else { "as-asked" })?;
    }
    assert_eq!(breaker(&daemon, "moody")?["state"], "closed", "an error that it answers is no failure");
    fails(&daemon, "panic", "trap")?;
    assert!(sent_away(&daemon.execute(&moody("well"))?, "plugin")? > 500);
    let shown = breaker(&daemon, "moody")?;
    assert_eq!(
        (&shown["state"], &shown["failures"], &shown["opened"]),
        (&json!("open"), &json!(2), &json!(1)),
        "{shown}"
    );
    let metrics = daemon.get("/metrics")?.text;
    for line in
        ["hostler_plugin_breaker_open{plugin=\"moody\"} 1", "hostler_plugin_breaker_open{plugin=\"paramiko\"} 0"]
    {
        assert!(metrics.contains(line), "{metrics}");
    }
    serves(&daemon)
}

#[test]
fn a_driver_that_failed_is_tried_again_and_again() -> anyhow::Result<()> {
    let daemon = with_plugin("moody", "plugins.breaker = { failures = 2, wait = 1, max_wait = 60 }")?;
    fails(&daemon, "panic", "trap")?;
    fails(&daemon, "panic", "trap")?;
    assert_eq!(when_accepted(&daemon, &moody("panic"))?["error"]["kind"], "trap");
    let shown = breaker(&daemon, "moody")?;
    // How much of its two seconds is left, this test cannot know.
    assert!(shown["state"] == "open" || shown["state"] == "half-open", "{shown}");
    assert_eq!(shown["opened"], 2, "{shown}");
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
fn a_job_that_is_not_carried_out_leaves_the_try_to_the_next_one() -> anyhow::Result<()> {
    let daemon = with_plugin("moody", "plugins.breaker = { failures = 1, wait = 1 }")?;
    fails(&daemon, "panic", "trap")?;
    until(|| Ok((breaker(&daemon, "moody")?["state"] == "half-open").then_some(())))?;
    let dry_run = job::with(moody("panic"), |it| it["dry_run"] = true.into());
    for _ in 0..3 {
        let planned = daemon.send(Method::POST, "/v1/jobs", &dry_run.to_string())?;
        assert_eq!(planned.status, 200, "{}", planned.text);
        assert_eq!(breaker(&daemon, "moody")?["state"], "half-open");
    }
    fails(&daemon, "well", "as-asked")?;
    assert_eq!(breaker(&daemon, "moody")?["state"], "closed");
    Ok(())
}

#[test]
fn looks_at_targets_say_nothing_of_jobs() -> anyhow::Result<()> {
    let daemon = with_plugin("moody", "plugins.breaker = { failures = 2, wait = 600 }")?;
    let target = json!({"driver": "moody", "connection_args": moody("")["connection_args"]}).to_string();
    let look = || {
        let looked = daemon.send(Method::POST, "/device/test-connection", &target)?;
        ensure!(looked.text.contains("cannot connect without a job"), "{}", looked.text);
        Ok(())
    };
    fails(&daemon, "panic", "trap")?;
    look()?;
    fails(&daemon, "panic", "trap")?;
    assert!(sent_away(&daemon.execute(&moody("well"))?, "plugin")? > 500);
    look()?;
    assert_eq!(breaker(&daemon, "moody")?["state"], "open");
    Ok(())
}

#[test]
fn no_request_is_so_large_that_a_driver_fails_at_it() -> anyhow::Result<()> {
    let daemon = daemon()?;
    let variables: Value = (0..100_000).map(|name| (name.to_string(), json!(""))).collect::<Map<_, _>>().into();
    let ask = |change: &dyn Fn(&mut Value)| {
        daemon.send(Method::POST, "/v1/jobs", &job::with(body("paramiko"), change).to_string())
    };
    for _ in 0..5 {
        for large in [
            ask(&|it| it["command"] = vec!["a"; 350_000].into())?,
            ask(&|it| it["command"] = vec![""; 100_000].into())?,
            ask(&|it| it["driver_args"] = json!({"environment": variables}))?,
        ] {
            assert_eq!(large.status, 422, "{}", large.text);
            assert!(large.text.contains("divide it among several jobs"), "{}", large.text);
        }
    }
    serves(&daemon)?;
    assert_eq!(breaker(&daemon, "paramiko")?["failures"], 0);
    // What an appliance takes as its configuration may be long.
    let long = ask(&|it| {
        it["config"] = vec!["a"; 10_000].into();
        it.as_object_mut().expect("an object").remove("command");
        it["dry_run"] = true.into();
    })?;
    assert_eq!(long.status, 200, "{}", long.text);
    Ok(())
}

#[test]
fn a_policy_that_fails_at_new_jobs_goes_on_with_those_that_it_let_in() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let config = r#"
        plugins.breaker = { failures = 1, wait = 600 }
        plugin.policy-commands.limits.memory = 4194304
        [[policy]]
        plugin = "policy-commands"
        [policy.settings]
        allow = ["mkfifo *", "cat *", "echo *"]
    "#;
    let daemon = Daemon::start(&Setup { config, ..SETUP })?;
    let gate = format!("gate-{}", unique_nap());
    job::finishing(&daemon, &job::body(&sshd, format!("mkfifo -m 666 {gate}")))?;
    let begun = daemon.execute(&job::body(&sshd, vec![format!("cat {gate}"), "echo done".into()]))?;
    // Opening it waits until the command on the server reads from it.
    let open = OpenOptions::new().write(true).open(sshd.home().join(&gate))?;
    let large = daemon.execute(&job::body(&sshd, format!("echo {}", "x".repeat(3 << 20))))?;
    assert_eq!(large.body["data"]["kind"], "limit", "{}", large.text);
    assert!(sent_away(&daemon.execute(&job::body(&sshd, "echo new"))?, "policy")? > 500);
    drop(open);
    let ended = daemon.wait(begun.job()?)?;
    assert_eq!((&ended["error"], &ended["results"][1]["stdout"]), (&Value::Null, &json!("done\n")), "{ended}");
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
