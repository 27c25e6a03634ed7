//! Python programs that tests drive the daemon with.

use anyhow::{Context, ensure};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python environment with packages from the registry.
pub struct Python(PathBuf);

impl Python {
    /// The environment at this place with what the file `requirements` lists. It is made at the first run.
    pub fn with(place: PathBuf, requirements: &Path) -> anyhow::Result<Self> {
        // Tests of several processes may come at once.
        let lock = File::create(place.with_extension("lock"))?;
        lock.lock()?;
        let made = Command::new("python3").args(["-m", "venv"]).arg(&place).status();
        ensure!(made.is_ok_and(|status| status.success()), "install python3-venv: `make setup` does it");
        let python = Self(place);
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        let installed = python.program("python").args(pip).arg(requirements).status()?;
        ensure!(installed.success(), "pip cannot install what {} lists", requirements.display());
        Ok(python)
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.0.join("bin").join(name))
    }

    /// Runs a script with JSON at its standard input. Errors: what it wrote, if it did not succeed.
    pub fn drive(&self, script: &Path, given: &Value) -> anyhow::Result<()> {
        let mut command = self.program("python");
        let command = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("the script cannot be run")?;
        child.stdin.take().context("it has an input")?.write_all(given.to_string().as_bytes())?;
        let driven = child.wait_with_output()?;
        ensure!(driven.status.success(), "{}", String::from_utf8_lossy(&driven.stderr));
        Ok(())
    }
}
