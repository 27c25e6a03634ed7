//! `hostler plugin build`: from sources to a component.

use crate::error::Error;
use crate::project::Project;
use crate::{Surroundings, build as building, exit};
use clap::Args;
use std::path::PathBuf;

/// Builds a plugin.
#[derive(Args)]
pub struct Build {
    /// The folder of the project.
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
}

/// Does it.
pub(crate) fn build(build: &Build, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let file = building::build(&Project::open(&build.folder)?)?;
    writeln!(surroundings.stdout, "{}", file.display())?;
    Ok(exit::SUCCESS)
}
