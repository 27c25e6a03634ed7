//! What rules about hosts mean, in one place for the daemon's grants and for policies.
//!
//! The crate is plain Rust: it compiles for the daemon and for WebAssembly.

mod host;
mod wildcard;

pub use host::{Host, literal, name};
pub use wildcard::matches;
