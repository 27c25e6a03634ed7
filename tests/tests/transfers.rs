//! `file_transfer`, field by field, against Debian's OpenSSH.

mod after_upload;
mod folders;
mod refused;

use crate::SETUP;
use crate::job::{body, with};
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// One that tests running at the same time share: to start one takes seconds. It lends its folder `/local`.
pub(crate) fn lending() -> anyhow::Result<Arc<Daemon>> {
    static SHARED: Mutex<Weak<Daemon>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return Ok(running);
    }
    let started = Arc::new(Daemon::start(&Setup { config: "files.roots = ['/local']", local: true, ..SETUP })?);
    *shared = Arc::downgrade(&started);
    Ok(started)
}

/// The body of a request that moves `/local/NAME` to `/remote/NAME`, or back, with more fields.
fn moving(sshd: &Sshd, operation: &str, name: &str, fields: &Value) -> Value {
    with(body(sshd, json!(["__FILE_TRANSFER__"])), |it| {
        let mut transfer = json!({
            "operation": operation, "local_path": format!("/local/{name}"), "remote_path": format!("/remote/{name}"),
        });
        for (field, value) in fields.as_object().into_iter().flatten() {
            transfer[field] = value.clone();
        }
        it["driver_args"] = json!({"file_transfer": transfer});
    })
}

/// Runs a transfer that comes to its end, and answers what `/v1` says was moved.
fn moved(daemon: &Daemon, body: &Value) -> anyhow::Result<Value> {
    let job = daemon.run(body)?;
    assert_eq!((&job["state"], &job["error"]), (&json!("finished"), &Value::Null), "{job}");
    assert_eq!(job["results"][0]["exit_status"], 0, "{job}");
    Ok(job["results"][0]["moved"].clone())
}

/// Runs a transfer that fails: the kind of the error, and its sentence.
fn failing(daemon: &Daemon, body: &Value) -> anyhow::Result<(String, String)> {
    let job = daemon.run(body)?;
    assert_eq!(job["state"], "failed", "{job}");
    assert_eq!(job["error"]["phase"], "transfer", "{job}");
    let text = |name: &str| job["error"][name].as_str().unwrap_or_default().to_owned();
    Ok((text("kind"), text("message")))
}

/// Content that no request size divides.
fn content(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..1_000_003).map(|_| next()).collect()
}

/// Whether two files hold the same. They are too long to be shown.
fn same(one: &Path, other: &Path) -> anyhow::Result<bool> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
    Ok(read(one)? == read(other)?)
}

fn mode(path: &Path) -> anyhow::Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o7777)
}

#[test]
fn both_ways_with_every_size_of_request() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let (local, remote) = (daemon.local().join("sizes"), sshd.remote().join("sizes"));
    let largest = 261_120; // what OpenSSH's server says in limits@openssh.com
    for (seed, (chunk_size, effective)) in [
        (Value::Null, largest),
        (json!(1), 4096),
        (json!(4097), 4097),
        (json!(32768), 32768),
        (json!(1 << 30), largest),
        (json!(1_u64 << 40), largest),
        (json!("65536"), 65536),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = json!({"chunk_size": chunk_size});
        fs::write(&local, content(u32::try_from(seed)?))?;
        let up = moved(&daemon, &moving(&sshd, "upload", "sizes", &fields))?;
        assert!(same(&local, &remote)?, "{chunk_size}: {up}");
        fs::remove_file(&local)?;
        let down = moved(&daemon, &moving(&sshd, "download", "sizes", &fields))?;
        assert!(same(&local, &remote)?, "{chunk_size}: {down}");
        for moved in [up, down] {
            assert_eq!((&moved["bytes"], &moved["total"]), (&json!(1_000_003), &json!(1_000_003)), "{moved}");
            assert_eq!((&moved["request_size"], &moved["files"]), (&json!(effective), &json!(1)), "{chunk_size}");
            assert_eq!((&moved["atomic"], &moved["resumed"]), (&json!(true), &json!(0)), "{moved}");
        }
    }
    Ok(())
}

#[test]
fn files_without_content_and_without_a_size() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    fs::write(daemon.local().join("empty"), "")?;
    let up = moved(&daemon, &moving(&sshd, "upload", "empty", &json!({})))?;
    assert_eq!((&up["bytes"], fs::metadata(sshd.remote().join("empty"))?.len()), (&json!(0), 0));
    let down = moved(&daemon, &moving(&sshd, "download", "version", &json!({"remote_path": "/proc/version"})))?;
    let version = fs::read(daemon.local().join("version"))?;
    assert_eq!((version.clone(), down["bytes"].as_u64()), (fs::read("/proc/version")?, Some(version.len() as u64)));
    Ok(())
}

#[test]
fn where_paths_start_and_what_a_slash_at_the_end_means() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let (local, remote) = (daemon.local(), sshd.remote());
    fs::write(local.join("paths"), "text")?;
    for (paths, target) in [
        (json!({"local_path": "paths"}), remote.join("paths")),
        (json!({"remote_path": "paths"}), sshd.home().join("paths")),
        (json!({"remote_path": "/remote/"}), remote.join("paths")),
        (json!({"remote_path": "/remote//paths"}), remote.join("paths")),
    ] {
        let moved = moved(&daemon, &moving(&sshd, "upload", "paths", &paths))?;
        assert_eq!(fs::read_to_string(&target)?, "text", "{paths}: {moved}");
        moved_away(&daemon, &sshd, &target)?;
    }
    fs::create_dir(local.join("into"))?;
    fs::write(remote.join("down"), "text")?;
    moved(&daemon, &moving(&sshd, "download", "down", &json!({"local_path": "/local/into/"})))?;
    assert_eq!(fs::read_to_string(local.join("into/down"))?, "text");
    Ok(())
}

/// Removes a file of the server, which belongs to another user there.
fn moved_away(daemon: &Daemon, sshd: &Sshd, path: &Path) -> anyhow::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
    crate::job::output(daemon, &body(sshd, format!("rm -f /remote/{name} {name}")))?;
    Ok(())
}

#[test]
fn what_becomes_of_a_file_that_is_there() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let (local, remote) = (daemon.local().join("there"), sshd.remote().join("there"));
    fs::write(&local, "old")?;
    moved(&daemon, &moving(&sshd, "upload", "there", &json!({"chmod": "0640"})))?;
    assert_eq!(mode(&remote)?, 0o640);
    crate::job::output(&daemon, &body(&sshd, "chmod 604 /remote/there"))?;
    fs::write(&local, "new")?;
    let kept = failing(&daemon, &moving(&sshd, "upload", "there", &json!({"overwrite": false})))?;
    assert_eq!((kept.0.as_str(), kept.1.contains("/remote/there")), ("transfer-failed", true), "{}", kept.1);
    moved(&daemon, &moving(&sshd, "upload", "there", &json!({})))?;
    assert_eq!((fs::read_to_string(&remote)?.as_str(), mode(&remote)?), ("new", 0o604), "it keeps its permissions");
    moved(&daemon, &moving(&sshd, "upload", "there", &json!({"chmod": "755"})))?;
    assert_eq!(mode(&remote)?, 0o755);

    fs::write(&local, "mine")?;
    let kept = failing(&daemon, &moving(&sshd, "download", "there", &json!({"overwrite": false})))?;
    assert_eq!((kept.0.as_str(), fs::read_to_string(&local)?.as_str()), ("transfer-failed", "mine"), "{}", kept.1);
    moved(&daemon, &moving(&sshd, "download", "there", &json!({"chmod": "0600"})))?;
    assert_eq!((fs::read_to_string(&local)?.as_str(), mode(&local)?), ("new", 0o600));
    Ok(())
}

#[test]
fn only_in_place_a_link_stays_a_link() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let remote = sshd.remote();
    crate::job::output(&daemon, &body(&sshd, "cd /remote; echo old >placed; ln placed twin; ln -s placed link"))?;
    fs::write(daemon.local().join("placed"), "new\n")?;
    let inode = fs::metadata(remote.join("twin"))?.ino();
    let onto_link =
        |fields| moving(&sshd, "upload", "placed", &with(fields, |it| it["remote_path"] = "/remote/link".into()));
    let in_place = moved(&daemon, &onto_link(json!({"in_place": true})))?;
    assert_eq!(in_place["atomic"], false);
    assert!(fs::symlink_metadata(remote.join("link"))?.is_symlink());
    assert_eq!(
        (fs::read_to_string(remote.join("twin"))?.as_str(), fs::metadata(remote.join("placed"))?.ino()),
        ("new\n", inode)
    );
    Ok(())
}

#[test]
fn both_sides_are_compared_by_the_hash_that_was_asked_for() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    fs::write(daemon.local().join("verified"), content(77))?;
    for (fields, algorithm, program) in [
        (json!({"verify_file": true}), "sha256", "sha256sum"),
        (json!({"verify_file": true, "hash_algorithm": "sha256"}), "sha256", "sha256sum"),
        (json!({"verify_file": true, "hash_algorithm": "md5", "durable": true}), "md5", "md5sum"),
    ] {
        for operation in ["upload", "download"] {
            let moved = moved(&daemon, &moving(&sshd, operation, "verified", &fields))?;
            let sum = crate::job::output(&daemon, &body(&sshd, format!("{program} </remote/verified")))?;
            let hex = sum.split(' ').next().context("a sum")?;
            assert_eq!(moved["hash"], json!({"algorithm": algorithm, "hex": hex}), "{operation}: {moved}");
        }
    }
    let unasked = moved(&daemon, &moving(&sshd, "upload", "verified", &json!({})))?;
    assert_eq!(unasked["hash"], Value::Null);
    Ok(())
}

#[test]
fn what_is_the_same_is_left_alone_where_that_was_asked_for() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let (local, remote) = (daemon.local().join("synced"), sshd.remote().join("synced"));
    fs::write(&local, content(5))?;
    moved(&daemon, &moving(&sshd, "upload", "synced", &json!({})))?;
    for operation in ["upload", "download"] {
        for (fields, skipped) in [
            (json!({"sync_mode": "hash"}), 1),
            (json!({"sync_mode": "hash", "hash_algorithm": "md5"}), 1),
            (json!({"sync_mode": "time"}), 1),
            (json!({"sync_mode": "full"}), 0),
        ] {
            let moved = moved(&daemon, &moving(&sshd, operation, "synced", &fields))?;
            assert_eq!(moved["skipped"], skipped, "{operation} {fields}: {moved}");
            assert_eq!(moved["total"], 1_000_003, "{operation} {fields}: {moved}");
        }
    }
    // As long, and of the same time.
    let before = fs::metadata(&local)?.modified()?;
    fs::write(&local, content(6))?;
    fs::File::options().write(true).open(&local)?.set_modified(before)?;
    let by_hash = moved(&daemon, &moving(&sshd, "upload", "synced", &json!({"sync_mode": "hash"})))?;
    assert_eq!(by_hash["files"], 1, "{by_hash}");
    assert!(same(&local, &remote)?);
    Ok(())
}

#[test]
fn a_part_is_continued_only_if_it_is_a_part_of_this_file() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    for (number, (operation, there, is_part)) in [
        ("upload", content(8)[..600_000].to_vec(), true),
        ("upload", content(9), false),
        ("download", content(8)[..600_000].to_vec(), true),
        ("download", content(9), false),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("resumed-{number}");
        let (local, remote) = (daemon.local().join(&name), sshd.remote().join(&name));
        fs::write(&local, there)?;
        if operation == "upload" {
            moved(&daemon, &moving(&sshd, "upload", &name, &json!({})))?;
            fs::write(&local, content(8))?;
        } else {
            fs::write(&remote, content(8))?;
        }
        let moved = moved(&daemon, &moving(&sshd, operation, &name, &json!({"resume": true})))?;
        assert!(same(&local, &remote)? && fs::read(&local)? == content(8), "{operation}, a part: {is_part}: {moved}");
        let size = |name: &str| moved[name].as_u64().unwrap_or_default();
        assert_eq!((size("bytes") + size("resumed"), size("total")), (1_000_003, 1_000_003), "{operation}: {moved}");
        assert_eq!(moved["restarted"].is_string(), !is_part, "{operation}, a part: {is_part}: {moved}");
    }
    Ok(())
}

#[test]
fn no_link_leads_out_of_the_daemons_folder() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let local = daemon.local();
    fs::write(local.join("inside"), "text")?;
    symlink("inside", local.join("to-inside"))?;
    let moved = moved(&daemon, &moving(&sshd, "upload", "to-inside", &json!({})))?;
    assert_eq!((&moved["bytes"], fs::read_to_string(sshd.remote().join("to-inside"))?.as_str()), (&json!(4), "text"));
    Ok(())
}
