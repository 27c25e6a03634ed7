//! A client that a generator makes of the API's description.

use crate::job::body;
use crate::shared_daemon;
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Python, Sshd, sleepers_become, unique_nap};
use serde_json::json;
use std::fs::{self, File};
use std::time::Duration;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/generated");

#[test]
fn a_generated_client_submits_follows_and_cancels() -> anyhow::Result<()> {
    let (sshd, daemon) = (Sshd::shared()?, shared_daemon()?);
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), "generator", &format!("{FOLDER}/requirements.txt"))?;
    let folder = tempfile::tempdir()?;
    let document = folder.path().join("openapi.json");
    fs::write(&document, daemon.get("/openapi.json")?.text)?;
    let mut generate = python.program("openapi-python-client");
    generate.args(["generate", "--fail-on-warning", "--meta", "none", "--config"]).arg(format!("{FOLDER}/config.yml"));
    generate.arg("--path").arg(&document).arg("--output-path").arg(folder.path().join("client"));
    let generated = generate.output()?;
    ensure!(generated.status.success(), "the generator objects: {}", String::from_utf8_lossy(&generated.stderr));

    let nap = unique_nap();
    let given = json!({
        "address": daemon.address(),
        "key": Daemon::KEY,
        "request": body(&sshd, "uname -s"),
        "long": body(&sshd, format!("sleep {nap}")),
    });
    let input = folder.path().join("given.json");
    fs::write(&input, given.to_string())?;
    let mut drive = python.program("python");
    drive.arg(format!("{FOLDER}/drive.py")).env("PYTHONPATH", folder.path()).stdin(File::open(&input)?);
    let driven = drive.output().context("the client cannot be run")?;
    ensure!(driven.status.success(), "{}", String::from_utf8_lossy(&driven.stderr));
    ensure!(sleepers_become(0, &nap, Duration::from_secs(5)), "the cancelled job's process still runs");
    Ok(())
}
