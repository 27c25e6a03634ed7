//! The body of a request, and the sorts of fields in it.

use super::fault::Fault;
use crate::coerce;
use axum::http::HeaderValue;
use serde_json::{Map, Value, json};

pub(super) type Fields = Map<String, Value>;

/// The body as an object. Like `FastAPI`, it takes a body without a content type for JSON, and no other type.
pub(super) fn read(body: &[u8], content_type: Option<&HeaderValue>) -> Result<Fields, Fault> {
    let no_object = |hint| {
        let words = "Input should be a valid dictionary or object to extract fields from";
        Fault::new(["body"], "model_attributes_type", format!("{words}{hint}"))
    };
    if body.is_empty() {
        return Err(Fault::new(["body"], "missing", "Field required"));
    }
    if !content_type.is_none_or(is_json) {
        return Err(no_object("; send it with the header `Content-Type: application/json`"));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(no_object("")),
        Err(error) => {
            // serde_json says what it expected and where, never what it found.
            let loc = [Value::from("body"), offset(body, &error).into()];
            Err(Fault::new(loc, "json_invalid", "JSON decode error").with_context(json!({"error": error.to_string()})))
        }
    }
}

pub(super) fn is_json(content_type: &HeaderValue) -> bool {
    let essence = content_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || (essence.starts_with(b"application/") && essence.ends_with(b"+json"))
}

/// Where in the body an error is, in bytes.
fn offset(body: &[u8], error: &serde_json::Error) -> usize {
    let before = body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    before.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1)
}

/// A field that is an object.
pub(super) fn object(name: &str, value: Value) -> Result<Fields, Fault> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Fault::no_object(name)),
    }
}

/// A field that is a yes or a no, from what pydantic would take for one.
pub(super) fn yes(name: &str, value: Value) -> Result<bool, Fault> {
    let msg = "Input should be a valid boolean";
    coerce::boolean(&value).ok_or_else(|| Fault::new(["body", name], "bool_type", msg).showing(value))
}

/// `command` or `config`: a text is one entry, a list has one entry per text.
pub(super) fn lines(name: &str, value: Option<Value>) -> Result<Option<Vec<String>>, Fault> {
    let no_text = |loc: Vec<Value>| Fault::new(loc, "string_type", "Input should be a valid string");
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(line)) => Ok(Some(vec![line])),
        Some(Value::Array(items)) => {
            let line = |(index, item)| match item {
                Value::String(line) => Ok(line),
                _ => Err(no_text(vec!["body".into(), name.into(), Value::from(index)])),
            };
            items.into_iter().enumerate().map(line).collect::<Result<_, _>>().map(Some)
        }
        Some(Value::Object(_)) => {
            let msg = format!(
                "`{name}` as a dictionary needs `rendering`, which is not supported yet; give text or a list of texts"
            );
            Err(Fault::new(["body", name], "unsupported", msg))
        }
        Some(_) => {
            Err(Fault::new(["body", name], "string_type", "Input should be a valid string or a list of strings"))
        }
    }
}
