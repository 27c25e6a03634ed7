//! A driver that does with interactive sessions what the lines of `command` say, and keeps what came of each.
//! Proves what the interface `shell` allows, refuses and limits.

use hostile_guests::{accept, driver};
use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::results::{self, Made};
use hostler_sdk::secrets;
use hostler_sdk::shell::{Shell, ShellOptions};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Session};
use hostler_sdk::{Error, Job, Problem, Request};

/// The driver.
pub struct Speaks;

impl Driver for Speaks {
    fn describe() -> Description {
        let secret = r#"{"type": "string", "writeOnly": true}"#;
        let driver_schema =
            format!(r#"{{"type": "object", "properties": {{"word": {secret}, "forbidden": {secret}}}}}"#);
        Description { driver_schema, ..driver("speaks") }
    }

    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        accept(request)
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        let password = secrets::get("connection_args.password")?;
        let options = ConnectOptions { host_key_policy: "auto_add".into(), ..ConnectOptions::default() };
        let session = Session::connect(&[Authentication::Password(&password)], &[], &options)?;
        let mut shells = Vec::new();
        job.request.command.iter().flatten().map(|line| keep(line, speak(line, &session, &mut shells))).collect()
    }
}

/// Does what one line says; what is done in a shell is done in the one that was opened last.
fn speak(line: &str, session: &Session, shells: &mut Vec<Shell>) -> Result<String, Error> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    if verb == "hang-up" {
        return session.close().map(|()| "done".into());
    }
    if verb == "open" {
        let default = ShellOptions::default();
        let terminal = if rest.is_empty() { default.terminal.clone() } else { rest.into() };
        shells.push(Shell::open(session, &ShellOptions { terminal, ..default })?);
        return Ok("done".into());
    }
    let shell = shells.last().ok_or_else(|| Error::new("no-shell", "plugin", "Open one first."))?;
    match verb {
        "type" => shell.write(format!("{rest}\n").as_bytes())?,
        "type-bytes" => shell.write(b"\xff\n")?,
        "type-secret" => shell.write_secret(&secrets::get(rest)?)?,
        "close" => shell.close()?,
        _ => {
            let patterns: Vec<String> = rest.split(" or ").map(str::to_owned).collect();
            let found = shell.expect(&patterns, if verb == "glance" { 300 } else { 20_000 })?;
            let matched = String::from_utf8_lossy(&found.matched).into_owned();
            return Ok(format!("found {} {matched:?}", found.pattern));
        }
    }
    Ok("done".into())
}

fn keep(line: &str, outcome: Result<String, Error>) -> Result<Item, Error> {
    let outcome = outcome.unwrap_or_else(|error| format!("{} {}", error.kind, error.message));
    let made = Made { command: line.into(), output: outcome.into_bytes(), exit_status: None };
    Ok(Item { command: line.into(), run: results::keep(&made)? })
}

hostler_sdk::driver!(Speaks);
