//! What dialect 0.2 says about wrong requests.

use crate::scripted::{Scripted, request, request_with};
use axum::http::{Request, StatusCode};
use hostler_jobs::Rejection;
use hostler_model::{ErrorKind, Failure, Phase, Problem};
use serde_json::{Value, json};

async fn execute(body: Value) -> (StatusCode, Value) {
    Scripted::default().ask("POST", "/device/execute", body).await
}

/// Asks with the smallest request changed, and checks the faults: type and place of each.
#[track_caller]
fn refused(answer: &(StatusCode, Value), faults: &[(&str, Value)]) {
    let (status, reply) = answer;
    assert_eq!(*status, StatusCode::UNPROCESSABLE_ENTITY, "{reply}");
    let found = reply["detail"].as_array().expect("a list").iter();
    let found: Vec<_> = found.map(|fault| (fault["type"].clone(), fault["loc"].clone())).collect();
    let wanted: Vec<_> = faults.iter().map(|(kind, loc)| (json!(kind), loc.clone())).collect();
    assert_eq!(found, wanted);
    for fault in reply["detail"].as_array().expect("a list") {
        assert!(fault["msg"].as_str().is_some_and(|msg| !msg.is_empty()), "{fault}");
        assert!(fault.get("input").is_some(), "{fault}");
    }
}

#[tokio::test]
async fn no_json() {
    let (status, _, text) = Scripted::default().ask_raw("POST", "/device/execute", "{\n  \"driver\": ?}").await;
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    refused(&(status, reply), &[("json_invalid", json!(["body", 14]))]);
    let (status, _, text) = Scripted::default().ask_raw("POST", "/device/execute", "").await;
    refused(&(status, serde_json::from_str(&text).expect("JSON")), &[("missing", json!(["body"]))]);
}

#[tokio::test]
async fn no_object() {
    for body in [json!([]), json!("text"), json!(1)] {
        refused(&execute(body).await, &[("model_attributes_type", json!(["body"]))]);
    }
}

#[tokio::test]
async fn another_content_type() {
    let backend = Scripted::default();
    for (given, taken) in [
        ("application/json; charset=utf-8", true),
        ("application/vnd.x+json", true),
        ("text/plain", false),
        ("application/x-www-form-urlencoded", false),
    ] {
        let ask =
            Request::post("/device/execute").header("x-api-key", crate::scripted::KEY).header("content-type", given);
        let ask = ask.body(request().to_string().into()).expect("a request");
        let (status, ..) = crate::scripted::send(&backend.api(), ask).await;
        assert_eq!(status == StatusCode::CREATED, taken, "{given}");
        assert_eq!(status == StatusCode::UNPROCESSABLE_ENTITY, !taken, "{given}");
    }
}

#[tokio::test]
async fn everything_missing() {
    let faults = [("missing", json!(["body", "driver"])), ("missing", json!(["body", "connection_args"]))];
    refused(&execute(json!({})).await, &faults);
}

#[tokio::test]
async fn an_unknown_driver_is_told_which_exist() {
    let answer = execute(request_with(json!({"driver": "netmiko"}))).await;
    refused(&answer, &[("literal_error", json!(["body", "driver"]))]);
    let fault = &answer.1["detail"][0];
    assert_eq!(fault["msg"], "Input should be 'paramiko' or 'toaster'");
    assert_eq!(fault["input"], "netmiko");
    assert_eq!(fault["ctx"], json!({"expected": "'paramiko' or 'toaster'"}));
}

#[tokio::test]
async fn wrong_types() {
    let cases = [
        (json!({"driver": 1}), "literal_error", json!(["body", "driver"])),
        (json!({"connection_args": "h"}), "dict_type", json!(["body", "connection_args"])),
        (json!({"driver_args": [1]}), "dict_type", json!(["body", "driver_args"])),
        (json!({"options": 1}), "dict_type", json!(["body", "options"])),
        (json!({"command": 1}), "string_type", json!(["body", "command"])),
        (json!({"command": ["a", 1]}), "string_type", json!(["body", "command", 1])),
        (json!({"command": {"a": "b"}}), "unsupported", json!(["body", "command"])),
    ];
    for (change, kind, loc) in cases {
        refused(&execute(request_with(change)).await, &[(kind, loc)]);
    }
}

#[tokio::test]
async fn both_or_neither_of_command_and_config() {
    for change in [json!({"command": null}), json!({"config": "b"})] {
        refused(&execute(request_with(change)).await, &[("value_error", json!(["body"]))]);
    }
}

#[tokio::test]
async fn an_unknown_key_at_the_top_is_named() {
    let change = json!({"comand": "a", "queue_strategy": "fifo"});
    let faults = ["comand", "queue_strategy"].map(|name| ("extra_forbidden", json!(["body", name])));
    refused(&execute(request_with(change)).await, &faults);
}

#[tokio::test]
async fn options_out_of_range() {
    let cases = [
        (json!({"ttl": 0}), "greater_than_equal", json!(["body", "options", "ttl"])),
        (json!({"ttl": 3601}), "less_than_equal", json!(["body", "options", "ttl"])),
        (json!({"ttl": "x"}), "int_parsing", json!(["body", "options", "ttl"])),
        (json!({"ttl": 1.5}), "int_from_float", json!(["body", "options", "ttl"])),
        (json!({"ttl": []}), "int_type", json!(["body", "options", "ttl"])),
        (json!({"queue_strategy": "lifo"}), "enum", json!(["body", "options", "queue_strategy"])),
        (json!({"parsing": 1}), "dict_type", json!(["body", "options", "parsing"])),
        (json!({"parsing": {"template": 1}}), "string_type", json!(["body", "options", "parsing", "template"])),
        (json!({"rendering": {"context": 1}}), "dict_type", json!(["body", "options", "rendering", "context"])),
        (json!({"rendering": {"tmplate": "x"}}), "extra_forbidden", json!(["body", "options", "rendering", "tmplate"])),
        (json!({"webhook": {"method": "GET"}}), "missing", json!(["body", "options", "webhook", "url"])),
        (json!({"tll": 1}), "extra_forbidden", json!(["body", "options", "tll"])),
    ];
    for (options, kind, loc) in cases {
        refused(&execute(request_with(json!({"options": options}))).await, &[(kind, loc)]);
    }
}

#[tokio::test]
async fn an_unknown_parameter_of_a_query_is_named() {
    for (method, path) in [("GET", "/job?hots=a"), ("DELETE", "/job?queue=FifoQ&hots=a")] {
        refused(
            &Scripted::default().ask(method, path, Value::Null).await,
            &[("extra_forbidden", json!(["query", "hots"]))],
        );
    }
    let answer = Scripted::default().ask("GET", "/job?status=done", Value::Null).await;
    refused(&answer, &[("enum", json!(["query", "status"]))]);
}

#[tokio::test]
async fn problems_of_the_driver_are_a_validation_error() {
    let backend = Scripted::rejecting(|| {
        let port = Problem::new(["connection_args", "port"], "less_than_equal", "Input should be at most 65535");
        Rejection::Invalid(vec![port, Problem::new(["connection_args", "host"], "missing", "Field required")])
    });
    let (status, reply) = backend.ask("POST", "/device/execute", request()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let data = json!([
        {"type": "less_than_equal", "loc": ["connection_args", "port"], "msg": "Input should be at most 65535", "input": null},
        {"type": "missing", "loc": ["connection_args", "host"], "msg": "Field required", "input": null},
    ]);
    assert_eq!(reply, json!({"code": -1, "message": "Validation Error", "data": data}));
}

#[tokio::test]
async fn a_missing_host_is_a_value_error() {
    let missing = || Rejection::Invalid(vec![Problem::new(["connection_args", "host"], "missing", "Field required")]);
    let (status, reply) = Scripted::rejecting(missing).ask("POST", "/device/execute", request()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let wanted = json!({"code": -1, "message": "Value Error", "data": "host is None: give connection_args.host"});
    assert_eq!(reply, wanted);
}

#[tokio::test]
async fn each_class_of_failure_has_a_status_of_its_own() {
    macro_rules! failing {
        ($kind:ident) => {
            Scripted::rejecting(|| {
                let failure = Failure::new(ErrorKind::$kind, Phase::Plugin, "It went wrong.");
                Rejection::Failed(failure.with_detail("only for the log"))
            })
        };
    }
    let cases = [
        (failing!(NotFound), 404, "not-found"),
        (failing!(Denied), 403, "denied"),
        (failing!(InvalidRequest), 422, "invalid-request"),
        (failing!(Unsupported), 422, "unsupported"),
        (failing!(Busy), 503, "busy"),
        (failing!(PluginUnavailable), 503, "plugin-unavailable"),
        (failing!(Throttled), 429, "throttled"),
        (failing!(Timeout), 504, "timeout"),
        (failing!(Trap), 502, "trap"),
        (failing!(InvalidOutput), 502, "invalid-output"),
        (failing!(Limit), 502, "limit"),
        (failing!(Internal), 500, "internal"),
    ];
    for (backend, status, kind) in cases {
        let (found, headers, text) = backend.ask_raw("POST", "/device/execute", request().to_string()).await;
        assert_eq!(found.as_u16(), status, "{kind}");
        let reply: Value = serde_json::from_str(&text).expect("JSON");
        let data = json!({"kind": kind, "phase": "plugin", "message": "It went wrong."});
        assert_eq!(reply, json!({"code": -1, "message": found.canonical_reason(), "data": data}));
        assert_eq!(headers.contains_key("retry-after"), matches!(status, 429 | 503), "{kind}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    for path in ["/nope", "/v0.2/nope", "/v0.2"] {
        let answer = Scripted::default().ask("GET", path, Value::Null).await;
        assert_eq!(answer, (StatusCode::NOT_FOUND, json!({"detail": "Not Found"})), "{path}");
    }
    for path in ["/device/execute", "/v0.2/device/execute"] {
        let (status, headers, text) = Scripted::default().ask_raw("GET", path, "").await;
        assert_eq!((status, text.as_str()), (StatusCode::METHOD_NOT_ALLOWED, r#"{"detail":"Method Not Allowed"}"#));
        assert_eq!(headers["allow"], "POST");
    }
}

#[tokio::test]
async fn a_panic_is_an_error_in_shape() {
    let backend = Scripted::rejecting(|| panic!("the panic of the test"));
    let (status, reply) = backend.ask("POST", "/device/execute", request()).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        reply,
        json!({"code": -1, "message": "Internal Server Error", "data": "The daemon failed; its log says where."})
    );
    let (status, _) = backend.ask("GET", "/health", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
}
