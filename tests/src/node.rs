//! Packages of JavaScript.

use anyhow::ensure;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What tests install beside the packages, to know whether they are those that are wanted.
const INSTALLED: &str = "installed.json";

/// A folder with packages that projects can use.
pub struct Modules(PathBuf);

impl Modules {
    /// Those that the file `package` (a `package.json`) names, in a folder of this name below one that stays between runs. They
    /// are installed at the first run.
    pub fn of(folder: &str, name: &str, package: &str) -> anyhow::Result<Self> {
        let folder = Path::new(folder).join(name);
        fs::create_dir_all(&folder)?;
        // Tests of several processes may come at once.
        let lock = File::create(folder.with_extension("lock"))?;
        lock.lock()?;
        let (wanted, installed) = (fs::read(package)?, folder.join(INSTALLED));
        if fs::read(&installed).ok().as_ref() != Some(&wanted) {
            fs::copy(package, folder.join("package.json"))?;
            let npm =
                ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"];
            let run = Command::new("npm").args(npm).current_dir(&folder).output();
            ensure!(
                run.is_ok_and(|run| run.status.success()),
                "npm cannot install what {package} names: `make setup` installs npm"
            );
            fs::write(installed, wanted)?;
        }
        Ok(Self(folder.join("node_modules")))
    }

    /// Has a folder use them, and the projects in it.
    pub fn lend(&self, folder: &Path) -> anyhow::Result<()> {
        Ok(std::os::unix::fs::symlink(&self.0, folder.join("node_modules"))?)
    }
}
