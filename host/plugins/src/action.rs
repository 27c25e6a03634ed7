//! What a driver can do to a server, as the gate and the policies see it.

use crate::grant::Need;
use hostler_model::Target;
use hostler_remote::{Exec, HostKeyPolicy};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Something that a driver is about to do.
pub(crate) enum Action<'a> {
    /// Connect to the target or one of its jump hosts, at one of these addresses, and log in.
    Connect(&'a Target, &'a [SocketAddr], HostKeyPolicy),
    /// Run a command.
    Exec(&'a Exec),
    /// Open an interactive session.
    Shell,
    /// Type a text into one.
    Type(&'a str),
    /// Type the secret at this path of the request.
    TypeSecret(&'a str),
}

/// `details` of a connection, as `judging.wit` has it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ConnectDetails {
    addresses: Vec<IpAddr>,
    host_key_policy: &'static str,
}

/// `details` of a command, as `judging.wit` has it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ExecDetails<'a> {
    command: &'a str,
    wire: String,
    environment: BTreeMap<&'a str, &'a str>,
    working_directory: Option<&'a str>,
    elevate: Option<&'a str>,
    pty: bool,
    stdin: Option<Cow<'a, str>>,
    answers: &'a [(String, String)],
}

impl Action<'_> {
    /// The word that policies and the log know it by.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Connect(..) => "connect",
            Self::Exec(_) => "exec",
            Self::Shell => "shell",
            Self::Type(_) | Self::TypeSecret(_) => "type",
        }
    }

    /// Where it happens, if that is not the job's target itself.
    pub(crate) fn place(&self) -> Option<&Target> {
        match self {
            Self::Connect(target, ..) => Some(target),
            Self::Exec(_) | Self::Shell | Self::Type(_) | Self::TypeSecret(_) => None,
        }
    }

    /// What policies see of it: a JSON object. `user` is who logged in.
    pub(crate) fn details(&self, user: &str) -> String {
        let json = match self {
            Self::Connect(_, addresses, policy) => serde_json::to_string(&ConnectDetails {
                addresses: addresses.iter().map(SocketAddr::ip).collect(),
                host_key_policy: policy.word(),
            }),
            Self::Exec(exec) => serde_json::to_string(&ExecDetails {
                command: &exec.command,
                wire: exec.wire(user),
                environment: exec.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
                working_directory: exec.working_directory.as_deref(),
                elevate: exec.elevation.as_ref().map(|elevation| elevation.user.as_str()),
                pty: exec.pty,
                stdin: exec.stdin.as_deref().map(String::from_utf8_lossy),
                answers: &exec.answers,
            }),
            Self::Shell => return "{}".into(),
            Self::Type(text) => serde_json::to_string(&BTreeMap::from([("text", text)])),
            Self::TypeSecret(path) => serde_json::to_string(&BTreeMap::from([("secret", path)])),
        };
        json.expect("texts, flags and addresses have a JSON form")
    }

    /// What it needs, each of which must be granted.
    pub(crate) fn needs(&self) -> Vec<Need<'_>> {
        match self {
            Self::Connect(..) => vec![Need::Connect],
            Self::Exec(exec) => {
                let mut needs = vec![Need::Exec(&exec.command)];
                needs.extend(exec.elevation.as_ref().map(|elevation| Need::Elevation(&elevation.user)));
                needs.extend((exec.stdin.is_some() || !exec.answers.is_empty()).then_some(Need::Stdin));
                needs.extend(exec.pty.then_some(Need::Pty));
                needs
            }
            Self::Shell => vec![Need::Shell, Need::Pty],
            Self::Type(_) => vec![Need::Shell],
            Self::TypeSecret(path) => vec![Need::Shell, Need::SecretInput(path)],
        }
    }

    /// Whether it can change something on the target.
    pub(crate) fn has_effect(&self) -> bool {
        match self {
            Self::Connect(..) => false,
            Self::Exec(_) | Self::Shell | Self::Type(_) | Self::TypeSecret(_) => true,
        }
    }
}
