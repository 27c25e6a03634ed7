//! What the floor above sees of a connection.

use crate::{Deadlines, Exec, Files, Overseer, Process, Shell, ShellRequest, Transfer};
use futures::future::BoxFuture;
use hostler_model::{Failure, Moved, Secret, Target};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How much an SSH server's key must be known beforehand. A changed or revoked key is always refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Only a key on record.
    Reject,
    /// A first key is recorded (trust on first use).
    AutoAdd,
    /// An unknown key is accepted and reported, not recorded.
    Warning,
}

impl HostKeyPolicy {
    /// The policy that a word of the document means.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Reject, Self::AutoAdd, Self::Warning].into_iter().find(|policy| policy.word() == word)
    }

    /// That word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::AutoAdd => "auto_add",
            Self::Warning => "warning",
        }
    }
}

/// One way to log in (RFC 4252).
#[derive(Clone)]
pub enum Authentication {
    /// `password`.
    Password(Secret),
    /// `publickey`, the private key as text.
    Key {
        /// OpenSSH, PKCS#1, PKCS#8 or SEC1.
        text: Secret,
        /// What decrypts it.
        passphrase: Option<Secret>,
        /// The user certificate for it (OpenSSH's PROTOCOL.certkeys), as one line of text.
        certificate: Option<String>,
    },
    /// `publickey`, the private key in a file below one of the operator's key folders.
    KeyFile {
        /// Absolute, or relative to the first of those folders.
        path: String,
        /// What decrypts it.
        passphrase: Option<Secret>,
    },
    /// `publickey`, with the keys of the daemon's agent, if the operator allows that.
    Agent,
    /// `publickey`, with the daemon's default keys, if the operator allows that.
    DefaultKeys,
}

/// Everything that is needed to open a session.
#[derive(Clone)]
pub struct Connect {
    /// Whom to log in to.
    pub target: Target,
    /// What [`Connector::resolve`] answered for the host that is dialled (the first jump host, if there is
    /// one), after the policies saw it; tried in order.
    pub addresses: Vec<SocketAddr>,
    /// For the target; tried in order.
    pub authentication: Vec<Authentication>,
    /// For each of the target's jump hosts; tried in order.
    pub jumps: Vec<Vec<Authentication>>,
    /// How to treat the servers' keys, those of jump hosts included.
    pub host_key_policy: HostKeyPolicy,
    /// Keys that the target may show, instead of those on record: `SHA256:...`, or a public key as text.
    pub host_keys: Vec<String>,
    /// Whether to ask for compression (`zlib@openssh.com`).
    pub compress: bool,
    /// Silence after which the server is asked whether it is alive. Absent: the operator's.
    pub keepalive: Option<Duration>,
    /// Whether the session may be one that an equal request left open, and is left open for the next.
    pub reuse: bool,
    /// Whether it is to move files: the work for it then gives way to everything else.
    pub bulk: bool,
    /// TCP.
    pub connect_timeout: Duration,
    /// From TCP to the end of the key exchange.
    pub banner_timeout: Duration,
    /// All authentication methods together.
    pub auth_timeout: Duration,
}

/// What can open sessions. The real one is [`crate::Engine`]; scripted ones serve benchmarks and tests.
pub trait Connector: Send + Sync + 'static {
    /// What holds for requests that give no deadlines.
    fn deadlines(&self) -> Deadlines;

    /// Looks a host name up, within `timeout`. Literal addresses need no network.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<SocketAddr>, Failure>>;

    /// Dials, verifies the host key, and logs in. Dropping the future gives everything up.
    fn connect(&self, request: Connect) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>>;
}

/// One authenticated connection. Dropping it ends it.
pub trait Session: Send + Sync {
    /// Starts a command. Dropping the future gives the channel up without leaking it.
    fn start(&self, exec: Exec) -> BoxFuture<'_, Result<Process, Failure>>;

    /// Opens an interactive session. Dropping the future gives the channel up without leaking it.
    fn shell(&self, request: ShellRequest) -> BoxFuture<'_, Result<Shell, Failure>>;

    /// Opens the way to the server's files (SFTP). Dropping the future gives the channel up without leaking it.
    fn files(&self) -> BoxFuture<'_, Result<Box<dyn Files>, Failure>>;

    /// Moves a file or a folder. Dropping the future stops it; what it must not leave behind is then removed.
    fn transfer(&self, transfer: Transfer, overseer: Arc<dyn Overseer>) -> BoxFuture<'_, Result<Moved, Failure>>;

    /// Says good-bye and ends the connection.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// What the client should know about this connection, such as an unknown host key.
    fn warnings(&self) -> Vec<String>;

    /// Whether an earlier request had opened the connection.
    fn reused(&self) -> bool;

    /// The identification string of the server (RFC 4253 section 4.2).
    fn server_version(&self) -> Option<String>;
}
