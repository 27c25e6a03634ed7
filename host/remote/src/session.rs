//! What the floor above sees of a connection.

use crate::{Deadlines, Exec, Process};
use futures::future::BoxFuture;
use hostler_model::{Failure, Secret, Target};
use std::net::SocketAddr;
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
    },
    /// `publickey`, the private key in a file below one of the operator's key folders.
    KeyFile {
        /// Absolute, or relative to the first of those folders.
        path: String,
        /// What decrypts it.
        passphrase: Option<Secret>,
    },
}

/// Everything that is needed to open a session.
#[derive(Clone)]
pub struct Connect {
    /// Whom to log in to.
    pub target: Target,
    /// What [`Connector::resolve`] answered, after the policies saw it; tried in order.
    pub addresses: Vec<SocketAddr>,
    /// Tried in order.
    pub authentication: Vec<Authentication>,
    /// How to treat the server's key.
    pub host_key_policy: HostKeyPolicy,
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

    /// Says good-bye and ends the connection.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// What the client should know about this connection, such as an unknown host key.
    fn warnings(&self) -> Vec<String>;
}
