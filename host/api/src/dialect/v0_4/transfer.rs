//! The field `file_transfer`.

use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields::{self, Fields};
use serde_json::Value;

/// Reads the field: what every transfer needs. The rest is judged by the driver.
pub(super) fn read(value: Option<Value>) -> Result<Option<Fields>, Faults> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let transfer = fields::object("file_transfer", value)?;
    let mut faults = Faults::default();
    let loc = |name| ["body", "file_transfer", name];
    let missing = |name| Fault::new(loc(name), "missing", "Field required");
    match transfer.get("operation") {
        None => faults.0.push(missing("operation")),
        Some(word) if word == "upload" || word == "download" => {}
        Some(word) => {
            let fault = Fault::no_such_word(loc("operation"), &["upload", "download"], "literal_error");
            faults.0.push(fault.showing(word.clone()));
        }
    }
    match transfer.get("remote_path") {
        None => faults.0.push(missing("remote_path")),
        Some(Value::String(_)) => {}
        Some(_) => faults.0.push(Fault::new(loc("remote_path"), "string_type", "Input should be a valid string")),
    }
    if faults.0.is_empty() { Ok(Some(transfer)) } else { Err(faults) }
}
