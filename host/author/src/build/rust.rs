//! Rust: cargo builds a module, which is made a component.

use crate::error::Error;
use crate::project::Project;
use hostler_plugins::Capability;

/// The component, without a manifest. Who asks for `wasi` is built for WASI.
pub(crate) fn build(project: &Project) -> Result<Vec<u8>, Error> {
    let wasi = project.manifest.asks(Capability::Wasi);
    hostler_plugin_build::project(&project.folder, wasi).map_err(|error| Error::Build(format!("{error:#}")))
}
