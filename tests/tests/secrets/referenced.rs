//! What a reference leads to, and what opens the way there, is found nowhere either.

use super::{CANARY, CONFIG, EVERYTHING, Evidence, MEMORY, dumped};
use crate::SETUP;
use crate::hostile::whole;
use crate::references::{Bao, TOKEN, write_credential};
use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use ureq::http::Method;

/// Of the receiver of letters, as clients of `NetPulse` give it.
const RECEIVER: &str = "planted-w0rd-of-a-receiver";
/// What lies beside the password, and nobody asks for.
const NEIGHBOUR: &str = "planted-n3ighbour-of-a-password";

fn request(sshd: &Sshd, driver: &str, credential: &Value, commands: &[&str]) -> Value {
    json!({
        "driver": driver,
        "connection_args": {"host": "127.0.0.1", "port": sshd.port()},
        "credential": credential,
        "command": commands,
        "webhook": {"url": "http://127.0.0.1:1/hook", "auth": ["ann", RECEIVER], "max_retries": 5, "retry_intervals": [600]},
    })
}

#[test]
fn what_a_reference_leads_to_is_found_nowhere() -> anyhow::Result<()> {
    let (sshd, bao, folder) = (Sshd::shared()?, Bao::start()?, tempfile::tempdir()?);
    bao.write("sys/mounts/kv", &json!({"type": "kv", "options": {"version": "2"}}))?;
    let secret = json!({"login": Sshd::USER, "word": Sshd::PASSWORD, "other": NEIGHBOUR});
    bao.write("kv/data/netpulse/web", &json!({"data": secret}))?;
    bao.write("kv/data/netpulse/wrong", &json!({"data": {"login": Sshd::USER, "word": NEIGHBOUR}}))?;
    let token = folder.path().join("token");
    fs::write(&token, TOKEN)?;
    fs::set_permissions(&token, Permissions::from_mode(0o600))?;
    let files = folder.path().join("files");
    fs::create_dir(&files)?;
    write_credential(&files.join("web.json"), Sshd::USER, Sshd::PASSWORD)?;
    let config = format!(
        "{CONFIG}\n[credentials.vault_kv]\nkind = \"vault\"\naddr = \"{}\"\ntoken_file = \"{}\"\n\
         [credentials.files]\nkind = \"file\"\npath = \"{}\"\n",
        bao.address,
        token.display(),
        files.display(),
    );
    let component = whole("hoarder", &["connect", "exec"])?;
    let plugins: &[(&str, &[u8])] = &[("hoarder.wasm", &component)];
    let mut daemon = Daemon::start(&Setup { config: &config, plugins, log: EVERYTHING, ..SETUP })?;

    let vault = |reference: &str, mapping: Value| json!({"name": "vault_kv", "ref": reference, "mount": "kv", "field_mapping": mapping});
    let mapping = json!({"username": "login", "password": "word"});
    let right = [json!({"name": "files", "ref": "web"}), vault("netpulse/web", mapping.clone())];
    let wrong = [
        vault("netpulse/wrong", mapping),
        vault("netpulse/web", json!({"username": "login", "password": "no-such-field"})),
        vault("netpulse/absent", json!({})),
    ];
    let mut evidence = Evidence::default();
    for driver in ["paramiko", "hoarder"] {
        for credential in &right {
            working(&daemon, &request(&sshd, driver, credential, &[]), &sshd, &mut evidence)?;
        }
        for credential in &wrong {
            let submitted = daemon.send(
                Method::POST,
                "/v0.4/device/exec",
                &request(&sshd, driver, credential, &["true"]).to_string(),
            )?;
            evidence.add_answer("POST /v0.4/device/exec", &submitted);
            if let Some(id) = submitted.body["id"].as_str() {
                assert_eq!(daemon.wait(id)?["state"], "failed");
                all_told(&daemon, id, &mut evidence)?;
            }
        }
    }
    detached(&daemon, &sshd, &right[1], &mut evidence)?;
    for path in ["/v1/jobs", "/v1/audit", "/v1/plugins", "/detached-tasks", "/metrics"] {
        evidence.add_answer(path, &daemon.get(path)?);
    }
    evidence.add_folder(&daemon.data())?;
    let log = daemon.end()?;
    evidence.add_folder(&daemon.data())?;
    let memory = dumped(&log)?;
    evidence.add("log", log);
    evidence.add(MEMORY, memory);

    let canary = evidence.places(&[CANARY])?;
    assert!(canary.contains(&format!("raw in {MEMORY}")), "the guest did not keep what it was given: {canary:#?}");
    let basic = STANDARD.encode(format!("ann:{RECEIVER}"));
    let places = evidence.places(&[TOKEN, Sshd::PASSWORD, NEIGHBOUR, RECEIVER, &basic])?;
    assert!(places.is_empty(), "a planted secret was found: {places:#?}");
    Ok(())
}

/// A job whose server tells the password back, watched by `ps` while it runs.
fn working(daemon: &Daemon, request: &Value, sshd: &Sshd, evidence: &mut Evidence) -> anyhow::Result<()> {
    let reversed: String = Sshd::PASSWORD.chars().rev().collect();
    let tell = format!("printf %s '{reversed}' | rev");
    let gate = "read line <gate-of-references";
    let make = "rm -f gate-of-references && mkfifo -m 666 gate-of-references";
    let mut request = request.clone();
    request["command"] = json!([make, format!("{gate}; echo {CANARY} $line"), tell, format!("{tell} | base64 -w 0")]);
    let submitted = daemon.send(Method::POST, "/v0.4/device/exec", &request.to_string())?;
    let id = submitted.body["id"].as_str().with_context(|| submitted.text.clone())?;
    evidence.add_answer("POST /v0.4/device/exec", &submitted);
    let path = sshd.home().join("gate-of-references");
    let end = Instant::now() + Duration::from_secs(30);
    while !path.exists() {
        ensure!(
            Instant::now() < end,
            "the job has not come to its gate: {}",
            daemon.get(&format!("/v1/jobs/{id}"))?.text
        );
        // Nobody tells that a file appears.
        thread::sleep(Duration::from_millis(10));
    }
    // Opening it waits until the command on the server reads from it.
    let mut opened = OpenOptions::new().write(true).open(&path)?;
    let processes = Command::new("ps").arg("axwwe").output()?;
    let seen = String::from_utf8_lossy(&processes.stdout).into_owned();
    // The vault itself is told its token there.
    let seen: Vec<&str> = seen.lines().filter(|line| !line.contains("-dev-root-token-id")).collect();
    ensure!(seen.iter().any(|line| line.contains("hostler-under-test")), "ps did not see the daemon");
    evidence.add("ps", seen.join("\n"));
    writeln!(opened, "opened")?;
    drop(opened);
    let job = daemon.wait(id)?;
    assert_eq!(job["results"][1]["stdout"], format!("{CANARY} opened\n"), "{job}");
    fs::remove_file(&path)?;
    all_told(daemon, id, evidence)
}

/// A task that the daemon asks about by itself, and tells of to nobody who listens.
fn detached(daemon: &Daemon, sshd: &Sshd, credential: &Value, evidence: &mut Evidence) -> anyhow::Result<()> {
    let reversed: String = Sshd::PASSWORD.chars().rev().collect();
    let mut request = request(sshd, "paramiko", credential, &[&format!("printf %s '{reversed}' | rev; sleep 1")]);
    request["detach"] = true.into();
    request["push_interval"] = 1.into();
    let submitted = daemon.send(Method::POST, "/v0.4/device/exec", &request.to_string())?;
    evidence.add_answer("POST /v0.4/device/exec", &submitted);
    let id = submitted.body["id"].as_str().with_context(|| submitted.text.clone())?;
    daemon.wait(id)?;
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let deliveries = daemon.get(&format!("/v1/webhooks/deliveries?job={id}"))?;
        if deliveries.text.contains("could not be reached") {
            evidence.add_answer("deliveries", &deliveries);
            break;
        }
        ensure!(Instant::now() < end, "nothing was told of the task: {}", deliveries.text);
        thread::sleep(Duration::from_millis(100));
    }
    let task = submitted.body["task_id"].as_str().context("a task")?;
    evidence.add_answer("the task", &daemon.get(&format!("/detached-tasks/{task}?offset=0"))?);
    all_told(daemon, id, evidence)
}

/// Everything that is told of a job that has ended.
fn all_told(daemon: &Daemon, id: &str, evidence: &mut Evidence) -> anyhow::Result<()> {
    let job = format!("/v1/jobs/{id}");
    for path in [format!("/jobs/{id}"), format!("{job}/events"), format!("/v1/webhooks/deliveries?job={id}"), job] {
        evidence.add_answer(&path, &daemon.get(&path)?);
    }
    Ok(())
}
