//! Plugins that mean harm or are broken: each gets an error of its own, and the daemon goes on serving.

use crate::SETUP;
use anyhow::Context;
use hostler_tests::{Daemon, Setup};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use wasm_encoder::{ComponentSection, CustomSection};

/// A component of `tests/guests`.
pub(crate) fn guest(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = Path::new(env!("TEST_GUESTS")).join(format!("{name}.wasm"));
    fs::read(&path).with_context(|| format!("{} is not built", path.display()))
}

/// What a guest says of itself: it asks for what its imports need.
pub(crate) fn manifest(name: &str, requests: &[&str]) -> String {
    let world = if name.starts_with("policy-") { "policy" } else { "driver" };
    let request = |word: &&str| format!("[[request]]\ncapability = {word:?}\nreason = \"It is a test.\"\n");
    let requests: String = requests.iter().map(request).collect();
    format!("name = {name:?}\nversion = \"0.1.0\"\nworld = {world:?}\napi = \"0.1\"\n{requests}")
}

/// A component with its manifest inside, as it is delivered.
pub(crate) fn embedded(mut component: Vec<u8>, manifest: &str) -> Vec<u8> {
    CustomSection { name: "hostler:manifest".into(), data: manifest.as_bytes().into() }
        .append_to_component(&mut component);
    component
}

/// A guest with its manifest inside.
pub(crate) fn whole(name: &str, requests: &[&str]) -> anyhow::Result<Vec<u8>> {
    Ok(embedded(guest(name)?, &manifest(name, requests)))
}

/// A daemon with one plugin more, which asks for nothing.
pub(crate) fn with_plugin(name: &str, config: &str) -> anyhow::Result<Daemon> {
    with_asking(name, &[], config)
}

/// A daemon with one plugin more.
fn with_asking(name: &str, requests: &[&str], config: &str) -> anyhow::Result<Daemon> {
    let component = whole(name, requests)?;
    Daemon::start(&Setup { config, plugins: &[(&format!("{name}.wasm"), &component)], ..SETUP })
}

pub(crate) fn body(driver: &str) -> Value {
    json!({
        "driver": driver,
        "connection_args": {"host": "127.0.0.1", "username": "admin", "password": "not-needed"},
        "command": "echo hi"
    })
}

/// Runs a job with a hostile driver, and answers the sentence that it fails with.
fn failing(name: &str, kind: &str, phase: &str) -> anyhow::Result<String> {
    let daemon = with_plugin(name, "")?;
    let job = daemon.run(&body(name))?;
    assert_eq!(job["state"], "failed", "{job}");
    assert_eq!((&job["error"]["kind"], &job["error"]["phase"]), (&json!(kind), &json!(phase)), "{job}");
    serves(&daemon)?;
    Ok(job["error"]["message"].as_str().context("a failure has a sentence")?.to_owned())
}

/// A plugin that cannot be loaded is listed with the reason, and its driver is unknown.
pub(crate) fn not_loaded(daemon: &Daemon, name: &str) -> anyhow::Result<String> {
    let plugins = daemon.get("/v1/plugins")?;
    let mut listed = plugins.body["plugins"].as_array().context("a list")?.iter();
    let plugin = listed.find(|plugin| plugin["name"] == name).with_context(|| plugins.text.clone())?;
    let reason = plugin["error"].as_str().with_context(|| plugins.text.clone())?.to_owned();
    let refused = daemon.execute(&body(name))?;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("paramiko"), "it names the drivers that exist: {}", refused.text);
    serves(daemon)?;
    Ok(reason)
}

pub(crate) fn serves(daemon: &Daemon) -> anyhow::Result<()> {
    assert_eq!(daemon.get("/health")?.body["data"], "ok");
    let accepted = daemon.execute(&json!({
        "driver": "paramiko",
        "connection_args": {"host": "127.0.0.1", "port": 1, "username": "admin", "password": "not-needed"},
        "command": "echo hi"
    }))?;
    assert_eq!(accepted.status, 201, "{}", accepted.text);
    assert_eq!(daemon.wait(accepted.job()?)?["error"]["kind"], "refused");
    Ok(())
}

#[test]
fn loops_for_ever() -> anyhow::Result<()> {
    let daemon = with_plugin("loops", "plugin.loops.limits.cpu_ms = 200")?;
    let job = daemon.run(&body("loops"))?;
    assert_eq!((&job["error"]["kind"], &job["error"]["phase"]), (&json!("limit"), &json!("plugin")), "{job}");
    assert!(job["error"]["message"].as_str().context("text")?.contains("CPU"), "{job}");
    serves(&daemon)
}

#[test]
fn allocates_without_end() -> anyhow::Result<()> {
    let message = failing("allocates", "limit", "plugin")?;
    assert!(message.contains("memory"), "{message}");
    Ok(())
}

#[test]
fn traps() -> anyhow::Result<()> {
    failing("traps", "trap", "plugin")?;
    Ok(())
}

#[test]
fn returns_a_gigabyte() -> anyhow::Result<()> {
    failing("returns-gigabyte", "limit", "plugin")?;
    Ok(())
}

#[test]
fn opens_ten_thousand_handles() -> anyhow::Result<()> {
    let message = failing("opens-handles", "limit", "plugin")?;
    assert!(message.contains("handle"), "{message}");
    Ok(())
}

#[test]
fn oversteps_what_it_may_do() -> anyhow::Result<()> {
    let daemon = with_asking("oversteps", &["connect"], r#"plugin.oversteps.grants = ["connect"]"#)?;
    let job = daemon.run(&body("oversteps"))?;
    assert_eq!((&job["error"]["kind"], &job["error"]["phase"]), (&json!("denied"), &json!("plugin")), "{job}");
    assert!(job["error"]["message"].as_str().context("text")?.contains("connection_args.password"), "{job}");
    assert_eq!(job["warnings"], json!(["secret in validate: denied", "session in validate: denied"]), "{job}");
    serves(&daemon)
}

#[test]
fn remembers_nothing_of_an_earlier_call() -> anyhow::Result<()> {
    let daemon = with_plugin("remembers", "")?;
    for _ in 0..2 {
        let job = daemon.run(&body("remembers"))?;
        assert_eq!((&job["state"], &job["warnings"]), (&json!("finished"), &json!(["calls before: 0"])), "{job}");
    }
    Ok(())
}

#[test]
fn loops_while_it_validates() -> anyhow::Result<()> {
    let daemon = with_plugin("loops-in-validate", "plugin.loops-in-validate.limits.cpu_ms = 200")?;
    let refused = daemon.execute(&body("loops-in-validate"))?;
    assert_eq!(refused.status, 502, "{}", refused.text);
    assert_eq!(refused.body["data"]["kind"], "limit", "{}", refused.text);
    serves(&daemon)
}

#[test]
fn answers_with_something_that_is_not_json() -> anyhow::Result<()> {
    let daemon = with_plugin("wrong-json", "")?;
    let refused = daemon.execute(&body("wrong-json"))?;
    assert_eq!(refused.status, 502, "{}", refused.text);
    assert_eq!(refused.body["data"]["kind"], "invalid-output", "{}", refused.text);
    serves(&daemon)
}

#[test]
fn describes_itself_wrongly() -> anyhow::Result<()> {
    let reason = not_loaded(&with_plugin("bad-describe", "")?, "bad-describe")?;
    assert!(reason.contains("description"), "{reason}");
    Ok(())
}

#[test]
fn is_not_wasm() -> anyhow::Result<()> {
    let daemon = Daemon::start(&Setup { plugins: &[("text.wasm", b"This is no component.")], ..SETUP })?;
    let reason = not_loaded(&daemon, "text")?;
    assert!(reason.contains("not a WebAssembly component"), "{reason}");
    Ok(())
}

#[test]
fn is_of_another_world() -> anyhow::Result<()> {
    let reason = not_loaded(&with_plugin("wrong-world", "")?, "wrong-world")?;
    assert!(reason.contains("exports"), "{reason}");
    Ok(())
}

#[test]
fn imports_what_is_not_granted() -> anyhow::Result<()> {
    let reason = not_loaded(&with_plugin("ungranted", "")?, "ungranted")?;
    assert!(reason.contains("evil:corp/files"), "it names the interface: {reason}");
    let reason = not_loaded(&with_plugin("policy-waits", "")?, "policy-waits")?;
    assert!(reason.contains("hostler:plugin/clock"), "it names the interface: {reason}");
    assert!(reason.contains("for a policy"), "{reason}");
    let reason = not_loaded(&with_asking("hoarder", &["connect", "exec"], "")?, "hoarder")?;
    assert!(reason.contains("hostler:plugin/ssh"), "it names the interface: {reason}");
    assert!(reason.contains("add \"connect\" to plugin.hoarder.grants"), "it says how to grant it: {reason}");
    Ok(())
}

#[test]
fn finds_no_power_in_wasi() -> anyhow::Result<()> {
    let reason = not_loaded(&with_asking("wasi", &["wasi"], "")?, "wasi")?;
    assert!(reason.contains("wasi:"), "it is opt-in: {reason}");
    let daemon = with_asking("wasi", &["wasi"], r#"plugin.wasi.grants = ["wasi"]"#)?;
    let job = daemon.run(&body("wasi"))?;
    let findings = job["warnings"].to_string();
    assert!(findings.contains("environment"), "{job}");
    assert!(!findings.contains(Daemon::KEY), "{job}");
    serves(&daemon)
}

/// `policy-hosts` is not in the chain here, so what is denied is denied by the broken policy.
fn with_policy(name: &str) -> anyhow::Result<Daemon> {
    with_plugin(name, &format!("[[policy]]\nplugin = {name:?}"))
}

#[test]
fn a_policy_that_traps_denies() -> anyhow::Result<()> {
    let daemon = with_policy("policy-traps")?;
    let refused = daemon.execute(&body("paramiko"))?;
    assert_eq!(refused.status, 502, "{}", refused.text);
    assert_eq!(refused.body["data"]["kind"], "trap", "{}", refused.text);
    assert_eq!(refused.body["data"]["phase"], "policy", "{}", refused.text);
    assert_eq!(daemon.get("/health")?.status, 200);
    assert_eq!(daemon.get("/job")?.body["data"], json!([]), "no job passed it");
    Ok(())
}

#[test]
fn a_policy_that_loops_denies() -> anyhow::Result<()> {
    let daemon = with_policy("policy-slow")?;
    let job = daemon.run(&body("paramiko"))?;
    assert_eq!((&job["error"]["kind"], &job["error"]["phase"]), (&json!("limit"), &json!("policy")), "{job}");
    assert_eq!(daemon.get("/health")?.status, 200);
    Ok(())
}
