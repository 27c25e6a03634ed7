//! `hostler run`: what is sent, what is shown, and the exit code.

use crate::scripted::{Daemon, KEY, answer, event, finished, nothing, told, wrote};
use serde_json::{Value, json};
use std::fs;

/// A daemon that takes one job, which tells this.
async fn telling(events: impl Into<String>) -> anyhow::Result<Daemon> {
    let events = events.into();
    Daemon::start(move |asked| match asked.line.as_str() {
        "POST /v1/jobs" => answer(201, &json!({"id": "j1", "state": "queued"})),
        "GET /v1/jobs/j1/events" => told(events.clone()),
        _ => nothing(),
    })
    .await
}

/// A daemon that takes a batch for three hosts and refuses the last one.
async fn taking_a_batch(events: [String; 2], refused: Value) -> anyhow::Result<Daemon> {
    Daemon::start(move |asked| match asked.line.as_str() {
        "POST /v1/batches" => {
            let jobs = json!([{"index": 0, "id": "j0", "host": "a"}, {"index": 1, "id": "j1", "host": "longer"}]);
            answer(201, &json!({"id": "b", "jobs": jobs, "refused": refused}))
        }
        "GET /v1/jobs/j0/events" => told(events[0].clone()),
        "GET /v1/jobs/j1/events" => told(events[1].clone()),
        _ => nothing(),
    })
    .await
}

#[tokio::test]
async fn one_host_is_asked_like_with_ssh() -> anyhow::Result<()> {
    let daemon = telling(finished(1, 0)).await?;
    let folder = tempfile::tempdir()?;
    let (password, identity) = (folder.path().join("password"), folder.path().join("key"));
    fs::write(&password, "the password\n")?;
    fs::write(&identity, "-----BEGIN KEY-----\n")?;
    let (password, identity) = (password.display().to_string(), identity.display().to_string());
    let words = ["run", "--password-file", &password, "--identity", &identity, "--jump", "gate:2222,ops@inner"];
    let more = ["--sudo", "--timeout", "2.5", "--connection-arg", "compress=true", "--driver-arg", "sudo_user=www"];
    let command = ["ops@[fe80::1]:2200", "--", "systemctl", "restart", "nginx && id"];
    let ended = daemon.typed(&[&words[..], &more, &command].concat()).await?;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
    let asked = &daemon.asked()[0];
    let expected = json!({
        "command": "systemctl restart nginx && id",
        "connection_args": {
            "host": "fe80::1", "port": 2200, "username": "ops", "password": "the password",
            "pkey": "-----BEGIN KEY-----\n", "proxy_host": "inner", "proxy_username": "ops",
            "proxy_jump": ["gate:2222"], "compress": true,
        },
        "driver_args": {"sudo": true, "timeout": 2.5, "sudo_user": "www"},
    });
    assert_eq!(asked.body, expected);
    assert_eq!(asked.header("x-api-key"), KEY);
    assert!(!asked.header("idempotency-key").is_empty());
    Ok(())
}

#[tokio::test]
async fn output_is_shown_as_it_is_and_the_exit_code_mirrors_the_command() -> anyhow::Result<()> {
    let bytes = event(2, "output", &json!({"run": 0, "stream": "stdout", "offset": 3, "text": "?", "base64": "AAo="}));
    let daemon = telling(wrote(1, "stdout", "no ") + &bytes + &wrote(3, "stderr", "oh\n") + &finished(4, 3)).await?;
    let ended = daemon.typed(&["run", "u@web1", "--", "x"]).await?;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (3, "no \0\n", "oh\n"));
    Ok(())
}

#[tokio::test]
async fn the_exit_code_tells_signals_and_failures() -> anyhow::Result<()> {
    let signal = event(1, "result", &json!({"run": 0, "exit_status": null, "exit_signal": "TERM"}));
    let end = event(0, "end", &json!({"state": "finished", "error": null}));
    assert_eq!(telling(signal + &end).await?.typed(&["run", "u@h", "--", "x"]).await?.code, 143);

    let huge = event(1, "result", &json!({"run": 0, "exit_status": 256, "exit_signal": null}));
    assert_eq!(telling(huge + &end).await?.typed(&["run", "u@h", "--", "x"]).await?.code, 255, "not 0");

    let error = json!({"kind": "auth-failed", "phase": "auth", "message": "Give another password."});
    let daemon = telling(event(0, "end", &json!({"state": "failed", "error": error}))).await?;
    let ended = daemon.typed(&["run", "u@h", "--", "x"]).await?;
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (254, "u@h: failed: Give another password. (auth-failed in phase auth)\n")
    );
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_was_begun_anew_counts_alone() -> anyhow::Result<()> {
    let first = event(1, "result", &json!({"run": 0, "exit_status": 7, "exit_signal": null}));
    let daemon = telling(first + &event(2, "again", &json!({"attempt": 2})) + &finished(3, 0)).await?;
    assert_eq!(daemon.typed(&["run", "u@h", "--", "x"]).await?.code, 0);
    Ok(())
}

#[tokio::test]
async fn a_refused_job_says_what_is_wrong() -> anyhow::Result<()> {
    let problem = json!({
        "detail": "The request is wrong.", "kind": "invalid-request", "phase": "validate",
        "problems": [{"path": ["driver_args", "timeout"], "code": "x", "message": "must be above 0"}],
    });
    let daemon = Daemon::start(move |_| answer(422, &problem)).await?;
    let ended = daemon.typed(&["run", "u@h", "--", "x"]).await?;
    let message =
        "hostler: The request is wrong. (invalid-request in phase validate)\n  driver_args.timeout: must be above 0\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (254, message));
    Ok(())
}

#[tokio::test]
async fn lines_of_several_hosts_stand_behind_their_names() -> anyhow::Result<()> {
    let first =
        wrote(1, "stdout", "one\ntw") + &wrote(2, "stderr", "e") + &wrote(3, "stdout", "o\nend") + &finished(4, 0);
    let daemon = taking_a_batch([first, wrote(1, "stdout", "x\n") + &finished(2, 0)], json!([])).await?;
    let ended = daemon.typed(&["run", "--user", "u", "a", "longer", "--", "x"]).await?;
    let lines: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("a ")).collect();
    assert_eq!(lines, ["a      | one", "a      | two", "a      | end"]);
    assert!(ended.stdout.contains("longer | x\n"), "{}", ended.stdout);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, "a      | e\n"));
    let body = &daemon.asked()[0].body;
    assert_eq!(body["targets"][1], json!({"connection_args": {"host": "longer", "username": "u"}}));
    assert_eq!(body["command"], "x");
    Ok(())
}

#[tokio::test]
async fn the_worst_of_several_hosts_decides() -> anyhow::Result<()> {
    let hosts = ["run", "--user=u", "a", "longer", "--", "x"];
    let daemon = taking_a_batch([finished(1, 0), finished(1, 9)], json!([])).await?;
    let ended = daemon.typed(&hosts).await?;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("longer: the command ended with 9\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 hosts: 1 well, 1 with another exit code, 0 failed"), "{}", ended.stderr);

    let refused =
        json!([{"index": 2, "host": "bad", "problem": {"detail": "Not there.", "kind": "denied", "phase": "policy"}}]);
    let daemon = taking_a_batch([finished(1, 0), finished(1, 9)], refused).await?;
    let ended = daemon.typed(&["run", "--user=u", "a", "longer", "bad", "--", "x"]).await?;
    assert_eq!(ended.code, 254);
    assert!(ended.stderr.contains("bad: refused: Not there. (denied in phase policy)\n"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn json_is_a_document_for_each_event() -> anyhow::Result<()> {
    let daemon = telling(wrote(1, "stdout", "hi\n") + &finished(2, 0)).await?;
    let ended = daemon.typed(&["run", "--json", "u@h", "--", "x"]).await?;
    let documents: Vec<Value> = ended.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let names: Vec<&Value> = documents.iter().map(|document| &document["event"]).collect();
    assert_eq!(names, ["output", "result", "end"]);
    assert_eq!(documents[0]["data"]["text"], "hi\n");
    assert_eq!((&documents[0]["job"], &documents[0]["host"]), (&json!("j1"), &json!("u@h")));
    Ok(())
}

#[tokio::test]
async fn who_detaches_gets_the_names_of_the_jobs() -> anyhow::Result<()> {
    let daemon = taking_a_batch([String::new(), String::new()], json!([])).await?;
    let ended = daemon.typed(&["run", "--detach", "--user=u", "a", "longer", "--", "x"]).await?;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "j0 a\nj1 longer\n"));
    assert_eq!(daemon.asked().len(), 1, "nobody follows");
    Ok(())
}

#[tokio::test]
async fn the_key_and_the_address_are_named_where_they_are_wrong() -> anyhow::Result<()> {
    let daemon = Daemon::start(|_| answer(403, &json!({"detail": "Invalid or missing API key."}))).await?;
    let ended = daemon.typed(&["jobs"]).await?;
    assert_eq!(ended.code, 255);
    for word in ["HOSTLER_API_KEY", "--key-file", "--data-dir"] {
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains(KEY));
    let mut gone = daemon;
    gone.url = "http://127.0.0.1:1".into();
    let ended = gone.typed(&["run", "u@h", "--", "x"]).await?;
    assert_eq!(ended.code, 255);
    assert!(ended.stderr.contains("http://127.0.0.1:1/ cannot be reached"), "{}", ended.stderr);
    Ok(())
}
