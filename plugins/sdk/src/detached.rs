//! Commands that go on when their job has ended.
//!
//! ```no_run
//! # use hostler_sdk::{Error, driver::Item, ssh::Session};
//! use hostler_sdk::detached::{Task, launch};
//!
//! # fn start(session: &Session, commands: Vec<String>) -> Result<Item, Error> {
//! let run = launch(session, &Task::new(commands))?;
//! # Ok(Item { command: "task".into(), run: run.id })
//! # }
//! ```
//!
//! The daemon keeps the task's log on the target, and looks after it. Capabilities: `detach`, and `exec` for each command.

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::detached::{Task, launch};

impl Task<'_> {
    /// Commands and nothing else. One that fails is the last.
    pub fn new(commands: Vec<String>) -> Self {
        Self { commands, stop_on_error: true, environment: vec![], working_directory: None, elevate: None, stdin: None }
    }
}
