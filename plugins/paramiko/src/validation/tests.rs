use super::*;
use serde_json::{Value, json};

/// A request that passes, for tests to change.
fn request() -> Request {
    Request {
        command: Some(vec!["uname -a".into()]),
        config: None,
        connection_args: json!({"host": "192.168.1.100", "username": "admin"}).to_string(),
        driver_args: "{}".into(),
        secrets: vec!["connection_args.password".into()],
    }
}

fn with_connection(fields: Value) -> Request {
    let mut args = json!({"host": "192.168.1.100", "username": "admin"});
    merge(&mut args, fields);
    Request { connection_args: args.to_string(), ..request() }
}

fn with_driver(fields: &Value) -> Request {
    Request { driver_args: fields.to_string(), ..request() }
}

fn merge(args: &mut Value, fields: Value) {
    let (Value::Object(args), Value::Object(fields)) = (args, fields) else { panic!("objects are needed") };
    args.extend(fields);
}

/// The problems, each as `path code`.
fn problems(request: Request) -> Vec<String> {
    let problems = validate(request).err().unwrap_or_default();
    problems.iter().map(|problem| format!("{} {}", problem.path.join("."), problem.code)).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn the_defaults_of_the_document_are_filled_in() {
    let normalised = validate(request()).expect("valid");
    assert_eq!(
        json(&normalised.request.connection_args),
        json!({"host": "192.168.1.100", "username": "admin", "port": 22, "timeout": 30.0, "host_key_policy": "auto_add"})
    );
    assert_eq!(json(&normalised.request.driver_args), json!({}));
    assert_eq!((normalised.target.host.as_str(), normalised.target.port), ("192.168.1.100", 22));
    assert_eq!(normalised.target.user, "admin");
    assert!(normalised.warnings.is_empty());
}

#[test]
fn what_was_normalised_passes_again_unchanged() {
    let connection =
        json!({"port": 2222, "timeout": 5, "banner_timeout": 1.5, "key_filename": "id", "compress": false});
    let mut request = with_connection(connection);
    request.driver_args = json!({"timeout": 60, "environment": {"LANG": "C"}, "get_pty": false}).to_string();
    let once = validate(request).expect("valid");
    let twice = validate(once.request.clone()).expect("valid");
    assert_eq!(once.request.connection_args, twice.request.connection_args);
    assert_eq!(once.request.driver_args, twice.request.driver_args);
}

#[test]
fn one_way_to_log_in_is_needed() {
    let none = Request { secrets: vec![], ..request() };
    assert_eq!(problems(none), ["connection_args missing_authentication"]);
    let passphrase_alone = Request { secrets: vec!["connection_args.passphrase".into()], ..request() };
    assert_eq!(problems(passphrase_alone), ["connection_args missing_authentication"]);
    let key_file = Request { secrets: vec![], ..with_connection(json!({"key_filename": "id_ed25519"})) };
    assert!(problems(key_file).is_empty());
    let key = Request { secrets: vec!["connection_args.pkey".into()], ..request() };
    assert!(problems(key).is_empty());
}

#[test]
fn a_passphrase_without_a_key_is_a_warning() {
    let secrets = vec!["connection_args.password".into(), "connection_args.passphrase".into()];
    let normalised = validate(Request { secrets, ..request() }).expect("valid");
    assert!(normalised.warnings[0].contains("`passphrase` is not used"));
}

#[test]
fn either_command_or_config_is_given() {
    assert_eq!(problems(Request { command: None, ..request() }), ["command missing"]);
    assert_eq!(problems(Request { config: Some(vec!["ls".into()]), ..request() }), ["config value_error"]);
    let config = Request { command: None, config: Some(vec!["ls".into()]), ..request() };
    assert!(problems(config).is_empty());
}

#[test]
fn commands_that_cannot_run_are_named() {
    assert_eq!(problems(Request { command: Some(vec![]), ..request() }), ["command too_short"]);
    let commands = Some(vec!["id".into(), String::new(), "a\0b".into()]);
    let expected = ["command.1 string_too_short", "command.2 value_error"];
    assert_eq!(problems(Request { command: commands, ..request() }), expected);
}

#[test]
fn unknown_parameters_and_secrets_are_refused() {
    assert_eq!(problems(with_connection(json!({"unheard_of": 1}))), ["connection_args value_error"]);
    assert_eq!(problems(with_driver(&json!({"unheard_of": 1}))), ["driver_args value_error"]);
    let secrets = vec!["connection_args.password".into(), "connection_args.token".into()];
    assert_eq!(problems(Request { secrets, ..request() }), ["connection_args.token extra_forbidden"]);
}

/// A request that moves a file, with these commands.
fn moving(command: Option<&[&str]>, fields: Value) -> Request {
    let mut transfer = json!({"operation": "upload", "local_path": "/local/file.txt", "remote_path": "/remote/"});
    merge(&mut transfer, fields);
    let command = command.map(|commands| commands.iter().map(ToString::to_string).collect());
    Request { command, ..with_driver(&json!({"file_transfer": transfer})) }
}

#[test]
fn a_transfer_stands_instead_of_commands() {
    let normalised = validate(moving(Some(&["__FILE_TRANSFER__"]), json!({}))).expect("valid");
    assert_eq!(normalised.request.command, Some(vec![]), "policies judge no marker");
    let transfer = &json(&normalised.request.driver_args)["file_transfer"];
    assert_eq!(transfer["remote_path"], "/remote/file.txt");
    let again = validate(normalised.request.clone()).expect("valid");
    assert_eq!(again.request.driver_args, normalised.request.driver_args);
    for commands in [&["ls"][..], &["__FILE_TRANSFER__", "ls"], &["__FILE_TRANSFER__", "__FILE_TRANSFER__"]] {
        assert_eq!(problems(moving(Some(commands), json!({}))), ["command value_error"], "{commands:?}");
    }
    let config = Request { config: Some(vec!["__FILE_TRANSFER__".into()]), ..moving(None, json!({})) };
    assert_eq!(problems(config), ["config value_error"]);
    for commands in [&["__FILE_TRANSFER__"][..], &["ls", "__FILE_TRANSFER__"]] {
        let commands = Some(commands.iter().map(ToString::to_string).collect());
        assert_eq!(problems(Request { command: commands, ..request() }), ["command value_error"]);
    }
    let script = with_driver(&json!({"script_content": "id", "file_transfer":
        {"operation": "upload", "local_path": "a", "remote_path": "b"}}));
    let script = Request { command: Some(vec!["__FILE_TRANSFER__".into()]), ..script };
    assert_eq!(problems(script), ["driver_args.script_content value_error"]);
}

#[test]
fn what_is_about_commands_has_no_use_for_a_transfer_alone() {
    let mut request = moving(Some(&["__FILE_TRANSFER__"]), json!({"links": "skip"}));
    let mut args = json(&request.driver_args);
    merge(&mut args, json!({"timeout": 5, "get_pty": false, "environment": {"A": "b"}}));
    request.driver_args = args.to_string();
    let warnings = validate(request.clone()).expect("valid").warnings;
    let expected = ["links", "timeout", "environment"].map(|name| format!("`{name}` is not used"));
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().zip(&expected).all(|(told, begin)| told.starts_with(begin)), "{warnings:?}");
    merge(&mut args["file_transfer"], json!({"execute_after_upload": true}));
    request.driver_args = args.to_string();
    assert_eq!(validate(request).expect("valid").warnings.len(), 1, "a command uses them");
}

#[test]
fn the_schema_knows_what_a_transfer_may_be() {
    let schema = jsonschema::draft202012::new(&json(include_str!("../../schemas/driver_args.json"))).expect("schema");
    let with = |fields: Value| {
        let mut transfer = json!({"operation": "upload", "local_path": "a", "remote_path": "b"});
        merge(&mut transfer, fields);
        schema.is_valid(&json!({"file_transfer": transfer}))
    };
    for good in [
        json!({"chunk_size": 1}),
        json!({"chunk_size": 1 << 30}),
        json!({"chmod": "0644", "sync_mode": "hash", "hash_algorithm": "md5", "links": "follow"}),
        json!({"resume": null, "timeout": null, "chmod": null, "sync_mode": null, "links": null}),
    ] {
        assert!(with(good.clone()), "{good}");
    }
    for bad in [
        json!({"operation": "move"}),
        json!({"local_path": ""}),
        json!({"remote_path": ""}),
        json!({"remote_path": "a\u{0}b"}),
        json!({"chunk_size": 0}),
        json!({"chunk_size": -1}),
        json!({"chunk_size": 1.5}),
        json!({"timeout": 0}),
        json!({"chmod": "9"}),
        json!({"chmod": 644}),
        json!({"sync_mode": "newer"}),
        json!({"hash_algorithm": "crc32"}),
        json!({"links": "keep"}),
        json!({"no_such_field": 1}),
    ] {
        assert!(!with(bad.clone()), "{bad}");
    }
    assert!(!schema.is_valid(&json!({"file_transfer": {}})));
}

#[test]
fn values_that_change_nothing_pass() {
    let harmless = json!({"allow_agent": false, "look_for_keys": false, "compress": false, "keepalive": 0, "proxy_port": 22, "proxy_host": null});
    let normalised = validate(with_connection(harmless)).expect("valid");
    assert!(normalised.warnings.is_empty() && normalised.target.jumps.is_empty());
    let harmless = json!({"get_pty": false, "bufsize": -1, "sudo": false, "file_transfer": null, "timeout": null});
    assert!(problems(with_driver(&harmless)).is_empty());
}

#[test]
fn a_jump_host_needs_credentials_of_its_own() {
    let through = with_connection(json!({"proxy_host": "gate"}));
    assert_eq!(problems(through.clone()), ["connection_args.proxy_host missing_authentication"]);
    let secrets = vec!["connection_args.password".into(), "connection_args.proxy_password".into()];
    let target = validate(Request { secrets: secrets.clone(), ..through }).expect("valid").target;
    let [jump] = target.jumps.as_slice() else { panic!("one jump host") };
    assert_eq!((jump.host.as_str(), jump.port, jump.user.as_str()), ("gate", 22, "admin"));
    let own = with_connection(json!({"proxy_host": "gate", "proxy_port": 2222, "proxy_username": "hop"}));
    let target = validate(Request { secrets, ..own }).expect("valid").target;
    assert_eq!((target.jumps[0].port, target.jumps[0].user.as_str()), (2222, "hop"));
}

#[test]
fn what_has_no_use_is_a_warning() {
    let mut secrets = vec!["connection_args.password".into(), "connection_args.proxy_password".into()];
    secrets.push("driver_args.sudo_password".into());
    let request = Request { secrets, ..with_connection(json!({"proxy_port": 2222})) };
    let warnings = validate(request).expect("valid").warnings.join("\n");
    for name in ["proxy_password", "proxy_port", "sudo_password"] {
        assert!(warnings.contains(&format!("`{name}` is not used")), "{warnings}");
    }
}

#[test]
fn a_script_stands_instead_of_commands() {
    let script = with_driver(&json!({"script_content": "id"}));
    assert_eq!(problems(script.clone()), ["command value_error"]);
    for command in [None, Some(vec![]), Some(vec![String::new()])] {
        assert!(problems(Request { command, ..script.clone() }).is_empty());
    }
}

#[test]
fn a_script_is_not_read_from_a_terminal() {
    let script = |more: Value| {
        let mut args = json!({"script_content": "id"});
        merge(&mut args, more);
        problems(Request { command: None, ..with_driver(&args) })
    };
    let prompts = json!({"expect_map": {"Name: ": "me"}});
    assert_eq!(script(json!({"get_pty": true})), ["driver_args.get_pty value_error"]);
    assert_eq!(script(prompts), ["driver_args.expect_map value_error"]);
    for harmless in [json!({"get_pty": false, "expect_map": {}}), json!({"get_pty": true, "detach": true})] {
        assert!(script(harmless).is_empty());
    }
}

#[test]
fn a_certificate_and_a_sudo_user_need_what_they_belong_to() {
    assert_eq!(
        problems(with_connection(json!({"certificate": "ssh-ed25519-cert-v01@openssh.com AAAA"}))),
        ["connection_args.certificate value_error"]
    );
    assert_eq!(problems(with_driver(&json!({"sudo_user": "www"}))), ["driver_args.sudo_user value_error"]);
    assert!(problems(with_driver(&json!({"sudo_user": "www", "sudo": true}))).is_empty());
}

#[test]
fn variables_need_names_and_values_that_a_shell_can_hold() {
    for name in ["", "1A", "A-B", "A B", "Ä"] {
        let args = json!({"environment": {name: "x"}});
        assert_eq!(problems(with_driver(&args)), [format!("driver_args.environment.{name} value_error")]);
    }
    assert_eq!(problems(with_driver(&json!({"environment": {"A": "x\0"}}))), ["driver_args.environment.A value_error"]);
    assert!(problems(with_driver(&json!({"environment": {"_a1": "x\ny"}}))).is_empty());
}

#[test]
fn text_that_is_not_what_the_schemas_promise_is_a_problem_and_no_panic() {
    for args in ["", "[]", "{", "null", r#"{"host": 1}"#, r#"{"host": "h", "username": "u", "port": 70000}"#] {
        assert_eq!(problems(Request { connection_args: args.into(), ..request() }), ["connection_args value_error"]);
    }
    assert_eq!(problems(Request { driver_args: "7".into(), ..request() }), ["driver_args value_error"]);
}

#[test]
fn the_schemas_accept_and_refuse_what_they_should() {
    let connection =
        jsonschema::draft202012::new(&json(include_str!("../../schemas/connection_args.json"))).expect("schema");
    let with = |fields| {
        let mut args = json!({"host": "h", "username": "u"});
        merge(&mut args, fields);
        connection.is_valid(&args)
    };
    for good in [json!({}), json!({"port": 65535, "timeout": 0.5, "key_filename": null}), json!({"host": "::1"})] {
        assert!(with(good.clone()), "{good}");
    }
    for bad in [
        json!({"port": 0}),
        json!({"port": 70000}),
        json!({"port": "22"}),
        json!({"host": ""}),
        json!({"host": "a b"}),
        json!({"host": "a\n"}),
        json!({"host": "a\u{0}"}),
        json!({"username": "a\nb"}),
        json!({"timeout": 0}),
        json!({"auth_timeout": -1}),
        json!({"host_key_policy": "x"}),
        json!({"no_such_field": 1}),
    ] {
        assert!(!with(bad.clone()), "{bad}");
    }
    let driver = jsonschema::draft202012::new(&json(include_str!("../../schemas/driver_args.json"))).expect("schema");
    assert!(driver.is_valid(&json!({"timeout": 30.0, "environment": {"A": "b"}})));
    assert!(!driver.is_valid(&json!({"environment": {"A": 1}})));
    assert!(!driver.is_valid(&json!({"no_such_field": 1})));
}
