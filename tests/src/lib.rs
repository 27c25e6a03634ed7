//! What the integration tests and benchmarks stand on: a real SSH server and the real daemon, each
//! a process of its own, each with folders of its own, each ended when it is dropped.

mod agent;
mod compiled;
mod cutter;
mod daemon;
mod figures;
mod fleet;
mod following;
mod listener;
mod node;
mod processes;
mod python;
mod shared;

pub use agent::Agent;
pub use cutter::Cutter;
pub use daemon::{Answer, Daemon, Setup};
pub use figures::{Spent, cpu, median, memory, peak_memory};
pub use fleet::{KeyForm, KeyType, Sshd};
pub use following::{Following, Message};
pub use listener::FullListener;
pub use node::Modules;
pub use processes::{kill_below, sleepers_become, unique_nap};
pub use python::Python;
pub use shared::Shared;
