//! SSH: the only room that knows russh.
//!
//! A [`Connector`] opens a [`Session`] with a target; a session starts a [`Process`]; a process
//! yields what it writes and how it ended. The real connector is [`Engine`], made from a [`Config`].
//!
//! The way of a connection: `dial` opens TCP, `handshake` verifies the host key against
//! `known_hosts`, `login` presents `credentials`, and a `connection` runs each command in a
//! `pump`, a task that always drains its channel, so that no slow client can stall a session.
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
mod known_hosts;
mod login;
mod process;
mod public_key;
mod pump;
mod session;

pub use config::{Config, Deadlines};
pub use engine::Engine;
pub use error::Error;
pub use process::{Elevation, Event, Exec, Process};
pub use session::{Authentication, Connect, Connector, HostKeyPolicy, Session};
