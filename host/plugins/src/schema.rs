//! A plugin's JSON Schema: what it says of arguments, in the words that pydantic's users know.

mod marks;

use hostler_model::{Args, Problem};
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;
use std::sync::Arc;

/// A schema, compiled.
pub(crate) struct Schema {
    pub(crate) value: Arc<Value>,
    validator: Validator,
    /// Properties marked `writeOnly`: secrets.
    pub(crate) secrets: Vec<String>,
}

impl Schema {
    /// Compiles a schema; the error says what is wrong with it. References to other documents are refused, and so are
    /// secrets that would not be taken out of the arguments.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("a schema is not JSON: {error}"))?;
        if let Some(place) = marks::misplaced(&value) {
            return Err(format!(
                "a schema has `writeOnly` at {place:?}, where it makes no secret: mark the field itself, directly in the \
                 schema's own `properties`"
            ));
        }
        let validator = jsonschema::draft202012::new(&value).map_err(|error| format!("a schema is wrong: {error}"))?;
        let marked = |(name, property): (&String, &Value)| {
            (property.get("writeOnly") == Some(&Value::Bool(true))).then(|| name.clone())
        };
        let properties = value.get("properties").and_then(Value::as_object);
        let secrets = properties.map(|properties| properties.iter().filter_map(marked).collect()).unwrap_or_default();
        Ok(Self { value: Arc::new(value), validator, secrets })
    }

    /// Whether it names a property.
    pub(crate) fn has(&self, property: &str) -> bool {
        self.value.get("properties").and_then(|properties| properties.get(property)).is_some()
    }

    /// What is wrong with the public part of `args`. Secrets count as given.
    pub(crate) fn problems(&self, args: &Args) -> Vec<Problem> {
        let public = Value::Object(args.public().clone());
        let is_given = |property: &str| args.secrets().contains_key(&format!("{}.{property}", args.name()));
        self.check(&public, args.name())
            .into_iter()
            .filter(|found| found.path.last().is_none_or(|name| !is_given(name)))
            .collect()
    }

    /// What is wrong with a value that stands under `name`.
    pub(crate) fn check(&self, value: &Value, name: &str) -> Vec<Problem> {
        self.validator.iter_errors(value).flat_map(|error| problems(&error, name)).collect()
    }
}

fn problems(error: &ValidationError<'_>, name: &str) -> Vec<Problem> {
    let mut path = vec![name.to_owned()];
    path.extend(error.instance_path().into_iter().map(|segment| segment.to_string()));
    let problem = |code: &str, message: String| vec![Problem::new(path.clone(), code, message)];
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let extra = |property: &String| {
                Problem::new(path.iter().chain([property]), "extra_forbidden", "Extra inputs are not permitted")
            };
            unexpected.iter().map(extra).collect()
        }
        Kind::Required { property } => {
            path.push(property.as_str().unwrap_or_default().to_owned());
            vec![Problem::new(path, "missing", "Field required")]
        }
        Kind::Enum { options } => {
            let options: Vec<_> = options.as_array().into_iter().flatten().map(quoted).collect();
            problem("literal_error", format!("Input should be {}", any_of(&options)))
        }
        Kind::Type { kind } => {
            let (code, noun) = kind_words(kind);
            problem(code, format!("Input should be a valid {noun}"))
        }
        Kind::Minimum { limit } => {
            problem("greater_than_equal", format!("Input should be greater than or equal to {limit}"))
        }
        Kind::ExclusiveMinimum { limit } => problem("greater_than", format!("Input should be greater than {limit}")),
        Kind::Maximum { limit } => problem("less_than_equal", format!("Input should be less than or equal to {limit}")),
        Kind::ExclusiveMaximum { limit } => problem("less_than", format!("Input should be less than {limit}")),
        Kind::MinLength { limit } => {
            problem("string_too_short", format!("String should have at least {limit} characters"))
        }
        Kind::MaxLength { limit } => {
            problem("string_too_long", format!("String should have at most {limit} characters"))
        }
        Kind::Pattern { pattern } => {
            problem("string_pattern_mismatch", format!("String should match pattern '{pattern}'"))
        }
        _ => problem("value_error", format!("Value error, {error}")),
    }
}

fn quoted(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'"))
}

/// `a`, `a or b`, `a, b or c`.
fn any_of(options: &[String]) -> String {
    match options.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".into(),
    }
}

fn kind_words(kind: &TypeKind) -> (&'static str, &'static str) {
    let name = match kind {
        TypeKind::Single(single) => single.to_string(),
        // `["string", "null"]` and the like: what is not null is what the person should give.
        TypeKind::Multiple(several) => {
            several.iter().map(|single| single.to_string()).find(|name| name != "null").unwrap_or_default()
        }
    };
    match name.as_str() {
        "string" => ("string_type", "string"),
        "integer" => ("int_type", "integer"),
        "number" => ("float_type", "number"),
        "boolean" => ("bool_type", "boolean"),
        "array" => ("list_type", "list"),
        _ => ("dict_type", "dictionary"),
    }
}
