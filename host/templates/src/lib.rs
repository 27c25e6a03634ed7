//! Makes text of templates ([`render`], Jinja2) and data of text ([`Parser`], `TextFSM`).
//!
//! A template reaches nothing but what comes with it: no files, no network. Whatever it says, time and memory are
//! bounded; what goes beyond that is a failure of kind `limit`. All of it computes and waits for nothing: whoever is
//! asynchronous calls it from a thread for that (`spawn_blocking`).

mod failures;
mod parser;
mod render;
mod textfsm;

pub use parser::{ARGUMENTS, PARSERS, Parser};
pub use render::{RENDERERS, render};

/// How long a template may be, in bytes.
const LONGEST_TEMPLATE: usize = 256 << 10;
