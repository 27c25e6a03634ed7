//! A manifest beside its component goes where that goes.

use crate::SETUP;
use crate::hostile::{guest, manifest};
use crate::life_cycle::{serving, version};
use hostler_tests::{Daemon, Setup};
use std::fs;
use ureq::http::Method;

#[test]
fn a_rollback_brings_back_the_manifest_beside_the_component() -> anyhow::Result<()> {
    let (old, its_manifest, new) =
        (guest("changes")?, manifest("changes", &[]).replace("0.1.0", "version 00"), version(1)?);
    let files: &[(&str, &[u8])] = &[("changes.wasm", &old), ("changes.toml", its_manifest.as_bytes())];
    let daemon = Daemon::start(&Setup { plugins: files, ..SETUP })?;
    let post = |daemon: &Daemon, verb: &str| -> anyhow::Result<()> {
        let answer = daemon.send(Method::POST, &format!("/v1/plugins/changes/{verb}"), "")?;
        anyhow::ensure!(answer.status == 200, "{verb}: {}", answer.text);
        Ok(())
    };
    assert_eq!(serving(&daemon)?, "version 00");
    let folder = daemon.data().join("plugins");
    fs::write(folder.join("changes.wasm"), &new)?;
    fs::remove_file(folder.join("changes.toml"))?;
    post(&daemon, "load")?;
    assert_eq!(serving(&daemon)?, "version 01");
    post(&daemon, "rollback")?;
    assert_eq!(serving(&daemon)?, "version 00");
    assert_eq!(fs::read_to_string(folder.join("changes.toml"))?, its_manifest);
    let daemon = daemon.restart(&SETUP)?;
    assert_eq!(serving(&daemon)?, "version 00");
    post(&daemon, "rollback")?;
    assert_eq!(serving(&daemon)?, "version 01");
    assert!(!folder.join("changes.toml").exists(), "its manifest is inside it");
    Ok(())
}
