//! Interactive sessions: what is typed into the login shell's terminal, and what is waited for.
//!
//! ```no_run
//! # use hostler_sdk::{Error, shell::{Shell, ShellOptions}, ssh::Session};
//! # fn ask(session: &Session) -> Result<Vec<u8>, Error> {
//! let shell = Shell::open(session, &ShellOptions::default())?;
//! shell.expect(&["# $".into()], 10_000)?;
//! shell.write(b"show version\n")?;
//! let shown = shell.expect(&["# $".into()], 10_000)?;
//! # Ok(shown.before)
//! # }
//! ```
//!
//! The terminal echoes what is typed, unless the program in it turns that off, as it does for passwords. A shell ends
//! when it is dropped, and with its session. What it showed becomes a result by [`results::keep`](crate::results::keep).

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::shell::{Found, Shell, ShellOptions};

impl Default for ShellOptions {
    /// A `vt100` of 80 x 24.
    fn default() -> Self {
        Self { terminal: "vt100".into(), columns: 80, rows: 24 }
    }
}
