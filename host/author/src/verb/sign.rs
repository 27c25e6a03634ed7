//! `hostler plugin sign`: a signature beside a component, by `ssh-keygen`, so that agents and passphrases work.

use crate::built::Built;
use crate::error::Error;
use crate::{Surroundings, exit};
use clap::Args;
use hostler_plugins::NAMESPACE;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Signs a plugin.
#[derive(Args)]
pub struct Sign {
    /// The folder of the project, or a component.
    #[arg(default_value = ".", value_name = "FOLDER|FILE")]
    path: PathBuf,
    /// The key: a private Ed25519 key, or the public one of a key that an agent holds.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Does it. An earlier signature is replaced.
pub(crate) fn sign(sign: &Sign, surroundings: &mut Surroundings) -> Result<u8, Error> {
    let Built { file, .. } = Built::find(&sign.path)?;
    let component = fs::File::open(&file).map_err(|error| Error::file(&file, error))?;
    // It asks for a passphrase at the terminal, whatever its standard input is.
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(&sign.key)
        .stdin(component)
        .stderr(Stdio::inherit())
        .output();
    let signed = signed.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::Program("ssh-keygen is missing: install OpenSSH's client".into()),
        _ => Error::Program(format!("ssh-keygen cannot be started: {error}")),
    })?;
    if !signed.status.success() {
        let key = sign.key.display();
        return Err(Error::Program(format!("ssh-keygen could not sign with {key}: it says above why")));
    }
    let signature = file.with_added_extension("sig");
    fs::write(&signature, signed.stdout).map_err(|error| Error::file(&signature, error))?;
    writeln!(surroundings.stdout, "{}", signature.display())?;
    Ok(exit::SUCCESS)
}
