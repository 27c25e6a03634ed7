//! What a lenient dialect does to arguments before the schema of the driver judges them.
//!
//! Values are coerced as pydantic's lax mode does: `"22"` is an integer where one is wanted, `"yes"` is true,
//! `22.0` is 22; but a number is no text. What cannot be coerced stays as it is, and the schema check names it.
//! The schema is followed through `properties`, `additionalProperties`, `items`, `type`, `anyOf` and `oneOf`.

use serde_json::{Map, Number, Value};

/// Removes the fields that `schema` does not know, in nested objects too, and answers their paths.
///
/// An object is open, and keeps its unknown fields, where its schema has no `properties`, or has
/// `additionalProperties` other than false.
pub(crate) fn drop_unknown(path: &str, fields: &mut Map<String, Value>, schema: &Value) -> Vec<String> {
    let Some(known) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let closed = schema.get("additionalProperties").is_none_or(|more| more == &Value::Bool(false));
    let mut dropped = Vec::new();
    fields.retain(|name, value| {
        let path = format!("{path}.{name}");
        match (known.get(name), value) {
            (Some(inner), Value::Object(fields)) => dropped.extend(drop_unknown(&path, fields, inner)),
            (None, _) if closed => {
                dropped.push(path);
                return false;
            }
            _ => {}
        }
        true
    });
    dropped
}

/// Coerces the fields of an object. A known field that is null is removed: it is as if it were absent.
pub(crate) fn object(fields: &mut Map<String, Value>, schema: &Value) {
    let known = schema.get("properties");
    let other = schema.get("additionalProperties");
    fields.retain(|name, field| {
        let inner = known.and_then(|known| known.get(name));
        if let Some(inner) = inner.or(other) {
            value(field, inner);
        }
        inner.is_none() || !field.is_null()
    });
}

fn value(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => object(fields, schema),
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                for item in items {
                    self::value(item, inner);
                }
            }
        }
        scalar => {
            let wanted = types(schema);
            if !wanted.iter().any(|kind| is(scalar, kind))
                && let Some(coerced) = wanted.iter().find_map(|kind| coerced(scalar, kind))
            {
                *scalar = coerced;
            }
        }
    }
}

/// The type names that a schema allows.
fn types(schema: &Value) -> Vec<&str> {
    let alternatives = ["anyOf", "oneOf"].iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
    let mut types = Vec::new();
    for schema in std::iter::once(schema).chain(alternatives) {
        match schema.get("type") {
            Some(Value::String(kind)) => types.push(kind.as_str()),
            Some(Value::Array(kinds)) => types.extend(kinds.iter().filter_map(Value::as_str)),
            _ => {}
        }
    }
    types
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn coerced(value: &Value, kind: &str) -> Option<Value> {
    match kind {
        "integer" => integer(value).map(Value::from),
        "number" => number(value).map(Value::Number),
        "boolean" => boolean(value).map(Value::Bool),
        _ => None,
    }
}

/// A whole number, from a float without a fraction, a text or a boolean.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            let whole = text.split_once('.').filter(|(_, rest)| !rest.is_empty() && rest.bytes().all(|b| b == b'0'));
            whole.map_or(text, |(whole, _)| whole).parse().ok()
        }
        Value::Bool(yes) => Some(i64::from(*yes)),
        _ => None,
    }
}

/// The integer that a float is, if it is one and small enough to be exact.
fn whole(float: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "the float has no fraction and is below 2^53")]
    (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i64)
}

/// A number, from a text or a boolean too.
pub(crate) fn float(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| number(value)?.as_f64())
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            let integer = text.parse::<i64>().ok().map(Number::from);
            integer.or_else(|| Number::from_f64(text.parse().ok()?))
        }
        Value::Bool(yes) => Some(i64::from(*yes).into()),
        _ => None,
    }
}

pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            _ => None,
        },
        Value::Number(number) => match number.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
