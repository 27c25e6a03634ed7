//! What a driver can do to a server, as the gate and the policies see it.

use crate::grant::{Access, Need};
use bytes::Bytes;
use hostler_model::Target;
use hostler_remote::{Detached, Exec, FileChange, HostKeyPolicy};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// An action with details larger than this is not done, in bytes: a policy could not read them within its limits.
pub(crate) const MAX_DETAILS: usize = 1 << 20;

/// Something that a driver is about to do.
pub(crate) enum Action<'a> {
    /// Connect to the target or one of its jump hosts, at one of these addresses, and log in. Where keys are pinned, they
    /// count instead of those on record.
    Connect { to: &'a Target, addresses: &'a [SocketAddr], policy: HostKeyPolicy, pins: &'a [String] },
    /// Run a command.
    Exec(&'a Exec),
    /// Leave commands on the target that go on by themselves. Each of them is judged as [`Action::Exec`] too.
    Detach(&'a Detached),
    /// Ask how detached tasks are (`read`, `list`), or stop one (`kill`).
    Tend(&'static str),
    /// Open an interactive session.
    Shell,
    /// Type a text into one.
    Type(&'a str),
    /// Type the secret at this path of the request.
    TypeSecret(&'a str),
    /// Read from a file; a transfer reads all of it, as far as is known so many bytes, into one of the daemon.
    ReadFile { path: &'a str, local: Option<&'a str>, size: Option<u64> },
    /// Make a file or replace its content: so many bytes, which a transfer has from a file of the daemon.
    WriteFile { path: &'a str, local: Option<&'a str>, size: u64 },
    /// See what is in a folder, or what is known about a path.
    ListFolder(&'a str),
    /// Change something else than content.
    ChangeFile(&'a FileChange),
    /// Have a transfer read this file or folder of the daemon.
    ReadLocalFile(&'a str),
    /// Have a transfer write this file or folder of the daemon.
    WriteLocalFile(&'a str),
}

/// `details` of a connection, as `judging.wit` has it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ConnectDetails<'a> {
    addresses: Vec<IpAddr>,
    host_key_policy: &'static str,
    host_keys: &'a [String],
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

/// `details` of commands that go on by themselves, as `judging.wit` has it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DetachDetails<'a> {
    commands: &'a [String],
    wire: String,
    stop_on_error: bool,
    environment: BTreeMap<&'a str, &'a str>,
    working_directory: Option<&'a str>,
    elevate: Option<&'a str>,
    stdin: Option<&'a str>,
}

/// `details` of what is done with one path, as `judging.wit` has it.
#[derive(Serialize)]
struct FileDetails<'a> {
    path: &'a str,
    local: Option<&'a str>,
    size: Option<u64>,
}

/// `details` of a change, as `judging.wit` has it.
#[derive(Serialize)]
struct ChangeDetails<'a> {
    change: &'static str,
    path: &'a str,
    to: Option<&'a str>,
    mode: Option<u32>,
}

impl<'a> From<&'a FileChange> for ChangeDetails<'a> {
    fn from(change: &'a FileChange) -> Self {
        let (word, to, mode) = match change {
            FileChange::Remove { .. } => ("remove", None, None),
            FileChange::Rename { to, .. } => ("rename", Some(to.as_str()), None),
            FileChange::MakeFolder { .. } => ("make-folder", None, None),
            FileChange::RemoveFolder { .. } => ("remove-folder", None, None),
            FileChange::Link { to, .. } => ("link", Some(to.as_str()), None),
            FileChange::SetMode { mode, .. } => ("set-mode", None, Some(*mode)),
        };
        Self { change: word, path: change.path(), to, mode }
    }
}

impl Action<'_> {
    /// The word that policies and the log know it by.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Exec(_) => "exec",
            Self::Detach(_) => "detach",
            Self::Tend(_) => "tend",
            Self::Shell => "shell",
            Self::Type(_) | Self::TypeSecret(_) => "type",
            Self::ReadFile { .. } => "read-file",
            Self::WriteFile { .. } => "write-file",
            Self::ListFolder(_) => "list-folder",
            Self::ChangeFile(_) => "change-file",
            Self::ReadLocalFile(_) => "read-local-file",
            Self::WriteLocalFile(_) => "write-local-file",
        }
    }

    /// Where it happens, if that is not the job's target itself.
    pub(crate) fn place(&self) -> Option<&Target> {
        match self {
            Self::Connect { to, .. } => Some(to),
            Self::Exec(_)
            | Self::Detach(_)
            | Self::Tend(_)
            | Self::Shell
            | Self::Type(_)
            | Self::TypeSecret(_)
            | Self::ReadFile { .. }
            | Self::WriteFile { .. }
            | Self::ListFolder(_)
            | Self::ChangeFile(_)
            | Self::ReadLocalFile(_)
            | Self::WriteLocalFile(_) => None,
        }
    }

    /// How large it is, in bytes, before anything is made of it.
    pub(crate) fn size(&self) -> usize {
        let texts = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
        let pairs =
            |pairs: &[(String, String)]| pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        match self {
            Self::Exec(exec) => {
                let stdin = exec.stdin.as_ref().map_or(0, Bytes::len);
                let folder = exec.working_directory.as_ref().map_or(0, String::len);
                let user = exec.elevation.as_ref().map_or(0, |elevation| elevation.user.len());
                exec.command.len() + stdin + folder + user + pairs(&exec.environment) + pairs(&exec.answers)
            }
            Self::Detach(task) => {
                let stdin = task.stdin.as_ref().map_or(0, String::len);
                let folder = task.working_directory.as_ref().map_or(0, String::len);
                texts(&task.commands) + stdin + folder + pairs(&task.environment)
            }
            Self::Type(text) | Self::TypeSecret(text) => text.len(),
            Self::ReadFile { path, local, .. } | Self::WriteFile { path, local, .. } => {
                path.len() + local.map_or(0, str::len)
            }
            Self::ListFolder(path) | Self::ReadLocalFile(path) | Self::WriteLocalFile(path) => path.len(),
            Self::ChangeFile(change) => {
                let ChangeDetails { path, to, .. } = ChangeDetails::from(*change);
                path.len() + to.map_or(0, str::len)
            }
            Self::Connect { pins, .. } => texts(pins),
            Self::Tend(_) | Self::Shell => 0,
        }
    }

    /// What policies see of it: a JSON object. `user` is who logged in.
    pub(crate) fn details(&self, user: &str) -> String {
        let json = match self {
            Self::Connect { addresses, policy, pins, .. } => serde_json::to_string(&ConnectDetails {
                addresses: addresses.iter().map(SocketAddr::ip).collect(),
                host_key_policy: policy.word(),
                host_keys: pins,
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
            Self::Detach(task) => serde_json::to_string(&DetachDetails {
                commands: &task.commands,
                wire: task.wire(),
                stop_on_error: task.stop_on_error,
                environment: task.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
                working_directory: task.working_directory.as_deref(),
                elevate: task.elevation.as_ref().map(|elevation| elevation.user.as_str()),
                stdin: task.stdin.as_deref(),
            }),
            Self::Tend(what) => serde_json::to_string(&BTreeMap::from([("tasks", what)])),
            Self::Shell => return "{}".into(),
            Self::Type(text) => serde_json::to_string(&BTreeMap::from([("text", text)])),
            Self::TypeSecret(path) => serde_json::to_string(&BTreeMap::from([("secret", path)])),
            Self::ReadFile { path, local, size } => {
                serde_json::to_string(&FileDetails { path, local: *local, size: *size })
            }
            Self::WriteFile { path, local, size } => {
                serde_json::to_string(&FileDetails { path, local: *local, size: Some(*size) })
            }
            Self::ListFolder(path) => serde_json::to_string(&FileDetails { path, local: None, size: None }),
            Self::ChangeFile(change) => serde_json::to_string(&ChangeDetails::from(*change)),
            Self::ReadLocalFile(path) | Self::WriteLocalFile(path) => {
                serde_json::to_string(&BTreeMap::from([("path", path)]))
            }
        };
        json.expect("texts, flags, numbers and addresses have a JSON form")
    }

    /// What it needs, each of which must be granted.
    pub(crate) fn needs(&self) -> Vec<Need<'_>> {
        let file = |path, access, size| Need::File { path, access, size };
        let local_file = |path, access, size| Need::LocalFile { path, access, size };
        match self {
            Self::Connect { .. } => vec![Need::Connect],
            Self::Exec(exec) => {
                let mut needs = vec![Need::Exec(&exec.command, &exec.environment)];
                needs.extend(exec.elevation.as_ref().map(|elevation| Need::Elevation(&elevation.user)));
                needs.extend((exec.stdin.is_some() || !exec.answers.is_empty()).then_some(Need::Stdin));
                needs.extend(exec.pty.then_some(Need::Pty));
                needs
            }
            // What its commands need was asked when they were judged.
            Self::Detach(_) | Self::Tend(_) => vec![Need::Detach],
            Self::Shell => vec![Need::Shell, Need::Pty],
            Self::Type(_) => vec![Need::Shell],
            Self::TypeSecret(path) => vec![Need::Shell, Need::SecretInput(path)],
            Self::ListFolder(path) => vec![file(path, Access::Read, 0)],
            // What is read at one side is written at the other. Nobody knows how large some files are.
            Self::ReadFile { path, local, size } => {
                let written = local.map(|local| local_file(local, Access::Write, size.unwrap_or(u64::MAX)));
                [file(path, Access::Read, 0)].into_iter().chain(written).collect()
            }
            Self::WriteFile { path, local, size } => {
                let read = local.map(|local| local_file(local, Access::Read, 0));
                [file(path, Access::Write, *size)].into_iter().chain(read).collect()
            }
            Self::ReadLocalFile(path) => vec![local_file(path, Access::Read, 0)],
            Self::WriteLocalFile(path) => vec![local_file(path, Access::Write, 0)],
            Self::ChangeFile(change) => {
                let mut needs = vec![file(change.path(), Access::Write, 0)];
                match change {
                    FileChange::Rename { to, .. } => needs.push(file(to, Access::Write, 0)),
                    // Whatever may be done with the link will be done with what it leads to.
                    FileChange::Link { path, to } => {
                        needs.extend([Access::Read, Access::Write].map(|access| Need::Link { path, to, access }));
                    }
                    _ => {}
                }
                needs
            }
        }
    }

    /// Whether it can change something on the target.
    pub(crate) fn has_effect(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::ReadFile { .. }
            | Self::ListFolder(_)
            | Self::ReadLocalFile(_)
            | Self::WriteLocalFile(_) => false,
            Self::Tend(what) => *what == "kill",
            Self::Exec(_)
            | Self::Detach(_)
            | Self::Shell
            | Self::Type(_)
            | Self::TypeSecret(_)
            | Self::WriteFile { .. }
            | Self::ChangeFile(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// What policies see of it: kind, details, and whether the job counts as begun.
    fn seen(action: &Action<'_>) -> (&'static str, Value, bool) {
        (action.kind(), action.details("admin").parse().expect("JSON"), action.has_effect())
    }

    #[test]
    fn files_are_seen_as_the_interface_says() {
        let path = "/etc/motd";
        let details = |local: Option<&str>, size: Option<u64>| json!({"path": path, "local": local, "size": size});
        assert_eq!(seen(&Action::ListFolder(path)), ("list-folder", details(None, None), false));
        for (local, size) in [(None, None), (Some("/srv/motd"), Some(120))] {
            assert_eq!(seen(&Action::ReadFile { path, local, size }), ("read-file", details(local, size), false));
            let written = Action::WriteFile { path, local, size: 120 };
            assert_eq!(seen(&written), ("write-file", details(local, Some(120)), true));
        }
        assert_eq!(seen(&Action::ReadLocalFile(path)), ("read-local-file", json!({"path": path}), false));
        assert_eq!(seen(&Action::WriteLocalFile(path)), ("write-local-file", json!({"path": path}), false));
        let path = || "/a".to_owned();
        for (change, word, to, mode) in [
            (FileChange::Remove { path: path() }, "remove", None, None),
            (FileChange::Rename { path: path(), to: "/b".into() }, "rename", Some("/b"), None),
            (FileChange::MakeFolder { path: path() }, "make-folder", None, None),
            (FileChange::RemoveFolder { path: path() }, "remove-folder", None, None),
            (FileChange::Link { path: path(), to: "/b".into() }, "link", Some("/b"), None),
            (FileChange::SetMode { path: path(), mode: 0o644 }, "set-mode", None, Some(420)),
        ] {
            let details = json!({"change": word, "path": "/a", "to": to, "mode": mode});
            assert_eq!(seen(&Action::ChangeFile(&change)), ("change-file", details, true));
        }
    }
}
