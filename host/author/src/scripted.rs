//! A network whose servers answer what a script says: a [`Connector`] for trials.

mod command;
mod files;
mod folder;
mod script;
mod server;
mod shell;
mod transfer;

pub(crate) use script::Script;

use crate::error::Error;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{ErrorKind, Failure, Phase};
use hostler_patterns::matches;
use hostler_remote::{Authentication, Connect, Connector, Deadlines, Session};
use server::Login;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What the names of the script stand for (RFC 5737). No packet is sent there.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The servers of a script.
pub(crate) struct Network {
    script: Arc<Script>,
    /// The files of each server, by its place in the script.
    files: Vec<Option<Arc<Dir>>>,
}

impl Network {
    /// Takes the script's servers into service. Their files are copies in `folder`, made anew: what a trial changed in them
    /// can be looked at there. `beside` is the folder of the script; `folder` is a real path.
    pub(crate) fn start(script: Script, beside: &Path, folder: &Path) -> Result<Self, Error> {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|error| Error::file(folder, error))?;
        }
        let mut files = Vec::with_capacity(script.servers.len());
        for (index, server) in script.servers.iter().enumerate() {
            let Some(lent) = &server.files else {
                files.push(None);
                continue;
            };
            let (from, to) = (beside.join(&lent.folder), folder.join(index.to_string()));
            let whole = from.canonicalize().map_err(|error| Error::file(&from, error))?;
            // The copy would be copied too, without end.
            if to.starts_with(&whole) {
                return Err(Error::Input(format!(
                    "[server.files] folder = \"{}\" holds {}, where its copy would be: name a folder of its own",
                    lent.folder.display(),
                    folder.display()
                )));
            }
            folder::copy(&from, &to).map_err(|error| Error::file(&from, error))?;
            let dir = Dir::open_ambient_dir(&to, ambient_authority()).map_err(|error| Error::file(&to, error))?;
            files.push(Some(Arc::new(dir)));
        }
        Ok(Self { script: Arc::new(script), files })
    }

    /// No servers at all.
    pub(crate) fn empty() -> Self {
        Self { script: Arc::default(), files: Vec::new() }
    }

    /// Logs in, as far as the script lets it.
    fn log_in(&self, request: &Connect) -> Result<Login, Failure> {
        let target = &request.target;
        let mut named = self.script.named(&target.host).peekable();
        named.peek().ok_or_else(|| unknown(&target.host))?;
        let brings = |password: &str| {
            let is_it = |method: &Authentication| matches!(method, Authentication::Password(given) if given.expose() == password);
            request.authentication.iter().any(is_it)
        };
        let found = named
            .find(|(_, server)| matches(&server.user, &target.user) && server.password.as_deref().is_none_or(brings));
        let Some((index, _)) = found else {
            let message = format!(
                "The script lets `{}` not log in at {} with these credentials: see `user` and `password` of its servers.",
                target.user, target.host
            );
            return Err(Failure::new(ErrorKind::AuthFailed, Phase::Auth, message));
        };
        Ok(Login::new(Arc::clone(&self.script), index, self.files[index].clone(), target.user.clone()))
    }
}

fn unknown(host: &str) -> Failure {
    let message = format!("The script has no server {host}: add a [[server]] whose `host` matches it.");
    Failure::new(ErrorKind::UnknownHost, Phase::Connect, message)
}

impl Connector for Network {
    fn deadlines(&self) -> Deadlines {
        hostler_remote::Config::default().deadlines()
    }

    fn resolve<'a>(&'a self, host: &'a str, port: u16, _: Duration) -> BoxFuture<'a, Result<Vec<SocketAddr>, Failure>> {
        let known = self.script.named(host).next().map(|_| host.parse().unwrap_or(ADDRESS));
        let resolved = known.map(|address| vec![SocketAddr::new(address, port)]).ok_or_else(|| unknown(host));
        async { resolved }.boxed()
    }

    fn connect(&self, request: Connect) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>> {
        let login = self.log_in(&request).map(|login| Box::new(login) as Box<dyn Session>);
        async { login }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_is_copied_into_itself() {
        let project = tempfile::tempdir().expect("a folder");
        let project = project.path().canonicalize().expect("it is there");
        let servers = project.join("build/servers");
        fs::create_dir_all(&servers).expect("writable");
        fs::create_dir_all(project.join("files")).expect("writable");
        fs::write(project.join("files/motd"), "be welcome").expect("writable");
        let start = |folder: &str| {
            let script = format!("[[server]]\n[server.files]\nfolder = {folder:?}\n");
            Network::start(toml::from_str(&script).unwrap_or_else(|error| panic!("{error}")), &project, &servers)
        };
        for folder in [".", "..", "build", "files/.."] {
            let error = start(folder).err().expect(folder).to_string();
            assert!(error.contains(&format!("folder = {folder:?} holds")), "{error}");
        }
        assert!(start("files").is_ok());
        assert!(servers.join("0/motd").is_file());
    }
}
