//! What is wrong with a body or a query, as `FastAPI` says it.

use hostler_model::Problem;
use serde::Serialize;
use serde_json::{Value, json};

/// One thing that is wrong: pydantic's word as `type`, the place as `loc`, a sentence as `msg`, and as `input` the
/// offending value where it cannot be a secret, else null. A list of them is the `detail` of a 422.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Fault(Value);

impl Fault {
    /// A fault that does not show the value. `loc` is `body` or `query`, then field names and indices.
    pub(super) fn new<L: Into<Value>>(loc: impl IntoIterator<Item = L>, kind: &str, msg: impl Into<String>) -> Self {
        let loc: Vec<Value> = loc.into_iter().map(Into::into).collect();
        Self(json!({"type": kind, "loc": loc, "msg": msg.into(), "input": null}))
    }

    /// The same, with the value if it is no object and no list. Only for fields that never hold a secret.
    pub(super) fn showing(mut self, input: Value) -> Self {
        if !input.is_object() && !input.is_array() {
            self.0["input"] = input;
        }
        self
    }

    pub(super) fn with_context(mut self, ctx: Value) -> Self {
        self.0["ctx"] = ctx;
        self
    }

    /// The same about a field that stands deeper: `outer` takes the place of `body`.
    pub(super) fn within<L: Into<Value>>(mut self, outer: impl IntoIterator<Item = L>) -> Self {
        let inner = self.0["loc"].as_array().into_iter().flatten().skip(1).cloned();
        self.0["loc"] = outer.into_iter().map(Into::into).chain(inner).collect();
        self
    }

    /// Where it is, below `body`.
    fn place(&self) -> String {
        let part = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
        self.0["loc"].as_array().into_iter().flatten().skip(1).map(part).collect::<Vec<_>>().join(".")
    }

    /// The same in words.
    fn sentence(&self) -> String {
        let place = self.place();
        let msg = self.0["msg"].as_str().unwrap_or_default();
        if place.is_empty() { msg.into() } else { format!("{place}: {msg}") }
    }

    /// The same as pydantic prints it: the place on a line of its own, then what is wrong.
    pub(super) fn paragraph(&self) -> String {
        let place = self.place();
        let (msg, kind) = (self.0["msg"].as_str().unwrap_or_default(), self.0["type"].as_str().unwrap_or_default());
        if place.is_empty() { format!("\n  {msg} [type={kind}]") } else { format!("\n{place}\n  {msg} [type={kind}]") }
    }

    /// A field that must be there.
    pub(super) fn missing(field: &str) -> Self {
        Self::new(["body", field], "missing", "Field required")
    }

    /// A field that must be an object.
    pub(super) fn no_object(field: &str) -> Self {
        Self::new(["body", field], "dict_type", "Input should be a valid dictionary")
    }

    /// A name that means nothing here.
    pub(super) fn unknown<'a>(loc: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(loc, "extra_forbidden", "Extra inputs are not permitted")
    }

    /// A value that is none of the words allowed.
    pub(super) fn no_such_word<'a>(
        loc: impl IntoIterator<Item = &'a str>,
        words: &[impl AsRef<str>],
        kind: &str,
    ) -> Self {
        let words: Vec<String> = words.iter().map(|word| format!("'{}'", word.as_ref())).collect();
        let expected = match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => words.concat(),
        };
        Self::new(loc, kind, format!("Input should be {expected}")).with_context(json!({"expected": expected}))
    }
}

/// All that is wrong; a client is told at once.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// The value of a field, or nothing and one more fault.
    pub(super) fn keep<T>(&mut self, field: Result<T, Fault>) -> Option<T> {
        field.map_err(|fault| self.0.push(fault)).ok()
    }

    /// The value of a field that has a reader of its own, or nothing and what that found wrong. `place` is where the
    /// field stands.
    pub(super) fn keep_read<T>(&mut self, place: &[&str], field: Result<T, Vec<Problem>>) -> Option<T> {
        let fault =
            |it: Problem| Fault::new(place.iter().map(|part| (*part).to_owned()).chain(it.path), &it.code, it.message);
        field.map_err(|problems| self.0.extend(problems.into_iter().map(fault))).ok()
    }

    /// All of it in words.
    pub(super) fn sentence(&self) -> String {
        self.0.iter().map(Fault::sentence).collect::<Vec<_>>().join("; ")
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}
