//! What a request says of a credential, checked.

use crate::failures;
use hostler_model::{CredentialRef, Failure};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a request says besides provider and reference.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) mount: Option<String>,
    pub(crate) version: Option<u64>,
    pub(crate) namespace: Option<String>,
    /// What is called how: names of `connection_args`, and of the provider for them.
    pub(crate) field_mapping: BTreeMap<String, String>,
}

impl Ask {
    /// Reads what was asked. What nobody knows is refused.
    pub(crate) fn read(credential: &CredentialRef) -> Result<Self, Failure> {
        let mut ask = Self::default();
        for (name, value) in &credential.arguments {
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("mount", Value::String(mount)) => ask.mount = Some(mount.clone()),
                ("namespace", Value::String(namespace)) => ask.namespace = Some(namespace.clone()),
                ("version", value) => {
                    let version = value.as_u64().filter(|version| *version > 0);
                    ask.version = Some(version.ok_or_else(|| failures::wrong("version", "is not a number from 1 on"))?);
                }
                ("field_mapping", Value::Object(fields)) => {
                    let texts = fields.iter().map(|(to, from)| {
                        let from = from.as_str().filter(|from| !from.is_empty() && !to.is_empty())?;
                        Some((to.clone(), from.to_owned()))
                    });
                    let wrong = || failures::wrong("field_mapping", "is not an object of names for names");
                    ask.field_mapping = texts.collect::<Option<_>>().ok_or_else(wrong)?;
                }
                ("mount" | "namespace" | "field_mapping", _) => {
                    return Err(failures::wrong(name, "has a value of the wrong type"));
                }
                _ => return Err(failures::wrong(name, "is not known")),
            }
        }
        Ok(ask)
    }

    /// Fails if the reference is no plain name, or something was asked that only Vault knows.
    pub(crate) fn check_plain(&self, reference: &str) -> Result<(), Failure> {
        let given = [
            ("mount", self.mount.is_some()),
            ("version", self.version.is_some()),
            ("namespace", self.namespace.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(failures::wrong(name, "means nothing to this provider: leave it out")),
            None if is_plain(reference) => Ok(()),
            None => Err(failures::wrong("ref", "is no plain name: letters, digits, and one of . _ - between them")),
        }
    }
}

/// Whether a reference is a plain name: letters, digits, and `.`, `_`, `-` one by one between them. So it leads to no other
/// folder, and no variable has two meanings.
fn is_plain(reference: &str) -> bool {
    let parts = reference.split(['.', '_', '-']);
    reference.len() <= 128
        && parts.into_iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(arguments: Value) -> Result<Ask, Failure> {
        let Value::Object(arguments) = arguments else { panic!("an object is needed") };
        Ask::read(&CredentialRef { arguments, ..CredentialRef::default() })
    }

    #[test]
    fn what_is_not_known_or_has_the_wrong_type_is_refused_by_name() {
        for (wrong, name) in [
            (json!({"cas": 1}), "cas"),
            (json!({"version": 0}), "version"),
            (json!({"version": "1"}), "version"),
            (json!({"mount": 1}), "mount"),
            (json!({"field_mapping": {"username": ""}}), "field_mapping"),
        ] {
            let refused = ask(wrong).expect_err(name).message;
            assert!(refused.contains(name), "{refused}");
        }
        assert!(ask(json!({"version": 2})).expect("right").check_plain("web").is_err());
        assert!(ask(json!({"mount": null})).expect("as if absent").check_plain("web").is_ok());
    }

    #[test]
    fn plain_names_lead_nowhere() {
        for plain in ["web", "web-1.example_x", "A"] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in ["", ".", "..", "a/b", "../x", ".hidden", "a..b", "a__b", "a_", "ä", "a b", "a\0"] {
            assert!(!is_plain(other), "{other}");
        }
    }
}
