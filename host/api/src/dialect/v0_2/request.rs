//! The body of `POST /device/execute`.

use super::options::Options;
use crate::Backend;
use crate::dialect::driver::Driver;
use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields;
use axum::http::HeaderValue;
use hostler_model::{self as model, Args, Request};
use serde_json::json;

/// The driver whose document this dialect is the wire of.
const PARAMIKO: &str = "paramiko";

/// Reads a body. What is wrong with connection and driver arguments is found later, by their driver.
pub(super) fn read(body: &[u8], content_type: Option<&HeaderValue>, backend: &dyn Backend) -> Result<Request, Faults> {
    let mut fields = fields::read(body, content_type)?;
    let mut faults = Faults::default();
    let driver = faults.keep(Driver::find(fields.remove("driver"), backend));
    let connection_args = fields.remove("connection_args").ok_or_else(|| Fault::missing("connection_args"));
    let connection_args = faults.keep(connection_args.and_then(|args| fields::object("connection_args", args)));
    let command = faults.keep(fields::lines("command", fields.remove("command")));
    let config = faults.keep(fields::lines("config", fields.remove("config")));
    let driver_args = fields.remove("driver_args").filter(|args| !args.is_null()).unwrap_or_else(|| json!({}));
    let driver_args = faults.keep(fields::object("driver_args", driver_args));
    let options = Options::read(fields.remove("options"), &mut faults);
    faults.0.extend(fields.keys().map(|name| Fault::unknown(["body", name])));

    match (driver, connection_args, driver_args, command, config) {
        (Some(driver), Some(mut connection_args), Some(driver_args), Some(command), Some(config))
            if faults.0.is_empty() =>
        {
            one_of(command.is_some(), config.is_some())?;
            let mut warnings = Vec::new();
            if options.pinned {
                driver.keep(&mut connection_args, &mut warnings);
            }
            let connection_args = driver.connection_args(connection_args, &mut warnings);
            let driver_args = driver.driver_args(driver_args, &mut warnings);
            if driver.name == PARAMIKO && command.is_some() {
                no_sudo(&driver_args)?;
            }
            let options =
                model::Options { ttl: Some(options.ttl), pinned: options.pinned, ..model::Options::default() };
            Ok(Request {
                driver: driver.name,
                command,
                config,
                connection_args,
                driver_args,
                options,
                credential: None,
                webhooks: Vec::new(),
                warnings,
            })
        }
        _ => Err(faults),
    }
}

/// The document has sudo for `config` only.
fn no_sudo(driver_args: &Args) -> Result<(), Fault> {
    let name = if driver_args.public().get("sudo").is_some_and(|value| value != false) {
        "sudo"
    } else if driver_args.secrets().contains_key("driver_args.sudo_password") {
        "sudo_password"
    } else {
        return Ok(());
    };
    let msg = format!("`{name}` works with `config`, not with `command`: use `config`, or write sudo into the command");
    Err(Fault::new(["body", "driver_args", name], "sudo_needs_config", msg))
}

fn one_of(command: bool, config: bool) -> Result<(), Fault> {
    let wrong = match (command, config) {
        (false, false) => "Either 'command' (query operation) or 'config' (config operation) must be provided",
        (true, true) => "Cannot specify both 'command' and 'config' in the same request",
        _ => return Ok(()),
    };
    Err(Fault::new(["body"], "value_error", format!("Value error, {wrong}")).with_context(json!({"error": {}})))
}
