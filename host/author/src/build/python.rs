//! Python: componentize-py runs `plugin.py`, and makes a component of what came of it.

use crate::error::Error;
use crate::project::Project;
use crate::world;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, str};

/// What compiles Python. Others make other components of the same source.
const TOOL: &str = "componentize-py";
const VERSION: &str = "0.25.1";

/// The folder in a project with an environment of Python's own.
const ENVIRONMENT: &str = ".venv";

/// The component, without a manifest.
pub(crate) fn build(project: &Project) -> Result<Vec<u8>, Error> {
    let tool = find(&project.folder)?;
    let folder = project.build_folder()?;
    let (wit, made) = (folder.join("wit"), folder.join("python.wasm"));
    world::write(project, &wit)?;
    let mut command = Command::new(tool);
    command.arg("--quiet").arg("--wit-path").arg(wit).args(["--world", world::NAME, "componentize"]);
    // Without WASI, which plugins do not get.
    command.args(["--stub-wasi", "--python-path", ".", "--python-path"]).arg(project.sdk()?);
    command.args(["plugin", "--output"]).arg(&made).current_dir(&project.folder).env("RUST_BACKTRACE", "0");
    let environment = project.folder.join(ENVIRONMENT);
    if environment.is_dir() {
        command.env("VIRTUAL_ENV", environment);
    }
    let ran = command.output().map_err(|error| Error::Program(format!("{TOOL} cannot be started: {error}")))?;
    if !ran.status.success() {
        return Err(Error::Build(explained(&String::from_utf8_lossy(&ran.stderr))));
    }
    fs::read(&made).map_err(|error| Error::file(&made, error))
}

/// What the author should know of what the tool complains of: Python's own words, if they stand in it.
fn explained(complaint: &str) -> String {
    let said = complaint.split_once("AssertionError: ").map_or(complaint, |(_, said)| said);
    let said = said.split("\nCaused by:").next().unwrap_or(said).trim();
    let advice = if said.contains("from 'wit_world.imports'") {
        "\nplugin.toml does not ask for what this module of hostler_sdk needs: add a [[request]] with the capability"
    } else if said.contains("has no attribute 'Driving'") || said.contains("has no attribute 'Judging'") {
        "\nthe last line of plugin.py has to be `Driving = driver.export(...)` or, of a policy, `Judging = policy.export(...)`"
    } else {
        ""
    };
    format!("plugin.py does not become a component: {said}{advice}")
}

/// The tool of the right version: that of the project's own environment, else that of this machine.
fn find(folder: &Path) -> Result<PathBuf, Error> {
    let own = folder.join(ENVIRONMENT).join("bin").join(TOOL);
    let tool = if own.is_file() { own } else { PathBuf::from(TOOL) };
    let found = match Command::new(&tool).arg("--version").output() {
        Ok(output) => match str::from_utf8(&output.stdout).unwrap_or_default().split_whitespace().next_back() {
            Some(VERSION) => return Ok(tool),
            Some(version) => format!("{} is of version {version}", tool.display()),
            None => format!("{} does not say its version", tool.display()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => format!("{TOOL} is missing"),
        Err(error) => format!("{} cannot be started ({error})", tool.display()),
    };
    Err(Error::Program(format!(
        "{found}, and plugins in Python are compiled by {VERSION}: run `python3 -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/pip install {TOOL}=={VERSION}` in {}",
        folder.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded;

    #[test]
    fn what_python_says_is_told_without_what_stands_around_it() {
        let complaint = "Traceback (most recent call last):\n  File \"x\"\nAssertionError: Traceback (most recent call last):\n  \
            File \"/0/plugin.py\", line 1, in <module>\nImportError: cannot import name 'shell' from 'wit_world.imports' (/world)\n\n\n\
            Caused by:\n    ImportError: cannot import name 'shell'\n";
        let told = explained(complaint);
        assert!(told.starts_with("plugin.py does not become a component: Traceback (most recent call last):\n  File \"/0/plugin.py\", line 1"), "{told}");
        assert!(told.contains("\nplugin.toml does not ask for") && !told.contains("Caused by"), "{told}");
        assert!(explained("error: no such file").ends_with("error: no such file"));
    }

    #[test]
    fn new_projects_name_the_version_that_builds_them() {
        for world in ["driver", "policy"] {
            let folder = tempfile::tempdir().expect("a folder");
            embedded::write(&format!("templates/python/{world}"), folder.path(), "any").expect("writable");
            let readme = fs::read_to_string(folder.path().join("README.md")).expect("it is there");
            assert!(readme.contains(&format!("{TOOL}=={VERSION}")), "{world}");
        }
    }
}
