//! The body of `POST /device/execute`.

use super::fault::{Fault, Faults};
use super::options::Options;
use crate::{Backend, coerce};
use axum::http::HeaderValue;
use hostler_model::{self as model, Args, DriverSchemas, Request};
use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

/// The driver whose document this dialect is the wire of.
const PARAMIKO: &str = "paramiko";

/// Seconds between questions to a server whose connection is kept: what `NetPulse` sets.
const KEEPALIVE: u32 = 60;

/// Reads a body. What is wrong with connection and driver arguments is found later, by their driver.
pub(super) fn read(body: &[u8], content_type: Option<&HeaderValue>, backend: &dyn Backend) -> Result<Request, Faults> {
    let mut fields = object(body, content_type)?;
    let mut faults = Faults::default();
    let driver = faults.keep(driver(fields.remove("driver"), backend));
    let connection_args = fields.remove("connection_args").ok_or_else(|| Fault::missing("connection_args"));
    let connection_args = faults.keep(connection_args.and_then(|args| arguments("connection_args", args)));
    let command = faults.keep(lines("command", fields.remove("command")));
    let config = faults.keep(lines("config", fields.remove("config")));
    let driver_args = fields.remove("driver_args").filter(|args| !args.is_null()).unwrap_or_else(|| json!({}));
    let driver_args = faults.keep(arguments("driver_args", driver_args));
    let options = Options::read(fields.remove("options"), &mut faults);
    faults.0.extend(fields.keys().map(|name| Fault::unknown(["body", name])));

    match (driver, connection_args, driver_args, command, config) {
        (Some((driver, schemas)), Some(mut connection_args), Some(driver_args), Some(command), Some(config))
            if faults.0.is_empty() =>
        {
            one_of(command.is_some(), config.is_some())?;
            let mut warnings = Vec::new();
            if options.pinned {
                keep(&mut connection_args, &schemas.connection_args, &driver, &mut warnings);
            }
            let connection_args =
                seal("connection_args", connection_args, &schemas.connection_args, &driver, &mut warnings);
            let driver_args = seal("driver_args", driver_args, &schemas.driver_args, &driver, &mut warnings);
            if driver == PARAMIKO && command.is_some() {
                no_sudo(&driver_args)?;
            }
            let options =
                model::Options { ttl: Some(options.ttl), pinned: options.pinned, ..model::Options::default() };
            Ok(Request {
                driver,
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

/// The body as an object. Like `FastAPI`, it takes a body without a content type for JSON, and no other type.
fn object(body: &[u8], content_type: Option<&HeaderValue>) -> Result<Fields, Fault> {
    let no_object = |hint| {
        let words = "Input should be a valid dictionary or object to extract fields from";
        Fault::new(["body"], "model_attributes_type", format!("{words}{hint}"))
    };
    if body.is_empty() {
        return Err(Fault::new(["body"], "missing", "Field required"));
    }
    if !content_type.is_none_or(is_json) {
        return Err(no_object("; send it with the header `Content-Type: application/json`"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(no_object("")),
        Err(error) => {
            // serde_json says what it expected and where, never what it found.
            let loc = [Value::from("body"), offset(body, &error).into()];
            Err(Fault::new(loc, "json_invalid", "JSON decode error").with_context(json!({"error": error.to_string()})))
        }
    }
}

fn is_json(content_type: &HeaderValue) -> bool {
    let essence = content_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || (essence.starts_with(b"application/") && essence.ends_with(b"+json"))
}

/// Where in the body an error is, in bytes.
fn offset(body: &[u8], error: &serde_json::Error) -> usize {
    let before = body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    before.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
}

/// The driver and its schemas.
fn driver(value: Option<Value>, backend: &dyn Backend) -> Result<(String, DriverSchemas), Fault> {
    let value = value.ok_or_else(|| Fault::missing("driver"))?;
    let schemas = value.as_str().and_then(|name| backend.schemas(name));
    match (value, schemas) {
        (Value::String(name), Some(schemas)) => Ok((name, schemas)),
        (value, _) => Err(Fault::no_such_word(["body", "driver"], &backend.drivers(), "literal_error").showing(value)),
    }
}

fn arguments(name: &str, value: Value) -> Result<Fields, Fault> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Fault::no_object(name)),
    }
}

/// `command` or `config`: a text is one entry, a list has one entry per text.
fn lines(name: &str, value: Option<Value>) -> Result<Option<Vec<String>>, Fault> {
    let no_text = |loc: Vec<Value>| Fault::new(loc, "string_type", "Input should be a valid string");
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(line)) => Ok(Some(vec![line])),
        Some(Value::Array(items)) => {
            let line = |(index, item)| match item {
                Value::String(line) => Ok(line),
                _ => Err(no_text(vec!["body".into(), name.into(), Value::from(index)])),
            };
            items.into_iter().enumerate().map(line).collect::<Result<_, _>>().map(Some)
        }
        Some(Value::Object(_)) => {
            let msg = format!(
                "`{name}` as a dictionary needs `rendering`, which is not supported yet; give text or a list of texts"
            );
            Err(Fault::new(["body", name], "unsupported", msg))
        }
        Some(_) => {
            Err(Fault::new(["body", name], "string_type", "Input should be a valid string or a list of strings"))
        }
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

/// Has a driver keep its connection, if it can.
fn keep(connection_args: &mut Fields, schema: &Value, driver: &str, warnings: &mut Vec<String>) {
    if schema.pointer("/properties/keepalive").is_none() {
        warnings.push(format!("options.queue_strategy is `pinned`, but driver {driver} keeps no connections"));
    } else if connection_args.get("keepalive").is_none_or(Value::is_null) {
        connection_args.insert("keepalive".into(), KEEPALIVE.into());
    }
}

fn one_of(command: bool, config: bool) -> Result<(), Fault> {
    let wrong = match (command, config) {
        (false, false) => "Either 'command' (query operation) or 'config' (config operation) must be provided",
        (true, true) => "Cannot specify both 'command' and 'config' in the same request",
        _ => return Ok(()),
    };
    Err(Fault::new(["body"], "value_error", format!("Value error, {wrong}")).with_context(json!({"error": {}})))
}

/// Drops what the driver does not know, takes the secrets out, and coerces the rest.
fn seal(name: &'static str, mut fields: Fields, schema: &Value, driver: &str, warnings: &mut Vec<String>) -> Args {
    let dropped = coerce::drop_unknown(name, &mut fields, schema);
    warnings.extend(dropped.iter().map(|path| format!("{path} is not a parameter of driver {driver} and was ignored")));
    let mut args = Args::seal(name, fields);
    coerce::object(args.public_mut(), schema);
    args
}
