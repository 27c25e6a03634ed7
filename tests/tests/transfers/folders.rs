//! Folders with all that is in them.

use super::{lending, moved, moving};
use crate::job::{body, listed, output};
use hostler_tests::Sshd;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn a_folder_moves_both_ways_with_modes_and_links() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let local = daemon.local();
    fs::create_dir_all(local.join("site/pages/empty"))?;
    fs::write(local.join("site/index"), "index")?;
    fs::write(local.join("site/pages/ä page"), "page")?;
    fs::set_permissions(local.join("site/index"), fs::Permissions::from_mode(0o640))?;
    symlink("index", local.join("site/link"))?;
    symlink("/etc/hostname", local.join("site/out"))?;
    let with = |operation, fields| moving(&sshd, operation, "site", &fields);
    let up = moved(&daemon, &with("upload", json!({"recursive": true})))?;
    assert_eq!((&up["files"], &up["failed"], &up["bytes"]), (&json!(2), &json!(0), &json!(9)), "{up}");
    let listing = "cd /remote/site; find . -printf '%P %y %l\\n' | sort; stat -c %a index";
    let shown = output(&daemon, &body(&sshd, listing))?;
    let expected = " d \nindex f \nlink l index\nout l /etc/hostname\npages d \npages/empty d \npages/ä page f \n640\n";
    assert_eq!(shown, expected);

    let again = moved(&daemon, &with("upload", json!({"recursive": true, "sync_mode": "hash"})))?;
    assert_eq!((&again["files"], &again["skipped"]), (&json!(0), &json!(2)), "{again}");

    let back = json!({"recursive": true, "local_path": "/local/back", "links": "skip"});
    let down = moved(&daemon, &with("download", back))?;
    assert_eq!((&down["files"], &down["direction"]), (&json!(2), &json!("download")), "{down}");
    assert_eq!(fs::read_to_string(local.join("back/pages/ä page"))?, "page");
    assert!(local.join("back/pages/empty").is_dir() && fs::symlink_metadata(local.join("back/link")).is_err());

    let followed = json!({"recursive": true, "remote_path": "/remote/followed", "links": "follow"});
    let job = daemon.run(&with("upload", followed))?;
    assert_eq!(output(&daemon, &body(&sshd, "cat /remote/followed/link"))?, "index", "{job}");
    assert_eq!(output(&daemon, &body(&sshd, "ls -A /remote/followed | grep out || true"))?, "", "{job}");
    Ok(())
}

#[test]
fn what_could_not_be_moved_is_named_and_the_rest_is_moved() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    output(&daemon, &body(&sshd, "cd /remote; mkdir partly; echo a >partly/a; echo b >partly/b; chmod 0 partly/b"))?;
    let job = daemon.run(&moving(&sshd, "download", "partly", &json!({"recursive": true})))?;
    let result = &job["results"][0];
    assert_eq!((&job["state"], &result["exit_status"]), (&json!("finished"), &json!(1)), "{job}");
    assert_eq!(result["moved"]["failures"][0]["path"], "b", "{job}");
    assert!(result["stderr"].as_str().is_some_and(|text| text.starts_with("b: ")), "{job}");
    assert_eq!(fs::read_to_string(daemon.local().join("partly/a"))?, "a\n");
    let shown = &listed(&daemon, &job)?["result"]["retval"]["file_transfer_download"];
    assert_eq!((&shown["transfer_result"]["success"], &shown["transfer_result"]["failed"]), (&json!(false), &json!(1)));
    Ok(())
}
