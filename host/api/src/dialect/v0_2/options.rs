//! The field `options` of a request.

use super::fault::{Fault, Faults};
use crate::coerce;
use serde_json::{Value, json};
use std::time::Duration;

/// What `ttl` is when nobody gives one.
const DEFAULT_TTL: Duration = Duration::from_mins(5);

/// Options that need something which is not built yet.
const NOT_YET: [&str; 3] = ["parsing", "rendering", "webhook"];

/// What the options ask for.
pub(super) struct Options {
    pub(super) ttl: Duration,
    /// Whether jobs with the same target share a connection.
    pub(super) pinned: bool,
}

impl Options {
    /// Reads the options. A null is as if absent.
    pub(super) fn read(value: Option<Value>, faults: &mut Faults) -> Self {
        let mut options = Self { ttl: DEFAULT_TTL, pinned: false };
        let fields = match value {
            None | Some(Value::Null) => return options,
            Some(Value::Object(fields)) => fields,
            Some(_) => {
                faults.0.push(Fault::no_object("options"));
                return options;
            }
        };
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
            let loc = ["body", "options", &name];
            match name.as_str() {
                "ttl" => options.ttl = faults.keep(ttl(value)).unwrap_or(DEFAULT_TTL),
                "queue_strategy" => match value.as_str() {
                    Some("fifo") => {}
                    Some("pinned") => options.pinned = true,
                    _ => faults.0.push(Fault::no_such_word(loc, &["fifo", "pinned"], "enum").showing(value)),
                },
                word if NOT_YET.contains(&word) => {
                    let msg = format!("options.{word} is not supported yet; leave it out");
                    faults.0.push(Fault::new(loc, "unsupported", msg));
                }
                _ => faults.0.push(Fault::unknown(loc)),
            }
        }
        options
    }
}

/// A whole number of seconds, 1 to 3600.
fn ttl(value: Value) -> Result<Duration, Fault> {
    let fault = |kind, msg| Fault::new(["body", "options", "ttl"], kind, msg);
    match coerce::integer(&value) {
        Some(..1) => Err(fault("greater_than_equal", "Input should be greater than or equal to 1")
            .with_context(json!({"ge": 1}))
            .showing(value)),
        Some(3601..) => Err(fault("less_than_equal", "Input should be less than or equal to 3600")
            .with_context(json!({"le": 3600}))
            .showing(value)),
        Some(seconds) => Ok(Duration::from_secs(seconds.unsigned_abs())),
        None => match &value {
            Value::String(_) => {
                Err(fault("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
                    .showing(value))
            }
            Value::Number(_) => {
                Err(fault("int_from_float", "Input should be a valid integer, got a number with a fractional part")
                    .showing(value))
            }
            _ => Err(fault("int_type", "Input should be a valid integer")),
        },
    }
}
