//! The fields `rendering` and `parsing` of a request.
//!
//! A dialect calls [`finish`] on the fields of a body before it reads them. From then on there is finished text
//! only, `rendering` is gone, and [`parsing`] reads a template that compiles.

use super::fault::{Fault, Faults};
use super::fields::{self, Fields};
use crate::Api;
use hostler_jobs::Rejection;
use hostler_model::{ErrorKind, Failure, Parsing, Problem};
use hostler_templates::{Parser, render};
use serde_json::Value;

/// The fields of a transfer that are templates too.
const PATHS: [&str; 2] = ["remote_path", "local_path"];

/// Renders what is templated in a body, and tries the template of `parsing`. `within` names the object that has both
/// fields (`options` of 0.2), or is absent where they stand beside `command`.
///
/// `command` and `config`: a text is a template, a list is one for each entry, an object is a context for `template`. With
/// `template`, that is what is rendered, in their place. `script_content`, `remote_path` and `local_path` are templates too.
///
/// Errors: 422 in the words of the dialect for fields of the wrong kind, 400 for a template that is wrong.
pub(super) async fn finish<R: From<Faults> + From<Rejection>>(
    api: &Api,
    fields: &mut Fields,
    within: Option<&str>,
) -> Result<(), R> {
    let place = match within {
        Some(name) => fields.get_mut(name).and_then(Value::as_object_mut),
        None => Some(&mut *fields),
    };
    let Some(place) = place else { return Ok(()) };
    let parsing = place.get("parsing").filter(|value| !value.is_null()).cloned();
    let rendering = place.remove("rendering").filter(|value| !value.is_null());
    if let Some(parsing) = parsing {
        let parsing = self::parsing(parsing).map_err(Faults::from)?;
        api.templating.work(move || Parser::new(&parsing)).await.map_err(|failure| wrong("parsing", failure))?;
    }
    let Some(rendering) = rendering else { return Ok(()) };
    let rendering = Rendering::read(rendering).map_err(Faults::from)?;
    // Secrets stay out of it.
    let mut templated: Fields = ["command", "config", "script_content", "file_transfer"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), fields.remove(name)?)))
        .collect();
    let driver_args = fields.get_mut("driver_args").and_then(Value::as_object_mut);
    let nested = driver_args.as_ref().and_then(|args| args.get("script_content")).cloned();
    templated.extend(nested.map(|script| ("script_content".to_owned(), script)));
    let nested = driver_args.as_ref().and_then(|args| args.get("file_transfer")).cloned();
    templated.extend(nested.map(|transfer| ("driver_args.file_transfer".to_owned(), transfer)));
    let rendered = api.templating.work(move || rendering.apply(templated)).await;
    for (name, value) in rendered.map_err(|failure| wrong("rendering", failure))? {
        let nested = match name.as_str() {
            "script_content" => Some("script_content"),
            "driver_args.file_transfer" => Some("file_transfer"),
            _ => None,
        };
        match (nested, fields.get_mut("driver_args").and_then(Value::as_object_mut)) {
            (Some(nested), Some(driver_args)) => drop(driver_args.insert(nested.to_owned(), value)),
            _ => drop(fields.insert(name, value)),
        }
    }
    Ok(())
}

/// What is read out of the output, from the field `parsing`; what the parser does not know goes with it.
pub(super) fn parsing(value: Value) -> Result<Parsing, Fault> {
    let mut fields = fields::object("parsing", value)?;
    let parser = text(&mut fields, "parsing", "name")?.unwrap_or_default();
    let template = text(&mut fields, "parsing", "template")?.unwrap_or_default();
    fields.remove("context");
    fields.retain(|_, value| !value.is_null());
    Ok(Parsing { parser, template, arguments: fields })
}

/// What a request says of its templates.
pub(super) struct Rendering {
    pub(super) name: String,
    pub(super) template: Option<String>,
    pub(super) context: Fields,
    pub(super) args: Fields,
}

impl Rendering {
    pub(super) fn read(value: Value) -> Result<Self, Fault> {
        let mut fields = fields::object("rendering", value)?;
        let mut inner = |name| match fields.remove(name) {
            None | Some(Value::Null) => Ok(Fields::new()),
            Some(Value::Object(inner)) => Ok(inner),
            Some(_) => Err(Fault::new(["body", "rendering", name], "dict_type", "Input should be a valid dictionary")),
        };
        let (context, args) = (inner("context")?, inner("args")?);
        Ok(Self {
            name: text(&mut fields, "rendering", "name")?.unwrap_or_else(|| "jinja2".into()),
            template: text(&mut fields, "rendering", "template")?,
            context,
            args,
        })
    }

    fn apply(&self, templated: Fields) -> Result<Fields, Failure> {
        templated.into_iter().map(|(name, value)| Ok((name.clone(), self.field(&name, value)?))).collect()
    }

    fn field(&self, name: &str, value: Value) -> Result<Value, Failure> {
        let template = self.template.as_deref().filter(|_| ["command", "config"].contains(&name));
        match (value, template) {
            (Value::Null, _) => Ok(Value::Null),
            (Value::Object(mut transfer), _) if name.ends_with("file_transfer") => {
                for path in PATHS {
                    if let Some(Value::String(text)) = transfer.get(path) {
                        let text = self.text(text, &self.context)?;
                        transfer.insert(path.to_owned(), text.into());
                    }
                }
                Ok(transfer.into())
            }
            (Value::Object(given), Some(template)) => {
                let mut context = self.context.clone();
                context.extend(given);
                self.text(template, &context).map(Value::from)
            }
            (Value::String(_) | Value::Array(_), Some(template)) => self.text(template, &self.context).map(Value::from),
            (Value::String(text), None) => self.text(&text, &self.context).map(Value::from),
            (Value::Array(entries), None) => entries.into_iter().map(|entry| self.field(name, entry)).collect(),
            (other, _) => Ok(other),
        }
    }

    fn text(&self, template: &str, context: &Fields) -> Result<String, Failure> {
        render(&self.name, template, context, &self.args)
    }
}

/// A field of an object that is a text.
fn text(fields: &mut Fields, of: &str, name: &str) -> Result<Option<String>, Fault> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::new(["body", of, name], "string_type", "Input should be a valid string")),
    }
}

/// A template that is wrong is a wrong value in a field.
fn wrong(field: &str, failure: Failure) -> Rejection {
    let code = match failure.kind {
        ErrorKind::Internal => return failure.into(),
        ErrorKind::Unsupported => "unsupported",
        _ => "template_error",
    };
    Rejection::Invalid(vec![Problem::new([field, "template"], code, failure.message)])
}
