//! Which daemon is asked, and with which key.

use crate::Surroundings;
use crate::api::Api;
use crate::error::Error;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Which daemon is asked, and with which key. A key never stands on the command line, where everybody could read it.
#[derive(Args)]
pub(crate) struct Connection {
    /// Address of the daemon.
    #[arg(long, env = "HOSTLER_URL", default_value = "http://127.0.0.1:9000", global = true, help_heading = "Daemon")]
    url: String,
    /// File with the API key. Without it: `HOSTLER_API_KEY`, else `api-key` of the data directory.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Daemon")]
    key_file: Option<PathBuf>,
    /// The daemon's data directory, where it is on this machine.
    #[arg(
        long,
        value_name = "DIR",
        env = "HOSTLER_DATA_DIR",
        default_value = "hostler-data",
        global = true,
        help_heading = "Daemon"
    )]
    data_dir: PathBuf,
}

impl Connection {
    /// A way to ask the daemon. Nothing is sent yet.
    pub(crate) fn open(&self, surroundings: &mut Surroundings) -> Result<Api, Error> {
        let (key, origin) = match (&self.key_file, surroundings.api_key.take()) {
            (Some(file), _) => (read_secret(file)?, file.display().to_string()),
            (None, Some(key)) => (key, "HOSTLER_API_KEY".to_owned()),
            (None, None) => {
                let kept = self.data_dir.join("api-key");
                let key = read_secret(&kept).map_err(|_| {
                    let sought = kept.display();
                    Error::Input(format!(
                        "there is no API key: give one by --key-file FILE or HOSTLER_API_KEY, or name the daemon's data \
                         directory by --data-dir DIR ({sought} cannot be read)"
                    ))
                })?;
                (key, kept.display().to_string())
            }
        };
        let api = Api::new(&self.url, &key, origin)?;
        if api.is_exposed() {
            let url = &self.url;
            let warning = "is not encrypted: who sits on the way reads the API key and all passwords; use https";
            writeln!(surroundings.stderr, "hostler: {url} {warning}")?;
        }
        Ok(api)
    }
}

/// The secret in a file, without the end of its line.
pub(crate) fn read_secret(path: &Path) -> Result<SecretString, Error> {
    let text = SecretString::from(read(path)?);
    Ok(text.expose_secret().trim_end_matches(['\r', '\n']).into())
}

/// A file's text.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))
}
