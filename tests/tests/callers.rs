//! Several API keys: who sees what, who may do what, and what the audit tells of it.

use crate::job::{body, with};
use crate::{SETUP, daemon};
use anyhow::{Context, ensure};
use hostler_tests::{Answer, Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::{Duration, Instant};
use ureq::http::{Method, Request};

/// Asks with a key of one's own.
fn ask(daemon: &Daemon, key: &str, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
    let request = Request::builder().method(method).uri(format!("{}{path}", daemon.address()));
    let request = request.header("X-API-KEY", key).header("Content-Type", "application/json");
    daemon.send_as_it_is(request.body(if body.is_null() { String::new() } else { body.to_string() })?)
}

fn get(daemon: &Daemon, key: &str, path: &str) -> anyhow::Result<Answer> {
    ask(daemon, key, Method::GET, path, &Value::Null)
}

/// Makes a key; answers its text.
fn make(daemon: &Daemon, key: &Value) -> anyhow::Result<String> {
    let made = daemon.send(Method::POST, "/v1/keys", &key.to_string())?;
    ensure!(made.status == 201, "no key was made: {} {}", made.status, made.text);
    Ok(made.body["key"].as_str().context("the key is shown")?.to_owned())
}

/// The lines of the audit that a query finds, oldest first.
fn audit(daemon: &Daemon, query: &str) -> anyhow::Result<Vec<Value>> {
    let answer = daemon.get(&format!("/v1/audit?{query}"))?;
    let mut lines = answer.body["audit"].as_array().with_context(|| answer.text.clone())?.clone();
    lines.reverse();
    Ok(lines)
}

fn all(name: &str) -> Value {
    json!({"name": name, "scopes": ["submit", "read", "cancel"]})
}

#[test]
fn callers_see_and_cancel_their_own_jobs_only() -> anyhow::Result<()> {
    let config = "[jobs]\nmax_running = 1\n";
    let (daemon, sshd) = (Daemon::start(&Setup { config, ..SETUP })?, Sshd::shared()?);
    let (one, other) = (make(&daemon, &all("one"))?, make(&daemon, &all("other"))?);
    let chief = make(&daemon, &json!({"name": "chief", "scopes": ["read", "all"]}))?;
    let submit = |key: &str, command: &str| -> anyhow::Result<String> {
        let answer = ask(&daemon, key, Method::POST, "/device/execute", &body(&sshd, command))?;
        Ok(answer.job().with_context(|| answer.text.clone())?.to_owned())
    };
    // It takes the one place, so the job after it waits.
    let running = submit(&one, "sleep 600")?;
    let waiting = submit(&one, "true")?;
    let foreign = submit(&other, "true")?;

    for path in
        [format!("/v1/jobs/{waiting}"), format!("/v1/jobs/{waiting}/output"), format!("/v1/jobs/{running}/events")]
    {
        assert_eq!(get(&daemon, &other, &path)?.status, 404, "{path}");
    }
    assert_eq!(get(&daemon, &one, &format!("/v1/jobs/{waiting}"))?.body["state"], "queued");
    assert_eq!(get(&daemon, &chief, &format!("/v1/jobs/{waiting}"))?.status, 200);
    let listed = |key: &str, query: &str| -> anyhow::Result<Vec<String>> {
        let jobs = get(&daemon, key, &format!("/job{query}"))?.body["data"].clone();
        Ok(jobs.as_array().context("a list")?.iter().map(|job| job["id"].to_string().replace('"', "")).collect())
    };
    assert_eq!(listed(&one, "")?, [waiting.clone(), running.clone()]);
    assert_eq!(listed(&other, "")?, std::slice::from_ref(&foreign));
    assert_eq!(listed(&other, &format!("?id={waiting}"))?, [""; 0]);
    assert_eq!(listed(&chief, "")?.len(), 3);

    let cancel = |key: &str, query: &str| ask(&daemon, key, Method::DELETE, &format!("/job{query}"), &Value::Null);
    assert_eq!(cancel(&other, &format!("?id={waiting}"))?.body["data"], json!([]));
    assert_eq!(cancel(&other, "?status=queued")?.body["data"], json!([foreign]));
    assert_eq!(cancel(&chief, &format!("?id={waiting}"))?.status, 403, "it may look, and not touch");
    assert_eq!(get(&daemon, &one, &format!("/v1/jobs/{waiting}"))?.body["state"], "queued");
    assert_eq!(cancel(&one, "?status=queued")?.body["data"], json!([waiting]));
    let lines = audit(&daemon, &format!("job={waiting}"))?;
    let told: Vec<_> = lines.iter().map(|line| [&line["event"], &line["caller"]]).collect();
    assert_eq!(told[..2], [[&json!("submitted"), &json!("one")], [&json!("canceled"), &json!("one")]], "{lines:?}");
    assert_eq!((&lines[2]["event"], &lines[2]["details"]["state"]), (&json!("ended"), &json!("canceled")), "{lines:?}");
    Ok(())
}

#[test]
fn a_key_does_what_it_is_for_and_as_long_as_it_lives() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let reads = make(&daemon, &json!({"name": "reads", "scopes": ["read"]}))?;
    let refused = ask(&daemon, &reads, Method::POST, "/device/execute", &body(&sshd, "true"))?;
    assert_eq!((refused.status, &refused.body["data"]["kind"]), (403, &json!("denied")), "{}", refused.text);
    assert!(refused.text.contains("`submit`"), "it names the scope: {}", refused.text);
    for path in ["/v1/keys", "/v1/audit", "/v1/host-keys", "/v1/plugins"] {
        assert_eq!(get(&daemon, &reads, path)?.status, 403, "{path}");
    }
    assert_eq!(get(&daemon, &reads, "/health")?.status, 200);
    assert_eq!(daemon.send(Method::DELETE, "/v1/keys/reads", "")?.status, 204);
    for path in ["/health", "/v1/jobs/x"] {
        assert_eq!(get(&daemon, &reads, path)?.status, 403, "revoked: {path}");
    }

    let short = make(&daemon, &json!({"name": "short", "scopes": ["read"], "expires_in": 2}))?;
    let made = Instant::now();
    assert_eq!(get(&daemon, &short, "/health")?.status, 200);
    sleep(Duration::from_secs(2).saturating_sub(made.elapsed()) + Duration::from_millis(10));
    assert_eq!(get(&daemon, &short, "/health")?.status, 403, "expired");

    let events: Vec<_> = audit(&daemon, "")?.iter().map(|line| line["event"].to_string()).collect();
    assert_eq!(events, ["\"key-created\"", "\"key-revoked\"", "\"key-created\""]);
    let keys = daemon.get("/v1/keys")?;
    assert_eq!(
        (keys.body["keys"][0]["name"].as_str(), keys.body["keys"].as_array().map(Vec::len)),
        (Some("short"), Some(1))
    );
    assert!(!keys.text.contains(&short) && !daemon.get("/v1/audit")?.text.contains(&short));
    Ok(())
}

#[test]
fn a_target_that_a_key_is_not_for_is_denied_before_there_is_a_job() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let key = make(
        &daemon,
        &json!({"name": "lab", "scopes": ["submit", "read"], "drivers": ["para*"], "hosts": ["*.lab.example", "127.0.0.0/8"]}),
    )?;
    let submit = |body: &Value| ask(&daemon, &key, Method::POST, "/device/execute", body);
    let at = |host: &str| with(body(&sshd, "true"), |it| it["connection_args"]["host"] = host.into());
    let over = |jump: &str| {
        with(body(&sshd, "true"), |it| {
            it["connection_args"]["proxy_host"] = jump.into();
            it["connection_args"]["proxy_username"] = "jump".into();
            it["connection_args"]["proxy_password"] = "of the jump host".into();
        })
    };
    assert_eq!(submit(&at("127.0.0.1"))?.status, 201);
    let before = get(&daemon, &key, "/job")?.body["data"].as_array().map(Vec::len);
    for wrong in [at("10.0.0.1"), at("localhost"), at("db.example"), over("192.0.2.9")] {
        let denied = submit(&wrong)?;
        let data = &denied.body["data"];
        assert_eq!(
            (denied.status, &data["kind"], &data["phase"]),
            (403, &json!("denied"), &json!("policy")),
            "{}",
            denied.text
        );
        let line = audit(&daemon, "event=denied&limit=1")?.pop().context("a line")?;
        assert_eq!(
            (&line["caller"], &line["by"], &line["rule"]),
            (&json!("lab"), &json!("key"), &json!("hosts")),
            "{line}"
        );
        assert_eq!(line["reason"], data["message"]);
    }
    assert_eq!(get(&daemon, &key, "/job")?.body["data"].as_array().map(Vec::len), before, "nothing was stored");
    Ok(())
}

#[test]
fn the_audit_tells_a_job_from_its_submission_to_its_end() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let key = make(&daemon, &all("portal"))?;
    let submitted = ask(&daemon, &key, Method::POST, "/device/execute", &body(&sshd, json!(["echo one", "false"])))?;
    let id = submitted.job()?;
    daemon.wait(id)?;
    let lines = audit(&daemon, &format!("job={id}&caller=portal"))?;
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap_or_default()).collect();
    assert_eq!(events, ["submitted", "executed", "executed", "ended"], "{lines:?}");
    assert_eq!(lines[0]["details"]["commands"], 2);
    let target = format!("{}@127.0.0.1:{}", Sshd::USER, sshd.port());
    assert!(lines.iter().all(|line| line["plugin"] == "paramiko" && line["target"] == target.as_str()), "{lines:?}");
    assert_eq!(lines[2]["details"]["command"], "false");
    assert_eq!(lines[3]["details"]["state"], daemon.wait(id)?["state"]);
    Ok(())
}

#[test]
fn a_key_that_is_used_too_often_waits_and_others_do_not() -> anyhow::Result<()> {
    let config = "[http]\nrate_per_second = 1\nrate_burst = 2\n";
    let daemon = Daemon::start(&Setup { config, ..SETUP })?;
    let slow = make(&daemon, &json!({"name": "slow", "scopes": ["read"]}))?;
    let fast = json!({"name": "fast", "scopes": ["read"], "rate": {"per_second": 1000, "burst": 1000}});
    let fast = make(&daemon, &fast)?;
    let statuses =
        |key: &str| (0..10).map(|_| Ok(get(&daemon, key, "/health")?.status)).collect::<anyhow::Result<Vec<_>>>();
    assert!(statuses(&slow)?.contains(&429));
    assert_eq!(statuses(&fast)?, [200; 10]);
    assert_eq!(statuses(Daemon::KEY)?, [200; 10]);
    let throttled = (0..10).find_map(|_| get(&daemon, &slow, "/v1/keys").ok().filter(|answer| answer.status == 429));
    let throttled = throttled.context("it is still too often")?;
    assert_eq!(throttled.body["kind"], "throttled");
    assert!(throttled.headers.contains("\"retry-after\": \"1\""), "{}", throttled.headers);
    Ok(())
}
