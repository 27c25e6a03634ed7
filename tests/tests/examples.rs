//! The examples of the document for which this daemon has the parts, word for word but for host,
//! port and credentials.

use crate::job::{body, finishing, listed};
use crate::transfers::lending;
use crate::{daemon, shared_daemon};
use anyhow::Context;
use hostler_tests::{Daemon, KeyForm, KeyType, Sshd};
use serde_json::{Value, json};
use std::fs;

/// Puts the fleet's server into a body of the document.
fn aimed(mut body: Value, sshd: &Sshd) -> Value {
    let arguments = &mut body["connection_args"];
    arguments["host"] = "127.0.0.1".into();
    arguments["port"] = sshd.port().into();
    if !arguments["password"].is_null() {
        arguments["password"] = Sshd::PASSWORD.into();
    }
    if !body["driver_args"]["sudo_password"].is_null() {
        body["driver_args"]["sudo_password"] = Sshd::PASSWORD.into();
    }
    body
}

/// Runs a body and answers its results by command, as both `/v1` and dialect 0.2 show them.
fn run(daemon: &Daemon, body: &Value) -> anyhow::Result<Value> {
    let job = finishing(daemon, body)?;
    let listed = listed(daemon, &job)?;
    assert_eq!(listed["status"], "finished", "{listed}");
    assert_eq!(listed["result"]["type"], 1, "{listed}");
    let retval = &listed["result"]["retval"];
    for result in job["results"].as_array().context("a job has results")? {
        let command = result["command"].as_str().context("a result names its command")?;
        assert_eq!(retval[command]["output"], result["stdout"], "the dialects differ");
        assert_eq!(retval[command]["error"], result["stderr"], "the dialects differ");
        assert_eq!(retval[command]["exit_status"], result["exit_status"], "the dialects differ");
    }
    Ok(retval.clone())
}

#[test]
fn example_1_one_command_with_a_password() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "password": "your_password"
        },
        "command": "uname -a"
    });
    let results = run(&daemon, &aimed(body, &sshd))?;
    let output = results["uname -a"]["output"].as_str().context("text")?;
    assert!(output.starts_with("Linux "), "{results}");
    assert!(output.ends_with('\n'), "{results}");
    assert_eq!(results["uname -a"]["error"], "");
    assert_eq!(results["uname -a"]["exit_status"], 0);
    Ok(())
}

#[test]
fn example_2_several_commands() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "password": "your_password"
        },
        "command": [
            "uname -a",
            "df -h",
            "free -m",
            "uptime"
        ],
        "driver_args": {
            "timeout": 30.0
        }
    });
    let results = run(&daemon, &aimed(body, &sshd))?;
    for (command, word) in [("uname -a", "Linux"), ("df -h", "Filesystem"), ("free -m", "Mem:"), ("uptime", "load")] {
        assert!(results[command]["output"].as_str().context("text")?.contains(word), "{command}: {results}");
        assert_eq!(results[command]["exit_status"], 0, "{command}");
    }
    Ok(())
}

/// All forms that ssh-keygen writes but two: it has no PEM of its own for Ed25519, and the encryption
/// of its PEM for ECDSA is a form of its own that russh does not read.
const KEYS: [(KeyType, KeyForm, Option<&str>); 13] = [
    (KeyType::Rsa, KeyForm::OpenSsh, None),
    (KeyType::Rsa, KeyForm::OpenSsh, PASSPHRASE),
    (KeyType::Rsa, KeyForm::Pem, None),
    (KeyType::Rsa, KeyForm::Pem, PASSPHRASE),
    (KeyType::Rsa, KeyForm::Pkcs8, None),
    (KeyType::Rsa, KeyForm::Pkcs8, PASSPHRASE),
    (KeyType::Ed25519, KeyForm::OpenSsh, None),
    (KeyType::Ed25519, KeyForm::OpenSsh, PASSPHRASE),
    (KeyType::Ecdsa, KeyForm::OpenSsh, None),
    (KeyType::Ecdsa, KeyForm::OpenSsh, PASSPHRASE),
    (KeyType::Ecdsa, KeyForm::Pem, None),
    (KeyType::Ecdsa, KeyForm::Pkcs8, None),
    (KeyType::Ecdsa, KeyForm::Pkcs8, PASSPHRASE),
];

const PASSPHRASE: Option<&str> = Some("your_key_passphrase");

/// Runs a body of the document with a key of the fleet's in the place of `credential`. The
/// document gives a passphrase always; it stays only if the key is encrypted.
fn run_with_key(
    daemon: &Daemon,
    body: &Value,
    credential: &str,
    place: impl Fn(String) -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let command = body["command"].as_str().context("one command")?;
    for (kind, form, passphrase) in KEYS {
        let mut body = aimed(body.clone(), &sshd);
        body["connection_args"][credential] = place(sshd.key(kind, form, passphrase)?)?;
        body["connection_args"]["passphrase"] = passphrase.into();
        let what = || format!("{kind:?} as {form:?}, {}", passphrase.map_or("plain", |_| "encrypted"));
        let results = run(daemon, &body).with_context(what)?;
        assert_eq!(results[command]["exit_status"], 0, "{}: {results}", what());
        assert_ne!(results[command]["output"], "", "{}: {results}", what());
    }
    Ok(())
}

#[test]
fn example_3_key_files() -> anyhow::Result<()> {
    let daemon = shared_daemon()?;
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "key_filename": "/path/to/private_key",
            "passphrase": "your_key_passphrase"
        },
        "command": "df -h"
    });
    let file = daemon.data().join("keys/private_key");
    run_with_key(&daemon, &body, "key_filename", |key| {
        fs::write(&file, key)?;
        Ok(file.to_str().context("the path is text")?.into())
    })
}

#[test]
fn example_4_key_contents() -> anyhow::Result<()> {
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "pkey": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA...\n-----END RSA PRIVATE KEY-----",
            "passphrase": "your_key_passphrase"
        },
        "command": "free -m"
    });
    let daemon = shared_daemon()?;
    run_with_key(&daemon, &body, "pkey", |key| Ok(key.into()))
}

#[test]
fn example_5_one_command_by_sudo() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "password": "your_password"
        },
        "config": "ls /root",
        "driver_args": {
            "sudo": true,
            "sudo_password": "your_sudo_password"
        }
    });
    let results = run(&daemon, &aimed(body, &sshd))?;
    assert_eq!(results["ls /root"], json!({"output": "only-root-sees-this\n", "error": "", "exit_status": 0}));
    Ok(())
}

#[test]
fn example_6_several_commands_by_sudo() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::start(&[])?);
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "password": "your_password"
        },
        "config": [
            "echo 'server.example.com' > /etc/hostname",
            "systemctl restart hostname",
            "chmod 644 /etc/hostname"
        ],
        "driver_args": {
            "sudo": true,
            "sudo_password": "your_sudo_password",
            "timeout": 60.0
        }
    });
    let results = run(&daemon, &aimed(body, &sshd))?;
    for (command, result) in results.as_object().context("an object")? {
        assert_eq!(*result, json!({"output": "", "error": "", "exit_status": 0}), "{command}");
    }
    assert_eq!(results.as_object().map(serde_json::Map::len), Some(3), "{results}");
    assert_eq!(sshd.read("/etc/hostname")?, "server.example.com\n");
    assert!(sshd.read("/run/systemctl")?.ends_with("restart hostname\n"));
    Ok(())
}

#[test]
fn example_7_and_8_upload_and_download() -> anyhow::Result<()> {
    let (daemon, sshd) = (lending()?, Sshd::shared()?);
    let upload = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "password": "your_password"
        },
        "command": ["__FILE_TRANSFER__"],
        "driver_args": {
            "file_transfer": {
                "operation": "upload",
                "local_path": "/local/file.txt",
                "remote_path": "/remote/file.txt",
                "resume": false,
                "chunk_size": 32768
            }
        }
    });
    let (local, remote) = (daemon.local().join("file.txt"), sshd.remote().join("file.txt"));
    let content = "The quick brown fox\n".repeat(20_000);
    fs::write(&local, &content)?;
    let results = run(&daemon, &aimed(upload, &sshd))?;
    let result = &results["file_transfer_upload"];
    assert_eq!(result["output"], "File transfer completed: 400000/400000 bytes", "{results}");
    assert_eq!(result["exit_status"], 0, "{results}");
    let told = &result["transfer_result"];
    assert_eq!((&told["success"], &told["resumed"]), (&json!(true), &json!(false)), "{results}");
    assert_eq!((&told["bytes_transferred"], &told["total_bytes"]), (&json!(400_000), &json!(400_000)), "{results}");
    assert_eq!((&told["local_path"], &told["remote_path"]), (&json!("/local/file.txt"), &json!("/remote/file.txt")));
    assert!(fs::read_to_string(&remote)? == content, "it arrived whole");

    let download = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "password": "your_password"
        },
        "command": ["__FILE_TRANSFER__"],
        "driver_args": {
            "file_transfer": {
                "operation": "download",
                "local_path": "/local/file.txt",
                "remote_path": "/remote/file.txt",
                "resume": true,
                "chunk_size": 32768,
                "timeout": 300.0
            }
        }
    });
    fs::write(&local, "something else\n")?;
    let results = run(&daemon, &aimed(download, &sshd))?;
    let told = &results["file_transfer_download"]["transfer_result"];
    assert_eq!((&told["success"], &told["chunk_size"]), (&json!(true), &json!(32768)), "{results}");
    assert!(told["restarted"].is_string(), "what was there was no part of it: {results}");
    assert!(fs::read_to_string(&local)? == content, "it arrived whole");
    Ok(())
}

#[test]
fn example_9_through_a_jump_host() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let jump = Sshd::with_password("another-passw0rd-on-the-way", &[])?;
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.200",
            "username": "admin",
            "password": "your_password",
            "proxy_host": "192.168.1.100",
            "proxy_username": "admin",
            "proxy_password": "your_proxy_password",
            "proxy_port": 22
        },
        "command": "uname -a"
    });
    let mut body = aimed(body, &sshd);
    body["connection_args"]["proxy_host"] = "127.0.0.1".into();
    body["connection_args"]["proxy_port"] = jump.port().into();
    body["connection_args"]["proxy_password"] = "another-passw0rd-on-the-way".into();
    let results = run(&daemon, &body)?;
    assert!(results["uname -a"]["output"].as_str().context("text")?.starts_with("Linux "), "{results}");
    assert!(jump.log()?.contains("Accepted password for admin"), "it was on the way: {}", jump.log()?);
    Ok(())
}

#[test]
fn example_10_environment() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "password": "your_password"
        },
        "command": "echo $CUSTOM_VAR && echo $PATH",
        "driver_args": {
            "environment": {
                "CUSTOM_VAR": "custom_value",
                "PATH": "/usr/local/bin:/usr/bin:/bin"
            }
        }
    });
    let results = run(&daemon, &aimed(body, &sshd))?;
    let result = &results["echo $CUSTOM_VAR && echo $PATH"];
    assert_eq!(result["output"], "custom_value\n/usr/local/bin:/usr/bin:/bin\n", "{results}");
    assert_eq!(result["error"], "");
    Ok(())
}

/// Nobody is there to type a password, so it runs as a user whom sudo asks for none.
#[test]
fn example_11_in_a_terminal() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "password": "your_password"
        },
        "command": "sudo -S command",
        "driver_args": {
            "get_pty": true,
            "timeout": 30.0
        }
    });
    let mut body = aimed(body, &sshd);
    body["connection_args"]["username"] = Sshd::NOPASSWD.into();
    let results = run(&daemon, &body)?;
    let output = results["sudo -S command"]["output"].as_str().context("text")?;
    assert!(output.starts_with("root"), "{results}");
    assert!(output.contains("/dev/pts/"), "{results}");
    Ok(())
}

#[test]
fn example_12_all_of_it() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::start(&[])?);
    fs::write(daemon.data().join("known_hosts"), sshd.known_hosts()?)?;
    let body = json!({
        "driver": "paramiko",
        "connection_args": {
            "host": "192.168.1.100",
            "username": "admin",
            "pkey": "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
            "port": 22,
            "timeout": 30.0,
            "host_key_policy": "reject"
        },
        "config": [
            "systemctl restart nginx",
            "systemctl status nginx"
        ],
        "driver_args": {
            "sudo": true,
            "sudo_password": "your_sudo_password",
            "timeout": 60.0,
            "get_pty": false,
            "environment": {
                "LANG": "en_US.UTF-8"
            }
        },
        "options": {
            "queue_strategy": "fifo",
            "ttl": 600
        }
    });
    let mut body = aimed(body, &sshd);
    body["connection_args"]["pkey"] = sshd.key(KeyType::Rsa, KeyForm::Pem, None)?.into();
    let results = run(&daemon, &body)?;
    assert_eq!(results["systemctl restart nginx"], json!({"output": "", "error": "", "exit_status": 0}));
    let status = results["systemctl status nginx"]["output"].as_str().context("text")?;
    assert!(status.contains("active (running)"), "{results}");
    assert_eq!(sshd.read("/run/systemctl")?, "root en_US.UTF-8 restart nginx\nroot en_US.UTF-8 status nginx\n");
    Ok(())
}

#[test]
fn a_repeated_command_keeps_both_results() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let twice = json!(["echo >>twice; wc -l <twice", "exit 3", "echo >>twice; wc -l <twice"]);
    let job = finishing(&daemon, &body(&sshd, twice))?;
    let retval = &listed(&daemon, &job)?["result"]["retval"];
    assert_eq!(retval["echo >>twice; wc -l <twice"]["output"], "1\n", "{retval}");
    assert_eq!(retval["exit 3"]["exit_status"], 3);
    assert_eq!(retval["echo >>twice; wc -l <twice (2)"]["output"], "2\n", "{retval}");
    Ok(())
}
