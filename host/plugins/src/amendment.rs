//! What a policy changes about a job.

use crate::bindings::types;
use hostler_model::Args;
use json_patch::{Patch, PatchOperation};
use serde_json::{Map, Value, json};

/// Operations of one patch.
const MAX_OPERATIONS: usize = 100;

/// A request after a patch (RFC 6902), and what it changed. The error says why it may not be applied. `marked` are the
/// fields of `connection_args` and of `driver_args` that the driver calls secret.
pub(crate) fn apply(
    patch: &str,
    request: &types::Request,
    marked: [&[String]; 2],
) -> Result<(types::Request, Value), String> {
    let patch: Patch = serde_json::from_str(patch).map_err(|error| format!("its patch is no JSON Patch: {error}"))?;
    if patch.len() > MAX_OPERATIONS {
        return Err(format!("its patch has more than {MAX_OPERATIONS} operations"));
    }
    // These two can double the document again and again.
    if patch.iter().any(|operation| matches!(operation, PatchOperation::Copy(_) | PatchOperation::Move(_))) {
        return Err("its patch copies or moves; use add, remove, replace and test".into());
    }
    let before = document(request)?;
    let mut after = before.clone();
    json_patch::patch(&mut after, &patch).map_err(|error| format!("its patch cannot be applied: {error}"))?;
    let changes = json!(json_patch::diff(&before, &after));
    Ok((read(after, request, marked)?, changes))
}

/// What a patch is applied to.
pub(crate) fn document(request: &types::Request) -> Result<Value, String> {
    let object = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    Ok(json!({
        "command": request.command,
        "config": request.config,
        "connection_args": object(&request.connection_args)?,
        "driver_args": object(&request.driver_args)?,
    }))
}

fn read(document: Value, request: &types::Request, marked: [&[String]; 2]) -> Result<types::Request, String> {
    let Value::Object(mut fields) = document else { return Err("it replaces the whole job".into()) };
    let list = |fields: &mut Map<String, Value>, name: &str| {
        let value = fields.remove(name).unwrap_or_default();
        serde_json::from_value(value).map_err(|_| format!("it makes `{name}` something else than a list of texts"))
    };
    let (command, config) = (list(&mut fields, "command")?, list(&mut fields, "config")?);
    let connection_args = public(&mut fields, "connection_args", marked[0])?;
    let driver_args = public(&mut fields, "driver_args", marked[1])?;
    if let Some(name) = fields.keys().next() {
        return Err(format!("it adds `{name}`, which a job does not have"));
    }
    Ok(types::Request { command, config, connection_args, driver_args, secrets: request.secrets.clone() })
}

/// An object of arguments. A secret would be kept in clear with the job, so none may be brought in.
fn public(fields: &mut Map<String, Value>, name: &'static str, marked: &[String]) -> Result<String, String> {
    let Some(Value::Object(given)) = fields.remove(name) else {
        return Err(format!("it makes `{name}` something else than an object"));
    };
    let mut args = Args::seal(name, given.clone());
    args.seal_also(marked);
    let misplaced = args.problems().iter().map(|problem| problem.path.join("."));
    if let Some(path) = args.secrets().keys().cloned().chain(misplaced).next() {
        return Err(format!("it touches the secret {path}"));
    }
    Ok(Value::Object(given).to_string())
}

#[cfg(test)]
mod tests;
