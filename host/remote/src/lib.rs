//! SSH: the only room that knows russh.
//!
//! A [`Connector`] opens a [`Session`] with a target; a session starts a [`Process`]; a process
//! yields what it writes and how it ended. The real connector is [`Engine`], made from a [`Config`].
//!
//! The way of a connection: the `opener` goes leg by leg. For each, the `limiter` gives it a turn, `dial`
//! opens TCP or a `tunnel` goes through the jump host before, `handshake` verifies the host key against
//! `known_hosts`, and `login` presents `credentials`. The result is a `link`, which a `pool` may lend to
//! several sessions. A session (`connection`) runs each command in a `pump`, a task that always drains
//! its channel, so that no slow client can stall the others; a [`Shell`] has a `terminal`, which does the same. Its
//! [`Files`] (`sftp`) talk with the server's program over a `subsystem`, which is always drained too.
//! A [`Transfer`] is a task of its own too (`transfer`), so that it cleans up whoever gives up.
//! What would hold a thread up, such as files and the decryption of keys, is done elsewhere (`blocking`).
//! Beside that way, [`HostKeys`] is the record of host keys for those who keep it, and [`scan`] shows what
//! a server would be recorded with.
//!
//! Every step has a deadline, and every failure a kind, a phase and a sentence.

mod algorithms;
mod answers;
mod background;
mod blocking;
mod channel;
mod config;
mod connection;
mod credential;
mod dial;
mod dialogue;
mod engine;
mod error;
mod files;
mod handshake;
mod host_key;
mod host_keys;
mod key;
mod known_hosts;
mod limiter;
mod line;
mod link;
mod login;
mod metrics;
mod opener;
mod pin;
mod pool;
mod process;
mod public_key;
mod pump;
mod running;
mod scan;
mod session;
mod sftp;
mod shell;
mod stream;
mod subsystem;
mod task;
mod terminal;
mod transfer;
mod tunnel;

pub use config::{Config, Deadlines};
pub use engine::Engine;
pub use error::Error;
pub use files::{
    Attributes, Create, Entry, File, FileChange, FileKind, Files, Listing, MAX_ENTRIES, MAX_READ, OpenMode,
};
pub use host_keys::HostKeys;
pub use process::{Elevation, Event, Exec, Process};
pub use scan::{ShownKey, scan};
pub use session::{Authentication, Connect, Connector, HostKeyPolicy, Session};
pub use shell::{Keys, Shell, ShellRequest};
pub use task::{Detached, TaskCall, TaskSeen, TaskStatus};
pub use transfer::{Compare, Links, LocalPath, Overseer, Progress, Step, Transfer, hash};
