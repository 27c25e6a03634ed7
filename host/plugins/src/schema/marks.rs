//! Where a schema says `writeOnly`.

use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashSet;

/// Keywords whose value is data, and no schema.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// Keywords with a schema for each name.
const NAMED: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// The place, as a JSON pointer, of a mark that makes no secret: below the top, or where a reference leads to it.
pub(super) fn misplaced(schema: &Value) -> Option<String> {
    let mut search = Search::default();
    if search.finds_misplaced(schema) {
        return Some(pointer(&search.path));
    }
    let Search { fields, references, .. } = search;
    let is_referred_to = |place: &str| ["", "/properties", place].iter().any(|to| references.contains(to));
    fields.into_iter().map(|field| pointer(&["properties".into(), field])).find(|place| is_referred_to(place))
}

#[derive(Default)]
struct Search<'a> {
    /// Where it is. Paths are only made of it where they are told: names are as long as a guest likes.
    path: Vec<Cow<'a, str>>,
    /// Fields at the top that are marked.
    fields: Vec<Cow<'a, str>>,
    /// Places that references lead to.
    references: HashSet<&'a str>,
}

impl<'a> Search<'a> {
    /// Whether it finds a mark elsewhere, where it stops then.
    fn finds_misplaced(&mut self, schema: &'a Value) -> bool {
        match schema {
            Value::Array(several) => {
                several.iter().enumerate().any(|(index, one)| self.goes_to(index.to_string().into(), one))
            }
            Value::Object(fields) => {
                if fields.get("writeOnly") == Some(&Value::Bool(true)) {
                    match &*self.path {
                        [top, field] if top == "properties" => self.fields.push(field.clone()),
                        _ => return true,
                    }
                }
                let to = fields.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
                self.references.extend(to);
                fields.iter().any(|(keyword, within)| self.finds_below(keyword, within))
            }
            _ => false,
        }
    }

    fn finds_below(&mut self, keyword: &'a str, within: &'a Value) -> bool {
        match within {
            _ if DATA.contains(&keyword) => false,
            Value::Object(named) if NAMED.contains(&keyword) => {
                self.path.push(keyword.into());
                let found = named.iter().any(|(name, one)| self.goes_to(name.into(), one));
                if !found {
                    self.path.pop();
                }
                found
            }
            other => self.goes_to(keyword.into(), other),
        }
    }

    fn goes_to(&mut self, name: Cow<'a, str>, schema: &'a Value) -> bool {
        self.path.push(name);
        let found = self.finds_misplaced(schema);
        if !found {
            self.path.pop();
        }
        found
    }
}

fn pointer(path: &[Cow<'_, str>]) -> String {
    path.iter().flat_map(|name| ["/".to_owned(), escaped(name)]).collect()
}

/// A name in a JSON pointer (RFC 6901, 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_with_a_lost_secret_is_refused_and_the_place_is_named() {
        let schema = json!({"properties": {"snmp": {"properties": {"community": {"writeOnly": true}}}}});
        let error = crate::schema::Schema::parse(&schema.to_string()).err().expect("it is refused");
        assert!(error.contains("/properties/snmp/properties/community"), "{error}");
    }

    #[test]
    fn a_mark_counts_in_the_fields_at_the_top_only() {
        let secret = || json!({"type": "string", "writeOnly": true});
        for (schema, place) in [
            (
                json!({"properties": {"snmp": {"properties": {"community": secret()}}}}),
                "/properties/snmp/properties/community",
            ),
            (json!({"$defs": {"key": secret()}, "properties": {"key": {"$ref": "#/$defs/key"}}}), "/$defs/key"),
            (json!({"properties": {"key": {"allOf": [secret()]}}}), "/properties/key/allOf/0"),
            (json!({"properties": {"keys": {"items": secret()}}}), "/properties/keys/items"),
            (json!({"allOf": [{"properties": {"key": secret()}}]}), "/allOf/0/properties/key"),
            (json!({"patternProperties": {"key/.*": secret()}}), "/patternProperties/key~1.*"),
            (json!({"additionalProperties": secret()}), "/additionalProperties"),
            (json!({"writeOnly": true}), ""),
            (json!({"properties": {"key": secret(), "other": {"$ref": "#/properties/key"}}}), "/properties/key"),
            (json!({"properties": {"key": secret(), "inner": {"$ref": "#"}}}), "/properties/key"),
        ] {
            assert_eq!(misplaced(&schema).as_deref(), Some(place), "{schema}");
        }
        for schema in [
            json!({"properties": {"key": secret(), "a/b": secret()}}),
            json!({"properties": {"key": {"writeOnly": false, "items": {"writeOnly": false}}}}),
            json!({"properties": {"writeOnly": true, "inner": {"properties": {"writeOnly": true}}}}),
            json!({"properties": {"it": {"default": {"writeOnly": true}, "enum": [{"writeOnly": true}]}}}),
            json!({"properties": {"key": secret(), "keys": {}, "other": {"$ref": "#/properties/keys"}}}),
            json!(true),
        ] {
            assert_eq!(misplaced(&schema), None, "{schema}");
        }
    }
}
