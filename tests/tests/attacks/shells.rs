//! What a driver tries with interactive sessions, and with what only looks like one.

use super::{OPEN, attacked, audit, body, serves};
use anyhow::Context;
use hostler_tests::Sshd;
use serde_json::json;

#[test]
fn each_gets_an_error_of_its_own() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(OPEN)?, Sshd::shared()?);
    for (attack, kind, phase) in [
        ("odd-terminal", "invalid-request", "exec"),
        ("flat-terminal", "invalid-request", "exec"),
        ("huge-terminal", "invalid-request", "exec"),
        ("many-shells", "limit", "exec"),
        ("type-bytes", "invalid-request", "exec"),
        ("type-giant", "limit", "plugin"),
        ("type-when-closed", "invalid-request", "exec"),
        ("type-secret-when-closed", "invalid-request", "exec"),
        ("wait-when-closed", "invalid-request", "exec"),
        ("bad-pattern", "invalid-request", "exec"),
        ("pattern-bomb", "invalid-request", "exec"),
        ("deep-pattern", "invalid-request", "exec"),
        ("back-reference", "invalid-request", "exec"),
        ("many-patterns", "limit", "exec"),
        ("long-pattern", "limit", "exec"),
        ("never-comes", "timeout", "exec"),
        ("flood", "limit", "exec"),
        ("kept-flood", "limit", "exec"),
        ("kept-giant", "limit", "plugin"),
        ("forged-shell", "invalid-output", "plugin"),
        ("session-as-shell", "invalid-output", "plugin"),
        ("secret-as-shell", "invalid-output", "plugin"),
        ("shell-as-session", "invalid-output", "plugin"),
    ] {
        let job = daemon.run(&body(&sshd, attack, "id"))?;
        let error = &job["error"];
        assert_eq!((&error["kind"], &error["phase"]), (&json!(kind), &json!(phase)), "{attack}: {job}");
    }
    serves(&daemon, &sshd)
}

#[test]
fn only_the_secret_that_the_grant_names_is_typed() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(OPEN)?, Sshd::shared()?);
    let typed = daemon.run(&body(&sshd, "type-pin", "id"))?;
    assert_eq!(typed["state"], "finished", "{typed}");
    let refused = daemon.run(&body(&sshd, "type-password", "id"))?;
    let error = &refused["error"];
    assert_eq!((&error["kind"], &error["phase"]), (&json!("denied"), &json!("policy")), "{refused}");
    let entry = audit(&daemon, &refused)?.pop().context("an entry")?;
    assert_eq!((&entry["by"], &entry["rule"]), (&json!("grants"), &json!("plugin.attacker.grants[4]")), "{entry}");
    assert_eq!(entry["details"], json!({"secret": "connection_args.password"}), "{entry}");
    Ok(())
}

#[test]
fn what_is_kept_is_cut_to_the_budget() -> anyhow::Result<()> {
    let config = OPEN.replace("runs = 20", "runs = 20, output = 500_000, job_output = 1_000_000");
    let (daemon, sshd) = (attacked(&config)?, Sshd::shared()?);
    let job = daemon.run(&body(&sshd, "kept-large", "id"))?;
    let results = job["results"].as_array().context("a list")?;
    let texts = results.iter().filter_map(|result| result["stdout"].as_str());
    let kept: usize = texts.map(|text| text.matches('x').count()).sum();
    assert_eq!((results.len(), kept), (10, 1_000_000), "{}", job["error"]);
    serves(&daemon, &sshd)
}
