//! `hostler plugin install`: a component goes to the daemon, which takes it into service.

use crate::Surroundings;
use crate::api::Ask;
use crate::connection::Connection;
use crate::error::Error;
use crate::exit;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use reqwest::header::HeaderValue;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Installs a plugin.
#[derive(Args)]
pub struct Install {
    #[command(flatten)]
    connection: Connection,
    /// The folder of a project that was built, or a component NAME.wasm; its signature NAME.wasm.sig goes with it.
    #[arg(default_value = ".", value_name = "FOLDER|FILE")]
    pub component: PathBuf,
    /// Shows what the daemon answers, as one JSON document.
    #[arg(long)]
    json: bool,
}

/// Does it. The component is a file.
pub(crate) async fn install(install: &Install, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let file = &install.component;
    let component = fs::read(file).map_err(|error| Error::unreadable(file, &error))?;
    let name = file.file_stem().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::Input(format!("{} has no name for a plugin", file.display())))?;
    let mut ask = Ask::put(format!("plugins/{name}"), component);
    if let Some(signature) = signature(file)? {
        ask = ask.header("plugin-signature", signature);
    }
    let api = install.connection.open(surroundings)?;
    let plugin = api.value(&ask).await?;
    if install.json {
        writeln!(surroundings.stdout, "{plugin}")?;
    } else {
        let text = |field: &str| plugin[field].as_str().unwrap_or("nobody").to_owned();
        let [version, digest, signer] = ["version", "digest", "signed_by"].map(text);
        writeln!(surroundings.stdout, "{name} {version} is in service: {digest}, signed by {signer}")?;
    }
    surroundings.stdout.flush()?;
    Ok(exit::SUCCESS)
}

/// What lies beside a component as its signature, if anything does.
fn signature(component: &Path) -> Result<Option<HeaderValue>, Error> {
    let file = component.with_added_extension("sig");
    match fs::read(&file) {
        Ok(signature) => Ok(HeaderValue::from_str(&STANDARD.encode(signature)).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::unreadable(&file, &error)),
    }
}
