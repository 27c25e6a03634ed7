//! What the hostile guests share: the schemas and the request of a small driver, and a hoard.

pub mod hoard;

use hostler_sdk::driver::{Description, Normalised};
use hostler_sdk::policy;
use hostler_sdk::{Error, Problem, Request, Target};
use serde_json::{Map, Value};

/// A description of a driver called so, with the arguments of `paramiko`.
pub fn driver(name: &str) -> Description {
    Description {
        name: name.into(),
        version: "0.1.0".into(),
        summary: "A driver of the tests.".into(),
        connection_schema: include_str!("../../../plugins/paramiko/schemas/connection_args.json").into(),
        driver_schema: include_str!("../../../plugins/paramiko/schemas/driver_args.json").into(),
    }
}

/// A description of a policy called so, which takes any settings.
pub fn policy(name: &str) -> policy::Description {
    policy::Description {
        name: name.into(),
        version: "0.1.0".into(),
        summary: "A policy of the tests.".into(),
        settings_schema: r#"{"type": "object"}"#.into(),
    }
}

/// Accepts a request as it is.
pub fn accept(request: Request) -> Result<Normalised, Vec<Problem>> {
    let args = connection_args(&request);
    let target = Target {
        host: text(&args, "host"),
        port: args.get("port").and_then(Value::as_u64).and_then(|port| port.try_into().ok()).unwrap_or(22),
        user: text(&args, "username"),
        jumps: vec![],
    };
    Ok(Normalised { target, request, warnings: vec![] })
}

/// The fields of `connection_args`.
pub fn connection_args(request: &Request) -> Map<String, Value> {
    serde_json::from_str(&request.connection_args).unwrap_or_default()
}

/// A field of text, or nothing.
pub fn text(args: &Map<String, Value>, name: &str) -> String {
    args.get(name).and_then(Value::as_str).unwrap_or_default().into()
}

/// The error of a guest that did not get away with it.
pub fn survived() -> Error {
    Error::new("survived", "plugin", "The host answered instead of ending this plugin.")
}
