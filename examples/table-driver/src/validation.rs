//! What the schemas cannot say.

use crate::arguments::{ConnectionArgs, DriverArgs};
use hostler_sdk::driver::Normalised;
use hostler_sdk::{Problem, Request, Target};
use serde::de::DeserializeOwned;

/// Checks a request and fills in the defaults. What it returns passes once more, unchanged: a policy may amend the request.
pub(crate) fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
    let mut problems = Vec::new();
    let connection: Option<ConnectionArgs> = read("connection_args", &request.connection_args, &mut problems);
    let driver: Option<DriverArgs> = read("driver_args", &request.driver_args, &mut problems);
    if request.config.is_some() {
        let message = "A table is printed by a command: give `command` instead.";
        problems.push(Problem::new(["config"], "unsupported", message));
    }
    if request.command.as_ref().is_none_or(Vec::is_empty) {
        problems.push(Problem::new(["command"], "missing", "Give the commands whose tables you want."));
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

fn normalise(request: Request, connection: &ConnectionArgs, driver: &DriverArgs) -> Normalised {
    let ConnectionArgs { host, port, username, .. } = connection;
    Normalised {
        target: Target { host: host.clone(), port: *port, user: username.clone(), jumps: vec![] },
        request: Request {
            connection_args: serde_json::to_string(connection).expect("plain fields have a JSON form"),
            driver_args: serde_json::to_string(driver).expect("plain fields have a JSON form"),
            ..request
        },
        warnings: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(command: Option<&[&str]>, config: Option<&[&str]>) -> Request {
        let lines = |lines: Option<&[&str]>| lines.map(|lines| lines.iter().map(ToString::to_string).collect());
        Request {
            command: lines(command),
            config: lines(config),
            connection_args: json!({"host": "web1", "username": "admin"}).to_string(),
            driver_args: "{}".into(),
            secrets: vec!["connection_args.password".into()],
        }
    }

    #[test]
    fn defaults_are_filled_in_and_pass_again_unchanged() {
        let once = validate(request(Some(&["df"]), None)).expect("valid");
        assert_eq!((once.target.host.as_str(), once.target.port, once.target.user.as_str()), ("web1", 22, "admin"));
        assert!(once.request.connection_args.contains("reject"), "{}", once.request.connection_args);
        let twice = validate(once.request.clone()).expect("valid");
        assert_eq!(once.request.connection_args, twice.request.connection_args);
    }

    #[test]
    fn there_is_a_command_and_nothing_else() {
        for (command, config, wrong) in
            [(None, None, "command"), (Some(&[][..]), None, "command"), (Some(&["df"][..]), Some(&["a"][..]), "config")]
        {
            let problems = validate(request(command, config)).err().unwrap_or_default();
            assert_eq!(problems.iter().map(|problem| problem.path.join(".")).collect::<Vec<_>>(), [wrong]);
        }
    }
}
