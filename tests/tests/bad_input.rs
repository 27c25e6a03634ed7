//! What clients get wrong: each mistake gets an answer of its own, and the daemon goes on serving.

use crate::daemon;
use crate::job;
use hostler_tests::{Answer, Daemon};
use serde_json::{Value, json};
use ureq::http::{Method, Request};

/// A secret that is planted wherever a client could put one by mistake.
const PLANTED: &str = "planted-by-mistake";

fn body() -> Value {
    json!({
        "driver": "paramiko",
        "connection_args": {"host": "192.0.2.1", "username": "admin", "password": PLANTED},
        "command": "uname -a"
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    job::with(body(), change)
}

/// Sends a wrong body; the answer has this status and, somewhere, these words, and never the password.
fn wrong(daemon: &Daemon, body: &str, status: u16, words: &[&str]) -> anyhow::Result<Answer> {
    let answer = daemon.send(Method::POST, "/device/execute", body)?;
    assert_eq!(answer.status, status, "{body}\n{}", answer.text);
    for word in words {
        assert!(answer.text.contains(word), "{word} is missing for {body}\n{}", answer.text);
    }
    assert!(!answer.text.contains(PLANTED), "{body}\n{}", answer.text);
    Ok(answer)
}

#[test]
fn each_mistake_has_an_answer_of_its_own() -> anyhow::Result<()> {
    let daemon = daemon()?;
    for (body, status, words) in [
        ("", 422, ["body", "missing"]),
        ("{\"driver\": \"paramiko\", \"password\": \"planted-by-mistake", 422, ["body", "json_invalid"]),
        ("[\"planted-by-mistake\"]", 422, ["body", "dictionary"]),
        ("{}", 422, ["driver", "missing"]),
    ] {
        wrong(&daemon, body, status, &words)?;
    }
    let cases: [(Value, u16, &[&str]); 20] = [
        (with(|it| it["driver"] = "netmiko".into()), 422, &["driver", "paramiko"]),
        (with(|it| it["driver"] = 5.into()), 422, &["driver"]),
        (with(|it| it["connection_args"] = PLANTED.into()), 422, &["connection_args"]),
        (with(|it| it["command"] = Value::Null), 422, &["command", "config"]),
        (with(|it| it["config"] = "id".into()), 422, &["command", "config"]),
        (with(|it| it["surprise"] = PLANTED.into()), 422, &["surprise", "extra_forbidden"]),
        (with(|it| it["options"] = json!({"ttl": 0})), 422, &["ttl"]),
        (with(|it| it["options"] = json!({"ttl": 3601})), 422, &["ttl"]),
        (with(|it| it["options"] = json!({"surprise": 1})), 422, &["surprise"]),
        (with(|it| it["options"] = json!({"webhook": {"url": "http://192.0.2.1/"}})), 422, &["webhook"]),
        (with(|it| it["connection_args"]["host"] = Value::Null), 400, &["host"]),
        (with(|it| it["connection_args"]["host"] = "a\u{0}b".into()), 400, &["host"]),
        (with(|it| it["connection_args"]["host"] = "a\nb".into()), 400, &["host"]),
        (with(|it| it["connection_args"]["host"] = "".into()), 400, &["host"]),
        (with(|it| it["connection_args"]["username"] = Value::Null), 400, &["username"]),
        (with(|it| it["connection_args"]["password"] = Value::Null), 400, &["connection_args", "password"]),
        (with(|it| it["connection_args"]["password"] = json!([PLANTED])), 400, &["connection_args", "password"]),
        (with(|it| it["connection_args"]["port"] = 0.into()), 400, &["port"]),
        (with(|it| it["connection_args"]["port"] = 70_000.into()), 400, &["port"]),
        (with(|it| it["connection_args"]["port"] = "ssh".into()), 400, &["port"]),
    ];
    for (body, status, words) in cases {
        wrong(&daemon, &body.to_string(), status, words)?;
    }
    serves(&daemon)
}

#[test]
fn what_pydantic_coerces_is_coerced_and_what_it_ignored_is_told() -> anyhow::Result<()> {
    let daemon = daemon()?;
    let job = daemon.execute(&with(|it| {
        it["connection_args"]["port"] = "22".into();
        it["connection_args"]["timeout"] = "1".into();
        it["driver_args"] = json!({"surprise": 1, "timeout": 5});
        it["options"] = json!({"queue_strategy": "pinned", "ttl": "600"});
    }))?;
    assert_eq!(job.status, 201, "{}", job.text);
    let job = daemon.get(&format!("/v1/jobs/{}", job.job()?))?;
    assert_eq!(job.body["target"]["port"], 22, "{}", job.text);
    assert!(job.body["warnings"].to_string().contains("driver_args.surprise"), "{}", job.text);
    Ok(())
}

/// Whether it is refused or only told depends on whether the job makes sense without it.
#[test]
fn a_parameter_that_has_no_use_is_named() -> anyhow::Result<()> {
    let daemon = daemon()?;
    for (place, parameter, value) in [
        ("connection_args", "passphrase", json!(PLANTED)),
        ("connection_args", "proxy_port", json!(2222)),
        ("connection_args", "proxy_username", json!("somebody")),
        ("connection_args", "proxy_password", json!(PLANTED)),
        ("connection_args", "proxy_pkey", json!(PLANTED)),
        ("connection_args", "proxy_key_filename", json!("key")),
        ("connection_args", "certificate", json!("ssh-ed25519-cert-v01@openssh.com AAAA")),
        ("connection_args", "surprise", json!(PLANTED)),
        ("driver_args", "sudo", json!(true)),
        ("driver_args", "sudo_password", json!(PLANTED)),
        ("driver_args", "sudo_user", json!("somebody")),
        ("driver_args", "script_interpreter", json!("python3")),
        ("driver_args", "surprise", json!(PLANTED)),
        ("driver_args", "get_pty", json!("perhaps")),
        ("driver_args", "timeout", json!("soon")),
        ("driver_args", "timeout", json!(0)),
        ("driver_args", "environment", json!({"A B": "c"})),
        ("driver_args", "environment", json!(["A=b"])),
    ] {
        let job = daemon.execute(&with(|it| it[place][parameter] = value))?;
        let answer = if job.status == 201 { daemon.get(&format!("/v1/jobs/{}", job.job()?))?.body } else { job.body };
        let told = if job.status == 201 { answer["warnings"].to_string() } else { answer.to_string() };
        assert!(told.contains(parameter), "{place}.{parameter}: {} {answer}", job.status);
        assert!(!answer.to_string().contains(PLANTED), "{place}.{parameter}: {answer}");
    }
    serves(&daemon)
}

#[test]
fn a_body_that_is_too_large() -> anyhow::Result<()> {
    let daemon = daemon()?;
    let body = with(|it| it["command"] = "x".repeat(10_000_000).into());
    // The daemon may hang up before it has read all: the client then sees no answer, but no job starts.
    if let Ok(answer) = daemon.execute(&body) {
        assert_eq!(answer.status, 413, "{}", answer.text);
        assert_eq!(answer.body["code"], -1, "{}", answer.text);
    }
    serves(&daemon)
}

#[test]
fn wrong_key_and_no_key() -> anyhow::Result<()> {
    let daemon = daemon()?;
    for path in ["/health", "/job", "/v1/plugins", "/v0.2/health"] {
        for key in [None, Some(""), Some("wrong"), Some("key-of-the-integration-test")] {
            let mut request = Request::get(format!("{}{path}", daemon.address()));
            if let Some(key) = key {
                request = request.header("X-API-KEY", key);
            }
            let answer = daemon.send_as_it_is(request.body(String::new())?)?;
            assert_eq!(answer.status, 403, "{path} {key:?}: {}", answer.text);
        }
    }
    let key = Daemon::KEY;
    let by_query = Request::get(format!("{}/health?X-API-KEY={key}", daemon.address())).body(String::new())?;
    assert_eq!(daemon.send_as_it_is(by_query)?.status, 200);
    let by_cookie = Request::get(format!("{}/health", daemon.address())).header("Cookie", format!("X-API-KEY={key}"));
    assert_eq!(daemon.send_as_it_is(by_cookie.body(String::new())?)?.status, 200);
    serves(&daemon)
}

#[test]
fn unknown_paths_methods_and_jobs() -> anyhow::Result<()> {
    let daemon = daemon()?;
    assert_eq!(daemon.get("/no/such/path")?.status, 404);
    assert_eq!(daemon.get("/device/execute")?.status, 405);
    let nobody = "00000000-0000-7000-8000-000000000000";
    assert_eq!(daemon.get(&format!("/job?id={nobody}"))?.body["data"], json!([]));
    assert_eq!(daemon.get(&format!("/v1/jobs/{nobody}"))?.status, 404);
    assert!((400..500).contains(&daemon.get("/v1/jobs/not-an-id")?.status));
    serves(&daemon)
}

fn serves(daemon: &Daemon) -> anyhow::Result<()> {
    assert_eq!(daemon.get("/health")?.body["data"], "ok");
    Ok(())
}
