//! Credentials in variables of the daemon's environment.

use crate::error::Why;
use crate::fields::Fields;
use hostler_model::Secret;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What separates a reference from a field. No reference has it inside.
const SEPARATOR: &str = "__";

/// A provider of kind `env`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentConfig {
    /// How its variables begin: `PREFIX` + `WEB__PASSWORD` is the field `password` under the reference `web`.
    prefix: String,
    /// References that may be used, with `*` and `?`; absent: all.
    pub(crate) allowed: Option<Vec<String>>,
    /// Names of API keys that may use it, with `*` and `?`; absent: all.
    pub(crate) callers: Option<Vec<String>>,
}

/// The variables that belong to one provider, without its prefix.
pub(crate) struct Environment(BTreeMap<String, Secret>);

impl EnvironmentConfig {
    pub(crate) fn build(&self, variables: &[(String, Secret)]) -> Result<Environment, Why> {
        if self.prefix.is_empty() || self.prefix.starts_with("HOSTLER_") {
            return Err(Why::Prefix);
        }
        let ours =
            |(name, value): &(String, Secret)| Some((name.strip_prefix(&self.prefix)?.to_owned(), value.clone()));
        Ok(Environment(variables.iter().filter_map(ours).collect()))
    }
}

impl Environment {
    /// What is there under a plain name; nothing if there is nothing.
    pub(crate) fn find(&self, reference: &str) -> Option<Fields> {
        let start = reference.replace(['.', '-'], "_").to_ascii_uppercase() + SEPARATOR;
        let field =
            |(name, value): (&String, &Secret)| Some((name.strip_prefix(&start)?.to_ascii_lowercase(), value.clone()));
        let mut fields = self.0.iter().filter_map(field).peekable();
        fields.peek()?;
        Some(Fields::of(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(prefix: &str) -> EnvironmentConfig {
        EnvironmentConfig { prefix: prefix.into(), allowed: None, callers: None }
    }

    #[test]
    fn a_reference_finds_its_own_variables_only() {
        let variables = ["SSH_WEB__USERNAME", "SSH_WEB__PASSWORD", "SSH_WEB_DB__PASSWORD", "OTHER_WEB__PKEY", "SSH_X"];
        let variables = variables.map(|name| (name.to_owned(), Secret::new(format!("value of {name}"))));
        let environment = config("SSH_").build(&variables).expect("right");
        let found = environment.find("web").expect("it is there").map(&BTreeMap::new()).expect("all fields");
        assert_eq!(found.keys().collect::<Vec<_>>(), ["password", "username"]);
        assert_eq!(found["password"].expose(), "value of SSH_WEB__PASSWORD");
        let other = environment.find("web-db").expect("it is there").map(&BTreeMap::new()).err().expect("no user");
        assert!(other.message.contains("username"), "{}", other.message);
        assert!(environment.find("x").is_none() && environment.find("we").is_none());
    }

    #[test]
    fn the_daemons_own_variables_are_no_credentials() {
        assert!(config("HOSTLER_").build(&[]).is_err() && config("").build(&[]).is_err());
    }
}
