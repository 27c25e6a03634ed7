//! The world that a plugin is built for.
//!
//! What is compiled from Python and JavaScript imports every interface of its world, and the daemon refuses imports that a
//! manifest does not ask for: so the world is made from the manifest.

use crate::embedded;
use crate::error::Error;
use crate::project::Project;
use hostler_plugins::Manifest;
use std::fs;
use std::path::Path;
use wit_parser::{Resolve, WorldKey};

/// The name of the world.
pub(crate) const NAME: &str = "plugin";

/// Writes a WIT package into `folder`, which may exist: world `plugin` imports of the project's WIT what the manifest covers.
/// A project without a folder `wit` gets the WIT of this program.
pub(crate) fn write(project: &Project, folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Error::file(folder, error))?;
    }
    let api = folder.join("deps/hostler-plugin");
    fs::create_dir_all(&api).map_err(|error| Error::file(&api, error))?;
    let own = project.folder.join("wit");
    if own.is_dir() {
        copy(&own, &api)?;
    } else {
        embedded::write("wit", &api, &project.manifest.name)?;
    }
    let file = folder.join("world.wit");
    fs::write(&file, text(&project.manifest, &api)?).map_err(|error| Error::file(&file, error))
}

/// The files of a folder.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |error| Error::file(from, error);
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().extension() == Some("wit".as_ref()) {
            fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed)?;
        }
    }
    Ok(())
}

/// The world, in WIT.
fn text(manifest: &Manifest, api: &Path) -> Result<String, Error> {
    let wrong = |error| Error::Project(format!("{} is no WIT: {error:#}", api.display()));
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(api).map_err(wrong)?;
    let whole = resolve.select_world(&[package], Some(manifest.world.word())).map_err(wrong)?;
    let imports = resolve.worlds[whole].imports.keys().filter_map(|key| match key {
        WorldKey::Interface(interface) => resolve.id_of(*interface),
        WorldKey::Name(_) => None,
    });
    let imports = imports.filter(|import| manifest.covers(import)).map(|import| format!("    import {import};\n"));
    let exports = resolve.packages[package].interfaces.get(manifest.world.exports());
    let exports = exports.and_then(|interface| resolve.id_of(*interface)).unwrap_or_default();
    let imports: String = imports.collect();
    Ok(format!("package local:plugin;\n\nworld {NAME} {{\n{imports}    export {exports};\n}}\n"))
}
