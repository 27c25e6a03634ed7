//! `hostler plugin check`: what a daemon would say of a plugin, before an operator sees it.

use crate::built::Built;
use crate::error::Error;
use crate::plain::plain;
use crate::{Surroundings, exit};
use clap::Args;
use hostler_plugins::{API, Checked, Config, Manifest};
use std::path::PathBuf;

/// Checks a plugin.
#[derive(Args)]
pub struct Check {
    /// The folder of a project that was built, or a component.
    #[arg(default_value = ".", value_name = "FOLDER|FILE")]
    path: PathBuf,
}

/// Does it: 1 if a daemon would refuse it, whatever its operator grants.
pub(crate) async fn check(check: &Check, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let built = Built::find(&check.path)?;
    let place = built.workplace()?;
    let config = place.config(surroundings);
    let checked = Checked::new(built.wasm, built.beside, config, place.files(Vec::new())?).await;
    let out = &mut surroundings.stdout;
    if let Some(manifest) = &checked.manifest {
        let Manifest { name, version, world, .. } = manifest;
        writeln!(
            out,
            "{name} {}, a {} for plugin API {}; this program offers {API}",
            plain(version),
            world.word(),
            plain(manifest.api())
        )?;
    }
    for refusal in &checked.refusals {
        // What is wrong with a manifest takes several lines.
        writeln!(out, "- {}", refusal.to_string().replace('\n', "\n  "))?;
    }
    if let Some(manifest) = checked.manifest.as_ref().filter(|_| checked.refusals.is_empty()) {
        let lines = manifest.configuration(&Config::default());
        let needs =
            if lines.is_empty() { "It needs no grants." } else { "It is taken. What it asks for is given by:\n\n" };
        // Comments, so that the whole can be put into a configuration.
        let reason = |(capability, reason)| format!("# {capability}: {}\n", plain(reason));
        writeln!(out, "{needs}{}{lines}", checked.reasons().map(reason).collect::<String>())?;
    }
    Ok(if checked.refusals.is_empty() { exit::SUCCESS } else { exit::FAILED })
}
