//! A planted secret is found nowhere, in no form.

mod pries;
mod referenced;

use crate::SETUP;
use crate::hostile::whole;
use crate::webhooks::{Letter, receive};
use aho_corasick::AhoCorasick;
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hostler_tests::{Answer, Daemon, KeyForm, KeyType, Setup, Sshd};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use ureq::http::Method;

/// It is in all that a webhook brings along.
const WEBHOOK_SECRET: &str = r"planted-S3cret-of-a-webhook";
const PASSPHRASE: &str = r#"plan"ted\P4ssphrase-of-a-key"#;

/// Something public that must be found in the memory of the guest, or the hunt there proves nothing.
const CANARY: &str = "canary-in-a-command";

/// The driver `hoarder` keeps every byte that it is given, and logs its whole memory.
const CONFIG: &str = r#"
    jobs.drain_timeout = 1
    webhooks.allow_private = ["127.0.0.1"]
    [plugin.hoarder]
    grants = ["connect", "exec"]
    limits = { log = 1_000_000_000 }
"#;

/// The lowest level, also where the daemon does not allow it.
const EVERYTHING: &str = "trace,russh=trace";

/// Where the guest's memory is shown.
const MEMORY: &str = "memory of the guest";

/// Everything that was seen outside the daemon, and where.
#[derive(Default)]
struct Evidence(Vec<(String, Vec<u8>)>);

impl Evidence {
    fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    fn add_answer(&mut self, place: &str, answer: &Answer) {
        self.add(format!("body of {place}"), answer.text.as_str());
        self.add(format!("header of {place}"), answer.headers.as_str());
    }

    fn add_folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.add_folder(&path)?;
            } else {
                self.add(path.display().to_string(), fs::read(&path)?);
            }
        }
        Ok(())
    }

    /// Where the needles are, in any of the forms that bytes take on their way.
    fn places(&self, needles: &[&str]) -> anyhow::Result<Vec<String>> {
        let (names, forms): (Vec<_>, Vec<_>) = needles.iter().flat_map(|needle| forms(needle)).unzip();
        let search = AhoCorasick::new(forms)?;
        let found = |(place, bytes): &(String, Vec<u8>)| {
            let name = names[search.find(bytes)?.pattern()];
            Some(format!("{name} in {place}"))
        };
        Ok(self.0.iter().filter_map(found).collect())
    }
}

fn forms(needle: &str) -> Vec<(&'static str, String)> {
    let hexadecimal = needle.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let escaped = Value::from(needle).to_string();
    let escaped = escaped.trim_matches('"').to_owned();
    let mut forms = vec![
        ("raw", needle.to_owned()),
        ("escaped twice", Value::from(escaped.as_str()).to_string().trim_matches('"').to_owned()),
        ("escaped", escaped),
        ("HEXADECIMAL", hexadecimal.to_uppercase()),
        ("hexadecimal", hexadecimal),
    ];
    // How base64 looks depends on how many bytes are before it; what neighbours share is cut off.
    for before in 0..3 {
        let text = STANDARD_NO_PAD.encode([vec![0; before], needle.into()].concat());
        let shared_end = usize::from(!(before + needle.len()).is_multiple_of(3));
        forms.push(("base64", text[[0, 2, 3][before]..text.len() - shared_end].to_owned()));
    }
    forms
}

#[test]
fn planted_secrets_are_found_nowhere() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, Some(PASSPHRASE))?;
    let by_password = json!({"password": Sshd::PASSWORD});
    let by_key = json!({"pkey": key, "passphrase": PASSPHRASE});
    let component = whole("hoarder", &["connect", "exec"])?;
    let plugins: &[(&str, &[u8])] = &[("hoarder.wasm", &component)];
    let mut daemon = Daemon::start(&Setup { config: CONFIG, plugins, log: EVERYTHING, ..SETUP })?;

    let mut evidence = Evidence::default();
    for driver in ["paramiko", "hoarder"] {
        for login in [&by_password, &by_key] {
            working_job(&daemon, &sshd, driver, login, &mut evidence)?;
            failing_jobs(&daemon, &sshd, driver, login, &mut evidence)?;
        }
    }
    for login in [&by_password, &by_key] {
        told_jobs(&daemon, &sshd, login, &mut evidence)?;
    }
    elevated_jobs(&daemon, &sshd, &mut evidence)?;
    let api_key = caller(&daemon)?;
    open_jobs(&daemon, &sshd, &by_password, &mut evidence)?;
    for path in ["/job", "/v1/jobs", "/v1/audit", "/v1/keys", "/v1/plugins", "/metrics", "/openapi.json", "/health"] {
        let answer = daemon.get(path)?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        evidence.add_answer(path, &answer);
    }
    evidence.add_answer("/no/such/path", &daemon.get("/no/such/path")?);
    evidence.add_folder(&daemon.data())?;
    let log = daemon.end()?;
    evidence.add_folder(&daemon.data())?;
    let memory = dumped(&log)?;
    evidence.add("log", log);
    evidence.add(MEMORY, memory);

    let canary = evidence.places(&[CANARY])?;
    assert!(canary.contains(&format!("raw in {MEMORY}")), "the guest did not keep what it was given: {canary:#?}");
    // The first line of a key in this form is the same for every key.
    let key_lines = key.lines().skip(2).filter(|line| !line.starts_with("-----") && line.len() > 20);
    let secrets: Vec<&str> =
        [Sshd::PASSWORD, PASSPHRASE, WEBHOOK_SECRET, &api_key].into_iter().chain(key_lines).collect();
    let places = evidence.places(&secrets)?;
    assert!(places.is_empty(), "a planted secret was found: {places:#?}");
    Ok(())
}

/// Jobs that run and wait when the daemon ends, whose secrets are kept; and letters that nobody takes, for one that ended.
fn open_jobs(daemon: &Daemon, sshd: &Sshd, login: &Value, evidence: &mut Evidence) -> anyhow::Result<()> {
    let mut told = body(sshd, "paramiko", login, &["true"]);
    told["webhooks"] = json!([{
        "url": format!("http://127.0.0.1:1/{WEBHOOK_SECRET}?token={WEBHOOK_SECRET}"),
        "secret": WEBHOOK_SECRET,
        "headers": {"Authorization": WEBHOOK_SECRET}
    }]);
    let mut pinned = body(sshd, "paramiko", login, &["sleep 600"]);
    pinned["queue_strategy"] = "pinned".into();
    for (request, state) in [(told, "finished"), (pinned.clone(), "started"), (pinned, "queued")] {
        let submitted = daemon.send(Method::POST, "/v1/jobs", &request.to_string())?;
        evidence.add_answer("POST /v1/jobs", &submitted);
        let path = format!("/v1/jobs/{}", submitted.body["id"].as_str().with_context(|| submitted.text.clone())?);
        let wait = if state == "finished" { "?wait=60" } else { "" };
        let shown = daemon.get(&format!("{path}{wait}"))?;
        assert_eq!(shown.body["state"], state, "{}", shown.text);
        evidence.add_answer(&path, &shown);
        if state == "finished" {
            let path = format!("/v1/webhooks/deliveries?job={}", shown.body["id"].as_str().context("an id")?);
            let deliveries = daemon.get(&path)?;
            assert!(deliveries.status == 200 && deliveries.text.contains("127.0.0.1"), "{}", deliveries.text);
            evidence.add_answer(&path, &deliveries);
        }
    }
    Ok(())
}

/// An API key that was made and used, in the three places where it may stand.
fn caller(daemon: &Daemon) -> anyhow::Result<String> {
    let wanted = json!({"name": "somebody", "scopes": ["read"]});
    let made = daemon.send(Method::POST, "/v1/keys", &wanted.to_string())?;
    let key = made.body["key"].as_str().with_context(|| made.text.clone())?.to_owned();
    let url = |query: &str| format!("{}/job{query}", daemon.address());
    for (url, header, value) in [
        (url(""), "X-API-KEY", key.clone()),
        (url(""), "Cookie", format!("X-API-KEY={key}")),
        (url(&format!("?X-API-KEY={key}")), "Accept", "*/*".into()),
    ] {
        let request = ureq::http::Request::get(url).header(header, value).body(())?;
        assert_eq!(daemon.send_as_it_is(request)?.status, 200);
    }
    Ok(key)
}

fn body(sshd: &Sshd, driver: &str, login: &Value, commands: &[&str]) -> Value {
    let mut body = json!({
        "driver": driver,
        "connection_args": {"host": "127.0.0.1", "port": sshd.port(), "username": Sshd::USER},
        "command": commands
    });
    for (field, value) in login.as_object().into_iter().flatten() {
        body["connection_args"][field] = value.clone();
    }
    body
}

/// A job whose server tells the secrets back, watched by `ps` while it runs.
fn working_job(
    daemon: &Daemon,
    sshd: &Sshd,
    driver: &str,
    login: &Value,
    evidence: &mut Evidence,
) -> anyhow::Result<()> {
    let made = daemon.run(&body(sshd, driver, login, &["rm -f gate && mkfifo -m 666 gate"]))?;
    assert_eq!(made["state"], "finished", "{made}");
    let waiting = format!("read line <gate; echo {CANARY} $line");
    let told = telling(login);
    let commands: Vec<&str> = [&waiting].into_iter().chain(&told).map(String::as_str).collect();
    let submitted = daemon.execute(&body(sshd, driver, login, &commands))?;
    assert_eq!(submitted.status, 201, "{}", submitted.text);
    evidence.add_answer("POST /device/execute", &submitted);

    // Opening it waits until the command on the server reads from it.
    let mut gate = OpenOptions::new().write(true).open(sshd.home().join("gate"))?;
    let processes = Command::new("ps").arg("axwwe").output()?;
    assert!(String::from_utf8_lossy(&processes.stdout).contains("hostler-under-test"), "ps saw the daemon");
    evidence.add("ps", processes.stdout);
    writeln!(gate, "opened")?;
    drop(gate);

    let id = submitted.job()?;
    let job = daemon.wait(id)?;
    assert_eq!(job["state"], "finished", "{job}");
    assert_eq!(job["results"][0]["stdout"], format!("{CANARY} opened\n"), "{job}");
    for result in job["results"].as_array().context("a list")? {
        assert_eq!(result["exit_status"], 0, "{result}");
    }
    add_all_told(daemon, id, evidence)?;
    let told = daemon.get(&format!("/v1/jobs/{id}/events"))?;
    assert!(told.text.contains(&format!("{CANARY} opened")) && told.text.contains("******"), "{}", told.text);
    Ok(())
}

/// Commands that tell the secrets of a login, forwards. As a command is no secret, they have them backwards.
fn telling(login: &Value) -> Vec<String> {
    let secrets = login.as_object().into_iter().flatten().filter_map(|(_, secret)| secret.as_str());
    let told = |secret: &str| {
        let reversed: Vec<String> = secret.split('\n').map(|line| line.chars().rev().collect()).collect();
        let tell = format!("printf %s '{}' | rev", reversed.join("\n"));
        [tell.clone(), format!("{tell} >&2"), format!("{tell} | base64 -w 0")]
    };
    secrets.flat_map(told).collect()
}

/// Jobs whose server tells the secrets back, and whose ends are told by letters: only those of `NetPulse` have the output.
fn told_jobs(daemon: &Daemon, sshd: &Sshd, login: &Value, evidence: &mut Evidence) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    let told = telling(login);
    let request = body(sshd, "paramiko", login, &told.iter().map(String::as_str).collect::<Vec<_>>());
    for (path, field, hook, told) in [
        ("/v1/jobs", "webhooks", json!([{"url": url, "secret": WEBHOOK_SECRET}]), "exit_status"),
        ("/v0.4/device/exec", "webhook", json!({"url": url}), "******"),
        ("/v0.3/device/exec", "webhook", json!({"url": url}), "******"),
        ("/device/execute", "options", json!({"webhook": {"url": url}}), "******"),
    ] {
        let mut request = request.clone();
        request[field] = hook;
        let submitted = daemon.send(Method::POST, path, &request.to_string())?;
        assert_eq!(submitted.status / 100, 2, "{}", submitted.text);
        let Letter { headers, body } = receive(&listener, "204 No Content")?;
        assert!(body.contains(told), "{body}");
        evidence.add(format!("letter of {path}"), body);
        evidence.add(format!("headers of the letter of {path}"), format!("{headers:?}"));
    }
    Ok(())
}

/// Everything that is told of a job that has ended.
fn add_all_told(daemon: &Daemon, id: &str, evidence: &mut Evidence) -> anyhow::Result<()> {
    let job = format!("/v1/jobs/{id}");
    let output = format!("{job}/output?run=0&stream");
    let outputs = [format!("{output}=stdout"), format!("{output}=stderr")];
    for path in [format!("/job?id={id}"), format!("{job}/events"), job].iter().chain(&outputs) {
        evidence.add_answer(path, &daemon.get(path)?);
    }
    Ok(())
}

/// Jobs whose sudo gets a right and a wrong password; the server tells what it sees of them.
fn elevated_jobs(daemon: &Daemon, sshd: &Sshd, evidence: &mut Evidence) -> anyhow::Result<()> {
    let mut elevated = body(sshd, "paramiko", &json!({"password": Sshd::PASSWORD}), &[]);
    let fields = elevated.as_object_mut().context("an object")?;
    fields.remove("command");
    fields.insert("config".into(), json!(["id -un; cat; ps axwwe", "cat /proc/$PPID/cmdline /proc/$PPID/environ"]));
    for (password, state) in [(Sshd::PASSWORD, "finished"), (PASSPHRASE, "failed")] {
        elevated["driver_args"] = json!({"sudo": true, "sudo_password": password});
        let submitted = daemon.execute(&elevated)?;
        evidence.add_answer("POST /device/execute", &submitted);
        let id = submitted.job()?;
        let job = daemon.wait(id)?;
        assert_eq!(job["state"], state, "{job}");
        if state == "finished" {
            assert!(job["results"][0]["stdout"].as_str().is_some_and(|text| text.starts_with("root\n")), "{job}");
        }
        add_all_told(daemon, id, evidence)?;
    }
    Ok(())
}

/// Jobs and requests with the secrets in them that come to nothing.
fn failing_jobs(
    daemon: &Daemon,
    sshd: &Sshd,
    driver: &str,
    login: &Value,
    evidence: &mut Evidence,
) -> anyhow::Result<()> {
    let right = body(sshd, driver, login, &["true"]);
    let mut wrong_user = right.clone();
    wrong_user["connection_args"]["username"] = "nobody-of-this-name".into();
    let mut wrong_port = right.clone();
    wrong_port["connection_args"]["port"] = 1.into();
    for failing in [wrong_user, wrong_port] {
        let submitted = daemon.execute(&failing)?;
        let id = submitted.job()?;
        assert_eq!(daemon.wait(id)?["state"], "failed");
        add_all_told(daemon, id, evidence)?;
        evidence.add_answer("POST /device/execute", &submitted);
    }
    let mut in_driver_args = right.clone();
    in_driver_args["driver_args"] = json!({"environment": 5, "secret": login});
    let mut at_the_top = right.clone();
    at_the_top["surprise"] = login.clone();
    let mut in_the_port = right.clone();
    in_the_port["connection_args"]["port"] = login.clone();
    let mut no_commands = right.clone();
    no_commands["command"] = login.clone();
    for refused in [in_driver_args, at_the_top, in_the_port, no_commands] {
        let answer = daemon.execute(&refused)?;
        assert!((400..500).contains(&answer.status), "{}", answer.status);
        evidence.add_answer("POST /device/execute", &answer);
    }
    let cut = right.to_string();
    let answer = daemon.send(Method::POST, "/device/execute", &cut[..cut.len() - 1])?;
    evidence.add_answer("POST /device/execute", &answer);
    Ok(())
}

/// The memory that the guest logged.
fn dumped(log: &str) -> anyhow::Result<Vec<u8>> {
    let mut memory = Vec::new();
    for (_, line) in log.lines().filter_map(|line| line.split_once("MEMORY ")) {
        let end = line.find('"').unwrap_or(line.len());
        memory.extend(STANDARD.decode(&line[..end]).context("a line of the dump was changed on its way")?);
    }
    Ok(memory)
}
