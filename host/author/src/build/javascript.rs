//! JavaScript: the SDK's `build.js` bundles the project and has componentize-js make a component, both from the project's
//! `node_modules`.

use crate::error::Error;
use crate::project::Project;
use std::fs;
use std::io::ErrorKind;
use std::process::Command;

/// The component, without a manifest.
pub(crate) fn build(project: &Project) -> Result<Vec<u8>, Error> {
    let folder = project.build_folder()?;
    let (world, component) = (folder.join("wit"), folder.join("javascript.wasm"));
    crate::world::write(project, &world)?;
    let script = project.sdk()?.join("build.js");
    let ran = Command::new("node").current_dir(&project.folder).arg(script).args([&world, &component]).output();
    let ran = ran.map_err(|error| {
        Error::Program(match error.kind() {
            ErrorKind::NotFound => "plugins in JavaScript are built by Node.js, version 18 or newer, and `node` is not on the PATH: install it, on Debian with `apt-get install nodejs npm`".into(),
            _ => format!("node does not start: {error}"),
        })
    })?;
    if !ran.status.success() {
        return Err(Error::Build(String::from_utf8_lossy(&ran.stderr).trim().to_owned()));
    }
    fs::read(&component).map_err(|error| Error::file(&component, error))
}
