//! One session, and what is typed in it, line by line.

use crate::arguments::{ConnectionArgs, DriverArgs, milliseconds};
use crate::cli::Cli;
use crate::refusal::refusal;
use hostler_sdk::driver::Item;
use hostler_sdk::results::{self, Made};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Session};
use hostler_sdk::{Error, Request, log, secrets};
use serde::de::DeserializeOwned;

const SAVE: &str = "write memory";

/// The kind of error of a line that the appliance does not take.
const REJECTED: &str = "command-rejected";

/// Carries a validated request out. A line that the appliance rejects is the last one.
pub(crate) fn execute(request: &Request) -> Result<Vec<Item>, Error> {
    let args: DriverArgs = read(&request.driver_args)?;
    let session = connect(request)?;
    let mut cli = Cli::open(&session, args.prompt.clone(), milliseconds(args.timeout))?;
    let items = work(&mut cli, request, &args)?;
    // All is done: that the session does not end well changes nothing about it.
    if let Err(error) = cli.close().and_then(|()| session.close()) {
        log::warn(&error.message);
    }
    Ok(items)
}

pub(crate) fn connect(request: &Request) -> Result<Session, Error> {
    let args: ConnectionArgs = read(&request.connection_args)?;
    let password = secrets::get("connection_args.password")?;
    let options = ConnectOptions {
        host_key_policy: args.host_key_policy,
        connect_timeout_ms: Some(milliseconds(args.timeout)),
        ..ConnectOptions::default()
    };
    Session::connect(&[Authentication::Password(&password)], &[], &options)
}

fn work(cli: &mut Cli, request: &Request, args: &DriverArgs) -> Result<Vec<Item>, Error> {
    let password = request.secret("driver_args.enable_password")?;
    if password.is_some() || request.config.is_some() || args.saves() {
        cli.enable(password.as_ref())?;
    }
    let mut items = Vec::new();
    for (index, line) in request.command.iter().flatten().enumerate() {
        items.push(ask(cli, line, &format!("line {} of `command`", index + 1))?);
    }
    if let Some(lines) = &request.config {
        items.push(configure(cli, lines)?);
    }
    if args.saves() {
        items.push(ask(cli, SAVE, "the saving")?);
    }
    Ok(items)
}

/// A line with a result of its own.
fn ask(cli: &mut Cli, line: &str, what: &str) -> Result<Item, Error> {
    let answer = cli.ask(line)?;
    let refusal = refusal(&answer);
    let item = keep(line, answer, refusal.is_none())?;
    match refusal {
        None => Ok(item),
        Some(reason) => Err(rejected(what, line, &reason)),
    }
}

/// All lines with one result, which shows what the terminal showed.
fn configure(cli: &mut Cli, lines: &[String]) -> Result<Item, Error> {
    let mut transcript = Vec::new();
    let mut done = type_all(cli, lines, &mut transcript);
    // Without an answer to the last line there is none to this one either.
    if done.as_ref().err().is_none_or(|error| error.kind == REJECTED) {
        done = done.and(say(cli, "end", "the end", &mut transcript));
    }
    let item = keep(&lines.join("\n"), transcript, done.is_ok())?;
    done.map(|()| item)
}

fn type_all(cli: &mut Cli, lines: &[String], transcript: &mut Vec<u8>) -> Result<(), Error> {
    say(cli, "configure terminal", "the beginning", transcript)?;
    for (index, line) in lines.iter().enumerate() {
        say(cli, line, &format!("line {} of `config`", index + 1), transcript)?;
    }
    Ok(())
}

fn say(cli: &mut Cli, line: &str, what: &str, transcript: &mut Vec<u8>) -> Result<(), Error> {
    transcript.extend(format!("{} {line}\n", cli.at()).into_bytes());
    let answer = cli.configure(line)?;
    transcript.extend_from_slice(&answer);
    refusal(&answer).map_or(Ok(()), |reason| Err(rejected(what, line, &reason)))
}

fn keep(command: &str, output: Vec<u8>, taken: bool) -> Result<Item, Error> {
    let exit_status = Some(u32::from(!taken));
    let run = results::keep(&Made { command: command.into(), output, exit_status })?;
    Ok(Item { command: command.into(), run })
}

fn rejected(what: &str, line: &str, reason: &str) -> Error {
    Error::new(REJECTED, "exec", format!("The appliance rejected {what}, `{line}`: {reason}"))
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| {
        let message = format!("The job's arguments were changed since validation: {error}.");
        Error::new("invalid-request", "plugin", message)
    })
}
