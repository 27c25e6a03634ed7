//! `echo hi` over a fresh connection each, 200 times, 20 at a time, key authentication, against one OpenSSH
//! server: the whole daemon through HTTP beside russh, paramiko and asyncssh as bare libraries.
//!
//! Five rounds, in which the four take turns. Prints the medians.

mod contest;

use contest::{Load, Peers, by_ourselves, contest, echo, log_in, log_out, say, through_the_daemon};
use hostler_tests::{Daemon, KeyForm, KeyType, Setup, Sshd};
use russh::keys::decode_secret_key;
use serde_json::json;
use std::sync::Arc;
use tokio::runtime::Runtime;

const LOAD: Load = Load { jobs: 200, at_once: 20 };
const ROUNDS: usize = 5;

/// As many log in at once as in the other contestants: sshd has room for them (`MaxStartups`).
const CONFIG: &str = "ssh.logins_at_once = 20";

fn main() -> anyhow::Result<()> {
    let sshd = Sshd::start(&["MaxStartups=1000"])?;
    let port = sshd.port();
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    let peers = Peers::new(&key)?;
    let daemon = Daemon::start(&Setup {
        program: env!("CARGO_BIN_EXE_hostler-under-test"),
        config: CONFIG,
        plugins: &[],
        unsigned: false,
        log: "warn,hostler=info",
        local: false,
    })?;
    let body = json!({
        "driver": "paramiko",
        "connection_args": {"host": "127.0.0.1", "port": port, "username": Sshd::USER, "pkey": key},
        "command": "echo hi"
    });
    let runtime = Runtime::new()?;
    let key = Arc::new(decode_secret_key(&key, None)?);
    let job = move || {
        let key = Arc::clone(&key);
        async move {
            let session = log_in(port, key).await?;
            echo(&session).await?;
            log_out(&session).await
        }
    };

    let [hostler, russh, paramiko, asyncssh] = contest(
        ROUNDS,
        &[
            ("hostler", Box::new(|| through_the_daemon(&daemon, &body, LOAD))),
            ("russh", Box::new(|| runtime.block_on(by_ourselves(LOAD, job.clone())))),
            ("paramiko", Box::new(|| peers.round("paramiko", port, LOAD))),
            ("asyncssh", Box::new(|| peers.round("asyncssh", port, LOAD))),
        ],
    )?;
    say(&format!("hostler / russh, jobs per second: {:.3}", hostler.jobs_per_second / russh.jobs_per_second));
    for (name, other) in [("russh", russh), ("paramiko", paramiko), ("asyncssh", asyncssh)] {
        say(&format!("hostler / {name}, CPU per job: {:.3}", hostler.cpu_ms_per_job / other.cpu_ms_per_job));
    }
    Ok(())
}
