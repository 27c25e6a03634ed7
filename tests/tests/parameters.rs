//! Every row of the document's parameter tables, and what whoever sets it notices.

use crate::job::{body, output, with};
use crate::{SETUP, shared_daemon};
use anyhow::Context;
use hostler_tests::{Daemon, FullListener, KeyForm, KeyType, Setup, Sshd};
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;

/// What comes of a row.
enum Comes {
    /// The job finishes, and its first command wrote this.
    Output(&'static str),
    /// The same, and a warning of the job has these words.
    Warning(&'static str),
    /// The job fails: kind, phase, and words of the sentence.
    Failure(&'static str, &'static str, &'static str),
}
use Comes::{Failure, Output, Warning};

/// A row: the parameter, what is laid over the body of a request (RFC 7396), and what comes of it.
type Row = (&'static str, Value, Comes);

/// Runs all rows, and tells of all that came out otherwise.
fn check(daemon: &Daemon, body: &Value, rows: Vec<Row>) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for (parameter, patch, comes) in rows {
        let mut asked = body.clone();
        lay_over(&mut asked, &patch);
        let submitted = daemon.execute(&asked)?;
        if submitted.status != 201 {
            wrong.push(format!("{parameter}: refused: {}", submitted.text));
            continue;
        }
        let job = daemon.wait(submitted.job()?)?;
        let (finished, result, error) = (job["state"] == "finished", &job["results"][0], &job["error"]);
        let text = result["stdout"].as_str().unwrap_or_default().trim_end();
        let right = match comes {
            Output(expected) => finished && text == expected,
            Warning(words) => finished && job["warnings"].to_string().contains(words),
            Failure(kind, phase, words) => {
                let told = error["message"].as_str().is_some_and(|message| message.contains(words));
                error["kind"] == kind && error["phase"] == phase && told
            }
        };
        if !right {
            wrong.push(format!("{parameter}: {job}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn lay_over(target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| lay_over(&mut target[name], value)),
        value => target.clone_from(value),
    }
}

fn connection(args: Value) -> Value {
    json!({"connection_args": args})
}

/// A key of the server's in a file that a request may name; answers that name.
fn key_file(daemon: &Daemon, key: &str) -> anyhow::Result<String> {
    let file = tempfile::Builder::new().prefix("key-").tempfile_in(daemon.data().join("keys"))?;
    fs::write(file.path(), key)?;
    let (_, path) = file.keep()?;
    Ok(path.file_name().and_then(|name| name.to_str()).context("the name is text")?.to_owned())
}

const PASSPHRASE: &str = "passphrase-of-a-key";

#[test]
fn required_and_authentication() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let plain = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    let encrypted = sshd.key(KeyType::Ecdsa, KeyForm::OpenSsh, Some(PASSPHRASE))?;
    let file = key_file(&daemon, &plain)?;
    let encrypted_file = key_file(&daemon, &encrypted)?;
    let without_password = |args: Value| {
        let mut patch = connection(json!({"password": null}));
        lay_over(&mut patch, &connection(args));
        patch
    };
    check(
        &daemon,
        &body(&sshd, "id -un"),
        vec![
            ("host", connection(json!({"host": "localhost"})), Output("admin")),
            (
                "host",
                connection(json!({"host": "no-such-host.invalid"})),
                Failure("unknown-host", "connect", "resolve"),
            ),
            ("username", connection(json!({"username": Sshd::NOSUDO})), Output("nosudo")),
            (
                "username",
                connection(json!({"username": "no-such-user"})),
                Failure("auth-failed", "auth", "no-such-user"),
            ),
            ("password", connection(json!({"password": "wrong"})), Failure("auth-failed", "auth", "password")),
            ("key_filename", without_password(json!({"key_filename": file})), Output("admin")),
            (
                "key_filename",
                without_password(json!({"key_filename": "none"})),
                Failure("bad-key", "auth", "no such key file"),
            ),
            ("pkey", without_password(json!({"pkey": plain})), Output("admin")),
            ("pkey", without_password(json!({"pkey": "no key"})), Failure("bad-key", "auth", "private key")),
            ("passphrase", without_password(json!({"pkey": encrypted, "passphrase": PASSPHRASE})), Output("admin")),
            (
                "passphrase",
                without_password(json!({"key_filename": encrypted_file, "passphrase": PASSPHRASE})),
                Output("admin"),
            ),
            (
                "passphrase",
                without_password(json!({"pkey": encrypted, "passphrase": "wrong"})),
                Failure("bad-key", "auth", "passphrase"),
            ),
        ],
    )
}

#[test]
fn optional() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let (silent_port, full) = (silent.local_addr()?.port(), FullListener::new()?);
    check(
        &daemon,
        &body(&sshd, "echo hi"),
        vec![
            ("port", connection(json!({"port": 1})), Failure("refused", "connect", "port 1")),
            (
                "timeout",
                connection(json!({"port": full.port(), "timeout": 0.5})),
                Failure("timeout", "connect", "`timeout`"),
            ),
            (
                "banner_timeout",
                connection(json!({"port": silent_port, "banner_timeout": 0.5})),
                Failure("timeout", "connect", "`banner_timeout`"),
            ),
            (
                "auth_timeout",
                // sshd takes about two seconds to say so.
                connection(json!({"password": "wrong", "auth_timeout": 0.5})),
                Failure("timeout", "auth", "`auth_timeout`"),
            ),
            ("look_for_keys", connection(json!({"look_for_keys": false})), Output("hi")),
            ("allow_agent", connection(json!({"allow_agent": false})), Output("hi")),
            ("compress", connection(json!({"compress": false})), Output("hi")),
        ],
    )
}

#[test]
fn host_key_policy() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::start(&[])?);
    let policy = |policy: &str| connection(json!({"host_key_policy": policy}));
    check(
        &daemon,
        &body(&sshd, "echo hi"),
        vec![
            ("reject", policy("reject"), Failure("host-key-unknown", "host-key", "ssh-keyscan")),
            ("warning", policy("warning"), Warning("host key")),
            ("reject", policy("reject"), Failure("host-key-unknown", "host-key", "ssh-keyscan")),
            ("auto_add", policy("auto_add"), Output("hi")),
            ("reject", policy("reject"), Output("hi")),
        ],
    )?;
    assert!(fs::read_to_string(daemon.data().join("known_hosts"))?.contains(&format!(":{} ", sshd.port())));
    Ok(())
}

#[test]
fn driver_args_of_command() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let args = |command: &str, args: Value| json!({"command": command, "driver_args": args});
    check(
        &daemon,
        &body(&sshd, "echo hi"),
        vec![
            ("command", json!({"command": "echo one; echo two"}), Output("one\ntwo")),
            ("command", json!({"command": ["echo one", "echo two"]}), Output("one")),
            ("timeout", args("sleep 60", json!({"timeout": 0.5})), Failure("timeout", "exec", "0.5 seconds")),
            ("timeout", args("echo hi", json!({"timeout": null})), Output("hi")),
            ("get_pty", args("tty", json!({"get_pty": false})), Output("not a tty")),
            ("environment", args("echo $V", json!({"environment": {"V": "it's"}})), Output("it's")),
            ("bufsize", args("echo hi", json!({"bufsize": -1})), Output("hi")),
        ],
    )
}

#[test]
fn ttl_ends_what_waits_too_long() -> anyhow::Result<()> {
    let daemon = Daemon::start(&Setup { config: "jobs.max_running = 1", ..SETUP })?;
    let sshd = Sshd::shared()?;
    let first = daemon.execute(&body(&sshd, "sleep 2"))?;
    let short = with(body(&sshd, "echo hi"), |it| it["options"] = json!({"ttl": 1}));
    let late = daemon.run(&short)?;
    assert_eq!((&late["state"], &late["error"]["kind"]), (&json!("failed"), &json!("expired")), "{late}");
    assert_eq!(daemon.wait(first.job()?)?["state"], "finished");
    assert_eq!(output(&daemon, &short)?, "hi\n", "it is only the waiting that is limited");
    Ok(())
}
