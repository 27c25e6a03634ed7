//! What a driver made of a request.

use crate::bindings::driver::exports::hostler::plugin::driving::Normalised;
use crate::bindings::types;
use crate::plugin::Plugin;
use hostler_model::{Args, ErrorKind, Failure, Hop, Phase, Plan, Problem, Request, Target};
use serde_json::{Map, Value};

/// What the host may have to copy for a line or a field besides its text, in bytes: a driver answers each of them, or says
/// what is wrong with it.
const PART: usize = 512;

/// Whether a driver can answer a request within its limits, also if everything is wrong with it. If not, that is the
/// client's doing and not the driver's.
pub(crate) fn check_size(driver: &Plugin, request: &Request) -> Result<(), Problem> {
    let lines = |lines: Option<&[String]>| lines.into_iter().flatten().map(|line| PART + line.len()).sum::<usize>();
    let args = |args: &Args| args.secrets().len() * PART + fields(args.public());
    let mut sizes = [
        ("command", lines(request.command.as_deref())),
        ("config", lines(request.config.as_deref())),
        ("connection_args", args(&request.connection_args)),
        ("driver_args", args(&request.driver_args)),
    ];
    sizes.sort_unstable_by_key(|(_, size)| *size);
    let [.., (largest, _)] = sizes;
    let (asked, limit) = (sizes.iter().map(|(_, size)| size).sum::<usize>(), driver.terms.limits.call_bytes);
    if asked <= limit {
        return Ok(());
    }
    let message = format!(
        "A request to the driver {} has {limit} bytes at most, and each line and field counts for {PART} more: divide it \
         among several jobs.",
        driver.terms.name
    );
    Err(Problem::new([largest], "too_long", message))
}

fn fields(fields: &Map<String, Value>) -> usize {
    fields.iter().map(|(name, value)| name.len() + size(value)).sum()
}

fn size(value: &Value) -> usize {
    PART + match value {
        Value::Object(inner) => fields(inner),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::String(text) => text.len(),
        _ => 0,
    }
}

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
