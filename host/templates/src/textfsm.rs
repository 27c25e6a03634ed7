//! `TextFSM`, as Python's `textfsm` 2.1 reads templates and walks through texts.
//!
//! The crates that there are were read: `textfsm-rs` 0.3.6 panics and prints, `textfsm-rust` 0.3.1 keeps no unmatched entry
//! of a list, takes a regular expression that gave up for one that does not match, and bounds nothing.

mod machine;
mod pattern;
mod rule;
mod template;
mod value;

pub(crate) use template::Template;

/// How long a name of a value or a state may be, in characters.
const LONGEST_NAME: usize = 48;

#[cfg(test)]
mod tests;
