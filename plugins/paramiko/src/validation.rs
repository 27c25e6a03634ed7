//! What the schemas cannot say: rules between fields, and what comes with later versions.

use crate::arguments::{ConnectionArgs, DriverArgs};
use hostler_sdk::driver::Normalised;
use hostler_sdk::{Problem, Request, Target};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

const SECRETS: [&str; 3] = ["connection_args.password", "connection_args.pkey", "connection_args.passphrase"];

/// Checks a request and fills in the defaults of the document.
pub(crate) fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
    let mut problems = Vec::new();
    check_commands(&request, &mut problems);
    check_secrets(&request, &mut problems);
    let connection: Option<ConnectionArgs> = read("connection_args", &request.connection_args, &mut problems);
    let driver: Option<DriverArgs> = read("driver_args", &request.driver_args, &mut problems);
    if let Some(args) = &connection {
        check_later("connection_args", &args.later, &request, &mut problems);
        check_authentication(args, &request, &mut problems);
    }
    if let Some(args) = &driver {
        check_later("driver_args", &args.later, &request, &mut problems);
        check_environment(args, &mut problems);
    }
    match (connection, driver) {
        (Some(connection), Some(driver)) if problems.is_empty() => Ok(normalise(request, &connection, &driver)),
        _ => Err(problems),
    }
}

fn read<T: DeserializeOwned>(name: &str, json: &str, problems: &mut Vec<Problem>) -> Option<T> {
    serde_json::from_str(json)
        .map_err(|error| problems.push(Problem::new([name], "value_error", error.to_string())))
        .ok()
}

fn check_commands(request: &Request, problems: &mut Vec<Problem>) {
    match (&request.command, &request.config) {
        (None, None) => {
            problems.push(Problem::new(["command"], "missing", "Give the command to run, or a list of them."));
        }
        (Some(_), Some(_)) => {
            problems.push(Problem::new(["config"], "value_error", "Give either `command` or `config`, not both."));
        }
        (None, Some(_)) => problems.push(unsupported(&["config"])),
        (Some(commands), None) => check_each(commands, problems),
    }
}

fn check_each(commands: &[String], problems: &mut Vec<Problem>) {
    if commands.is_empty() {
        problems.push(Problem::new(["command"], "too_short", "Name at least one command."));
    }
    if commands == ["__FILE_TRANSFER__"] {
        problems.push(Problem::new(
            ["command"],
            "unsupported",
            "File transfer (`__FILE_TRANSFER__`) comes with a later version.",
        ));
    }
    for (index, command) in commands.iter().enumerate() {
        let path = ["command".to_owned(), index.to_string()];
        if command.is_empty() {
            problems.push(Problem::new(path, "string_too_short", "A command needs at least one character."));
        } else if command.contains('\0') {
            problems.push(Problem::new(path, "value_error", "A command cannot hold the character NUL."));
        }
    }
}

fn check_authentication(args: &ConnectionArgs, request: &Request, problems: &mut Vec<Problem>) {
    if args.key_filename.is_none()
        && !request.has_secret("connection_args.password")
        && !request.has_secret("connection_args.pkey")
    {
        problems.push(Problem::new(
            ["connection_args"],
            "missing_authentication",
            "Give at least one of `password`, `key_filename` and `pkey`.",
        ));
    }
}

fn check_secrets(request: &Request, problems: &mut Vec<Problem>) {
    for path in request.secrets.iter().filter(|path| !SECRETS.contains(&path.as_str())) {
        let path: Vec<&str> = path.split('.').collect();
        problems.push(refusal(&path, request));
    }
}

/// Refuses parameters of later versions, unless their value changes nothing.
fn check_later(object: &str, later: &Map<String, Value>, request: &Request, problems: &mut Vec<Problem>) {
    for (name, value) in later {
        let harmless = match name.as_str() {
            "allow_agent" | "compress" | "get_pty" | "look_for_keys" | "sudo" => value == false,
            "bufsize" => value == -1,
            "keepalive" => value.as_f64() == Some(0.0),
            "proxy_port" => value == 22,
            _ => false,
        };
        if !harmless && !value.is_null() {
            problems.push(refusal(&[object, name], request));
        }
    }
}

fn refusal(path: &[&str], request: &Request) -> Problem {
    match path {
        ["driver_args", name @ ("sudo" | "sudo_password")] if request.command.is_some() => Problem::new(
            path.iter().copied(),
            "sudo_needs_config",
            format!("`{name}` works with `config`, not with `command`: leave it out, or write sudo into the command."),
        ),
        _ => unsupported(path),
    }
}

fn unsupported(path: &[&str]) -> Problem {
    let name = path.last().copied().unwrap_or_default();
    let message = format!("`{name}` comes with a later version: leave it out.");
    Problem::new(path.iter().copied(), "unsupported", message)
}

fn check_environment(args: &DriverArgs, problems: &mut Vec<Problem>) {
    for (name, value) in args.environment.iter().flatten() {
        let path = ["driver_args", "environment", name];
        if !is_variable_name(name) {
            problems.push(Problem::new(
                path,
                "value_error",
                "The name of a variable is made of letters, digits and `_`, and does not start with a digit.",
            ));
        } else if value.contains('\0') {
            problems.push(Problem::new(path, "value_error", "A variable cannot hold the character NUL."));
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|character| character == '_' || character.is_ascii_alphanumeric())
}

fn normalise(request: Request, connection: &ConnectionArgs, driver: &DriverArgs) -> Normalised {
    let has_key = connection.key_filename.is_some() || request.has_secret("connection_args.pkey");
    let mut warnings = Vec::new();
    if request.has_secret("connection_args.passphrase") && !has_key {
        warnings.push("`passphrase` is not used, because neither `pkey` nor `key_filename` is given.".into());
    }
    Normalised {
        target: Target { host: connection.host.clone(), port: connection.port, user: connection.username.clone(), jumps: vec![] },
        request: Request {
            connection_args: serde_json::to_string(connection).expect("plain fields have a JSON form"),
            driver_args: serde_json::to_string(driver).expect("plain fields have a JSON form"),
            ..request
        },
        warnings,
    }
}

#[cfg(test)]
mod tests;
