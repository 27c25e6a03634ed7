//! Plugins in other languages than Rust, built with the tools of those languages.

mod javascript;
mod python;

use crate::SETUP;
use crate::job::{body, failing, with};
use anyhow::ensure;
use hostler_tests::{Daemon, Sshd};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use ureq::http::Method;

/// The root of the repository.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// To compile their runtimes takes long where the compiler was compiled without optimisation.
const PATIENT: &str = "plugins.compile_time = 3600\n";

/// A job that no policy of a template can judge by its commands: it has none.
const SCRIPT: &str = r#"{
    "connection_args": {"host": "web1.example", "username": "admin", "password": "secret-of-admin"},
    "driver_args": {"script_content": "reboot"}
}"#;

/// A copy of the project in a folder of the repository, without what somebody installed there.
fn copy(project: &str) -> anyhow::Result<TempDir> {
    // What is typed without care may hold a space.
    let folder = TempDir::with_prefix("a project ")?;
    for file in fs::read_dir(Path::new(REPOSITORY).join(project))? {
        let file = file?;
        if file.file_type()?.is_file() {
            fs::copy(file.path(), folder.path().join(file.file_name()))?;
        }
    }
    Ok(folder)
}

/// Builds the project in a folder of the repository, in a copy of it, with tools found in `path`.
fn build(project: &str, path: &OsString) -> anyhow::Result<Vec<u8>> {
    let folder = copy(project)?;
    if folder.path().join("plugin.js").is_file() {
        javascript::modules()?.lend(folder.path())?;
    }
    let built = Command::new(SETUP.program).args(["plugin", "build"]).arg(folder.path()).env("PATH", path).output()?;
    let shown = said(&built);
    ensure!(built.status.success(), "{project} is not built: {shown}");
    Ok(fs::read(String::from_utf8(built.stdout)?.trim())?)
}

/// From an empty folder to a plugin that ran. Answers what was shown.
fn first_plugin(language: &str, world: &str, path: &OsString) -> anyhow::Result<String> {
    let folder = TempDir::with_prefix("first plugin ")?;
    if language == "js" {
        javascript::modules()?.lend(folder.path())?;
    }
    let script = Path::new(REPOSITORY).join("examples/first-plugin.sh");
    let mut script = Command::new(script);
    script.args([language, world]).env("HOSTLER", SETUP.program).env("FOLDER", folder.path()).env("PATH", path);
    let ended = script.output()?;
    let shown = said(&ended);
    ensure!(ended.status.success(), "{language} {world}: {shown}");
    if world == "policy" {
        let request = folder.path().join("script.json");
        fs::write(&request, SCRIPT)?;
        let mut run = Command::new(SETUP.program);
        run.args(["plugin", "run"]).arg(folder.path().join(format!("first-{language}-{world}")));
        let denied = said(&run.arg("--request").arg(request).output()?);
        ensure!(denied.contains("rule input: Commands may be given no input"), "{language}: {denied}");
    }
    Ok(shown)
}

/// A job for the driver `trouble` of either language, which does what `kind` says.
fn trouble(sshd: &Sshd, kind: &str) -> Value {
    with(body(sshd, "anything"), |it| {
        it["driver"] = "trouble".into();
        it["driver_args"] = json!({"trouble": kind});
    })
}

/// That an exception in `execute` becomes an error, which names it and is not long.
fn assert_exceptions(daemon: &Daemon, sshd: &Sshd, exceptions: &[(&str, &str)]) -> anyhow::Result<()> {
    for (kind, sentence) in exceptions {
        let message = failing(daemon, &trouble(sshd, kind), "exception", "plugin")?;
        assert!(message.contains(sentence) && message.len() < 2000, "{kind}: {message}");
    }
    Ok(())
}

/// That errors which a driver means, and those of the daemon, stay what they are.
fn assert_own_errors(daemon: &Daemon, sshd: &Sshd) -> anyhow::Result<()> {
    let own = failing(daemon, &trouble(sshd, "error"), "out-of-paper", "exec")?;
    assert_eq!(own, "Put paper in.");
    for kind in ["closed", "lost"] {
        failing(daemon, &trouble(sshd, kind), "closed", "plugin")?;
    }
    Ok(())
}

/// That what goes wrong in `validate` is told as what is wrong with the request.
fn assert_problems(daemon: &Daemon, sshd: &Sshd, problems: &[(&str, &str)]) -> anyhow::Result<()> {
    for (kind, sentence) in problems {
        let answer = daemon.execute(&trouble(sshd, kind))?;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains(sentence), "{kind}: {}", answer.text);
    }
    Ok(())
}

/// That a look at a target whose driver throws in `connect` says so.
fn assert_look_says(daemon: &Daemon, sshd: &Sshd, sentence: &str) -> anyhow::Result<()> {
    let login = with(trouble(sshd, "")["connection_args"].take(), |it| it["username"] = "trouble".into());
    let look = json!({"driver": "trouble", "connection_args": login}).to_string();
    let looked = daemon.send(Method::POST, "/device/test-connection", &look)?;
    assert!(looked.text.contains(sentence), "{}", looked.text);
    Ok(())
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}
