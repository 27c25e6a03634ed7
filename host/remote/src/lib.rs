//! SSH: the only room that knows russh.
//!
//! A [`Connector`] opens a [`Session`] with a target; a session starts a [`Process`]; a process
//! yields what it writes and how it ended. The real connector is [`Engine`], made from a [`Config`].
//!
//! The way of a connection: the `opener` goes leg by leg. For each, the `limiter` gives it a turn, `dial`
//! opens TCP or a `tunnel` goes through the jump host before, `handshake` verifies the host key against
//! `known_hosts`, and `login` presents `credentials`. The result is a `link`, which a `pool` may lend to
//! several sessions. A session (`connection`) runs each command in a `pump`, a task that always drains
//! its channel, so that no slow client can stall the others.
//! Every step has a deadline, and every failure a kind, a phase and a sentence.

mod algorithms;
mod config;
mod connection;
mod credential;
mod dial;
mod engine;
mod environment;
mod error;
mod handshake;
mod key;
mod known_hosts;
mod limiter;
mod link;
mod login;
mod opener;
mod pool;
mod process;
mod pump;
mod session;
mod tunnel;

pub use config::{Config, Deadlines};
pub use engine::Engine;
pub use error::Error;
pub use process::{Elevation, Event, Exec, Process};
pub use session::{Authentication, Connect, Connector, HostKeyPolicy, Session};
