use super::*;
use proptest::prelude::*;
use serde_json::json;

fn coerce(fields: Value, schema: &Value) -> Value {
    let Value::Object(mut fields) = fields else { panic!("an object is needed") };
    object(&mut fields, schema);
    Value::Object(fields)
}

#[track_caller]
fn becomes(kind: &str, given: &Value, wanted: &Value) {
    let schema = json!({"properties": {"x": {"type": kind}}});
    assert_eq!(coerce(json!({"x": given}), &schema), json!({"x": wanted}), "{given} as {kind}");
}

#[track_caller]
fn stays(kind: &str, given: &Value) {
    becomes(kind, given, given);
}

#[test]
fn integers_come_from_texts_and_whole_floats() {
    for given in [json!("22"), json!(" 22 "), json!("+22"), json!("22.0"), json!(22.0), json!(22)] {
        becomes("integer", &given, &json!(22));
    }
    becomes("integer", &json!(true), &json!(1));
    for given in [json!("22.5"), json!(22.5), json!(""), json!("."), json!("a"), json!(1e300), json!([22])] {
        stays("integer", &given);
    }
}

#[test]
fn numbers_come_from_texts() {
    becomes("number", &json!("30"), &json!(30));
    becomes("number", &json!("30.5"), &json!(30.5));
    stays("number", &json!(30));
    for given in ["inf", "NaN", "1e999", "", "30 s"] {
        stays("number", &json!(given));
    }
}

#[test]
fn booleans_come_from_words_and_from_0_and_1() {
    for given in [json!("true"), json!("1"), json!("Yes"), json!("on"), json!(1), json!(1.0)] {
        becomes("boolean", &given, &json!(true));
    }
    for given in [json!("false"), json!("0"), json!("NO"), json!("off"), json!(0)] {
        becomes("boolean", &given, &json!(false));
    }
    for given in [json!(2), json!("maybe"), json!("")] {
        stays("boolean", &given);
    }
}

#[test]
fn a_number_is_no_text() {
    stays("string", &json!(22));
    stays("string", &json!(true));
}

#[test]
fn a_value_that_already_fits_one_alternative_is_left() {
    let schema = json!({"properties": {
        "x": {"type": ["integer", "string"]},
        "y": {"anyOf": [{"type": "number"}, {"type": "null"}]},
    }});
    assert_eq!(coerce(json!({"x": "22", "y": "1.5"}), &schema), json!({"x": "22", "y": 1.5}));
}

#[test]
fn nested_values_are_reached() {
    let schema = json!({"properties": {
        "list": {"type": "array", "items": {"type": "integer"}},
        "map": {"type": "object", "additionalProperties": {"type": "number"}},
    }});
    let given = json!({"list": ["1", 2.0], "map": {"a": "0.5"}, "free": "1"});
    assert_eq!(coerce(given, &schema), json!({"list": [1, 2], "map": {"a": 0.5}, "free": "1"}));
}

#[test]
fn a_known_null_is_as_if_absent_and_a_free_one_is_left() {
    let schema = json!({"properties": {"port": {"type": "integer"}, "environment": {"type": "object"}}});
    let given = json!({"port": null, "environment": {"A": null}});
    assert_eq!(coerce(given, &schema), json!({"environment": {"A": null}}));
}

#[test]
fn unknown_fields_are_dropped_and_named() {
    let schema = json!({"properties": {
        "host": {"type": "string"},
        "environment": {"type": "object", "additionalProperties": {"type": "string"}},
        "file": {"type": "object", "properties": {"path": {}}},
        "open": {"type": "object", "properties": {}, "additionalProperties": true},
    }});
    let given =
        json!({"host": "h", "hots": "h", "environment": {"A": "b"}, "file": {"path": "p", "pth": 1}, "open": {"a": 1}});
    let Value::Object(mut fields) = given else { unreachable!() };
    assert_eq!(drop_unknown("args", &mut fields, &schema), ["args.file.pth", "args.hots"]);
    let left = json!({"host": "h", "environment": {"A": "b"}, "file": {"path": "p"}, "open": {"a": 1}});
    assert_eq!(Value::Object(fields), left);
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ +0-9.eé-]{0,12}".prop_map(Value::from),
        "(true|no|1|0|inf|nan|integer|boolean)".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]", "(type|properties|items|additionalProperties|anyOf)"]
}

fn any_schema() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec!["integer", "number", "boolean", "string", "null", "array", "object"]);
    let leaf = prop::collection::vec(kind, 1..3).prop_map(|kinds| json!({"type": kinds}));
    let schema = leaf.prop_recursive(3, 32, 4, |inner| {
        (prop::collection::btree_map("[a-d]", inner.clone(), 0..4), inner)
            .prop_map(|(known, other)| json!({"properties": known, "items": other, "additionalProperties": other}))
    });
    prop_oneof![3 => schema, 1 => any_json()]
}

proptest! {
    #[test]
    fn any_json_against_any_schema_is_coerced_once_and_for_all(given in any_json(), schema in any_schema()) {
        let mut once = given;
        value(&mut once, &schema);
        let mut twice = once.clone();
        value(&mut twice, &schema);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn nothing_unknown_is_left_behind(given in any_json(), schema in any_schema()) {
        let Value::Object(mut fields) = given else { return Ok(()) };
        drop_unknown("args", &mut fields, &schema);
        prop_assert!(drop_unknown("args", &mut fields, &schema).is_empty());
    }
}
