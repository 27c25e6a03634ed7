//! Whole numbers between bounds.

use super::fault::Fault;
use crate::coerce;
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// A whole number within these bounds, from what pydantic would take for one. `loc` is where it stands.
pub(super) fn read(loc: &[&str], value: Value, bounds: &RangeInclusive<u64>) -> Result<u64, Fault> {
    let fault = |kind, msg: String| Fault::new(loc.iter().copied(), kind, msg);
    let (least, most) = (*bounds.start(), *bounds.end());
    match coerce::integer(&value) {
        Some(number) => match u64::try_from(number) {
            Ok(number) if bounds.contains(&number) => Ok(number),
            Ok(number) if number > most => {
                Err(fault("less_than_equal", format!("Input should be less than or equal to {most}"))
                    .with_context(json!({"le": most}))
                    .showing(value))
            }
            _ => Err(fault("greater_than_equal", format!("Input should be greater than or equal to {least}"))
                .with_context(json!({"ge": least}))
                .showing(value)),
        },
        None => match &value {
            Value::String(_) => Err(fault(
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer".into(),
            )
            .showing(value)),
            Value::Number(_) => Err(fault(
                "int_from_float",
                "Input should be a valid integer, got a number with a fractional part".into(),
            )
            .showing(value)),
            _ => Err(fault("int_type", "Input should be a valid integer".into())),
        },
    }
}
