//! The driver `{{name}}`: logs in with a password and runs the job's commands, one after the other.

use hostler_sdk::driver::{Description, Driver, Item, Normalised};
use hostler_sdk::ssh::{Authentication, ConnectOptions, Exec, Session};
use hostler_sdk::{Error, Job, Problem, Request, Target, log, secrets};
use serde::{Deserialize, Serialize};

/// How to reach the server: `schemas/connection_args.json`, without the secret.
#[derive(Deserialize, Serialize)]
struct ConnectionArgs {
    host: String,
    #[serde(default = "ssh_port")]
    port: u16,
    username: String,
    #[serde(default = "reject")]
    host_key_policy: String,
}

/// How the commands are run: `schemas/driver_args.json`.
#[derive(Deserialize, Serialize)]
struct DriverArgs {
    #[serde(default = "yes")]
    stop_on_error: bool,
}

/// The driver.
pub struct Plugin;

impl Driver for Plugin {
    fn describe() -> Description {
        Description {
            name: "{{name}}".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Runs commands, one after the other.".into(),
            connection_schema: include_str!("../schemas/connection_args.json").into(),
            driver_schema: include_str!("../schemas/driver_args.json").into(),
        }
    }

    /// The daemon has checked both schemas. Here is what they cannot say, and the defaults.
    fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
        let connection: ConnectionArgs = read("connection_args", &request.connection_args)?;
        let driver: DriverArgs = read("driver_args", &request.driver_args)?;
        if request.config.is_some() {
            return Err(vec![Problem::new(["config"], "unsupported", "There is no configuration here: use `command`.")]);
        }
        if request.command.as_ref().is_none_or(Vec::is_empty) {
            return Err(vec![Problem::new(["command"], "missing", "Give the commands to run.")]);
        }
        let text = |json: serde_json::Result<String>| json.map_err(|error| vec![Problem::value(error.to_string())]);
        Ok(Normalised {
            target: Target {
                host: connection.host.clone(),
                port: connection.port,
                user: connection.username.clone(),
                jumps: Vec::new(),
            },
            request: Request {
                connection_args: text(serde_json::to_string(&connection))?,
                driver_args: text(serde_json::to_string(&driver))?,
                ..request
            },
            warnings: Vec::new(),
        })
    }

    fn execute(job: Job) -> Result<Vec<Item>, Error> {
        let args: DriverArgs = serde_json::from_str(&job.request.driver_args).map_err(changed)?;
        let session = Self::connect(job.clone())?;
        let mut items = Vec::new();
        for command in job.request.command.iter().flatten() {
            let run = session.run(&Exec::new(command))?;
            items.push(Item { command: command.clone(), run: run.id });
            if args.stop_on_error && run.exit_status != Some(0) {
                log::tell("A command failed, and those after it were not run.");
                break;
            }
        }
        session.close()?;
        Ok(items)
    }

    /// Also for tests of the target, which have no commands.
    fn connect(job: Job) -> Result<Session, Error> {
        let args: ConnectionArgs = serde_json::from_str(&job.request.connection_args).map_err(changed)?;
        let password = secrets::get("connection_args.password")?;
        let options = ConnectOptions { host_key_policy: args.host_key_policy, ..ConnectOptions::default() };
        Session::connect(&[Authentication::Password(&password)], &[], &options)
    }
}

hostler_sdk::driver!(Plugin);

fn read<'a, T: Deserialize<'a>>(name: &str, json: &'a str) -> Result<T, Vec<Problem>> {
    serde_json::from_str(json).map_err(|error| vec![Problem::new([name], "value_error", error.to_string())])
}

fn changed(error: serde_json::Error) -> Error {
    Error::new("invalid-request", "plugin", format!("The job was changed since it was validated: {error}."))
}

fn ssh_port() -> u16 {
    22
}

fn reject() -> String {
    "reject".into()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(command: Option<&str>) -> Request {
        Request {
            command: command.map(|command| vec![command.into()]),
            config: None,
            connection_args: r#"{"host": "web1.example", "username": "admin"}"#.into(),
            driver_args: "{}".into(),
            secrets: vec!["connection_args.password".into()],
        }
    }

    #[test]
    fn defaults_are_filled_in_and_pass_again() {
        let once = Plugin::validate(request(Some("true"))).expect("it is valid");
        assert_eq!((once.target.host.as_str(), once.target.port), ("web1.example", 22));
        assert!(once.request.connection_args.contains(r#""host_key_policy":"reject""#));
        assert_eq!(once.request.driver_args, r#"{"stop_on_error":true}"#);
        let twice = Plugin::validate(once.request.clone()).expect("it is still valid");
        assert_eq!(once.request.connection_args, twice.request.connection_args);
    }

    #[test]
    fn a_job_without_commands_is_refused() {
        let problems = Plugin::validate(request(None)).expect_err("there is nothing to do");
        assert_eq!(problems[0].path, ["command"]);
    }
}
