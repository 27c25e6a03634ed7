//! The field `options` of a request.

use crate::dialect::fault::{Fault, Faults};
use crate::dialect::whole;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What `ttl` is when nobody gives one.
const DEFAULT_TTL: Duration = Duration::from_mins(5);

/// What `ttl` may be, in seconds.
const TTL: RangeInclusive<u64> = 1..=3600;

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
                "ttl" => {
                    options.ttl = faults.keep(whole::read(&loc, value, &TTL)).map_or(DEFAULT_TTL, Duration::from_secs)
                }
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
