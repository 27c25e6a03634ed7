//! What a driver made of a request.

use crate::bindings::driver::exports::hostler::plugin::driving::Normalised;
use crate::bindings::types;
use crate::plugin::Plugin;
use hostler_model::{ErrorKind, Failure, Hop, Phase, Plan, Target};
use serde_json::Value;

/// Reads what the driver made of what it was asked, which may be nonsense.
pub(crate) fn read(driver: &Plugin, normalised: Normalised, asked: &types::Request) -> Result<Plan, Failure> {
    let wrong = |what: &str| {
        let message = format!("plugin {}: {what} of its normalised request makes no sense", driver.terms.name);
        Failure::new(ErrorKind::InvalidOutput, Phase::Plugin, message)
    };
    let object = |text: &str, what| match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(wrong(what)),
    };
    let Normalised { target, request, warnings } = normalised;
    let target = Target::from(target);
    let jumps = target.jumps.iter().map(|hop| (&hop.host, hop.port));
    if jumps.chain([(&target.host, target.port)]).any(|(host, port)| host.is_empty() || port == 0) {
        return Err(wrong("the target"));
    }
    Ok(Plan {
        target,
        command: request.command,
        config: request.config,
        connection_args: object(&request.connection_args, "connection_args")?,
        driver_args: object(&request.driver_args, "driver_args")?,
        secrets: asked.secrets.clone(),
        warnings,
        driver_version: driver.version.clone(),
        driver_digest: driver.digest.clone(),
    })
}

impl From<types::Target> for Target {
    fn from(target: types::Target) -> Self {
        let types::Target { host, port, user, jumps } = target;
        let hop = |types::Hop { host, port, user }| Hop { host, port, user };
        Self { host, port, user, jumps: jumps.into_iter().map(hop).collect() }
    }
}
