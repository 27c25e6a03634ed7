//! What a driver tries with the files of its server.

mod links;

use super::{CONFIG, OPEN, attacked, audit, body, serves};
use crate::SETUP;
use crate::hostile::whole;
use crate::job::with;
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// Every call that names a path, `PATH` where the path goes, with another path that is allowed.
const CALLS: [[&str; 3]; 17] = [
    ["stat", "PATH", ""],
    ["list", "PATH", ""],
    ["read", "PATH", ""],
    ["write", "PATH", "text"],
    ["remove", "PATH", ""],
    ["rename", "PATH", "/home/admin/granted/other"],
    ["rename", "/home/admin/granted/other", "PATH"],
    ["make-folder", "PATH", ""],
    ["remove-folder", "PATH", ""],
    ["set-mode", "PATH", ""],
    ["link-stat", "PATH", ""],
    ["read-link", "PATH", ""],
    ["symlink", "PATH", "/home/admin/granted/other"],
    ["open", "PATH", ""],
    ["open-to-write", "PATH", "text"],
    ["upload", "PATH", "present"],
    ["download", "PATH", "absent"],
];

/// Makes calls in one job, and answers what came of each (`["read", "denied", "policy"]`) and the job.
fn outcomes(daemon: &Daemon, sshd: &Sshd, calls: &Value) -> anyhow::Result<(Vec<Value>, Value)> {
    let job = daemon.run(&with(body(sshd, "files", "id"), |it| it["driver_args"]["calls"] = calls.clone()))?;
    assert_eq!(job["state"], "finished", "{job}");
    Ok((told(&job)?, job))
}

/// What the driver told. What the daemon itself warns of comes in between, and is no JSON.
fn told(job: &Value) -> anyhow::Result<Vec<Value>> {
    let warnings = job["warnings"].as_array().context("a list")?;
    Ok(warnings.iter().filter_map(|told| serde_json::from_str(told.as_str()?).ok()).collect())
}

/// Makes every call with a path, and each must end so. What is denied is written down with the rule.
fn every_call(daemon: &Daemon, sshd: &Sshd, path: &str, kind: &str, phase: &str) -> anyhow::Result<()> {
    let calls = json!(CALLS.map(|call| call.map(|word| if word == "PATH" { path } else { word })));
    fs::write(daemon.data().join("files/present"), "text")?;
    let (told, job) = outcomes(daemon, sshd, &calls)?;
    assert_eq!(told.len(), CALLS.len(), "{path:?}: {job}");
    for outcome in told {
        assert_eq!((&outcome[1], &outcome[2]), (&json!(kind), &json!(phase)), "{path:?}: {outcome}");
    }
    let entries = audit(daemon, &job)?;
    assert_eq!(entries.len(), if kind == "denied" { CALLS.len() } else { 0 }, "{path:?}: {entries:?}");
    for entry in entries {
        let rule = entry["rule"].as_str().context("a rule")?;
        assert_eq!((&entry["event"], &entry["by"]), (&json!("denied"), &json!("grants")), "{path:?}: {entry}");
        assert!(rule.starts_with("plugin.attacker.grants["), "{path:?}: {entry}");
    }
    Ok(())
}

/// A server of the test's own, whose granted folder holds a file.
fn server() -> anyhow::Result<Sshd> {
    let sshd = Sshd::start(&[])?;
    let granted = sshd.home().join("granted");
    fs::create_dir(&granted)?;
    fs::write(granted.join("other"), "inside")?;
    // The user there is another one than here.
    fs::set_permissions(&granted, fs::Permissions::from_mode(0o777))?;
    fs::set_permissions(granted.join("other"), fs::Permissions::from_mode(0o666))?;
    Ok(sshd)
}

#[test]
fn no_call_takes_a_path_with_two_spellings() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(OPEN)?, server()?);
    let long = format!("/home/admin/granted/{}", "x".repeat(5_000));
    for path in [
        "",
        "..",
        "/..",
        "../admin/.profile",
        "/srv/../etc/shadow",
        "/home/admin/granted/..",
        "/home/admin/granted/../.profile",
        "/home/admin/granted/../../../etc/shadow",
        "/home/admin/granted//other",
        "//home/admin/granted/other",
        "/home/admin/granted/./other",
        "/home/admin/granted/.",
        "/home/admin/granted/other/",
        "/home/admin/granted/other\0.txt",
        "\0",
        &long,
    ] {
        every_call(&daemon, &sshd, path, "invalid-request", "transfer")?;
    }
    assert_eq!(fs::read_to_string(sshd.home().join("granted/other"))?, "inside");
    serves(&daemon, &sshd)
}

#[test]
fn no_call_leaves_the_granted_folder() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(OPEN)?, server()?);
    for path in [
        "/",
        ".",
        "granted/other",
        "~/granted/other",
        "/home/admin",
        "/home/admin/.profile",
        "/home/admin/granted.txt",
        "/home/admin/grantedx/other",
        "/HOME/admin/granted/other",
        "/home/admin/\u{ff47}ranted/other",
        " /home/admin/granted/other",
        "/proc/self/root/home/admin/granted/other",
    ] {
        every_call(&daemon, &sshd, path, "denied", "policy")?;
    }
    assert_eq!(fs::read_dir(sshd.home().join("granted"))?.count(), 1, "nothing was made or moved");
    serves(&daemon, &sshd)
}

#[test]
fn nothing_at_all_is_done_without_a_grant() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(CONFIG)?, server()?);
    every_call(&daemon, &sshd, "/home/admin/granted/other", "denied", "policy")?;
    serves(&daemon, &sshd)
}

#[test]
fn access_size_and_both_ends_of_a_rename_are_judged() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(OPEN)?, server()?);
    let (fits, large) = ("x".repeat(1_000), "x".repeat(1_001));
    let other = "/home/admin/granted/other";
    for (call, kind) in [
        (["read", "/etc/hostname", ""], "done"),
        (["write", "/etc/motd", "mine"], "denied"),
        (["remove", "/etc/motd", ""], "denied"),
        (["set-mode", "/etc/motd", ""], "denied"),
        (["rename", "/etc/motd", other], "denied"),
        (["rename", other, "/etc/motd"], "denied"),
        (["rename", other, "/home/admin/.profile"], "denied"),
        (["rename", "/home/admin/.profile", other], "denied"),
        (["write", other, &large], "denied"),
        (["write", other, &fits], "done"),
        (["open-to-write", other, &large], "denied"),
        (["open-to-write", other, &fits], "done"),
        (["write-far", other, ""], "denied"),
        (["open-to-write", "/etc/motd", ""], "denied"),
        (["open", "/etc/hostname", ""], "done"),
        (["rename", other, "/home/admin/granted/renamed"], "done"),
    ] {
        let (told, _) = outcomes(&daemon, &sshd, &json!([call]))?;
        assert_eq!(told[0][1], kind, "{call:?}");
    }
    assert_eq!(fs::read_to_string(sshd.home().join("granted/renamed"))?, fits);
    Ok(())
}

/// A grant is about names. Whoever lets others place links below a granted folder grants what they lead to.
#[test]
fn a_link_is_followed_and_none_is_made_to_what_is_not_granted() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(OPEN)?, server()?);
    symlink("/home/admin", sshd.home().join("granted/out"))?;
    let calls = json!([
        ["read", "/home/admin/granted/out/.profile", ""],
        ["read", "/home/admin/granted/out/../.profile", ""],
        ["rename", "/home/admin/granted/out", "/home/admin/out"],
        ["remove", "/home/admin/granted/out", ""],
        ["read", "/home/admin/.profile", ""],
        ["symlink", "/home/admin/granted/1", "/home/admin/.profile"],
        ["symlink", "/home/admin/granted/2", "../.profile"],
        ["symlink", "/home/admin/granted/3", "/etc/shadow"],
        ["symlink", "/home/admin/granted/4", "/home/admin"],
        ["symlink", "/home/admin/granted/5", "other"],
        ["read", "/home/admin/granted/5", ""],
        ["read-link", "/home/admin/granted/5", ""],
    ]);
    let (told, _) = outcomes(&daemon, &sshd, &calls)?;
    let kinds: Vec<_> = told.iter().filter_map(|outcome| outcome[1].as_str()).collect();
    let (denied, done) = (["denied"; 4], ["done"; 3]);
    assert_eq!(kinds, [&["done", "invalid-request", "denied", "done", "denied"][..], &denied, &done].concat());
    assert!(sshd.home().join(".profile").exists(), "the link was removed, not what it leads to");
    Ok(())
}

#[test]
fn handles_and_sizes_have_errors_of_their_own() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(OPEN)?, Sshd::shared()?);
    fs::write(daemon.data().join("files/present"), "text")?;
    for (attack, kind, phase) in [
        ("many-files", "limit", "transfer"),
        ("closed-files", "invalid-request", "transfer"),
        ("closed-file", "invalid-request", "transfer"),
        ("odd-mode", "invalid-request", "transfer"),
        ("mode-of-nothing", "invalid-request", "transfer"),
        ("made-to-read", "invalid-request", "transfer"),
        ("odd-link", "invalid-request", "transfer"),
        ("wrong-direction", "invalid-request", "transfer"),
        ("odd-compare", "invalid-request", "transfer"),
        ("odd-links", "invalid-request", "transfer"),
        ("odd-hash", "invalid-request", "transfer"),
        ("odd-file-mode", "invalid-request", "transfer"),
        ("odd-request-size", "invalid-request", "transfer"),
        ("transfer-when-closed", "invalid-request", "transfer"),
        ("many-local-files", "limit", "plugin"),
        ("forged-local-file", "invalid-output", "plugin"),
        ("session-as-local-file", "invalid-output", "plugin"),
        ("local-file-as-file", "invalid-output", "plugin"),
        ("giant-file", "limit", "plugin"),
        ("forged-files", "invalid-output", "plugin"),
        ("session-as-files", "invalid-output", "plugin"),
        ("secret-as-files", "invalid-output", "plugin"),
        ("files-as-session", "invalid-output", "plugin"),
    ] {
        let job = daemon.run(&body(&sshd, attack, "id"))?;
        let error = &job["error"];
        assert_eq!((&error["kind"], &error["phase"]), (&json!(kind), &json!(phase)), "{attack}: {job}");
    }
    serves(&daemon, &sshd)
}

/// How somebody would run a script called so in the granted folder.
const RUNS: [&str; 12] = [
    "/home/admin/granted/script",
    "granted/script",
    "~/granted/script",
    "sh /home/admin/granted/script",
    ". /home/admin/granted/script",
    "cd granted && ./script",
    "/home/admin/granted/id",
    "granted/id",
    "PATH=/home/admin/granted id",
    "PATH=/home/admin/granted; id",
    "echo /home/admin/granted/script | sh",
    "echo `granted/script`",
];

/// Runs a script that was uploaded in every way, and each must be denied; by whom?
fn uploaded(daemon: &Daemon, judge: &str) -> anyhow::Result<()> {
    let sshd = server()?;
    let job = daemon.run(&with(body(&sshd, "upload-and-run", "id"), |it| it["command"] = json!(RUNS)))?;
    assert_eq!(job["state"], "finished", "{job}");
    let told = told(&job)?;
    assert_eq!(told.len(), RUNS.len() + 3, "{job}");
    for outcome in &told {
        assert_eq!((&outcome[1], &outcome[2]), (&json!("denied"), &json!("policy")), "{outcome}");
    }
    let entries = audit(daemon, &job)?;
    assert_eq!(entries.len(), told.len(), "{entries:?}");
    assert!(entries.iter().all(|entry| entry["by"] == judge), "{entries:?}");
    assert!(sshd.home().join("granted/script").exists(), "it was uploaded");
    assert!(!sshd.home().join("ran").exists(), "it never ran");
    serves(daemon, &sshd)
}

#[test]
fn what_was_uploaded_is_not_run_where_commands_are_granted_by_name() -> anyhow::Result<()> {
    uploaded(&attacked(OPEN)?, "grants")
}

#[test]
fn what_was_uploaded_is_not_run_where_a_policy_names_the_commands() -> anyhow::Result<()> {
    let attacker = whole("attacker", super::ASKS)?;
    let plugins: &[(&str, &[u8])] = &[("attacker.wasm", &attacker)];
    let start = |files: bool| {
        let config = format!(
            r#"
            plugin.attacker.grants = ["connect", "exec", "stdin", "shell", "pty", "elevation", "remote-files", "local-files"]
            [[policy]]
            plugin = "policy-commands"
            [policy.settings]
            allow = ["id", "true", "echo *"]
            files = {files}
            "#
        );
        Daemon::start(&Setup { config: &config, plugins, ..SETUP })
    };
    uploaded(&start(true)?, "policy-commands")?;
    let (daemon, sshd) = (start(false)?, Sshd::shared()?);
    let job = daemon.run(&body(&sshd, "upload-and-run", "id"))?;
    assert_eq!(job["error"]["kind"], "denied", "the upload itself: {job}");
    assert_eq!(audit(&daemon, &job)?[0]["action"], "write-file", "{job}");
    Ok(())
}
