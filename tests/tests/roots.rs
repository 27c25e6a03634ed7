//! The folders of the daemon that jobs may name.

use crate::job::{body, output};
use crate::{SETUP, daemon, shared_daemon};
use hostler_tests::{Daemon, Setup, Sshd};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn a_root_that_is_missing_or_holds_the_daemons_keys_is_told_at_the_start() -> anyhow::Result<()> {
    let daemon = daemon()?;
    let data = daemon.data();
    for (root, words) in [("/no/such/folder", "make the folder"), ("/", "keeps its keys"), ("relative", "absolute")] {
        let config = format!("files.roots = ['{root}']");
        let error = Daemon::start(&Setup { config: &config, ..SETUP }).err().expect(root).to_string();
        assert!(error.contains(&format!("`files.roots` has {root}")) && error.contains(words), "{error}");
    }
    for folder in ["files", "staged"] {
        assert_eq!(fs::metadata(data.join(folder))?.permissions().mode() & 0o777, 0o700, "{folder}");
    }
    Ok(())
}

/// Examples 7 and 8 of the document rely on it.
#[test]
fn the_daemon_has_a_folder_local_the_server_a_folder_remote_and_this_machine_neither() -> anyhow::Result<()> {
    let (here, sshd) = (shared_daemon()?, Sshd::shared()?);
    let daemon = Daemon::start(&Setup { config: "files.roots = ['/local']", local: true, ..SETUP })?;
    assert!(fs::metadata(format!("/proc/{}/root/local", daemon.pid()))?.is_dir());
    fs::write(daemon.local().join("mark"), "of this test")?;
    assert_eq!(fs::read_to_string(format!("/proc/{}/root/local/mark", daemon.pid()))?, "of this test");
    assert!(!Path::new("/local/mark").exists());

    output(&here, &body(&sshd, "id -un > /remote/mark"))?;
    assert_eq!(fs::read_to_string(sshd.remote().join("mark"))?, "admin\n");
    assert!(!Path::new("/remote/mark").exists());
    Ok(())
}
