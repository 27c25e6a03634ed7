//! Python programs, each with packages of its own.

use anyhow::{Context, ensure};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python that has some packages.
pub struct Python(PathBuf);

impl Python {
    /// The one of this name, below a folder that stays between runs, with the packages that the file `requirements` names. It
    /// is made at the first run.
    pub fn with(folder: &str, name: &str, requirements: &str) -> anyhow::Result<Self> {
        let environment = Path::new(folder).join(name);
        // Tests of several processes may come at once.
        let lock = File::create(environment.with_extension("lock"))?;
        lock.lock()?;
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).status();
        ensure!(made.is_ok_and(|status| status.success()), "install python3-venv: `make setup` does it");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        let installed = Command::new(environment.join("bin/python")).args(pip).arg(requirements).status()?;
        ensure!(installed.success(), "pip cannot install what {requirements} names");
        Ok(Self(environment.join("bin")))
    }

    /// A program of its packages; `python` is the interpreter.
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.0.join(name))
    }

    /// Where programs are found, its own first: what to set `PATH` to.
    #[expect(clippy::disallowed_methods, reason = "the others are where this machine has them")]
    pub fn path(&self) -> OsString {
        let mut path = self.0.clone().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }

    /// Runs a script with arguments and a text to read. Errors: that it fails, and what it wrote to its standard error.
    pub fn run(&self, script: &str, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut run = self.program("python");
        run.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = run.spawn().with_context(|| format!("{script} cannot be run"))?;
        // It is closed at once, so that the script sees its end.
        run.stdin.take().context("it is piped")?.write_all(input.as_bytes())?;
        let ran = run.wait_with_output()?;
        ensure!(ran.status.success(), "{script} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        Ok(String::from_utf8(ran.stdout)?)
    }
}
