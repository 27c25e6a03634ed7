//! Sessions with the job's own target.
//!
//! The daemon dials, verifies the host key, logs in and enforces every deadline; a driver says in
//! what order and what to run. There is no way to name another server.
//!
//! ```no_run
//! use hostler_sdk::driver::Item;
//! use hostler_sdk::ssh::{Authentication, ConnectOptions, Elevation, Exec, Session};
//! use hostler_sdk::{Error, Request};
//!
//! fn restart(request: &Request) -> Result<Item, Error> {
//!     // What can be tried in order; the daemon opens the handles, and the driver never sees a value.
//!     let password = request.secret("connection_args.password")?;
//!     let ways: Vec<_> = password.as_ref().map(Authentication::Password).into_iter().collect();
//!     let session = Session::connect(&ways, &[], &ConnectOptions::default())?;
//!     let sudo = request.secret("driver_args.sudo_password")?;
//!     let run = session.run(&Exec {
//!         elevate: Some(Elevation { user: "root".into(), password: sudo.as_ref() }),
//!         timeout_ms: Some(30_000),
//!         ..Exec::new("systemctl restart app")
//!     })?;
//!     session.close()?;
//!     // A status other than 0 is no error: it stands in the job's result.
//!     Ok(Item { command: "restart".into(), run: run.id })
//! }
//! ```
//!
//! Capabilities: `connect`, `exec`, and `elevation`, `stdin`, `pty` for what they say. What is not granted fails with an
//! error of kind `denied`.

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
