//! The field `devices` of a request to many.

use crate::dialect::fault::{Fault, Faults};
use crate::dialect::fields::Fields;
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// Takes the devices out of the fields of a body. How many there may be is up to the dialect.
pub(in crate::dialect) fn take(
    fields: &mut Fields,
    bounds: &RangeInclusive<usize>,
    faults: &mut Faults,
) -> Option<Vec<Fields>> {
    let fault = |kind, msg: String| Fault::new(["body", "devices"], kind, msg);
    let found = match fields.remove("devices") {
        None => Err(Fault::missing("devices")),
        Some(Value::Array(devices)) => {
            let (least, most, count) = (*bounds.start(), *bounds.end(), devices.len());
            if count < least {
                let msg = format!("List should have at least {least} item after validation, not {count}");
                Err(fault("too_short", msg).with_context(json!({"min_length": least, "actual_length": count})))
            } else if count > most {
                let msg = format!("List should have at most {most} items after validation, not {count}");
                Err(fault("too_long", msg).with_context(json!({"max_length": most, "actual_length": count})))
            } else {
                Ok(devices)
            }
        }
        Some(_) => Err(fault("list_type", "Input should be a valid list".into())),
    };
    let before = faults.0.len();
    let mut devices = Vec::new();
    for (index, device) in faults.keep(found)?.into_iter().enumerate() {
        if let Value::Object(device) = device {
            devices.push(device);
        } else {
            let loc = ["body".into(), "devices".into(), Value::from(index)];
            faults.0.push(Fault::new(loc, "dict_type", "Input should be a valid dictionary"));
        }
    }
    (faults.0.len() == before).then_some(devices)
}
