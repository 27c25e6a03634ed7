//! What the schemas cannot say.

use crate::arguments::{ConnectionArgs, DriverArgs};
use hostler_sdk::driver::Normalised;
use hostler_sdk::{Problem, Request, Target};
use serde::de::DeserializeOwned;

/// Checks a request and fills in the defaults.
pub(crate) fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
    let mut problems = Vec::new();
    let connection: Option<ConnectionArgs> = read("connection_args", &request.connection_args, &mut problems);
    let driver: Option<DriverArgs> = read("driver_args", &request.driver_args, &mut problems);
    if let Some(args) = &driver {
        check_lines(args, &request, &mut problems);
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

fn check_lines(args: &DriverArgs, request: &Request, problems: &mut Vec<Problem>) {
    let (name, lines) = match (&request.command, &request.config) {
        (Some(_), Some(_)) => {
            problems.push(Problem::new(["config"], "value_error", "Give either `command` or `config`, not both."));
            return;
        }
        (None, Some(lines)) => ("config", lines.as_slice()),
        (lines, None) => ("command", lines.as_deref().unwrap_or_default()),
    };
    if lines.is_empty() && !args.saves() {
        problems.push(Problem::new([name], "missing", "Give the lines to type, or `save`."));
    }
    for (index, line) in lines.iter().enumerate() {
        let path = [name.to_owned(), index.to_string()];
        if line.trim().is_empty() {
            problems.push(Problem::new(path, "string_too_short", "A line needs at least one character."));
        } else if line.chars().any(char::is_control) {
            let message = "A line cannot hold control characters: give each line by itself.";
            problems.push(Problem::new(path, "value_error", message));
        }
    }
}

fn normalise(request: Request, connection: &ConnectionArgs, driver: &DriverArgs) -> Normalised {
    Normalised {
        warnings: Vec::new(),
        target: Target {
            host: connection.host.clone(),
            port: connection.port,
            user: connection.username.clone(),
            jumps: Vec::new(),
        },
        request: Request {
            connection_args: serde_json::to_string(connection).expect("plain fields have a JSON form"),
            driver_args: serde_json::to_string(driver).expect("plain fields have a JSON form"),
            ..request
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(command: Option<&[&str]>, config: Option<&[&str]>, driver_args: &Value) -> Request {
        let lines = |lines: Option<&[&str]>| lines.map(|lines| lines.iter().map(ToString::to_string).collect());
        Request {
            command: lines(command),
            config: lines(config),
            connection_args: json!({"host": "switch.example", "username": "admin"}).to_string(),
            driver_args: driver_args.to_string(),
            secrets: vec!["connection_args.password".into()],
        }
    }

    fn codes(request: Request) -> Vec<String> {
        let problems = validate(request).err().unwrap_or_default();
        problems.iter().map(|problem| format!("{} {}", problem.path.join("."), problem.code)).collect()
    }

    #[test]
    fn defaults_are_filled_in_and_pass_again_unchanged() {
        let once = validate(request(Some(&["show version"]), None, &json!({"save": null}))).expect("valid");
        assert_eq!(
            (once.target.host.as_str(), once.target.port, once.target.user.as_str()),
            ("switch.example", 22, "admin")
        );
        let args: Value = serde_json::from_str(&once.request.driver_args).expect("JSON");
        assert_eq!(args, json!({"timeout": 30.0}));
        let twice = validate(once.request.clone()).expect("valid");
        assert_eq!(once.request.connection_args, twice.request.connection_args);
        assert_eq!(once.request.driver_args, twice.request.driver_args);
    }

    #[test]
    fn there_is_something_to_do_and_each_line_is_one() {
        assert_eq!(codes(request(None, None, &json!({}))), ["command missing"]);
        assert_eq!(codes(request(None, Some(&[]), &json!({}))), ["config missing"]);
        assert!(codes(request(None, None, &json!({"save": true}))).is_empty());
        assert_eq!(codes(request(Some(&["a"]), Some(&["b"]), &json!({}))), ["config value_error"]);
        let lines = ["hostname a", " ", "vlan 1\nreload"];
        assert_eq!(
            codes(request(None, Some(&lines), &json!({}))),
            ["config.1 string_too_short", "config.2 value_error"]
        );
    }

    #[test]
    fn the_schemas_are_schemas_and_name_each_field() {
        let schema =
            |text: &str| jsonschema::validator_for(&serde_json::from_str(text).expect("JSON")).expect("schema");
        let connection = schema(include_str!("../schemas/connection_args.json"));
        assert!(connection.is_valid(&json!({"host": "h", "username": "u", "password": "p", "timeout": 5})));
        assert!(!connection.is_valid(&json!({"host": "h", "username": "u"})), "there is no other way to log in");
        let driver = schema(include_str!("../schemas/driver_args.json"));
        assert!(driver.is_valid(&json!({"enable_password": "p", "save": true, "timeout": 5, "prompt": "> $"})));
        assert!(!driver.is_valid(&json!({"enabel_password": "p"})));
    }
}
