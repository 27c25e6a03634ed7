//! From a project to a component with its manifest inside.

mod javascript;
mod python;
mod rust;

use crate::error::Error;
use crate::language::Language;
use crate::project::Project;
use std::path::PathBuf;
use std::{fs, io};

/// Builds a project, and answers where the component is.
pub(crate) fn build(project: &Project) -> Result<PathBuf, Error> {
    let component = match project.language {
        Language::Rust => rust::build(project)?,
        Language::Python => python::build(project)?,
        Language::JavaScript => javascript::build(project)?,
    };
    let whole = hostler_plugin_build::with_manifest(component, &project.text);
    let (file, folder) = (project.component(), project.build_folder()?);
    // It takes its place at once: whoever installs it meanwhile has a whole one.
    let put = || -> io::Result<()> {
        let beside = folder.join("component.wasm");
        fs::write(&beside, &whole)?;
        fs::rename(&beside, &file)
    };
    put().map_err(|error| Error::file(&file, error))?;
    Ok(file)
}
