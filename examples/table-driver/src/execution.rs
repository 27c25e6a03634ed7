//! One session, and the table of each command.

use crate::arguments::{ConnectionArgs, DriverArgs};
use crate::table;
use hostler_sdk::driver::Item;
use hostler_sdk::results::{self, Made};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Exec, Session};
use hostler_sdk::{Error, Request, secrets};
use serde::de::DeserializeOwned;

/// Carries a validated request out. What the commands printed stays in the job's results only where one of them fails.
pub(crate) fn execute(request: &Request) -> Result<Vec<Item>, Error> {
    let args: DriverArgs = read(&request.driver_args)?;
    let session = connect(request)?;
    let items = request.command.iter().flatten().map(|command| rows(&session, command, args.header.as_deref()));
    let items = items.collect::<Result<_, _>>()?;
    session.close()?;
    Ok(items)
}

pub(crate) fn connect(request: &Request) -> Result<Session, Error> {
    let args: ConnectionArgs = read(&request.connection_args)?;
    let password = secrets::get("connection_args.password")?;
    let options = ConnectOptions { host_key_policy: args.host_key_policy, ..ConnectOptions::default() };
    Session::connect(&[Authentication::Password(&password)], &[], &options)
}

/// Runs a command, and makes its table the result.
fn rows(session: &Session, command: &str, header: Option<&str>) -> Result<Item, Error> {
    let wrong = |kind, what: &str| Err(Error::new(kind, "exec", format!("`{command}` {what}")));
    let run = session.run(&Exec::new(command))?;
    if run.exit_status != Some(0) {
        return wrong("command-failed", "failed: see what it printed.");
    }
    if run.stdout_size > run.stdout.len() as u64 {
        return wrong("limit", "prints more than a driver is shown: ask it for less.");
    }
    let Some(table) = table::read(&String::from_utf8_lossy(&run.stdout), header) else {
        return wrong("no-table", "prints no table: see what it printed, and name its first line in `header`.");
    };
    let output = serde_json::to_vec_pretty(&table).expect("texts have a JSON form");
    let run = results::keep(&Made { command: command.into(), output, exit_status: run.exit_status })?;
    Ok(Item { command: command.into(), run })
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| {
        let message = format!("The job's arguments were changed since validation: {error}.");
        Error::new("invalid-request", "plugin", message)
    })
}
