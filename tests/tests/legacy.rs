//! `NetPulse`'s own older clients, unmodified, from the registry.
//!
//! `netpulse-sdk` 0.1.1 and 0.2.1 both speak dialect 0.3: they post to `/device/exec` and `/device/bulk` with flat options
//! (0.2.1 also to `/device/test`), read and cancel by `/job` and `/worker`, and want an envelope whose `code` is 200 or 201. They
//! show a command's whole entry in `retval` as text, and take names from `host` of a job, else from its place. No version
//! of the SDK speaks 0.2, so that dialect is asked by hand.

use crate::job::{body, with};
use crate::{daemon, shared_daemon};
use hostler_tests::{Daemon, Python, Sshd, sleepers_become, unique_nap};

use serde_json::{Value, json};
use std::time::Duration;
use ureq::http::Method;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/legacy");

/// Has the program of a version ask a daemon of its own: others would be in the way of its pinned jobs.
fn drive(version: &str) -> anyhow::Result<()> {
    let (name, requirements) = (format!("netpulse-sdk-{version}"), format!("{FOLDER}/requirements-{version}.txt"));
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), &name, &requirements)?;
    let (sshd, daemon, nap) = (Sshd::shared()?, daemon()?, unique_nap());
    let given = json!({
        "address": daemon.address(),
        "key": Daemon::KEY,
        "host": "127.0.0.1",
        "login": {"port": sshd.port(), "username": Sshd::USER, "password": Sshd::PASSWORD},
        "nap": nap,
    });
    let script = format!("{FOLDER}/sdk_{}.py", version.replace('.', "_"));
    python.run(&script, &[], &given.to_string())?;
    anyhow::ensure!(sleepers_become(0, &nap, Duration::from_secs(5)), "a cancelled job's process still runs");
    Ok(())
}

#[test]
fn sdk_0_1_1_works() -> anyhow::Result<()> {
    drive("0.1.1")
}

#[test]
fn sdk_0_2_1_works() -> anyhow::Result<()> {
    drive("0.2.1")
}

/// Asks dialect 0.2 for jobs, and answers `data` and their ends.
fn ask(daemon: &Daemon, path: &str, body: &Value) -> anyhow::Result<Value> {
    let answer = daemon.send(Method::POST, path, &body.to_string())?;
    anyhow::ensure!(answer.status == 201, "{path}: {}", answer.text);
    Ok(answer.body["data"].clone())
}

/// The end of a job, as dialect 0.2 shows it.
fn ended(daemon: &Daemon, job: &Value) -> anyhow::Result<Value> {
    let id = job["id"].as_str().unwrap_or_default();
    daemon.wait(id)?;
    Ok(daemon.get(&format!("/v0.2/job?id={id}"))?.body["data"][0].clone())
}

#[test]
fn pull_and_push_run_what_they_are_given() -> anyhow::Result<()> {
    let (sshd, daemon) = (Sshd::shared()?, shared_daemon()?);
    let pull = with(body(&sshd, "echo $((40 + 2))"), |it| it["args"] = json!({"timeout": 30}));
    let job = ended(&daemon, &ask(&daemon, "/pull/", &pull)?)?;
    assert_eq!(job["result"]["retval"]["echo $((40 + 2))"]["output"], "42\n", "{job}");
    let push = with(body(&sshd, Value::Null), |it| {
        it["config"] = json!(["id -un"]);
        it["args"] = json!({"sudo": true, "sudo_password": Sshd::PASSWORD});
        it["enable_mode"] = true.into();
        it.as_object_mut().expect("an object").remove("command");
    });
    let job = ended(&daemon, &ask(&daemon, "/push", &push)?)?;
    assert_eq!(job["result"]["retval"]["id -un"]["output"], "root\n", "{job}");
    Ok(())
}

#[test]
fn each_device_of_a_bulk_is_judged_by_itself() -> anyhow::Result<()> {
    let (sshd, daemon) = (Sshd::shared()?, shared_daemon()?);
    let bulk = with(body(&sshd, "echo hi"), |it| {
        it["devices"] = json!([{"host": "127.0.0.1"}, {"host": "localhost", "port": "no port"}, {"host": "localhost"}]);
    });
    let data = ask(&daemon, "/v0.2/device/bulk", &bulk)?;
    assert_eq!(data["failed"], json!(["localhost"]));
    assert!(data["warnings"][0].as_str().is_some_and(|why| why.contains("connection_args.port")), "{data}");
    for (job, host) in data["succeeded"].as_array().into_iter().flatten().zip(["127.0.0.1", "localhost"]) {
        let job = ended(&daemon, job)?;
        assert_eq!((&job["host"], &job["result"]["retval"]["echo hi"]["output"]), (&json!(host), &json!("hi\n")));
    }
    Ok(())
}

#[test]
fn a_test_of_a_connection_tells_of_the_system() -> anyhow::Result<()> {
    let (sshd, daemon) = (Sshd::shared()?, shared_daemon()?);
    let target = with(body(&sshd, Value::Null), |it| {
        it.as_object_mut().expect("an object").remove("command");
    });
    let answer = daemon.send(Method::POST, "/device/test-connection", &target.to_string())?;
    let data = &answer.body["data"];
    assert_eq!((answer.status, &data["success"]), (200, &json!(true)), "{}", answer.text);
    assert!(data["device_info"]["system_info"].as_str().is_some_and(|uname| uname.starts_with("Linux ")), "{data}");
    let wrong = with(target, |it| it["connection_args"]["password"] = "wrong".into());
    let answer = daemon.send(Method::POST, "/device/test-connection", &wrong.to_string())?;
    assert_eq!((answer.status, &answer.body["data"]["success"]), (200, &json!(false)), "{}", answer.text);
    assert_eq!(answer.body["message"], "Connection test failed");
    Ok(())
}
