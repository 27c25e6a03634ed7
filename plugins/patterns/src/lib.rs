//! What rules about hosts, commands and paths mean, in one place for the daemon's grants and for policies.
//!
//! The crate is plain Rust: it compiles for the daemon and for WebAssembly.

pub mod command;
mod command_pattern;
mod host;
pub mod path;
mod wildcard;

pub use command::Command;
pub use command_pattern::{CommandPattern, Uncovered, covers_line};
pub use host::{Host, literal, name};
pub use path::PathPattern;
pub use wildcard::matches;
