//! One session, and the commands in it, one after the other.

use crate::arguments::{ConnectionArgs, DriverArgs};
use hostler_sdk::driver::Item;
use hostler_sdk::ssh::{Authentication, ConnectOptions, Exec, Key, KeyFile, Session};
use hostler_sdk::{Error, Request, log};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Runs the commands of a validated request. A status other than 0 does not stop the next.
pub(crate) fn execute(request: &Request) -> Result<Vec<Item>, Error> {
    let args: DriverArgs = read(&request.driver_args)?;
    let session = connect(request)?;
    let items = request.command.iter().flatten().map(|command| run(&session, command, &args)).collect();
    // All commands have ended: that the connection does not end well changes nothing about them.
    if let Err(error) = session.close() {
        log::warn(&error.message);
    }
    items
}

/// Logs in with all that was given: key content, then key file, then password.
fn connect(request: &Request) -> Result<Session, Error> {
    let args: ConnectionArgs = read(&request.connection_args)?;
    let pkey = request.secret("connection_args.pkey")?;
    let passphrase = request.secret("connection_args.passphrase")?;
    let password = request.secret("connection_args.password")?;

    let passphrase = passphrase.as_ref();
    let mut authentication = Vec::new();
    authentication.extend(pkey.as_ref().map(|text| Authentication::Key(Key { text, passphrase, certificate: None })));
    authentication.extend(args.key_filename.map(|path| Authentication::KeyFile(KeyFile { path, passphrase })));
    authentication.extend(password.as_ref().map(Authentication::Password));

    let options = ConnectOptions {
        host_key_policy: args.host_key_policy,
        connect_timeout_ms: Some(deadline_ms(args.timeout)),
        banner_timeout_ms: args.banner_timeout.map(deadline_ms),
        auth_timeout_ms: args.auth_timeout.map(deadline_ms),
        ..ConnectOptions::default()
    };
    Session::connect(&authentication, &[], &options)
}

fn run(session: &Session, command: &str, args: &DriverArgs) -> Result<Item, Error> {
    let run = session.run(&Exec {
        environment: args.environment.clone().into_iter().flatten().collect(),
        timeout_ms: args.timeout.map(milliseconds),
        ..Exec::new(command)
    })?;
    Ok(Item { command: command.into(), run: run.id })
}

fn deadline_ms(seconds: f64) -> u32 {
    u32::try_from(milliseconds(seconds)).unwrap_or(u32::MAX)
}

/// At least 1, because nothing can be done in no time; what is too long to count is for ever.
fn milliseconds(seconds: f64) -> u64 {
    let milliseconds = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).as_millis();
    u64::try_from(milliseconds).unwrap_or(u64::MAX).max(1)
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| {
        Error::new("invalid-request", "plugin", format!("The job's arguments were changed since validation: {error}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_milliseconds_without_overflow() {
        assert_eq!(milliseconds(1.5), 1500);
        assert_eq!(milliseconds(0.000_01), 1);
        assert_eq!(milliseconds(1e300), u64::MAX);
        assert_eq!(deadline_ms(30.0), 30_000);
        assert_eq!(deadline_ms(1e8), u32::MAX);
    }
}
