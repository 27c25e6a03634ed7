//! Reads the fields of an object that came in a body. What is wrong with one is told by its place and never by its
//! value, which may be a secret.

use super::webhooks::Wanted;
use hostler_model::{Args, CredentialRef, Parsing, Problem, Webhook};
use serde_json::{Map, Value};
use std::time::Duration;
use uuid::Uuid;

/// The longest time that can be asked for: 100 years.
const LONGEST: f64 = 100.0 * 365.0 * 86400.0;

/// The fields that were not read yet, and what was wrong with the others.
pub(super) struct Fields {
    fields: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Fields {
    pub(super) fn new(fields: Map<String, Value>) -> Self {
        Self { fields, problems: Vec::new() }
    }

    /// Whether there is a field of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, "string_type", "Input should be a valid string", text)
    }

    /// A UUID.
    pub(super) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        self.read(name, "uuid_type", "Input should be a valid UUID", |value| value.as_str()?.parse().ok())
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let known = words.iter().map(|(word, _)| format!("'{word}'")).collect::<Vec<_>>().join(" or ");
        self.read(name, "literal_error", &format!("Input should be {known}"), |value| {
            words.iter().find(|(word, _)| value == *word).map(|(_, meaning)| *meaning)
        })
    }

    /// `true` or `false`; false if it is absent.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.read(name, "bool_type", "Input should be a valid boolean", |value| value.as_bool()).unwrap_or_default()
    }

    /// Seconds, perhaps with a fraction.
    pub(super) fn seconds(&mut self, name: &str) -> Option<Duration> {
        self.read(name, "number_type", "Input should be a number of seconds, more than 0", |value| {
            let seconds = value.as_f64().filter(|seconds| *seconds > 0.0 && *seconds <= LONGEST)?;
            Duration::try_from_secs_f64(seconds).ok()
        })
    }

    /// A text, or a list of texts.
    pub(super) fn lines(&mut self, name: &str) -> Option<Vec<String>> {
        self.read(name, "string_type", "Input should be a valid string or a list of strings", |value| match value {
            Value::String(line) => Some(vec![line]),
            Value::Array(lines) => lines.into_iter().map(text).collect(),
            _ => None,
        })
    }

    /// An object, whose secrets are taken out at once.
    pub(super) fn args(&mut self, name: &'static str) -> Option<Args> {
        self.read(name, "dict_type", "Input should be a valid dictionary", object).map(|args| Args::seal(name, args))
    }

    /// A list of objects.
    pub(super) fn objects(&mut self, name: &str) -> Option<Vec<Map<String, Value>>> {
        self.read(name, "list_type", "Input should be a list of dictionaries", |value| match value {
            Value::Array(items) => items.into_iter().map(object).collect(),
            _ => None,
        })
    }

    /// Where a credential is kept. What else it says is for its provider to judge.
    pub(super) fn credential(&mut self, name: &str) -> Option<CredentialRef> {
        let wanted =
            "Input should be a dictionary with `reference`, and perhaps `provider` and what the provider knows";
        self.read(name, "credential_type", wanted, |value| {
            let mut arguments = object(value)?;
            arguments.retain(|_, value| !value.is_null());
            let reference = text(arguments.remove("reference")?)?;
            let provider = arguments.remove("provider").map(|name| text(name).ok_or(()));
            Some(CredentialRef { provider: provider.transpose().ok()?, reference, arguments })
        })
    }

    /// What is to be read out of the output. What the arguments say is for the parser to judge.
    pub(super) fn parsing(&mut self, name: &str) -> Option<Parsing> {
        let wanted = "Input should be a dictionary with `parser` and `template`, and perhaps `arguments`, a dictionary";
        self.read(name, "parsing_type", wanted, |value| {
            let mut fields = object(value)?;
            let (parser, template) = (text(fields.remove("parser")?)?, text(fields.remove("template")?)?);
            let arguments = fields.remove("arguments").map_or_else(|| Some(Map::new()), object)?;
            fields.is_empty().then_some(Parsing { parser, template, arguments })
        })
    }

    /// Whom to tell of the job.
    pub(super) fn webhooks(&mut self, name: &str) -> Vec<Webhook> {
        let wanted = "Input should be a list of webhooks, each with `url`, and perhaps `secret`, `events`, `method`, `headers`, `timeout`";
        let read = |value| {
            let wanted: Vec<Wanted> = serde_json::from_value(value).ok()?;
            wanted.into_iter().map(|wanted| Webhook::try_from(wanted).ok()).collect()
        };
        self.read(name, "webhook_type", wanted, read).unwrap_or_default()
    }

    /// A field must be there and is not, or is not what it should be.
    pub(super) fn problem(&mut self, name: &str, code: &str, message: &str) {
        self.problems.push(Problem::new([name], code, message));
    }

    /// What is left, if nothing was wrong.
    pub(super) fn rest(self) -> Result<Map<String, Value>, Vec<Problem>> {
        if self.problems.is_empty() { Ok(self.fields) } else { Err(self.problems) }
    }

    /// The end of reading: a field that nobody read is not known.
    pub(super) fn end(mut self) -> Result<(), Vec<Problem>> {
        for name in std::mem::take(&mut self.fields).keys() {
            self.problem(name, "extra_forbidden", "Extra inputs are not permitted");
        }
        self.rest().map(drop)
    }

    /// The value of a field; null is as if it were absent.
    fn read<T>(&mut self, name: &str, code: &str, wanted: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = self.fields.remove(name).filter(|value| !value.is_null())?;
        let value = read(value);
        if value.is_none() {
            self.problem(name, code, wanted);
        }
        value
    }
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(fields) = value { Some(fields) } else { None }
}
