//! The field `credential` of a request: where a credential is kept.

use crate::coerce;
use hostler_model::{CredentialRef, Problem};
use serde_json::Value;

const FIELD: &str = "credential";

/// Reads the field. The provider judges what it does not know: it refuses that.
pub(crate) fn read(value: Value) -> Result<CredentialRef, Vec<Problem>> {
    let Value::Object(mut fields) = value else {
        return Err(vec![Problem::new([FIELD], "dict_type", "Input should be a valid dictionary")]);
    };
    fields.retain(|_, value| !value.is_null());
    let (mut credential, mut problems) = (CredentialRef::default(), Vec::new());
    let mut wrong = |name: &str, code: &str, message: &str| problems.push(Problem::new([FIELD, name], code, message));
    match fields.remove("ref") {
        Some(Value::String(reference)) => credential.reference = reference,
        None => wrong("ref", "missing", "Field required"),
        Some(_) => wrong("ref", "string_type", "Input should be a valid string"),
    }
    match fields.remove("name") {
        Some(Value::String(provider)) => credential.provider = Some(provider),
        None => {}
        Some(_) => wrong("name", "string_type", "Input should be a valid string"),
    }
    for name in ["mount", "namespace"] {
        if fields.get(name).is_some_and(|value| !value.is_string()) {
            wrong(name, "string_type", "Input should be a valid string");
        }
    }
    if let Some(version) = fields.get_mut("version") {
        match coerce::integer(version) {
            Some(number) => *version = number.into(),
            None => wrong("version", "int_type", "Input should be a valid integer"),
        }
    }
    let is_text = |mapping: &Value| mapping.as_object().is_some_and(|fields| fields.values().all(Value::is_string));
    if !fields.get("field_mapping").is_none_or(is_text) {
        wrong("field_mapping", "dict_type", "Input should be a valid dictionary of strings");
    }
    credential.arguments = fields;
    if problems.is_empty() { Ok(credential) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_provider_judges_is_kept() {
        let given =
            json!({"name": "vault_kv", "ref": "net/web", "mount": "kv", "version": "3", "namespace": null, "more": 1});
        let read = read(given).expect("it is right");
        assert_eq!((read.provider.as_deref(), read.reference.as_str()), (Some("vault_kv"), "net/web"));
        assert_eq!(Value::Object(read.arguments), json!({"mount": "kv", "version": 3, "more": 1}));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_by_its_place() {
        let problems = read(json!({"name": 1, "mount": [], "version": "x", "field_mapping": {"username": 1}}));
        let places: Vec<_> = problems.expect_err("wrong").into_iter().map(|it| (it.path.join("."), it.code)).collect();
        let expected = [
            ("credential.ref", "missing"),
            ("credential.name", "string_type"),
            ("credential.mount", "string_type"),
            ("credential.version", "int_type"),
            ("credential.field_mapping", "dict_type"),
        ];
        assert_eq!(places, expected.map(|(place, code)| (place.to_owned(), code.to_owned())));
        assert_eq!(read(json!("net/web")).expect_err("no object")[0].path, ["credential"]);
    }
}
