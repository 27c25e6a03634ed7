//! Templates of all dialects: `/template/render`, `/template/parse`, and the fields `rendering` and `parsing`.

use crate::scripted::{ID, Scripted, job, request_with};
use axum::http::StatusCode;
use hostler_jobs::{Job, State};
use hostler_model::{Exit, Launched, Outcome, Output, Request, RunResult, TaskId};
use serde_json::{Value, json};
use std::time::Duration;

const DIALECTS: [&str; 3] = ["0.2", "0.3", "0.4"];

/// What reads the number out of `mtu 1500`.
const MTU: &str = "Value MTU (\\d+)\n\nStart\n  ^mtu ${MTU} -> Record\n";

/// Sends a body to the same path of a dialect.
async fn post(backend: &Scripted, dialect: &str, path: &str, body: Value) -> (StatusCode, Value) {
    backend.ask("POST", &format!("/v{dialect}{path}"), body).await
}

/// What a dialect asks of the backend for `asked`, in which `options` stand where the dialect has them.
async fn submitted(dialect: &str, asked: Value, options: Value) -> (StatusCode, Value, Option<Request>) {
    let (path, body) = match dialect {
        "0.2" => ("/device/execute", request_with(json!({"options": options}))),
        _ => ("/device/exec", request_with(options)),
    };
    let mut body = body;
    body.as_object_mut().expect("an object").remove("command");
    for (name, value) in asked.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let backend = Scripted::default();
    let (status, reply) = post(&backend, dialect, path, body).await;
    let request = backend.script().submitted.take();
    (status, reply, request)
}

#[tokio::test]
async fn a_template_is_rendered_and_a_text_is_parsed() {
    let render = json!({"template": "mtu {{ mtu }}", "context": {"mtu": 1500}});
    let parse = json!({"name": "textfsm", "template": MTU, "context": "mtu 1500\nmtu 9000\n"});
    let rows = json!([{"MTU": "1500"}, {"MTU": "9000"}]);
    for dialect in DIALECTS {
        for (paths, body, wanted) in [
            (["/template/render", "/template/render/jinja2"], &render, json!("mtu 1500")),
            (["/template/parse", "/template/parse/textfsm"], &parse, rows.clone()),
        ] {
            for path in paths {
                let (status, reply) = post(&Scripted::default(), dialect, path, body.clone()).await;
                assert_eq!(status, StatusCode::OK, "{dialect} {path}: {reply}");
                if dialect == "0.4" {
                    assert_eq!(reply, wanted, "{path}");
                } else {
                    assert_eq!(reply, json!({"code": 200, "message": "success", "data": wanted}), "{dialect} {path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_template_that_is_wrong_is_refused_with_the_reason() {
    let endless = "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}";
    let wrong = StatusCode::BAD_REQUEST;
    for (path, body, status, words) in [
        ("/template/render", json!({}), wrong, "Template source is required"),
        ("/template/render", json!({"template": "{% for"}), wrong, "The template is wrong"),
        ("/template/render", json!({"template": "file:///etc/passwd"}), wrong, "not fetched"),
        ("/template/render", json!({"template": endless}), wrong, "does too much"),
        ("/template/render/mako", json!({"template": "x"}), StatusCode::NOT_FOUND, "Renderer mako not found"),
        ("/template/parse", json!({"template": MTU}), wrong, "Parser name is required"),
        ("/template/parse/textfsm", json!({"template": "x"}), wrong, "template"),
        ("/template/parse/ttp", json!({"template": "x"}), wrong, "textfsm"),
        ("/template/parse/regex", json!({"template": "x"}), StatusCode::NOT_FOUND, "Parser regex not found"),
    ] {
        for dialect in DIALECTS {
            let (found, reply) = post(&Scripted::default(), dialect, path, body.clone()).await;
            assert_eq!(found, status, "{dialect} {path}: {reply}");
            let told = if dialect == "0.4" { &reply["detail"] } else { &reply["data"] };
            assert!(told.as_str().is_some_and(|told| told.contains(words)), "{dialect} {path}: {reply}");
        }
    }
    for (path, body, place) in [
        ("/template/render", json!({"template": 1}), "template"),
        ("/template/render", json!({"template": "x", "context": "y"}), "context"),
        ("/template/parse", json!({"name": []}), "name"),
    ] {
        for dialect in DIALECTS {
            let (status, reply) = post(&Scripted::default(), dialect, path, body.clone()).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{dialect} {path}: {reply}");
            assert_eq!(reply["detail"][0]["loc"], json!(["body", place]), "{dialect} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_asked_is_rendered_before_it_is_submitted() {
    let context = json!({"a": "x", "b": "y"});
    let lines = |lines: &[&str]| Some(lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
    for (asked, rendering, command, config) in [
        (json!({"command": "show {{ a }}"}), json!({"context": context}), lines(&["show x"]), None),
        (json!({"config": ["{{ a }}", "{{ b }}"]}), json!({"context": context}), None, lines(&["x", "y"])),
        (
            json!({"config": {"b": "z"}}),
            json!({"template": "{{ a }}{{ b }}", "context": context}),
            None,
            lines(&["xz"]),
        ),
    ] {
        for dialect in DIALECTS {
            let (status, reply, request) = submitted(dialect, asked.clone(), json!({"rendering": rendering})).await;
            assert_eq!(status, StatusCode::CREATED, "{dialect}: {reply}");
            let request = request.expect("a request");
            assert_eq!((request.command, request.config), (command.clone(), config.clone()), "{dialect}");
            assert_eq!(request.warnings, Vec::<String>::new(), "{dialect}");
        }
    }
}

#[tokio::test]
async fn a_wrong_template_makes_no_job() {
    let command = json!({"command": "{{ a"});
    for (asked, options, place) in [
        (command, json!({"rendering": {}}), json!(["rendering", "template"])),
        (json!({"command": "a"}), json!({"rendering": {"name": "mako"}}), json!(["rendering", "name"])),
        (
            json!({"command": "a"}),
            json!({"parsing": {"name": "textfsm", "template": "x"}}),
            json!(["parsing", "template"]),
        ),
        (json!({"command": "a"}), json!({"parsing": {"name": "regex", "template": "x"}}), json!(["parsing", "name"])),
    ] {
        for dialect in DIALECTS {
            let (status, reply, request) = submitted(dialect, asked.clone(), options.clone()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{dialect}: {reply}");
            let problems = if dialect == "0.4" { &reply["errors"] } else { &reply["data"] };
            assert_eq!(problems[0]["loc"], place, "{dialect}: {reply}");
            assert!(request.is_none(), "{dialect}");
        }
    }
}

#[tokio::test]
async fn parsing_reaches_the_backend_and_what_nobody_knows_is_told() {
    let parsing = json!({"name": "textfsm", "template": MTU, "use_ntc_template": false});
    for dialect in DIALECTS {
        let (status, reply, request) =
            submitted(dialect, json!({"command": "ip link"}), json!({"parsing": parsing})).await;
        assert_eq!(status, StatusCode::CREATED, "{dialect}: {reply}");
        let request = request.expect("a request");
        let parsing = request.options.parsing.expect("it was asked for");
        assert_eq!((parsing.parser.as_str(), parsing.template.as_str()), ("textfsm", MTU), "{dialect}");
        assert_eq!(request.warnings, Vec::<String>::new(), "{dialect}");
    }
    let mut more = parsing;
    more["group"] = "x".into();
    let options = json!({"parsing": more, "rendering": {"color": "red"}});
    for dialect in ["0.3", "0.4"] {
        let (_, _, request) = submitted(dialect, json!({"command": "ip link"}), options.clone()).await;
        let warnings = request.expect("a request").warnings;
        let wanted = ["rendering.color is not known and was ignored", "parsing.group is not known and was ignored"];
        assert_eq!(warnings, wanted, "{dialect}");
    }
    let (status, reply, _) = submitted("0.2", json!({"command": "ip link"}), options).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply["detail"][0]["loc"], json!(["body", "options", "rendering", "color"]));
    assert_eq!(reply["detail"][1]["loc"], json!(["body", "options", "parsing", "group"]));
}

#[tokio::test]
async fn what_no_parser_knows_is_refused_by_the_native_api() {
    let asks = async |arguments: Value| {
        let parsing = json!({"parser": "textfsm", "template": MTU, "arguments": arguments});
        let body = json!({"connection_args": {"host": "a"}, "command": "ip link", "parsing": parsing});
        Scripted::default().ask("POST", "/v1/jobs", body).await
    };
    let (status, reply) = asks(json!({"use_ntc_template": false})).await;
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    let (status, reply) = asks(json!({"use_ntc_template": false, "use_ttp": true})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{reply}");
    assert!(reply.to_string().contains("use_ttp") && !reply.to_string().contains("ntc"), "{reply}");
}

#[tokio::test]
async fn each_device_may_have_a_template_or_a_context_of_its_own() {
    for (rendering, own, wanted) in [
        (json!({"context": {"a": "x"}}), json!("show {{ a }}"), "show x"),
        (json!({"template": "show {{ a }} {{ b }}", "context": {"a": "x"}}), json!({"b": "y"}), "show x y"),
    ] {
        for dialect in ["0.3", "0.4"] {
            let backend = Scripted::default();
            let devices = json!([{"host": "192.0.2.11", "command": own}]);
            let body = request_with(json!({"rendering": rendering, "devices": devices}));
            let (status, reply) = post(&backend, dialect, "/device/bulk", body).await;
            assert_eq!(status, StatusCode::CREATED, "{dialect}: {reply}");
            let request = backend.script().submitted.take().expect("a request");
            assert_eq!(request.command, Some(vec![wanted.to_owned()]), "{dialect}");
        }
    }
}

#[tokio::test]
async fn a_device_with_a_wrong_template_stops_no_other() {
    let backend = Scripted::default();
    let devices = json!([{"host": "192.0.2.11", "command": "{{ a"}, {"host": "192.0.2.12"}]);
    let body = request_with(json!({"rendering": {"context": {}}, "devices": devices}));
    let (status, reply) = post(&backend, "0.4", "/device/bulk", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    assert_eq!(
        (&reply["succeeded"][0]["host"], &reply["failed"][0]["host"]),
        (&json!("192.0.2.12"), &json!("192.0.2.11"))
    );
    let reason = reply["failed"][0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("rendering.template: The template is wrong"), "{reason}");
    let (status, _) = post(&Scripted::default(), "0.3", "/device/bulk", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "0.3 refuses a body with a device that is wrong");
}

#[tokio::test]
async fn the_native_api_parses_too() {
    let backend = Scripted::default();
    let parsing = json!({"parser": "textfsm", "template": MTU});
    let (status, reply) = backend.ask("POST", "/v1/jobs", request_with(json!({"parsing": parsing}))).await;
    assert_eq!(status, StatusCode::CREATED, "{reply}");
    let asked =
        backend.script().submitted.take().and_then(|request| request.options.parsing).expect("it was asked for");
    assert_eq!((asked.parser.as_str(), asked.template.as_str()), ("textfsm", MTU));
    let misfit = "parsing_type";
    for (parsing, place, code) in [
        (json!({"parser": "textfsm", "template": "x"}), json!(["parsing", "template"]), "template_error"),
        (json!({"parser": "regex", "template": "x"}), json!(["parsing", "parser"]), "not_found"),
        (json!({"parser": "textfsm"}), json!(["parsing"]), misfit),
        (json!({"parser": "textfsm", "template": "x", "name": "y"}), json!(["parsing"]), misfit),
    ] {
        let body = request_with(json!({"parsing": parsing}));
        let (status, reply) = backend.ask("POST", "/v1/jobs", body.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{reply}");
        assert_eq!((&reply["problems"][0]["path"], &reply["problems"][0]["code"]), (&place, &json!(code)), "{reply}");
        let mut batch = body;
        batch["targets"] = json!([{}]);
        let (_, reply) = backend.ask("POST", "/v1/batches", batch).await;
        assert_eq!(reply["refused"][0]["problem"]["problems"][0]["path"], place, "{reply}");
    }
    assert!(backend.script().submitted.is_none());
}

/// A job with one result, which `change` completes.
fn ended(change: impl FnOnce(&mut RunResult)) -> Job {
    let mut result = RunResult {
        command: "make".into(),
        exit: Exit::Status(0),
        stdout: Output::default(),
        stderr: Output::default(),
        duration: Duration::ZERO,
        session_reused: false,
        moved: None,
        parsed: None,
        launched: None,
    };
    change(&mut result);
    Job { outcome: Some(Outcome { results: vec![result], ..Outcome::default() }), ..job(State::Finished) }
}

#[tokio::test]
async fn what_was_parsed_is_shown() {
    let rows = json!([{"MTU": "1500"}]);
    let backend = Scripted::with_jobs(vec![ended(|result| result.parsed = Some(rows.clone()))]);
    for (path, place) in [
        (format!("/v1/jobs/{ID}"), "/results/0/parsed"),
        (format!("/v0.2/job?id={ID}"), "/data/0/result/retval/make/parsed"),
        (format!("/v0.3/job?id={ID}"), "/data/0/result/retval/make/parsed"),
        (format!("/v0.4/jobs/{ID}"), "/result/retval/0/parsed"),
    ] {
        let (_, reply) = backend.ask("GET", &path, Value::Null).await;
        assert_eq!(reply.pointer(place), Some(&rows), "{path}: {reply}");
    }
}

#[tokio::test]
async fn a_background_task_is_told_with_its_files() {
    let launched = Launched {
        id: TaskId::read("a5aaae483a10").expect("a name"),
        pid: 24121,
        log_file: "/home/admin/.hostler/tasks/a5aaae483a10/log".into(),
        command: vec!["make".into(), "make install".into()],
        elevated: None,
    };
    let backend = Scripted::with_jobs(vec![ended(|result| result.launched = Some(Box::new(launched)))]);
    let (_, reply) = backend.ask("GET", &format!("/v0.3/job?id={ID}"), Value::Null).await;
    let wanted = json!({
        "pid": 24121,
        "pid_file": "/home/admin/.hostler/tasks/a5aaae483a10/pid",
        "output_file": "/home/admin/.hostler/tasks/a5aaae483a10/log",
        "command": "make\nmake install",
    });
    assert_eq!(reply["data"][0]["result"]["retval"]["make"]["background_task"], wanted, "{reply}");
}

#[tokio::test]
async fn a_pull_is_not_rendered_and_a_push_is_not_parsed() {
    for (path, asked, foreign) in [("/pull", "command", "rendering"), ("/push", "config", "parsing")] {
        let mut body = request_with(json!({"command": null}));
        body[asked] = "x".into();
        body[foreign] = if foreign == "rendering" { json!({}) } else { json!({"name": "textfsm", "template": MTU}) };
        let (status, reply) = post(&Scripted::default(), "0.2", path, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{reply}");
        assert_eq!(reply["detail"][0]["loc"], json!(["body", foreign]), "{path}");
    }
}
