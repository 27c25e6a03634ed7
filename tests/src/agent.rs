//! An SSH agent (ssh-agent(1)) with one key.

use anyhow::{Context, ensure};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running agent; it ends when this is dropped.
pub struct Agent {
    process: Child,
    folder: TempDir,
}

impl Agent {
    /// Starts an agent that holds this private key.
    pub fn start(key: &str) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("hostler-agent-")?;
        let mut process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(folder.path().join("socket"))
            .stdout(Stdio::piped())
            .spawn()
            .context("ssh-agent does not start: run `make setup`")?;
        // It says where its socket is once that is there.
        BufReader::new(process.stdout.take().context("its output is piped")?).read_line(&mut String::new())?;
        let agent = Self { process, folder };
        let file = agent.folder.path().join("key");
        fs::write(&file, key)?;
        fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        let added = Command::new("ssh-add").arg("-q").arg(&file).env("SSH_AUTH_SOCK", agent.socket()).status()?;
        ensure!(added.success(), "ssh-add failed");
        fs::remove_file(file)?;
        Ok(agent)
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
