//! `hostler hostkeys`: the record of host keys, from the command line.

use crate::cli::{Files, HostKeys as Verb, Server};
use crate::config::Config;
use crate::serve::private_folder;
use hostler_model::{Failure, HostKey};
use hostler_remote::{HostKeys, scan};
use std::io::{self, Write};

/// Carries one verb out. Errors: a sentence.
pub(crate) async fn run(files: &Files, verb: Verb) -> anyhow::Result<()> {
    let config = Config::load(files)?;
    let keys = HostKeys::new(config.ssh.known_hosts.clone());
    match verb {
        Verb::List => print(&keys.list().await.map_err(told)?)?,
        Verb::Add { server: Server { host, port }, key } => {
            private_folder(&config.data_dir)?;
            print(&[keys.add(&host, port, &key.join(" ")).await.map_err(told)?])?;
        }
        Verb::Remove { server: Server { host, port } } => print(&keys.remove(&host, port).await.map_err(told)?)?,
        Verb::Scan { server: Server { host, port }, add } => {
            if add {
                private_folder(&config.data_dir)?;
            }
            for key in scan(&host, port, config.ssh.connect_timeout).await.map_err(told)? {
                writeln!(io::stdout(), "{} {}", key.fingerprint, key.text)?;
                if add {
                    keys.add(&host, port, &key.text).await.map_err(told)?;
                }
            }
        }
    }
    Ok(())
}

/// One line for each key: number, type, fingerprint, names.
fn print(keys: &[HostKey]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for HostKey { line, marker, hosts, hashed, algorithm, fingerprint } in keys {
        let names = if *hashed { "(hashed)".to_owned() } else { hosts.join(",") };
        let marker = marker.as_ref().map(|marker| format!(" @{marker}")).unwrap_or_default();
        writeln!(out, "{line}: {algorithm} {fingerprint} {names}{marker}")?;
    }
    Ok(())
}

/// A failure with what only the log would hear: here the operator asks.
fn told(failure: Failure) -> anyhow::Error {
    match failure.detail {
        Some(detail) => anyhow::anyhow!("{} ({detail})", failure.message),
        None => anyhow::anyhow!(failure.message),
    }
}
