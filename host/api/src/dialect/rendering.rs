//! The fields `rendering` and `parsing` of a request.
//!
//! A dialect calls [`finish`] on the fields of a body before it reads them. From then on there is finished text
//! only, `rendering` has just what nobody knows, for [`take_unknown`], and [`parsing`] reads a template that compiles.

use super::fault::{Fault, Faults};
use super::fields::Fields;
use crate::{Api, templating};
use hostler_jobs::Rejection;
use hostler_model::{Failure, Parsing};
use hostler_templates::render;
use serde_json::Value;
use std::sync::Arc;

/// The fields of a transfer that are templates too.
const PATHS: [&str; 2] = ["remote_path", "local_path"];

/// What can be asked of a parser. The text that it reads is always the output.
const OF_PARSING: [&str; 3] = ["name", "template", "use_ntc_template"];

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
    if let Some(rendering) = take::<R>(api, fields, within).await? {
        rendering.finish(api, fields).await?;
    }
    Ok(())
}

/// The same before anything is rendered, for a body with several objects: each is to be finished with what this answers.
pub(super) async fn take<R: From<Faults> + From<Rejection>>(
    api: &Api,
    fields: &mut Fields,
    within: Option<&str>,
) -> Result<Option<Arc<Rendering>>, R> {
    let object = match within {
        Some(name) => fields.get_mut(name).and_then(Value::as_object_mut),
        None => Some(fields),
    };
    let Some(object) = object else { return Ok(None) };
    let place = |name| ["body"].into_iter().chain(within).chain([name]).collect::<Vec<_>>();
    if let Some(parsing) = object.get("parsing").filter(|value| !value.is_null()).cloned() {
        let parsing = self::parsing(parsing, &place("parsing")).map_err(Faults::from)?;
        api.templating.try_parsing(parsing, "name").await?;
    }
    let Some(rendering) = object.get_mut("rendering") else { return Ok(None) };
    if rendering.is_null() {
        object.remove("rendering");
        return Ok(None);
    }
    Ok(Some(Arc::new(Rendering::take(rendering, &place("rendering")).map_err(Faults::from)?)))
}

/// Takes what nobody reads out of `rendering` and `parsing`: pairs of the object and its field.
pub(super) fn take_unknown(fields: &mut Fields) -> Vec<(&'static str, String)> {
    let mut unknown = Vec::new();
    if let Some(Value::Object(left)) = fields.remove("rendering") {
        unknown.extend(left.into_iter().map(|(name, _)| ("rendering", name)));
    }
    if let Some(Value::Object(parsing)) = fields.get_mut("parsing") {
        parsing.retain(|name, value| {
            let known = OF_PARSING.contains(&name.as_str()) || value.is_null() || *value == false;
            if !known {
                unknown.push(("parsing", name.clone()));
            }
            known
        });
    }
    unknown
}

/// What is read out of the output, from the field that stands at `place`; what is for its parser to judge goes with it.
pub(super) fn parsing(value: Value, place: &[&str]) -> Result<Parsing, Fault> {
    let Value::Object(mut fields) = value else { return Err(no_object(place)) };
    let parser = text(&mut fields, place, "name")?.unwrap_or_default();
    let template = text(&mut fields, place, "template")?.unwrap_or_default();
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
    /// Takes what it knows out of the field that stands at `place`.
    pub(super) fn take(value: &mut Value, place: &[&str]) -> Result<Self, Fault> {
        let fields = value.as_object_mut().ok_or_else(|| no_object(place))?;
        let mut inner = |name| match fields.remove(name) {
            None | Some(Value::Null) => Ok(Fields::new()),
            Some(Value::Object(inner)) => Ok(inner),
            Some(_) => Err(no_object(&[place, &[name]].concat())),
        };
        let (context, args) = (inner("context")?, inner("args")?);
        Ok(Self {
            name: text(fields, place, "name")?.unwrap_or_else(|| "jinja2".into()),
            template: text(fields, place, "template")?,
            context,
            args,
        })
    }

    /// Renders what is templated in these fields. Errors: 400 for a template that is wrong.
    pub(super) async fn finish(self: Arc<Self>, api: &Api, fields: &mut Fields) -> Result<(), Rejection> {
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
        if templated.is_empty() {
            return Ok(());
        }
        let rendered = api.templating.work(move || self.apply(templated)).await;
        for (name, value) in rendered.map_err(|failure| templating::wrong("rendering", "name", failure))? {
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

/// A field that is a text, of the object that stands at `place`.
fn text(fields: &mut Fields, place: &[&str], name: &str) -> Result<Option<String>, Fault> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::new([place, &[name]].concat(), "string_type", "Input should be a valid string")),
    }
}

fn no_object(place: &[&str]) -> Fault {
    Fault::new(place.iter().copied(), "dict_type", "Input should be a valid dictionary")
}
