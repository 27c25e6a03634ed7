//! What is wrong with a transfer, and when that is said.

use super::{failing, lending, moving};
use crate::job::{body, output, with};
use anyhow::Context;
use hostler_tests::Sshd;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn a_wrong_request_is_refused_at_once() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let transfer = |fields: Value| moving(&sshd, "upload", "wrong", &fields);
    let changed = |change: fn(&mut Value)| with(transfer(json!({})), change);
    for (body, words) in [
        (transfer(json!({"chunk_size": 0})), "chunk_size"),
        (transfer(json!({"chunk_size": -1})), "chunk_size"),
        (transfer(json!({"chunk_size": "many"})), "chunk_size"),
        (transfer(json!({"timeout": 0})), "timeout"),
        (transfer(json!({"local_path": ""})), "local_path"),
        (transfer(json!({"remote_path": ""})), "remote_path"),
        (transfer(json!({"remote_path": "a\0b"})), "remote_path"),
        (transfer(json!({"operation": "move"})), "operation"),
        (transfer(json!({"operation": null})), "operation"),
        (transfer(json!({"chmod": "rw"})), "chmod"),
        (transfer(json!({"sync_mode": "newer"})), "sync_mode"),
        (transfer(json!({"verify_file": true, "hash_algorithm": "crc32"})), "hash_algorithm"),
        (transfer(json!({"operation": "download", "execute_after_upload": true})), "execute_after_upload"),
        (changed(|it| it["command"] = "ls".into()), "__FILE_TRANSFER__"),
        (changed(|it| it["command"] = json!(["__FILE_TRANSFER__", "ls"])), "__FILE_TRANSFER__"),
        (
            changed(|it| {
                it["config"] = it["command"].take();
            }),
            "config",
        ),
        (changed(|it| it["driver_args"] = json!({})), "driver_args.file_transfer"),
    ] {
        let refused = daemon.execute(&body)?;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text);
        assert!(refused.text.contains(words), "{words} is missing: {}", refused.text);
    }
    let unknown = daemon.execute(&transfer(json!({"surprise": 1})))?;
    let warnings = unknown.body["data"]["warnings"].to_string();
    assert!(warnings.contains("driver_args.file_transfer.surprise"), "{}", unknown.text);
    Ok(())
}

/// Nobody listens where these jobs are to go: who tried it would be refused otherwise.
#[test]
fn what_may_not_be_read_or_written_here_needs_no_connection() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let local = daemon.local();
    symlink("/etc/shadow", local.join("out"))?;
    symlink("../data/api-key", local.join("up"))?;
    fs::create_dir(local.join("folder"))?;
    symlink("/etc", local.join("folder/etc"))?;
    for (path, kind) in [
        ("/etc/shadow", "denied"),
        ("/local/out", "denied"),
        ("/local/up", "denied"),
        ("/local/folder/etc/shadow", "denied"),
        ("../data/api-key", "invalid-request"),
        ("/local/../etc/shadow", "invalid-request"),
        ("/proc/self/environ", "denied"),
        ("/localx/file", "denied"),
    ] {
        for operation in ["upload", "download"] {
            let fields = json!({"local_path": path, "remote_path": "/remote/x"});
            let asked = with(moving(&sshd, operation, "x", &fields), |it| it["connection_args"]["port"] = 1.into());
            let (refused, message) = failing(&daemon, &asked)?;
            assert_eq!(refused, kind, "{operation} {path}: {message}");
            assert!(message.contains(path.rsplit('/').next().context("a part")?), "{operation} {path}: {message}");
        }
    }
    let missing = with(moving(&sshd, "upload", "missing", &json!({})), |it| it["connection_args"]["port"] = 1.into());
    assert_eq!(failing(&daemon, &missing)?.0, "not-found");
    Ok(())
}

#[test]
fn what_cannot_be_moved_is_an_error_with_its_path() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let local = daemon.local();
    fs::write(local.join("plain"), "text")?;
    fs::create_dir(local.join("a-folder"))?;
    output(&daemon, &body(&sshd, "cd /remote; mkdir a-folder; echo x >plain; mkfifo pipe; mkdir -m 555 closed"))?;
    let up = |remote: &str| moving(&sshd, "upload", "plain", &json!({"remote_path": remote}));
    let down = |remote: &str, local: &str| {
        moving(&sshd, "download", "x", &json!({"remote_path": remote, "local_path": format!("/local/{local}")}))
    };
    for (asked, kind, path) in [
        (down("/remote/none", "new"), "not-found", "/remote/none"),
        (down("/root/only-root-sees-this", "new"), "permission-denied", "/root/only-root-sees-this"),
        (down("/remote/a-folder", "new"), "transfer-failed", "/remote/a-folder"),
        (down("/remote/pipe", "new"), "transfer-failed", "/remote/pipe"),
        (down("/remote/plain", "a-folder"), "transfer-failed", "/local/a-folder"),
        (down("/remote/plain", "none/new"), "not-found", "/local/none"),
        (up("/remote/none/new"), "not-found", "/remote/none"),
        (up("/remote/closed/new"), "permission-denied", "/remote/closed"),
        (up("/remote/a-folder"), "transfer-failed", "/remote/a-folder"),
        (up("/remote/plain/new"), "not-found", "/remote/plain"),
        (up("../x"), "invalid-request", "../x"),
        (up("/remote/./x"), "invalid-request", "/remote/./x"),
        (moving(&sshd, "upload", "a-folder", &json!({})), "transfer-failed", "/local/a-folder"),
    ] {
        let (refused, message) = failing(&daemon, &asked)?;
        assert_eq!(refused, kind, "{asked}: {message}");
        assert!(message.contains(path), "{path}: {message}");
    }
    assert!(!local.join("new").exists(), "nothing is left behind");
    let folders = moving(&sshd, "upload", "plain", &json!({"remote_path": "/remote/none/new", "make_folders": true}));
    super::moved(&daemon, &folders)?;
    assert_eq!(fs::read_to_string(sshd.remote().join("none/new"))?, "text");
    Ok(())
}

#[test]
fn a_transfer_has_its_own_wall_clock() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    fs::File::create(daemon.local().join("late"))?.set_len(4 << 30)?;
    let (kind, message) = failing(&daemon, &moving(&sshd, "upload", "late", &json!({"timeout": 0.2})))?;
    assert_eq!((kind.as_str(), message.contains("/remote/late")), ("timeout", true), "{message}");
    let left = output(&daemon, &body(&sshd, "ls -A /remote | grep late || true"))?;
    assert_eq!(left, "", "no part is left where none was asked for");
    fs::remove_file(daemon.local().join("late"))?;
    Ok(())
}
