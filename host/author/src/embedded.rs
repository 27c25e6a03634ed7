//! What the binary carries for projects: templates, the WIT, the SDKs.

use crate::error::Error;
use std::fs;
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Writes a folder of the binary, or one file of it, to `to`, with each `{{name}}` replaced.
pub(crate) fn write(from: &str, to: &Path, name: &str) -> Result<(), Error> {
    for (path, text) in FILES {
        let Some(rest) = path.strip_prefix(from) else { continue };
        let file = match rest.strip_prefix('/') {
            Some(rest) => to.join(rest),
            None if rest.is_empty() => to.to_owned(),
            None => continue,
        };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
        }
        fs::write(&file, text.replace("{{name}}", name)).map_err(|error| Error::file(&file, error))?;
    }
    Ok(())
}
