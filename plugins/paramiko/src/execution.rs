//! One session, and the commands or the transfer in it.

use crate::arguments::{ConnectionArgs, DriverArgs};
use crate::going_on;
use crate::moving::Moving;
use hostler_sdk::driver::Item;
use hostler_sdk::secrets::Secret;
use hostler_sdk::ssh::{Authentication, ConnectOptions, Elevation, Exec, Key, KeyFile, Session};
use hostler_sdk::{Error, Request, log};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Runs the commands of a validated request, or moves its file. A status other than 0 does not stop the next command,
/// unless `stop_on_error` asks for that.
pub(crate) fn execute(request: &Request) -> Result<Vec<Item>, Error> {
    let args: DriverArgs = read(&request.driver_args)?;
    let moving = args.file_transfer.as_ref().map(Moving::admitted).transpose()?;
    let session = connect(request, moving.is_some())?;
    let items = carry_out(&session, moving.as_ref(), request, &args);
    // Everything has ended: that the connection does not end well changes nothing about it.
    if let Err(error) = session.close() {
        log::warn(&error.message);
    }
    items
}

/// Logs in with all that was given: key content, key file, agent, default keys, then password.
pub(crate) fn connect(request: &Request, bulk: bool) -> Result<Session, Error> {
    let args: ConnectionArgs = read(&request.connection_args)?;
    let target = Credentials::of(request, "")?;
    let jump = Credentials::of(request, "proxy_")?;
    let authentication = target.methods(args.key_filename.as_ref(), args.certificate.as_ref(), &args);
    let hops = args.jumps().map_err(|_| changed("a jump host"))?;
    let jumps: Vec<_> = hops.iter().map(|_| jump.methods(args.proxy_key_filename.as_ref(), None, &args)).collect();
    let options = ConnectOptions {
        host_key_policy: args.host_key_policy.clone(),
        host_keys: args.host_keys.clone().unwrap_or_default(),
        compress: args.compress == Some(true),
        keepalive_ms: args.kept().map(deadline_ms),
        reuse: args.kept().is_some(),
        bulk,
        connect_timeout_ms: Some(deadline_ms(args.timeout)),
        banner_timeout_ms: args.banner_timeout.map(deadline_ms),
        auth_timeout_ms: args.auth_timeout.map(deadline_ms),
    };
    Session::connect(&authentication, &jumps, &options)
}

/// The secrets for one leg of the way.
struct Credentials {
    pkey: Option<Secret>,
    passphrase: Option<Secret>,
    password: Option<Secret>,
}

impl Credentials {
    fn of(request: &Request, prefix: &str) -> Result<Self, Error> {
        let secret = |name| request.secret(&format!("connection_args.{prefix}{name}"));
        Ok(Self { pkey: secret("pkey")?, passphrase: secret("passphrase")?, password: secret("password")? })
    }

    fn methods<'a>(
        &'a self,
        key_file: Option<&String>,
        certificate: Option<&String>,
        args: &ConnectionArgs,
    ) -> Vec<Authentication<'a>> {
        let passphrase = self.passphrase.as_ref();
        let key = |text| Authentication::Key(Key { text, passphrase, certificate: certificate.cloned() });
        let mut methods: Vec<_> = self.pkey.as_ref().map(key).into_iter().collect();
        methods.extend(key_file.cloned().map(|path| Authentication::KeyFile(KeyFile { path, passphrase })));
        methods.extend((args.allow_agent == Some(true)).then_some(Authentication::Agent));
        methods.extend((args.look_for_keys == Some(true)).then_some(Authentication::DefaultKeys));
        methods.extend(self.password.as_ref().map(Authentication::Password));
        methods
    }
}

fn carry_out(
    session: &Session,
    moving: Option<&Moving<'_>>,
    request: &Request,
    args: &DriverArgs,
) -> Result<Vec<Item>, Error> {
    // As NetPulse does, sudo falls back to the password of the login: both are of the same account.
    let password = match request.secret("driver_args.sudo_password")? {
        None if args.elevates() => request.secret("connection_args.password")?,
        given => given,
    };
    if args.detaches() {
        return going_on::launch(session, moving, request, args, password.as_ref());
    }
    if let Some(moving) = moving {
        return moving.carry_out(session, |command| session.run(&exec(command, args, password.as_ref())));
    }
    if let Some(script) = &args.script_content {
        let name = format!("script_execution_{}", args.interpreter());
        let exec =
            Exec { stdin: Some(script.clone().into_bytes()), ..exec(args.interpreter(), args, password.as_ref()) };
        return Ok(vec![Item { command: name, run: session.run(&exec)?.id }]);
    }
    let commands: Vec<&String> = request.command.iter().chain(&request.config).flatten().collect();
    let mut items = Vec::new();
    for (index, &command) in commands.iter().enumerate() {
        let run = session.run(&exec(command, args, password.as_ref()))?;
        items.push(Item { command: command.clone(), run: run.id });
        let left = commands.len() - index - 1;
        if left > 0 && args.stop_on_error == Some(true) && run.exit_status != Some(0) {
            log::tell(&format!("`{command}` failed, so the {left} after it were not run, as `stop_on_error` asks."));
            break;
        }
    }
    Ok(items)
}

fn exec<'a>(command: &str, args: &DriverArgs, password: Option<&'a Secret>) -> Exec<'a> {
    let user = args.sudo_user.clone().unwrap_or_else(|| "root".into());
    let answers: Vec<_> = args.expect_map.clone().into_iter().flatten().collect();
    Exec {
        environment: args.environment.clone().into_iter().flatten().collect(),
        working_directory: args.working_directory.clone(),
        elevate: args.elevates().then_some(Elevation { user, password }),
        // What asks questions usually asks a terminal.
        pty: args.get_pty == Some(true) || !answers.is_empty(),
        answers,
        event_size: args.bufsize.and_then(|size| u32::try_from(size).ok()).unwrap_or(0),
        timeout_ms: args.timeout.map(milliseconds),
        ..Exec::new(command)
    }
}

fn deadline_ms(seconds: f64) -> u32 {
    u32::try_from(milliseconds(seconds)).unwrap_or(u32::MAX)
}

/// At least 1, because nothing can be done in no time; what is too long to count is for ever.
pub(crate) fn milliseconds(seconds: f64) -> u64 {
    let milliseconds = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).as_millis();
    u64::try_from(milliseconds).unwrap_or(u64::MAX).max(1)
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| changed(&error.to_string()))
}

fn changed(what: &str) -> Error {
    Error::new("invalid-request", "plugin", format!("The job's arguments were changed since validation: {what}."))
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
