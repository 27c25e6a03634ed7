//! The operator's settings.

use hostler_patterns::Host;
use hostler_sdk::{Problem, Target};
use serde::Deserialize;
use serde_json::Value;

/// What an operator allows and denies.
pub(crate) struct Settings {
    /// `None`: whatever `deny` does not name.
    pub(crate) allow: Option<Vec<Rule>>,
    pub(crate) deny: Vec<Rule>,
}

/// Targets that a rule is about.
pub(crate) struct Rule {
    pub(crate) host: Host,
    ports: Option<Vec<u16>>,
    users: Option<Vec<String>>,
}

/// The settings as they are written, each rule to be read by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSettings {
    allow: Option<Vec<Value>>,
    #[serde(default)]
    deny: Vec<Value>,
}

/// A rule as it is written, in its long form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    host: String,
    ports: Option<Vec<u16>>,
    users: Option<Vec<String>>,
}

impl Settings {
    /// Reads a JSON object. Every wrong rule is a problem of its own.
    pub(crate) fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let written: WrittenSettings =
            serde_json::from_str(text).map_err(|error| vec![Problem::value(error.to_string())])?;
        let mut problems = Vec::new();
        // Whether nothing or everything is meant, nobody can tell.
        if written.allow.as_ref().is_some_and(Vec::is_empty) {
            problems.push(Problem::new(["allow"], "too_short", "Name at least one rule, or leave `allow` out."));
        }
        let allow = written.allow.map(|rules| Problem::read_each("allow", rules, &mut problems, Rule::read));
        let deny = Problem::read_each("deny", written.deny, &mut problems, Rule::read);
        if problems.is_empty() { Ok(Self { allow, deny }) } else { Err(problems) }
    }
}

impl Rule {
    /// Whether the rule is about the target's port and user. Its host is another question.
    pub(crate) fn concerns(&self, target: &Target) -> bool {
        self.ports.as_ref().is_none_or(|ports| ports.contains(&target.port))
            && self.users.as_ref().is_none_or(|users| users.contains(&target.user))
    }

    fn read(value: Value) -> Result<Self, Problem> {
        let (written, field) = match value {
            Value::String(host) => (WrittenRule { host, ports: None, users: None }, None),
            other => (serde_json::from_value(other).map_err(|error| Problem::value(error.to_string()))?, Some("host")),
        };
        let host = Host::read(&written.host).map_err(|message| Problem::new(field, "value_error", message))?;
        Ok(Self { host, ports: written.ports, users: written.users })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let problems = Settings::read(text).err().unwrap_or_default();
        problems.iter().map(|problem| format!("{} {}", problem.path.join("."), problem.code)).collect()
    }

    #[test]
    fn good_settings_have_no_problems() {
        assert!(problems("{}").is_empty());
        let all =
            r#"{"allow": ["*.example.com", {"host": "10.0.0.0/8", "ports": [22], "users": ["a"]}], "deny": ["::1"]}"#;
        assert!(problems(all).is_empty());
    }

    #[test]
    fn each_wrong_rule_is_named_by_its_path() {
        let rules = r#"{"allow": ["ok", "a b", {"host": "1/2"}], "deny": [{"host": "x", "ports": [0, 70000]}, {"port": 1}, 7]}"#;
        let expected = [
            "allow.1 value_error",
            "allow.2.host value_error",
            "deny.0 value_error",
            "deny.1 value_error",
            "deny.2 value_error",
        ];
        assert_eq!(problems(rules), expected);
    }

    #[test]
    fn an_empty_allow_list_is_refused_because_it_is_ambiguous() {
        assert_eq!(problems(r#"{"allow": []}"#), ["allow too_short"]);
    }

    #[test]
    fn text_that_is_no_settings_is_one_problem() {
        for text in ["", "[1]", r#"{"allowed": []}"#, r#"{"deny": "x"}"#] {
            assert_eq!(problems(text), [" value_error"]);
        }
    }
}
