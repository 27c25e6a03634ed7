//! Grants: power, line by line. A plugin's manifest asks in the form in which the operator gives.

use hostler_patterns::{CommandPattern, Host, PathPattern, covers_line, literal, matches, name, path};
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;
use std::net::IpAddr;

/// Variables that choose a language, a terminal and a time zone. Others (`PATH`, `LD_PRELOAD`, `BASH_ENV`) can choose
/// what a command's name means.
const HARMLESS: [&str; 5] = ["LANG", "LANGUAGE", "LC_*", "TERM", "TZ"];

/// What only the daemon can do, and lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Connect to the job's target and its jump hosts, and log in.
    Connect,
    /// Run a command.
    Exec,
    /// Run a command as another user, by sudo.
    Elevation,
    /// Give a command something to read: standard input, or replies to its prompts.
    Stdin,
    /// Leave commands on the target that go on when their job has ended.
    Detach,
    /// Have a terminal.
    Pty,
    /// Open an interactive session and type into it.
    Shell,
    /// Type a secret into an interactive session. **Whoever may do so can have it echoed, and so read it.**
    SecretInput,
    /// Look at files and folders of the server, or change them.
    RemoteFiles,
    /// Have transfers read files and folders of the daemon, or write them, inside the folders that the operator names.
    LocalFiles,
    /// WASI preview 2 with an empty environment, no files, no sockets; standard output and standard
    /// error go to the log. For languages whose runtime cannot do without.
    Wasi,
}

/// One line of power: a capability, and where it holds. What is left out is not narrowed.
///
/// In a configuration it is a word (`"connect"`), or a table with more: `{ capability = "exec", hosts =
/// ["*.example.com"], commands = ["systemctl status *"] }`.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(crate) capability: Capability,
    hosts: Option<Vec<Host>>,
    commands: Option<Vec<CommandPattern>>,
    paths: Option<Vec<PathPattern>>,
    line: Line,
}

/// A grant as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    capability: Capability,
    /// Why a plugin asks for it. Required in a manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Of a manifest: whether the plugin is of use without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
    /// Names with `*` and `?`, addresses, ranges of addresses. A range holds for a name if all addresses that
    /// the name resolved to lie in it; for a name behind a jump host it never does.
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts: Option<Vec<String>>,
    /// TCP ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<Vec<u16>>,
    /// Login names, with `*` and `?`.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<String>>,
    /// Of `exec`: patterns of words, such as `systemctl status *`. Each simple command of the line must match one.
    #[serde(skip_serializing_if = "Option::is_none")]
    commands: Option<Vec<String>>,
    /// Of `exec`: variables that may be set, with `*` and `?`. Absent where `commands` are named: those of language,
    /// terminal and time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<Vec<String>>,
    /// Of `elevation`: whose rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Vec<String>>,
    /// Of `secret-input`: paths such as `driver_args.enable_password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Vec<String>>,
    /// Of `remote-files` and `local-files`: absolute paths with `*` and `?`; `/**` at the end means everything below.
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<Vec<String>>,
    /// Of both: whether to look or to change; absent: both.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<Access>,
    /// Of both: bytes that one file which is written may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_size: Option<u64>,
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    Read,
    Write,
}

/// What an action needs, each of which must be granted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need<'a> {
    Connect,
    /// A command, and the variables that it is given.
    Exec(&'a str, &'a [(String, String)]),
    Elevation(&'a str),
    Stdin,
    Detach,
    Pty,
    Shell,
    SecretInput(&'a str),
    File {
        path: &'a str,
        access: Access,
        size: u64,
    },
    /// What a link at a path will lead to.
    Link {
        path: &'a str,
        to: &'a str,
        access: Access,
    },
    /// A file of the daemon.
    LocalFile {
        path: &'a str,
        access: Access,
        size: u64,
    },
}

/// The server where an action happens.
pub(crate) struct Place<'a> {
    /// Its name in the form in which names are compared.
    name: String,
    /// What the name stands for, as far as is known.
    addresses: Vec<IpAddr>,
    port: u16,
    user: &'a str,
}

impl<'a> Place<'a> {
    /// `addresses` are those that the host resolved to; a literal address needs none.
    pub(crate) fn new(host: &str, port: u16, user: &'a str, addresses: &[IpAddr]) -> Self {
        let own = literal(host);
        let name = own.map_or_else(|| name(host), |address| address.to_string());
        let mut addresses: Vec<IpAddr> = addresses.iter().map(IpAddr::to_canonical).collect();
        addresses.extend(own);
        Self { name, addresses, port, user }
    }
}

impl Need<'_> {
    pub(crate) fn capability(&self) -> Capability {
        match self {
            Self::Connect => Capability::Connect,
            Self::Exec(..) => Capability::Exec,
            Self::Elevation(_) => Capability::Elevation,
            Self::Stdin => Capability::Stdin,
            Self::Detach => Capability::Detach,
            Self::Pty => Capability::Pty,
            Self::Shell => Capability::Shell,
            Self::SecretInput(_) => Capability::SecretInput,
            Self::File { .. } | Self::Link { .. } => Capability::RemoteFiles,
            Self::LocalFile { .. } => Capability::LocalFiles,
        }
    }
}

impl Grant {
    /// Why a plugin asks for it.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.line.reason.as_deref()
    }

    /// Whether a plugin that asks for it is of use without.
    pub(crate) fn is_optional(&self) -> bool {
        self.line.optional
    }

    /// As an operator gives it: without what only a manifest says, and as a word where it is not narrowed.
    pub(crate) fn given(&self) -> Value {
        let line = Line { reason: None, optional: false, ..self.line.clone() };
        let is_narrowed = |fields: &Value| fields.as_object().is_some_and(|fields| fields.len() > 1);
        let fields = serde_json::to_value(line).ok().filter(is_narrowed);
        fields.unwrap_or_else(|| self.capability.to_string().into())
    }

    /// Whether it gives what is needed, there.
    pub(crate) fn covers(&self, need: &Need<'_>, place: &Place<'_>) -> bool {
        self.capability == need.capability() && self.is_at(place) && self.gives(need)
    }

    fn is_at(&self, place: &Place<'_>) -> bool {
        let Line { ports, users, .. } = &self.line;
        self.hosts.as_ref().is_none_or(|hosts| {
            let held = |address: &IpAddr| hosts.iter().any(|host| host.holds(*address));
            hosts.iter().any(|host| host.names(&place.name))
                || !place.addresses.is_empty() && place.addresses.iter().all(held)
        }) && ports.as_ref().is_none_or(|ports| ports.contains(&place.port))
            && users.as_ref().is_none_or(|users| any(users, place.user))
    }

    fn gives(&self, need: &Need<'_>) -> bool {
        let Line { environment, to, secrets, access, max_size, .. } = &self.line;
        match *need {
            Need::Connect | Need::Stdin | Need::Detach | Need::Pty | Need::Shell => true,
            Need::Exec(line, variables) => {
                let patterns = self.commands.as_ref().filter(|all| !all.iter().any(CommandPattern::is_all));
                let may_be_set = |name: &str| match environment {
                    Some(names) => any(names, name),
                    None => patterns.is_none() || HARMLESS.iter().any(|pattern| matches(pattern, name)),
                };
                patterns.is_none_or(|patterns| covers_line(patterns, line).is_ok())
                    && variables.iter().all(|(name, _)| may_be_set(name))
            }
            Need::Elevation(user) => to.as_ref().is_none_or(|users| any(users, user)),
            Need::SecretInput(path) => secrets.as_ref().is_none_or(|paths| any(paths, path)),
            Need::File { path: asked, access: kind, size } | Need::LocalFile { path: asked, access: kind, size } => {
                let normal = if matches!(need, Need::File { .. }) { path::normal } else { path::local };
                self.reaches(normal(asked))
                    && access.is_none_or(|access| access == kind)
                    && max_size.is_none_or(|max| kind == Access::Read || size <= max)
            }
            Need::Link { path: link, to, access: kind } => {
                self.reaches(path::led_to(link, to)) && access.is_none_or(|access| access == kind)
            }
        }
    }

    /// Whether a path lies where it holds; `None` is one that nobody can judge.
    fn reaches(&self, normal: Option<String>) -> bool {
        self.paths
            .as_ref()
            .is_none_or(|patterns| normal.is_some_and(|normal| patterns.iter().any(|pattern| pattern.covers(&normal))))
    }
}

/// Whether links with a relative text lead to nothing new, wherever they are moved: all that these lines let be written
/// lies in one folder that they give as a whole, which no rename leaves.
pub(crate) fn keep_links(lines: &[Grant], access: Access, place: &Place<'_>) -> bool {
    let giving = |access: Access| {
        let is_given = move |line: &&Grant| line.line.access.is_none_or(|given| given == access);
        lines.iter().filter(|line| line.capability == Capability::RemoteFiles && line.is_at(place)).filter(is_given)
    };
    let paths = |access: Access| giving(access).map(|line| line.paths.as_deref());
    if paths(access).any(|paths| paths.is_none()) {
        return true;
    }
    let Some(written) = paths(Access::Write).collect::<Option<Vec<_>>>() else { return false };
    let written = || written.iter().copied().flatten();
    let used = || paths(access).flatten().flatten();
    written().any(|tree| written().all(|path| path.lies_in(tree)) && used().any(|path| path.holds(tree)))
}

fn any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, text))
}

impl TryFrom<Line> for Grant {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        use Capability::{Elevation, Exec, LocalFiles, RemoteFiles, SecretInput, Wasi};
        let capability = line.capability;
        let is_files = matches!(capability, LocalFiles | RemoteFiles);
        let is_anywhere = line.hosts.is_none() && line.ports.is_none() && line.users.is_none();
        let fields = [
            ("commands", line.commands.is_some(), capability == Exec),
            ("environment", line.environment.is_some(), capability == Exec),
            ("to", line.to.is_some(), capability == Elevation),
            ("secrets", line.secrets.is_some(), capability == SecretInput),
            ("paths", line.paths.is_some(), is_files),
            ("access", line.access.is_some(), is_files),
            ("max_size", line.max_size.is_some(), is_files),
            ("hosts, ports and users", !is_anywhere, !matches!(capability, LocalFiles | Wasi)),
        ];
        if let Some((field, ..)) = fields.iter().find(|(_, given, fits)| *given && !fits) {
            return Err(format!("{field} cannot narrow the capability {capability}; leave it out"));
        }
        let Line { hosts, users, commands, environment, to, secrets, paths, .. } = &line;
        let lists = [hosts, users, commands, environment, to, secrets, paths];
        if lists.into_iter().flatten().any(Vec::is_empty) || line.ports.as_ref().is_some_and(Vec::is_empty) {
            return Err("an empty list grants nothing; name something, or leave it out".into());
        }
        Ok(Self {
            capability,
            hosts: read_all(line.hosts.as_ref(), Host::read)?,
            commands: read_all(line.commands.as_ref(), CommandPattern::read)?,
            paths: read_all(line.paths.as_ref(), PathPattern::read)?,
            line,
        })
    }
}

fn read_all<T>(
    texts: Option<&Vec<String>>,
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Option<Vec<T>>, String> {
    let one = |text: &String| read(text).map_err(|sentence| format!("{text:?}: {sentence}"));
    texts.map(|texts| texts.iter().map(one).collect()).transpose()
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Serialize for Grant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.line.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrLine)
    }
}

/// Reads either form, so that what is wrong is named (an untagged enum would only say that neither fits).
struct WordOrLine;

impl<'de> Visitor<'de> for WordOrLine {
    type Value = Grant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a capability, or a table with `capability` and where it holds")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Grant, E> {
        self.visit_map(MapDeserializer::new(std::iter::once(("capability", word))))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Grant, A::Error> {
        let line = Line::deserialize(MapAccessDeserializer::new(map))?;
        Grant::try_from(line).map_err(A::Error::custom)
    }
}
