//! What a driver has besides servers: a clock, chance, and what it knows of its job.

use crate::SETUP;
use crate::hostile::{body, whole};
use crate::job::with;
use anyhow::Context;
use hostler_tests::{Daemon, Setup};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ureq::http::Method;

fn daemon() -> anyhow::Result<Daemon> {
    Daemon::start(&Setup { plugins: &[("waits.wasm", &whole("waits", &[])?)], ..SETUP })
}

fn asking(commands: &[&str]) -> Value {
    with(body("waits"), |it| it["command"] = commands.into())
}

/// Submits a job that may take so many seconds, and answers its name.
fn submit(daemon: &Daemon, commands: &[&str], seconds: u32) -> anyhow::Result<String> {
    let body = with(asking(commands), |it| it["execution_timeout"] = seconds.into());
    let accepted = daemon.send(Method::POST, "/v1/jobs", &body.to_string())?;
    Ok(accepted.body["id"].as_str().with_context(|| accepted.text.clone())?.to_owned())
}

fn milliseconds() -> anyhow::Result<u128> {
    #[expect(clippy::disallowed_methods, reason = "the test looks at the same clock by another way")]
    let now = SystemTime::now();
    Ok(now.duration_since(UNIX_EPOCH)?.as_millis())
}

#[test]
fn time_passes_and_chance_does_not_repeat() -> anyhow::Result<()> {
    let daemon = daemon()?;
    let before = milliseconds()?;
    let commands =
        ["now", "sleep 300", "now", "random 32", "random 32", "random 65535", "random 0", "left", "canceled"];
    let job = daemon.wait(&submit(&daemon, &commands, 60)?)?;
    let after = milliseconds()?;
    assert_eq!(job["state"], "finished", "{job}");
    let said = |index: usize| job["results"][index]["stdout"].as_str().context("it said something");
    let (first, second): (u128, u128) = (said(0)?.parse()?, said(2)?.parse()?);
    assert!(before <= first && first + 300 <= second && second <= after, "{before} {first} {second} {after}");
    assert_eq!((said(3)?.len(), said(5)?.len(), said(6)?), (64, 2 * 65_535, ""));
    assert_ne!(said(3)?, said(4)?);
    let left: u128 = said(7)?.parse()?;
    assert!(left <= 60_000 - (second - first) && 60_000 - left <= after - before, "{left} are left");
    assert_eq!(said(8)?, "false");
    let validated = ["the clock goes: true", "random bytes: 7", "time left: 0, canceled: false", "slept: denied"];
    assert_eq!(job["warnings"], json!(validated), "where there is no job, nobody waits");
    Ok(())
}

#[test]
fn a_wait_ends_with_its_job() -> anyhow::Result<()> {
    let daemon = daemon()?;
    let job = daemon.wait(&submit(&daemon, &["sleep 600000"], 1)?)?;
    assert_eq!((&job["state"], &job["error"]["kind"]), (&json!("failed"), &json!("timeout")), "{job}");
    assert!(job["error"]["message"].as_str().context("a sentence")?.contains("execution_timeout of 1 s"), "{job}");
    assert_eq!(job["results"][0]["stdout"], "0 false", "it could still tidy up: {job}");

    let id = submit(&daemon, &["now", "sleep 600000"], 600)?;
    daemon.follow(&id, None)?.output()?;
    let canceled = Instant::now();
    assert_eq!(daemon.send(Method::POST, &format!("/v1/jobs/{id}/cancel"), "")?.status, 202);
    let job = daemon.wait(&id)?;
    assert!(canceled.elapsed() < Duration::from_secs(8), "the driver itself ended it: {job}");
    assert_eq!(job["state"], "canceled", "{job}");
    assert_eq!(job["results"][1]["stdout"], "0 true", "{job}");
    Ok(())
}

/// What the host does at once for a guest is its CPU time: that ends this, or the job's end does.
#[test]
fn who_asks_for_chance_without_end_holds_up_nobody() -> anyhow::Result<()> {
    let daemon = daemon()?;
    let ids: Vec<_> = (0..8).map(|_| submit(&daemon, &["flood"], 1)).collect::<Result<_, _>>()?;
    let asked = Instant::now();
    assert_eq!(daemon.run(&asking(&["now"]))?["state"], "finished");
    assert!(asked.elapsed() < Duration::from_secs(8), "others have their turn");
    for id in &ids {
        let job = daemon.wait(id)?;
        assert!(["timeout", "limit"].iter().any(|kind| job["error"]["kind"] == *kind), "{job}");
    }
    Ok(())
}
