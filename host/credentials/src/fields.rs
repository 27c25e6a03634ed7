//! What stands under a reference.

use crate::failures;
use hostler_model::{Failure, Resolved, Secret};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// What is taken where the request does not say: these must be there, or else in the place of a password a key.
const NEEDED: [&str; 2] = ["username", "password"];
/// These are taken too, if they are there.
const ALSO: [&str; 2] = ["pkey", "passphrase"];

/// The fields of a credential, by the names that its provider has for them.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(BTreeMap<String, Value>);

/// What a field holds: numbers and the like as text. What is no text has no use.
enum Value {
    Text(Secret),
    Other,
}

impl Fields {
    pub(crate) fn of(texts: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self(texts.into_iter().map(|(name, text)| (name, Value::Text(text))).collect())
    }

    fn text(&self, name: &str) -> Option<Secret> {
        match self.0.get(name)? {
            Value::Text(text) => Some(text.clone()),
            Value::Other => None,
        }
    }

    /// Takes fields out, under the names of `connection_args`: `mapping` says which is called how here.
    pub(crate) fn map(&self, mapping: &BTreeMap<String, String>) -> Result<Resolved, Failure> {
        if mapping.is_empty() {
            return self.usual();
        }
        let found = mapping.iter().map(|(to, from)| self.text(from).map(|text| (to.clone(), text)).ok_or(from));
        let (found, missing): (Vec<_>, Vec<_>) = found.partition(Result::is_ok);
        if !missing.is_empty() {
            return Err(failures::missing(missing.into_iter().filter_map(Result::err).cloned().collect()));
        }
        Ok(found.into_iter().filter_map(Result::ok).collect())
    }

    fn usual(&self) -> Result<Resolved, Failure> {
        let named = |name: &&str| self.text(name).map(|text| ((*name).to_owned(), text));
        let found: Resolved = NEEDED.iter().chain(&ALSO).filter_map(named).collect();
        let has = |name: &str| found.contains_key(name) || name == "password" && found.contains_key("pkey");
        let missing: Vec<_> = NEEDED.into_iter().filter(|name| !has(name)).map(str::to_owned).collect();
        if missing.is_empty() { Ok(found) } else { Err(failures::missing(missing)) }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Takes texts over as they come, so that no other copy of them is left behind.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Secret::new(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(Secret::new(text)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Text(Secret::new(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Text(Secret::new(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Text(Secret::new(number.to_string())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(fields: serde_json::Value, mapping: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        let fields: Fields = serde_json::from_value(fields).expect("an object");
        let mapping = mapping.iter().map(|(to, from)| ((*to).to_owned(), (*from).to_owned())).collect();
        let resolved = fields.map(&mapping).map_err(|failure| failure.message)?;
        Ok(resolved.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect())
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_user_needs_a_password_or_a_key_and_the_rest_is_left_alone() {
        let all = json!({"username": "u", "password": 12, "note": {"x": [1, null]}, "port": true});
        assert_eq!(map(all, &[]), Ok(pairs(&[("password", "12"), ("username", "u")])));
        let key = json!({"username": "u", "pkey": "k", "passphrase": "s"});
        assert_eq!(map(key, &[]), Ok(pairs(&[("passphrase", "s"), ("pkey", "k"), ("username", "u")])));
        let missing = "Missing required secret fields: password, username";
        assert_eq!(map(json!({"passphrase": "s", "password": null}), &[]), Err(missing.into()));
    }

    #[test]
    fn a_mapping_takes_what_it_names_and_nothing_else() {
        let fields = json!({"login": "u", "secret": "p", "pkey": "k"});
        let mapped = map(fields.clone(), &[("username", "login"), ("password", "secret")]);
        assert_eq!(mapped, Ok(pairs(&[("password", "p"), ("username", "u")])));
        let missing = "Missing required secret fields: pw, user";
        assert_eq!(map(fields, &[("username", "user"), ("password", "pw")]), Err(missing.into()));
    }
}
