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
    /// The job finishes, and what its first command wrote holds this.
    OutputWith(&'static str),
    /// The same, and a warning of the job has these words.
    Warning(&'static str),
    /// The job fails: kind, phase, and words of the sentence.
    Failure(&'static str, &'static str, &'static str),
}
use Comes::{Failure, Output, OutputWith, Warning};

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
            OutputWith(part) => finished && text.contains(part),
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
    [("connection_args", args)].into_iter().collect()
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
            ("sudo", args("id -un", json!({"sudo": "false"})), Output("admin")),
            ("environment", args("echo $V", json!({"environment": {"V": "it's"}})), Output("it's")),
            ("bufsize", args("echo hi", json!({"bufsize": -1})), Output("hi")),
            ("get_pty", args("tty", json!({"get_pty": true})), OutputWith("/dev/pts/")),
            ("bufsize", args("echo hi", json!({"bufsize": 4096})), Output("hi")),
            ("working_directory", args("pwd", json!({"working_directory": "/tmp"})), Output("/tmp")),
            ("expect_map", args("read a; echo $a", json!({"expect_map": {}})), Output("")),
            (
                "expect_map",
                args("printf 'Name: '; read a; echo \"got $a\"", json!({"expect_map": {"Name: ": "one"}})),
                OutputWith("got one"),
            ),
            ("script_content", args("", json!({"script_content": "echo ${BASH_VERSION:+bash}"})), Output("bash")),
            (
                "script_interpreter",
                args("", json!({"script_content": "s/^/x/p", "script_interpreter": "tac"})),
                Output("s/^/x/p"),
            ),
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

#[test]
fn driver_args_of_config() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let args = |config: &str, args: Value| json!({"config": config, "driver_args": args});
    let sudo = |more: Value| {
        let mut args = json!({"sudo": true, "sudo_password": Sshd::PASSWORD});
        lay_over(&mut args, &more);
        args
    };
    check(
        &daemon,
        &body(&sshd, Value::Null),
        vec![
            ("config", json!({"config": "id -un"}), Output("admin")),
            ("config", json!({"config": ["id -un", "id"]}), Output("admin")),
            ("timeout", args("sleep 60", json!({"timeout": 0.5})), Failure("timeout", "exec", "0.5 seconds")),
            ("get_pty", args("tty", json!({"get_pty": true})), OutputWith("/dev/pts/")),
            ("get_pty", args("tty", json!({"get_pty": false})), Output("not a tty")),
            ("environment", args("echo $V", json!({"environment": {"V": "it's"}})), Output("it's")),
            ("environment", args("echo $V", sudo(json!({"environment": {"V": "it's"}}))), Output("it's")),
            ("sudo", args("id -un", json!({"sudo": false})), Output("admin")),
            ("sudo", args("id -un", sudo(json!({}))), Output("root")),
            (
                "sudo_password",
                args("id -un", json!({"sudo": true, "sudo_password": "wrong"})),
                Failure("elevation-failed", "exec", "sudo"),
            ),
            ("sudo_user", args("id -un", sudo(json!({"sudo_user": "nobody"}))), Output("nobody")),
            ("stop_on_error", args("false", json!({"stop_on_error": false})), Output("")),
        ],
    )
}

#[test]
fn jump_hosts() -> anyhow::Result<()> {
    const ON_THE_WAY: &str = "another-passw0rd-on-the-way";
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let jump = Sshd::with_password(ON_THE_WAY, &["LogLevel=DEBUG1"])?;
    let key = jump.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    let encrypted = jump.key(KeyType::Rsa, KeyForm::Pkcs8, Some(PASSPHRASE))?;
    let file = key_file(&daemon, &key)?;
    let body = with(body(&sshd, "id -un"), |it| {
        it["connection_args"]["proxy_host"] = "127.0.0.1".into();
        it["connection_args"]["proxy_port"] = jump.port().into();
    });
    let tunnels = || anyhow::Ok(jump.log()?.matches("direct-tcpip").count());
    let working = vec![
        ("proxy_password", connection(json!({"proxy_password": ON_THE_WAY})), Output("admin")),
        (
            "proxy_username",
            connection(json!({"proxy_password": ON_THE_WAY, "proxy_username": Sshd::NOSUDO})),
            Output("admin"),
        ),
        ("proxy_key_filename", connection(json!({"proxy_key_filename": file})), Output("admin")),
        ("proxy_pkey", connection(json!({"proxy_pkey": key})), Output("admin")),
        (
            "proxy_passphrase",
            connection(json!({"proxy_pkey": encrypted, "proxy_passphrase": PASSPHRASE})),
            Output("admin"),
        ),
    ];
    for row in working {
        let (before, parameter) = (tunnels()?, row.0);
        check(&daemon, &body, vec![row])?;
        assert!(tunnels()? > before, "{parameter}: it went past the jump host");
    }
    // A wrong one on either leg fails, and the sentence tells which leg it is.
    let nobody = with(body.clone(), |it| it["connection_args"]["proxy_password"] = ON_THE_WAY.into());
    check(
        &daemon,
        &nobody,
        vec![
            (
                "proxy_host",
                connection(json!({"proxy_host": "no-such-host.invalid"})),
                Failure("unknown-host", "connect", "no-such-host.invalid"),
            ),
            ("proxy_port", connection(json!({"proxy_port": 1})), Failure("refused", "connect", "jump host")),
            (
                "proxy_password",
                connection(json!({"proxy_password": "wrong"})),
                Failure("auth-failed", "auth", "jump host"),
            ),
            ("password", connection(json!({"password": "wrong"})), Failure("auth-failed", "auth", "admin")),
        ],
    )
}
