//! The driver `appliance`, loaded as a third party's plugin, against a switch's command line behind a real SSH server.

use crate::SETUP;
use crate::hostile::guest;
use crate::job::{failing, finishing, with};
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Setup, Sshd, sleepers_become, unique_nap};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
    plugin.appliance.grants = ["connect", "shell", "pty", "secret-input"]
    jobs.drain_timeout = 1
"#;

fn daemon() -> anyhow::Result<Daemon> {
    daemon_logging(SETUP.log)
}

fn daemon_logging(log: &str) -> anyhow::Result<Daemon> {
    let component = guest("appliance")?;
    Daemon::start(&Setup { config: CONFIG, plugins: &[("appliance.wasm", &component)], log, ..SETUP })
}

fn body(sshd: &Sshd, command: impl Into<Value>) -> Value {
    json!({
        "driver": "appliance",
        "connection_args": {
            "host": "127.0.0.1",
            "port": sshd.port(),
            "username": Sshd::APPLIANCE,
            "password": Sshd::PASSWORD
        },
        "driver_args": {"timeout": 20},
        "command": command.into()
    })
}

fn enabled(sshd: &Sshd, command: impl Into<Value>) -> Value {
    with(body(sshd, command), |it| it["driver_args"]["enable_password"] = Sshd::ENABLE_PASSWORD.into())
}

fn configuring(sshd: &Sshd, lines: &[&str]) -> Value {
    with(enabled(sshd, Value::Null), |it| it["config"] = json!(lines))
}

#[test]
fn answers_are_whole_and_clean() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let job = finishing(&daemon, &enabled(&sshd, json!(["show version", "show running-config"])))?;
    let results = &job["results"];
    assert_eq!(results[0]["command"], "show version");
    assert_eq!(results[0]["stdout"], "Fake Switch Software, Version 7.1\nswitch uptime is 3 weeks\n");
    let mut lines = vec!["Building configuration...".to_owned(), String::new(), "hostname switch".into()];
    for port in 1..=30 {
        lines.extend([format!("interface GigabitEthernet0/{port}"), " switchport access vlan 10".into()]);
    }
    lines.push("end\n".into());
    assert_eq!(results[1]["stdout"], lines.join("\n"), "three pages become one text");
    assert_eq!((&results[1]["exit_status"], &results[1]["stderr"]), (&json!(0), &json!("")));
    assert_eq!(results.as_array().map(Vec::len), Some(2), "{job}");
    Ok(())
}

#[test]
fn enable_mode_takes_the_right_password_only() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let user = failing(&daemon, &body(&sshd, "show running-config"), "command-rejected", "exec")?;
    assert!(user.contains("line 1") && user.contains("show running-config"), "without enable mode: {user}");
    let missing = with(configuring(&sshd, &["vlan 30"]), |it| it["driver_args"] = json!({"timeout": 20}));
    let missing = failing(&daemon, &missing, "enable-refused", "exec")?;
    assert!(missing.contains("give `driver_args.enable_password`"), "{missing}");
    let wrong = with(enabled(&sshd, "show version"), |it| {
        it["driver_args"]["enable_password"] = "not-the-enable-password".into();
    });
    let started = Instant::now();
    let wrong = failing(&daemon, &wrong, "enable-refused", "exec")?;
    assert!(wrong.contains("check `driver_args.enable_password`"), "{wrong}");
    assert!(!wrong.contains("not-the-enable-password"), "{wrong}");
    assert!(started.elapsed() < Duration::from_secs(10), "it is known at once, not after a timeout");
    Ok(())
}

#[test]
fn configures_and_saves() -> anyhow::Result<()> {
    let sshd = Sshd::start(&[])?;
    let daemon = daemon()?;
    let saved = sshd.home_of(Sshd::APPLIANCE).join("startup-config");
    let lines = ["hostname core-1.lab", "vlan 30"];
    let unsaved = finishing(&daemon, &configuring(&sshd, &lines))?;
    assert!(!saved.exists(), "nobody asked for that: {unsaved}");
    let saving = with(configuring(&sshd, &lines), |it| it["driver_args"]["save"] = true.into());
    let job = finishing(&daemon, &saving)?;
    let configured = &job["results"][0];
    assert_eq!(configured["command"], "hostname core-1.lab\nvlan 30");
    assert_eq!(
        configured["stdout"],
        "switch# configure terminal\nEnter configuration commands, one per line.\n\
         switch(config)# hostname core-1.lab\ncore-1.lab(config)# vlan 30\ncore-1.lab(config)# end\n"
    );
    assert_eq!(job["results"][1]["command"], "write memory");
    assert_eq!(job["results"][1]["stdout"], "Building configuration...\n[OK]\n");
    assert!(fs::read_to_string(saved)?.contains("hostname core-1.lab"));
    Ok(())
}

#[test]
fn a_line_that_is_rejected_is_named_and_the_last_one() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let lines = with(configuring(&sshd, &["vlan 30", "vlna 31", "vlan 32"]), |it| {
        it["driver_args"]["save"] = true.into();
    });
    let job = daemon.run(&lines)?;
    assert_eq!((&job["state"], &job["error"]["kind"]), (&json!("failed"), &json!("command-rejected")), "{job}");
    let message = job["error"]["message"].as_str().context("a sentence")?;
    assert!(message.contains("line 2 of `config`, `vlna 31`: % Invalid input"), "{message}");
    let results = job["results"].as_array().context("a list")?;
    assert_eq!(results.len(), 1, "it was not saved: {job}");
    assert_eq!(results[0]["exit_status"], 1);
    let shown = results[0]["stdout"].as_str().context("text")?;
    assert!(shown.contains("vlna 31\n") && !shown.contains("vlan 32") && shown.ends_with("# end\n"), "{shown}");

    let message = failing(&daemon, &body(&sshd, json!(["show version", "shwo version"])), "command-rejected", "exec")?;
    assert!(message.contains("line 2 of `command`, `shwo version`: % Invalid input"), "{message}");
    Ok(())
}

#[test]
fn a_prompt_that_never_comes_ends_the_job_and_what_runs() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let nap = unique_nap();
    let late = with(body(&sshd, json!(["show version", format!("ping {nap}")])), |it| {
        it["driver_args"]["timeout"] = 3.into();
    });
    let started = Instant::now();
    let job = daemon.run(&late)?;
    assert_eq!((&job["error"]["kind"], &job["error"]["phase"]), (&json!("timeout"), &json!("exec")), "{job}");
    let message = job["error"]["message"].as_str().context("a sentence")?;
    assert!(message.contains(&format!("After `ping {nap}`")) && message.contains("within 3 s"), "{message}");
    assert!(message.contains("bytes are not consumed"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!(job["results"].as_array().map(Vec::len), Some(1), "what was done before is kept: {job}");
    assert!(sleepers_become(0, &nap, Duration::from_secs(5)), "it still runs on the server");
    Ok(())
}

#[test]
fn the_end_of_the_daemon_ends_what_runs() -> anyhow::Result<()> {
    let (mut daemon, sshd) = (daemon()?, Sshd::shared()?);
    let nap = unique_nap();
    let endless = with(body(&sshd, format!("ping {nap}")), |it| it["driver_args"]["timeout"] = 600.into());
    let submitted = daemon.execute(&endless)?;
    assert_eq!(submitted.status, 201, "{}", submitted.text);
    assert!(sleepers_become(1, &nap, Duration::from_secs(20)), "it does not run");
    let started = Instant::now();
    daemon.end()?;
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(sleepers_become(0, &nap, Duration::from_secs(5)), "it still runs on the server");
    Ok(())
}

#[test]
fn the_enable_password_is_found_nowhere() -> anyhow::Result<()> {
    let (mut daemon, sshd) = (daemon_logging("trace")?, Sshd::shared()?);
    let shown = finishing(&daemon, &enabled(&sshd, "show passwords"))?;
    assert_eq!(shown["results"][0]["stdout"], "enable password ******\n", "the appliance itself shows it");
    finishing(&daemon, &configuring(&sshd, &["vlan 30"]))?;
    daemon.run(&enabled(&sshd, "no such command"))?;
    for path in ["/job", "/v1/plugins"] {
        let answer = daemon.get(path)?;
        assert!(!answer.text.contains(Sshd::ENABLE_PASSWORD), "it is in {path}: {}", answer.text);
    }
    let log = daemon.end()?;
    assert!(!log.contains(Sshd::ENABLE_PASSWORD), "it is in the log");
    ensure!(!found_in(&daemon.data(), Sshd::ENABLE_PASSWORD.as_bytes())?, "it is in the data directory");
    Ok(())
}

fn found_in(folder: &Path, needle: &[u8]) -> anyhow::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = if path.is_dir() {
            found_in(&path, needle)?
        } else {
            fs::read(&path)?.windows(needle.len()).any(|part| part == needle)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
