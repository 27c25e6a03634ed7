//! Python's SSH libraries, in an environment of their own.

use anyhow::{bail, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::NamedTempFile;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench");

/// An environment with the libraries, and the key that they log in with.
pub(crate) struct Peers {
    python: PathBuf,
    key: NamedTempFile,
}

impl Peers {
    /// Makes the environment at the first run.
    pub(crate) fn new(key: &str) -> anyhow::Result<Self> {
        let mut file = NamedTempFile::with_prefix("hostler-bench-")?;
        file.write_all(key.as_bytes())?;
        let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
        let python = environment.join("bin/python");
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).status();
        ensure!(made.is_ok_and(|status| status.success()), "install python3-venv: the peers need it");
        let install = ["-m", "pip", "install", "--quiet", "--requirement"];
        let installed = Command::new(&python).args(install).arg(format!("{FOLDER}/requirements.txt")).status()?;
        ensure!(installed.success(), "pip cannot install the peers");
        Ok(Self { python, key: file })
    }

    /// Runs a script with these arguments and the path of the key. Gives the seconds that it took, and those of CPU.
    pub(crate) fn run(&self, script: &str, arguments: &[&str]) -> anyhow::Result<(f64, f64)> {
        let mut command = Command::new(&self.python);
        let run = command.arg(format!("{FOLDER}/{script}")).args(arguments).arg(self.key.path()).output()?;
        ensure!(run.status.success(), "{}: {}", arguments[0], String::from_utf8_lossy(&run.stderr));
        let printed = String::from_utf8(run.stdout)?;
        let Some((wall, cpu)) = printed.trim().split_once(' ') else { bail!("{} printed {printed:?}", arguments[0]) };
        Ok((wall.parse()?, cpu.parse()?))
    }
}
