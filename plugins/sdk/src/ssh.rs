//! Sessions with the job's own target.
//!
//! The daemon dials, verifies the host key, logs in and enforces every deadline; a driver says in
//! what order and what to run. There is no way to name another server.

#[doc(inline)]
pub use crate::bindings::driver::hostler::plugin::ssh::{
    Authentication, ConnectOptions, Elevation, Exec, Key, KeyFile, Run, Session,
};

impl Default for ConnectOptions {
    /// The key of the host must be on record, and all deadlines are the operator's.
    fn default() -> Self {
        Self {
            host_key_policy: "reject".into(),
            host_keys: vec![],
            compress: false,
            keepalive_ms: None,
            reuse: false,
            bulk: false,
            connect_timeout_ms: None,
            banner_timeout_ms: None,
            auth_timeout_ms: None,
        }
    }
}

impl Exec<'_> {
    /// A command and nothing else, with the operator's deadline.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            environment: vec![],
            working_directory: None,
            elevate: None,
            pty: false,
            stdin: None,
            answers: vec![],
            event_size: 0,
            timeout_ms: None,
        }
    }
}
