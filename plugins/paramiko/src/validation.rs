//! What the schemas cannot say: rules between fields.

use crate::arguments::{ConnectionArgs, DriverArgs};
use hostler_sdk::driver::Normalised;
use hostler_sdk::{Problem, Request, Target};
use serde::de::DeserializeOwned;

/// The secrets that have a use.
const SECRETS: [&str; 7] = [
    "connection_args.password",
    "connection_args.pkey",
    "connection_args.passphrase",
    "connection_args.proxy_password",
    "connection_args.proxy_pkey",
    "connection_args.proxy_passphrase",
    "driver_args.sudo_password",
];

/// What a request says instead of a command when it moves a file.
const FILE_TRANSFER: &str = "__FILE_TRANSFER__";

/// Checks a request and fills in the defaults of the document.
pub(crate) fn validate(request: Request) -> Result<Normalised, Vec<Problem>> {
    let mut problems = Vec::new();
    for path in request.secrets.iter().filter(|path| !SECRETS.contains(&path.as_str())) {
        problems.push(Problem::new(path.split('.'), "extra_forbidden", "There is no such parameter: leave it out."));
    }
    let connection: Option<ConnectionArgs> = read("connection_args", &request.connection_args, &mut problems);
    let mut driver: Option<DriverArgs> = read("driver_args", &request.driver_args, &mut problems);
    if let Some(args) = &connection {
        check_authentication(args, &request, &mut problems);
    }
    if let Some(args) = &mut driver {
        if let Some(transfer) = &mut args.file_transfer {
            transfer.settle(args.staged.as_deref());
            transfer.check(args.working_directory.as_deref(), args.staged.as_deref(), &mut problems);
        }
        check_commands(args, &request, &mut problems);
        check_environment(args, &mut problems);
        check_sudo(args, &mut problems);
        check_detach(args, &request, &mut problems);
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

fn check_commands(args: &DriverArgs, request: &Request, problems: &mut Vec<Problem>) {
    if args.look == Some(true) {
        return;
    }
    let (name, commands) = match (&request.command, &request.config) {
        (Some(_), Some(_)) => {
            problems.push(Problem::new(["config"], "value_error", "Give either `command` or `config`, not both."));
            return;
        }
        (None, Some(lines)) => ("config", lines.as_slice()),
        (commands, None) => ("command", commands.as_deref().unwrap_or_default()),
    };
    if args.file_transfer.is_some() {
        check_transfer(args, name, commands, problems);
        return;
    }
    if commands.iter().any(|command| command == FILE_TRANSFER) {
        let message = format!("`{FILE_TRANSFER}` moves a file: say which in `driver_args.file_transfer`.");
        problems.push(Problem::new([name], "value_error", message));
        return;
    }
    if args.script_content.is_some() {
        // Clients of NetPulse must send an empty command beside a script.
        if commands.iter().any(|command| !command.is_empty()) {
            let message = format!("Give either `{name}` or `script_content`, not both.");
            problems.push(Problem::new([name], "value_error", message));
        }
        check_script(args, problems);
        return;
    }
    if commands.is_empty() {
        let given = request.command.is_some() || request.config.is_some();
        let code = if given { "too_short" } else { "missing" };
        problems.push(Problem::new([name], code, "Give the command to run, or a list of them."));
    }
    for (index, command) in commands.iter().enumerate() {
        let path = [name.to_owned(), index.to_string()];
        if command.is_empty() {
            problems.push(Problem::new(path, "string_too_short", "A command needs at least one character."));
        } else if command.contains('\0') {
            problems.push(Problem::new(path, "value_error", "A command cannot hold the character NUL."));
        }
    }
}

/// A script comes by standard input. A terminal there would cut its long lines and take some of it for keys. What is detached
/// has none, whatever is asked.
fn check_script(args: &DriverArgs, problems: &mut Vec<Problem>) {
    let prompts = args.expect_map.as_ref().is_some_and(|replies| !replies.is_empty());
    let asked = [("get_pty", args.get_pty == Some(true)), ("expect_map", prompts)];
    for (name, _) in asked.into_iter().filter(|&(_, given)| given && !args.detaches()) {
        let message = format!("A script cannot be read from a terminal: leave `{name}` out, or give it as `command`.");
        problems.push(Problem::new(["driver_args", name], "value_error", message));
    }
}

/// A transfer stands instead of commands. What was normalised has none left.
fn check_transfer(args: &DriverArgs, name: &str, commands: &[String], problems: &mut Vec<Problem>) {
    if args.script_content.is_some() {
        let message = "Give either `file_transfer` or `script_content`, not both.";
        problems.push(Problem::new(["driver_args", "script_content"], "value_error", message));
    }
    let is_marker = commands.is_empty() || commands == [FILE_TRANSFER];
    if name == "config" || !is_marker {
        let message = format!("Give `command` as [\"{FILE_TRANSFER}\"]: with `file_transfer`, nothing else is run.");
        problems.push(Problem::new([name], "value_error", message));
    }
}

fn check_authentication(args: &ConnectionArgs, request: &Request, problems: &mut Vec<Problem>) {
    let daemons = args.allow_agent == Some(true) || args.look_for_keys == Some(true);
    let given = |name: &str| request.has_secret(&format!("connection_args.{name}"));
    if !daemons && args.key_filename.is_none() && !given("password") && !given("pkey") {
        problems.push(Problem::new(
            ["connection_args"],
            "missing_authentication",
            "Give at least one of `password`, `key_filename` and `pkey`.",
        ));
    }
    if args.proxy().is_some()
        && !daemons
        && args.proxy_key_filename.is_none()
        && !given("proxy_password")
        && !given("proxy_pkey")
    {
        problems.push(Problem::new(
            ["connection_args", "proxy_host"],
            "missing_authentication",
            "Give at least one of `proxy_password`, `proxy_key_filename` and `proxy_pkey`: a jump host does not get the target's.",
        ));
    }
    if let Err(wrong) = args.jumps() {
        let message = format!("`{wrong}` is no jump host: write [user@]host[:port].");
        problems.push(Problem::new(["connection_args", "proxy_jump"], "value_error", message));
    }
    if args.certificate.is_some() && !given("pkey") {
        problems.push(Problem::new(
            ["connection_args", "certificate"],
            "value_error",
            "`certificate` belongs to `pkey`: give both. For a key file, put it beside the file as NAME-cert.pub.",
        ));
    }
}

fn check_sudo(args: &DriverArgs, problems: &mut Vec<Problem>) {
    if args.sudo_user.is_some() && !args.elevates() {
        problems.push(Problem::new(
            ["driver_args", "sudo_user"],
            "value_error",
            "`sudo_user` needs `sudo`: set it to true, or leave `sudo_user` out.",
        ));
    }
}

/// What goes on by itself has no terminal, and nobody who answers it.
fn check_detach(args: &DriverArgs, request: &Request, problems: &mut Vec<Problem>) {
    if !args.detaches() {
        return;
    }
    if request.config.is_some() {
        let message = "`config` cannot be detached: give `command`.";
        problems.push(Problem::new(["config"], "value_error", message));
    }
    if args.expect_map.is_some() {
        let message = "Nobody answers the prompts of a detached task: leave `expect_map` out.";
        problems.push(Problem::new(["driver_args", "expect_map"], "value_error", message));
    }
    if args.file_transfer.as_ref().is_some_and(|transfer| !transfer.executes()) {
        let message = "Only what is run can be detached: set `execute_after_upload`, or leave `detach` out.";
        problems.push(Problem::new(["detach"], "value_error", message));
    }
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
    Normalised {
        warnings: warnings(&request, connection, driver),
        target: Target {
            host: connection.host.clone(),
            port: connection.port,
            user: connection.username.clone(),
            jumps: connection.jumps().expect("the hops were checked"),
        },
        request: Request {
            // It is no command, so nobody must judge it as one.
            command: if driver.file_transfer.is_some() { Some(vec![]) } else { request.command.clone() },
            connection_args: serde_json::to_string(connection).expect("plain fields have a JSON form"),
            driver_args: serde_json::to_string(driver).expect("plain fields have a JSON form"),
            ..request
        },
    }
}

/// What was given and has no use.
fn warnings(request: &Request, connection: &ConnectionArgs, driver: &DriverArgs) -> Vec<String> {
    let given = |name: &str| request.has_secret(&format!("connection_args.{name}"));
    let mut unused = Vec::new();
    if given("passphrase") && connection.key_filename.is_none() && !given("pkey") {
        unused.push(("passphrase", "neither `pkey` nor `key_filename` is given"));
    }
    if given("proxy_passphrase") && connection.proxy_key_filename.is_none() && !given("proxy_pkey") {
        unused.push(("proxy_passphrase", "neither `proxy_pkey` nor `proxy_key_filename` is given"));
    }
    if connection.proxy().is_none() {
        let useless = [
            ("proxy_port", connection.proxy_port.is_some_and(|port| port != 22)),
            ("proxy_username", connection.proxy_username.is_some()),
            ("proxy_jump", connection.proxy_jump.is_some()),
            ("proxy_key_filename", connection.proxy_key_filename.is_some()),
            ("proxy_password", given("proxy_password")),
            ("proxy_pkey", given("proxy_pkey")),
        ];
        unused.extend(
            useless.into_iter().filter(|(_, given)| *given).map(|(name, _)| (name, "`proxy_host` is not given")),
        );
    }
    if request.has_secret("driver_args.sudo_password") && !driver.elevates() {
        unused.push(("sudo_password", "`sudo` is not true"));
    }
    if let Some(transfer) = &driver.file_transfer {
        unused.extend(transfer.unused());
        if !transfer.executes() {
            unused.extend(driver.for_commands().into_iter().map(|name| (name, "nothing is run")));
        }
    }
    if driver.detaches() {
        let useless = [("timeout", driver.timeout.is_some()), ("get_pty", driver.get_pty == Some(true))];
        let useless = useless.into_iter().filter(|(_, given)| *given);
        unused.extend(useless.map(|(name, _)| (name, "a detached task has neither time limit nor terminal")));
    }
    if driver.staged.is_some() && driver.file_transfer.is_none() {
        unused.push(("file", "`file_transfer` is not given"));
    }
    if driver.script_interpreter.is_some() && driver.script_content.is_none() {
        unused.push(("script_interpreter", "`script_content` is not given"));
    }
    unused.into_iter().map(|(name, why)| format!("`{name}` is not used, because {why}.")).collect()
}

#[cfg(test)]
mod tests;
