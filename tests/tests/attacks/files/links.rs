//! Links by which a file would get another name than the one that was judged.

use super::outcomes;
use crate::SETUP;
use crate::attacks::attacked;
use crate::job::with;
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

/// A relative link leads elsewhere once it is renamed. So none is made where it could be moved out of the granted folder.
#[test]
fn a_link_is_not_made_where_it_can_be_moved_to_lead_elsewhere() -> anyhow::Result<()> {
    let sshd = super::server()?;
    fs::write(sshd.home().join("hidden"), "hidden")?;
    let attack = json!([
        ["symlink", "/home/admin/granted/x", "hidden"],
        ["rename", "/home/admin/granted/x", "/home/admin/shown"],
        ["read", "/home/admin/shown", ""],
        ["symlink", "/home/admin/granted/y", "/home/admin/granted/other"],
    ]);
    let grants = |paths: &str| {
        let others = r#""connect", "exec", "shell", "local-files""#;
        format!("plugin.attacker.grants = [{others}, {{ capability = 'remote-files', paths = {paths} }}]")
    };
    let daemon = attacked(&grants(r#"["/home/admin/granted/**", "/home/admin/shown"]"#))?;
    let (told, job) = outcomes(&daemon, &sshd, &attack)?;
    let kinds: Vec<_> = told.iter().map(|outcome| &outcome[1]).collect();
    assert_eq!((kinds[0], kinds[3]), (&json!("denied"), &json!("done")), "{job}");
    assert_ne!(kinds[2], "done", "{job}");

    let daemon = attacked(&grants(r#"["/home/admin/granted/**"]"#))?;
    let (told, job) = outcomes(&daemon, &sshd, &attack)?;
    let kinds: Vec<_> = told.iter().map(|outcome| &outcome[1]).collect();
    assert_eq!(kinds[..3], ["done", "denied", "denied"], "{job}");
    Ok(())
}

/// Lends `/local`, but for the keys in it.
fn lending() -> anyhow::Result<Daemon> {
    let config = r#"
        files.roots = ["/local"]
        [[policy]]
        plugin = "policy-paths"
        [policy.settings.local]
        deny = ["/local/keys/**"]
    "#;
    let daemon = Daemon::start(&Setup { config, local: true, ..SETUP })?;
    fs::create_dir_all(daemon.local().join("keys"))?;
    fs::create_dir_all(daemon.local().join("in"))?;
    fs::write(daemon.local().join("keys/id"), "key")?;
    Ok(daemon)
}

fn download(daemon: &Daemon, sshd: &Sshd, remote: &str, local: &str) -> anyhow::Result<Value> {
    let transfer = json!({"operation": "download", "remote_path": format!("/home/admin/{remote}"), "local_path": local,
        "recursive": remote == "tree", "overwrite": true});
    daemon.run(&with(crate::job::body(sshd, json!(["__FILE_TRANSFER__"])), |it| {
        it["driver_args"] = json!({"file_transfer": transfer});
    }))
}

#[test]
fn a_link_of_a_downloaded_folder_reaches_nothing_that_is_denied() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::start(&[])?);
    let (tree, local) = (sshd.home().join("tree"), daemon.local());
    fs::create_dir_all(tree.join("in/sub"))?;
    fs::create_dir_all(tree.join("keys"))?;
    fs::write(tree.join("in/ok"), "ok")?;
    for (path, text) in
        [("in/y", "ok"), ("in/to-sub", "sub"), ("in/x", "../keys/id"), ("in/up", ".."), ("keys/id", "../in/ok")]
    {
        symlink(text, tree.join(path))?;
    }
    let job = download(&daemon, &sshd, "tree", "/local")?;
    let failures = job["results"][0]["moved"]["failures"].as_array().with_context(|| job.to_string())?;
    let mut paths: Vec<_> = failures.iter().filter_map(|failure| failure["path"].as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["in/up", "in/x", "keys/id"], "{job}");
    assert!(local.join("in/y").is_symlink() && local.join("in/to-sub").is_symlink(), "{job}");
    assert!(!local.join("in/x").is_symlink() && !local.join("in/up").is_symlink(), "{job}");
    assert_eq!(fs::read_to_string(local.join("keys/id"))?, "key");
    assert!(!local.join("keys/id").is_symlink(), "{job}");
    Ok(())
}

#[test]
fn a_download_through_a_link_is_judged_where_it_ends() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::start(&[])?);
    fs::write(sshd.home().join("file"), "mine")?;
    symlink("../keys", daemon.local().join("in/folder"))?;
    symlink("../keys/id", daemon.local().join("in/file"))?;
    symlink("plain", daemon.local().join("in/harmless"))?;
    fs::write(daemon.local().join("in/plain"), "old")?;
    for path in ["in/file", "in/folder/id", "in/folder/new"] {
        let job = download(&daemon, &sshd, "file", &format!("/local/{path}"))?;
        assert_eq!((&job["state"], &job["error"]["kind"]), (&json!("failed"), &json!("denied")), "{path}: {job}");
    }
    assert_eq!(fs::read_to_string(daemon.local().join("keys/id"))?, "key");
    assert!(!daemon.local().join("keys/new").exists());
    let job = download(&daemon, &sshd, "file", "/local/in/harmless")?;
    assert_eq!(job["state"], "finished", "{job}");
    assert_eq!(fs::read_to_string(daemon.local().join("in/plain"))?, "mine");
    Ok(())
}
