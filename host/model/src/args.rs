//! An object of arguments whose secret fields were taken out of it.

use crate::{Problem, Secret};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Field names that are secret whatever a driver says. A driver's schema can add to them.
const SECRET_NAMES: [&str; 5] = ["password", "pkey", "passphrase", "token", "secret"];
const SECRET_ENDINGS: [&str; 3] = ["_password", "_pkey", "_passphrase"];

/// What of a credential may be shown.
const USERS: [&str; 2] = ["username", "proxy_username"];

/// The arguments of one object of a request, such as `connection_args`.
///
/// Secret fields are moved out of the object when it is sealed and are reachable only by their
/// path. It has no `Debug` and no `Serialize` on purpose: [`Args::public`] is what may be shown.
#[derive(Clone, Default)]
pub struct Args {
    name: &'static str,
    public: Map<String, Value>,
    secrets: BTreeMap<String, Secret>,
    problems: Vec<Problem>,
}

impl Args {
    /// Seals the object that stands under `name` in the request.
    pub fn seal(name: &'static str, fields: Map<String, Value>) -> Self {
        let mut args = Self { name, public: fields, ..Self::default() };
        args.seal_also(&[]);
        args
    }

    /// What an object was sealed to before, and stored: its public fields, and its secrets by path.
    pub fn sealed(name: &'static str, public: Map<String, Value>, secrets: BTreeMap<String, Secret>) -> Self {
        Self { name, public, secrets, problems: Vec::new() }
    }

    /// Moves out the fields that a driver's schema marks `writeOnly`, at the top of the object.
    pub fn seal_also(&mut self, marked: &[String]) {
        let found: Vec<String> =
            self.public.keys().filter(|name| is_secret(name) || marked.contains(name)).cloned().collect();
        for field in found {
            let path = format!("{}.{field}", self.name);
            match self.public.remove(&field) {
                Some(Value::String(text)) => {
                    self.secrets.insert(path, Secret::new(text));
                }
                None | Some(Value::Null) => {}
                Some(_) => self.problems.push(Problem::new(
                    [self.name, &field],
                    "string_type",
                    "Input should be a valid string",
                )),
            }
        }
        // A secret may also hide deeper, where no driver of ours reads one: refuse, never keep.
        for (field, value) in &mut self.public {
            strip_nested(value, &mut vec![self.name.to_owned(), field.clone()], &mut self.problems);
        }
    }

    /// Adds a field of a credential, unless there is one of that name. All but users are secrets. Answers whether the
    /// field has that value now.
    pub fn complete(&mut self, field: &str, value: &Secret) -> bool {
        let path = format!("{}.{field}", self.name);
        match (self.public.get(field), self.secrets.get(&path)) {
            (Some(given), _) if !given.is_null() => given == value.expose(),
            (_, Some(given)) => given.expose() == value.expose(),
            _ if USERS.contains(&field) => {
                self.public.insert(field.into(), value.expose().into());
                true
            }
            _ => {
                self.secrets.insert(path, value.clone());
                true
            }
        }
    }

    /// The name under which the object stands in the request.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The fields that may be shown.
    pub fn public(&self) -> &Map<String, Value> {
        &self.public
    }

    /// The fields that may be shown, to be coerced by a dialect before validation.
    pub fn public_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.public
    }

    /// The secrets, by path (`connection_args.password`).
    pub fn secrets(&self) -> &BTreeMap<String, Secret> {
        &self.secrets
    }

    /// What was wrong with secret fields; found at sealing, because the values are gone afterwards.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// Objects whose field names the client makes up: names of variables, and prompts. They are not secret, as the
/// README says.
const FREE: [&str; 2] = ["environment", "expect_map"];

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str()) || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn strip_nested(value: &mut Value, path: &mut Vec<String>, problems: &mut Vec<Problem>) {
    match value {
        Value::Object(fields) if path.get(1).is_none_or(|field| !FREE.contains(&field.as_str())) => {
            let found: Vec<String> = fields.keys().filter(|name| is_secret(name)).cloned().collect();
            for name in found {
                fields.remove(&name);
                let mut at = path.clone();
                at.push(name);
                problems.push(Problem::new(at, "secret_misplaced", "A secret is not accepted at this place"));
            }
            for (name, inner) in fields {
                path.push(name.clone());
                strip_nested(inner, path, problems);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter_mut().enumerate() {
                path.push(index.to_string());
                strip_nested(inner, path, problems);
                path.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seal(value: Value) -> Args {
        let Value::Object(fields) = value else { panic!("an object is needed") };
        Args::seal("connection_args", fields)
    }

    #[test]
    fn secrets_leave_the_public_part() {
        let args = seal(json!({"host": "h", "password": "p", "proxy_pkey": "k", "Token": "t"}));
        assert_eq!(Value::Object(args.public().clone()), json!({"host": "h"}));
        assert_eq!(args.secrets()["connection_args.password"].expose(), "p");
        assert_eq!(args.secrets().len(), 3);
    }

    #[test]
    fn a_credential_fills_in_what_is_absent_and_only_users_are_shown() {
        let mut args = seal(json!({"host": "h", "username": null, "passphrase": "mine"}));
        let secret = |text: &str| Secret::new(text.into());
        assert!(args.complete("username", &secret("u")) && args.complete("password", &secret("p")));
        assert!(args.complete("community", &secret("c")));
        assert!(!args.complete("passphrase", &secret("theirs")) && !args.complete("host", &secret("evil")));
        assert_eq!(Value::Object(args.public().clone()), json!({"host": "h", "username": "u"}));
        assert_eq!(args.secrets()["connection_args.passphrase"].expose(), "mine");
        assert_eq!(args.secrets()["connection_args.community"].expose(), "c");
    }

    #[test]
    fn a_secret_of_a_wrong_type_is_reported_and_not_kept() {
        let args = seal(json!({"password": {"inner": "hunter2"}}));
        assert!(args.public().is_empty());
        assert_eq!(args.problems()[0].path, ["connection_args", "password"]);
    }

    #[test]
    fn a_nested_secret_is_refused_but_environment_names_are_free() {
        let args =
            seal(json!({"extra": [{"password": "p"}], "environment": {"PASSWORD": "x"}, "expect_map": {"token": "y"}}));
        assert_eq!(args.problems()[0].path, ["connection_args", "extra", "0", "password"]);
        assert_eq!(args.public()["environment"]["PASSWORD"], "x");
        assert_eq!(args.public()["expect_map"]["token"], "y");
        assert!(!serde_json::to_string(args.public()).expect("json").contains("\"p\""));
    }
}
