//! Detached tasks: they outlive their job, the session and the daemon, and are asked, stopped and found again.

use crate::job::{body, with};
use crate::{SETUP, daemon, shared_daemon};
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Setup, Sshd, sleepers_become, unique_nap};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};
use ureq::http::Method;

const PATIENCE: Duration = Duration::from_secs(30);

fn detached(sshd: &Sshd, command: impl Into<Value>) -> Value {
    with(body(sshd, command), |it| it["detach"] = true.into())
}

/// Launches a task as a client of dialect 0.4 does; answers its name when its job has ended.
fn launch(daemon: &Daemon, body: &Value) -> anyhow::Result<String> {
    let submitted = daemon.send(Method::POST, "/v0.4/device/exec", &body.to_string())?;
    ensure!(submitted.status == 201, "{} {}", submitted.status, submitted.text);
    let job = daemon.wait(submitted.body["id"].as_str().context("a job")?)?;
    ensure!(job["state"] == "finished", "{job}");
    Ok(submitted.body["task_id"].as_str().context("a task")?.to_owned())
}

fn read(daemon: &Daemon, task: &str, offset: u64) -> anyhow::Result<Value> {
    let slice = daemon.get(&format!("/v0.4/detached-tasks/{task}?offset={offset}"))?;
    ensure!(slice.status == 200, "{} {}", slice.status, slice.text);
    Ok(slice.body)
}

/// Reads a task to its end, as clients poll; answers all that it wrote, and the last answer.
fn tail(daemon: &Daemon, task: &str) -> anyhow::Result<(String, Value)> {
    let (mut log, mut offset, begun) = (String::new(), 0, Instant::now());
    loop {
        let slice = read(daemon, task, offset)?;
        log += slice["output"].as_str().context("output")?;
        offset = slice["next_offset"].as_u64().context("an offset")?;
        if slice["completed"] == true {
            return Ok((log, slice));
        }
        ensure!(begun.elapsed() < PATIENCE, "it goes on: {slice}");
        // Nobody tells when it writes: this is what clients do.
        thread::sleep(Duration::from_millis(50));
    }
}

fn remove(daemon: &Daemon, task: &str) -> anyhow::Result<u16> {
    Ok(daemon.send(Method::DELETE, &format!("/v0.4/detached-tasks/{task}"), "")?.status)
}

#[test]
fn a_task_outlives_a_killed_daemon_and_its_status_comes_and_stays() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let numbers = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo \"ä $i\"; sleep 0.05; done";
    let task = launch(&daemon, &detached(&sshd, json!([numbers, "exit 7"])))?;
    let daemon = daemon.restart_killed(&SETUP)?;
    let (log, last) = tail(&daemon, &task)?;
    let expected = (1..=40).map(|number| format!("ä {number}\n")).collect::<Vec<_>>().concat();
    assert_eq!(log, expected, "no gap and no repeat");
    assert_eq!((&last["status"], &last["exit_status"]), (&json!("completed"), &json!(7)), "{last}");
    let again = read(&daemon, &task, 0)?;
    assert_eq!((&again["output"], &again["completed"]), (&json!(expected), &json!(true)), "{again}");
    assert_eq!(read(&daemon, &task, 1 << 40)?["output"], "");
    let listed = daemon.get("/v0.4/detached-tasks")?;
    assert!(!listed.text.contains(Sshd::PASSWORD) && listed.body[0]["status"] == "completed", "{}", listed.text);
    assert_eq!(remove(&daemon, &task)?, 404, "it does not run any more");
    Ok(())
}

#[test]
fn a_secret_is_never_shown_however_it_is_read() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let (first, second) = Sshd::PASSWORD.split_at(9);
    let write = format!("printf '<%s' '{first}'; sleep 1; printf '%s>' '{second}'");
    let task = launch(&daemon, &detached(&sshd, write))?;
    let (log, last) = tail(&daemon, &task)?;
    assert_eq!((log.as_str(), &last["exit_status"]), ("<******>", &json!(0)));
    for offset in 1..=Sshd::PASSWORD.len() as u64 {
        assert_eq!(read(&daemon, &task, offset)?["output"], "******>", "from {offset} on");
    }
    Ok(())
}

#[test]
fn a_task_that_is_killed_leaves_no_process() -> anyhow::Result<()> {
    let (daemon, sshd, nap) = (shared_daemon()?, Sshd::shared()?, unique_nap());
    let command = format!("trap '' TERM; setsid sleep {nap} & sleep {nap}");
    let task = launch(&daemon, &detached(&sshd, command))?;
    assert!(sleepers_become(2, &nap, PATIENCE), "they do not run");
    assert_eq!(remove(&daemon, &task)?, 200);
    assert!(sleepers_become(0, &nap, Duration::ZERO), "they were said to be gone");
    assert_eq!(read(&daemon, &task, 0)?["status"], "killed");
    assert_eq!(remove(&daemon, &task)?, 404);
    Ok(())
}

#[test]
fn a_task_with_the_rights_of_root_is_read_and_killed_with_them() -> anyhow::Result<()> {
    let (daemon, sshd, nap) = (shared_daemon()?, Sshd::shared()?, unique_nap());
    for user in [Sshd::USER, Sshd::NOPASSWD, Sshd::USEPTY] {
        let asked = with(detached(&sshd, json!(["id -un; pwd", format!("sleep {nap}")])), |it| {
            it["connection_args"]["username"] = user.into();
            it["driver_args"] = json!({"sudo": true, "sudo_password": Sshd::PASSWORD, "environment": {"LC_A": "b"}});
        });
        let task = launch(&daemon, &asked)?;
        assert!(sleepers_become(1, &nap, PATIENCE), "{user}: it does not run");
        assert_eq!(read(&daemon, &task, 0)?["output"], "root\n/root\n", "{user}");
        assert_eq!(remove(&daemon, &task)?, 200, "{user}");
        assert!(sleepers_become(0, &nap, Duration::ZERO), "{user}: it was said to be gone");
    }
    Ok(())
}

#[test]
fn a_script_and_variables_are_in_no_process_listing() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let script = "echo \"$A\"; ps -eo args | grep -c 'unlike[l]y-word'; exit 3";
    let asked = with(detached(&sshd, Value::Null), |it| {
        it["driver_args"] = json!({
            "script_content": script, "environment": {"A": "unlikely-word"}, "working_directory": "/remote"
        });
    });
    let (log, last) = tail(&daemon, &launch(&daemon, &asked)?)?;
    assert_eq!((log.as_str(), &last["exit_status"]), ("unlikely-word\n0\n", &json!(3)));
    Ok(())
}

#[test]
fn another_daemon_finds_a_task_and_takes_it_over() -> anyhow::Result<()> {
    let (one, other, sshd) = (shared_daemon()?, daemon()?, Sshd::start(&[])?);
    let task = launch(&one, &detached(&sshd, "echo begun; sleep 600"))?;
    assert_eq!(other.get(&format!("/v0.4/detached-tasks/{task}"))?.status, 404);
    let asked = json!({"driver": "paramiko", "connection_args": body(&sshd, "")["connection_args"]});
    let found = other.send(Method::POST, "/v0.4/detached-tasks/discover", &asked.to_string())?;
    assert_eq!((found.status, &found.body["discovered"]), (200, &json!(1)), "{}", found.text);
    assert_eq!(found.body["tasks"][0]["command"], json!(["echo begun; sleep 600"]), "{}", found.text);
    assert_eq!(read(&other, &task, 0)?["output"], "begun\n");
    assert_eq!(remove(&other, &task)?, 200);
    assert_eq!(read(&one, &task, 0)?["status"], "killed", "whoever killed it");
    Ok(())
}

#[test]
fn what_a_policy_or_a_grant_denies_is_not_launched() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let policy =
        "[[policy]]\nplugin = \"policy-commands\"\n[policy.settings]\nallow = [\"echo *\", \"touch /remote/a\"]\n";
    let grants = "plugin.paramiko.grants = [\"connect\", \"exec\", \"stdin\"]\n";
    for (config, command) in
        [(policy, json!(["echo hi", "touch /remote/denied"])), (grants, json!("touch /remote/denied"))]
    {
        let daemon = Daemon::start(&Setup { config, ..SETUP })?;
        let submitted = daemon.send(Method::POST, "/v0.4/device/exec", &detached(&sshd, command).to_string())?;
        if submitted.status == 201 {
            let job = daemon.wait(submitted.body["id"].as_str().context("a job")?)?;
            assert_eq!(job["error"]["kind"], "denied", "{job}");
            let task = submitted.body["task_id"].as_str().context("a task")?;
            assert_eq!(read(&daemon, task, 0)?["status"], "lost");
        } else {
            assert_eq!(submitted.status, 403, "{}", submitted.text);
        }
    }
    let output = crate::job::output(
        &*shared_daemon()?,
        &body(&sshd, "ls /remote/denied 2>&1 | wc -l; ls /remote | grep -c denied || true"),
    )?;
    assert!(output.ends_with("0\n"), "it was run: {output}");
    Ok(())
}

#[test]
fn a_test_tells_who_answers() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let asked = json!({"driver": "paramiko", "connection_args": body(&sshd, "")["connection_args"]});
    let tested = daemon.send(Method::POST, "/v0.4/device/test", &asked.to_string())?;
    assert_eq!((tested.status, &tested.body["success"]), (200, &json!(true)), "{}", tested.text);
    assert!(tested.text.contains("SSH-2.0-OpenSSH"), "{}", tested.text);
    Ok(())
}
