use super::*;
use proptest::prelude::*;

fn request() -> types::Request {
    types::Request {
        command: Some(vec!["ls".into()]),
        config: None,
        connection_args: r#"{"host":"a","host_key_policy":"auto_add"}"#.into(),
        driver_args: "{}".into(),
        secrets: vec!["connection_args.password".into()],
    }
}

fn refused(patch: &Value) -> String {
    apply(&patch.to_string(), &request(), [&[], &["pin".to_owned()]]).expect_err("it is refused")
}

#[test]
fn a_patch_changes_what_it_says_and_the_change_is_told() {
    let patch = json!([{"op": "replace", "path": "/connection_args/host_key_policy", "value": "reject"}]);
    let (request, changes) = apply(&patch.to_string(), &request(), [&[], &[]]).expect("it is applied");
    assert_eq!(request.connection_args, r#"{"host":"a","host_key_policy":"reject"}"#);
    assert_eq!(request.secrets, ["connection_args.password"]);
    assert_eq!(changes, patch);
}

#[test]
fn what_changes_is_told_even_if_the_patch_says_it_in_a_long_way() {
    let all = json!({"host": "a", "host_key_policy": "reject"});
    let patch = json!([{"op": "replace", "path": "/connection_args", "value": all}]).to_string();
    let (_, changes) = apply(&patch, &request(), [&[], &[]]).expect("it is applied");
    assert_eq!(changes, json!([{"op": "replace", "path": "/connection_args/host_key_policy", "value": "reject"}]));
}

#[test]
fn secrets_cannot_be_brought_in() {
    let add = |path: &str| refused(&json!([{"op": "add", "path": path, "value": "x"}]));
    assert!(add("/connection_args/password").contains("connection_args.password"));
    assert!(add("/driver_args/sudo_password").contains("driver_args.sudo_password"));
    assert!(add("/driver_args/pin").contains("driver_args.pin"), "the driver marks it");
    let nested = json!([{"op": "add", "path": "/driver_args/deep", "value": {"token": "x"}}]);
    assert!(refused(&nested).contains("driver_args.deep.token"));
}

#[test]
fn nonsense_is_refused() {
    assert!(refused(&json!({})).contains("no JSON Patch"));
    assert!(refused(&json!([{"op": "add", "path": "/target", "value": {}}])).contains("target"));
    assert!(refused(&json!([{"op": "add", "path": "/command", "value": "ls"}])).contains("list"));
    assert!(refused(&json!([{"op": "replace", "path": "", "value": 7}])).contains("whole"));
    assert!(refused(&json!([{"op": "remove", "path": "/driver_args"}])).contains("object"));
    assert!(refused(&json!([{"op": "remove", "path": "/driver_args/x"}])).contains("cannot be applied"));
    assert!(refused(&json!([{"op": "copy", "from": "/command", "path": "/config"}])).contains("copies"));
    let many: Vec<_> = (0..101).map(|_| json!({"op": "test", "path": "/config", "value": null})).collect();
    assert!(refused(&json!(many)).contains("more than"));
}

proptest! {
    #[test]
    fn no_patch_makes_it_panic(path in "(/[a-z_~0-9]{0,9}){0,3}", value in ".{0,9}") {
        for op in ["add", "replace", "remove", "test"] {
            let patch = json!([{"op": op, "path": path, "value": value}]).to_string();
            let _ = apply(&patch, &request(), [&[], &[]]);
        }
    }
}
