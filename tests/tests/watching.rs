//! `plugins.watch`: what changes in the plugins folder is taken into service without being asked.

use crate::SETUP;
use crate::life_cycle::{job, serving, version};
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Setup};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// Asks the audit until it has so many lines of an event about the plugin of these tests; answers the newest.
fn told(daemon: &Daemon, event: &str, lines: usize) -> anyhow::Result<Value> {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let answer = daemon.get(&format!("/v1/audit?event={event}"))?;
        let all = answer.body["audit"].as_array().with_context(|| answer.text.clone())?;
        let about: Vec<&Value> = all.iter().filter(|line| line["plugin"] == "changes").collect();
        if about.len() >= lines {
            ensure!(about.len() == lines, "{about:?}");
            return Ok(about[0].clone());
        }
        ensure!(Instant::now() < end, "{}", answer.text);
    }
}

#[test]
fn a_file_that_changes_in_a_watched_folder_is_taken_into_service() -> anyhow::Result<()> {
    let config = "plugins.watch = true";
    let daemon = Daemon::start(&Setup { config, ..SETUP })?;
    let file = daemon.data().join("plugins/changes.wasm");
    fs::write(&file, version(1)?)?;
    let loaded = told(&daemon, "loaded", 1)?;
    assert_eq!(loaded["caller"], Value::Null, "nobody asked: {loaded}");
    assert_eq!(serving(&daemon)?, "version 01");

    fs::write(file.with_extension("new"), version(2)?)?;
    fs::rename(file.with_extension("new"), &file)?;
    told(&daemon, "loaded", 2)?;
    assert_eq!(serving(&daemon)?, "version 02");

    fs::write(&file, "no component")?;
    let refused = told(&daemon, "refused", 1)?;
    assert!(
        refused["reason"].as_str().is_some_and(|reason| reason.contains("not a WebAssembly component")),
        "{refused}"
    );
    assert_eq!(serving(&daemon)?, "version 02", "what is refused changes nothing");

    fs::remove_file(&file)?;
    told(&daemon, "removed", 1)?;
    let gone = daemon.execute(&job())?;
    assert!(gone.status == 422 && gone.text.contains("should be 'paramiko'"), "{}", gone.text);
    fs::write(&file, version(3)?)?;
    told(&daemon, "loaded", 3)?;
    assert_eq!(serving(&daemon)?, "version 03");
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_not_taken_for_gone() -> anyhow::Result<()> {
    let config = "plugins.watch = true";
    let daemon = Daemon::start(&Setup { config, ..SETUP })?;
    let folder = daemon.data().join("plugins");
    let file = folder.join("changes.wasm");
    for number in [1, 2] {
        fs::write(&file, version(number)?)?;
        told(&daemon, "loaded", number)?;
    }
    // Nothing larger is read.
    fs::OpenOptions::new().write(true).open(&file)?.set_len((64 << 20) + 1)?;
    let refused = told(&daemon, "refused", 1)?;
    assert!(refused["reason"].as_str().is_some_and(|reason| reason.contains("larger than")), "{refused}");
    assert_eq!(serving(&daemon)?, "version 02");
    assert!(file.exists() && folder.join("changes.wasm.previous").exists());
    Ok(())
}
