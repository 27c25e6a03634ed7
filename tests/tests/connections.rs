//! How connections are made and kept: compression, keepalive, pins, the daemon's own keys, reuse.

use crate::job::{body, failing, finishing, output, with};
use crate::{SETUP, shared_daemon};
use hostler_tests::{Agent, Daemon, KeyForm, KeyType, Setup, Sshd};
use serde_json::{Value, json};
use std::fs;

#[test]
fn compression_and_keepalive_are_on_the_wire() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::start(&["LogLevel=DEBUG1"])?);
    finishing(&daemon, &body(&sshd, "echo hi"))?;
    assert!(!sshd.log()?.contains("Enabling compression"), "nobody asked for it");
    finishing(&daemon, &with(body(&sshd, "echo hi"), |it| it["connection_args"]["compress"] = true.into()))?;
    assert!(sshd.log()?.contains("Enabling compression"), "{}", sshd.log()?);
    assert!(!sshd.log()?.contains("keepalive@openssh.com"), "nobody asked for it");
    finishing(&daemon, &with(body(&sshd, "sleep 3"), |it| it["connection_args"]["keepalive"] = 1.into()))?;
    assert!(sshd.log()?.contains("keepalive@openssh.com"), "{}", sshd.log()?);
    Ok(())
}

#[test]
fn queue_strategy() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::start(&[])?);
    let asked = |strategy: &str| {
        // Of the four words the second is the client's port.
        with(body(&sshd, "echo $SSH_CONNECTION"), |it| it["options"] = json!({"queue_strategy": strategy}))
    };
    assert_ne!(
        output(&daemon, &asked("fifo"))?,
        output(&daemon, &asked("fifo"))?,
        "each job has a connection of its own"
    );
    let first = output(&daemon, &asked("pinned"))?;
    assert_eq!(output(&daemon, &asked("pinned"))?, first, "the connection is kept");
    let impostor = with(asked("pinned"), |it| it["connection_args"]["password"] = "wrong".into());
    assert_eq!(daemon.run(&impostor)?["error"]["kind"], "auth-failed", "nobody gets in by another's login");
    assert_ne!(output(&daemon, &asked("fifo"))?, first);
    Ok(())
}

#[test]
fn the_daemons_own_keys_serve_where_its_operator_allows_it() -> anyhow::Result<()> {
    let (without, sshd) = (shared_daemon()?, Sshd::shared()?);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("id_ed25519");
    fs::write(&file, sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?)?;
    let agent = Agent::start(&sshd.key(KeyType::Ecdsa, KeyForm::OpenSsh, None)?)?;
    let asked = |parameter: &str| {
        with(body(&sshd, "id -un"), |it| {
            it["connection_args"]["password"] = Value::Null;
            it["connection_args"][parameter] = true.into();
        })
    };
    for (parameter, config) in [
        ("look_for_keys", format!("ssh.default_keys = [{:?}]", file.display().to_string())),
        ("allow_agent", format!("ssh.agent = {:?}", agent.socket().display().to_string())),
    ] {
        let allowed = Daemon::start(&Setup { config: &config, ..SETUP })?;
        assert_eq!(output(&allowed, &asked(parameter))?, "admin\n", "{parameter}");
        let refused = without.execute(&asked(parameter))?;
        let refused = if refused.status == 201 { without.wait(refused.job()?)?.to_string() } else { refused.text };
        assert!(refused.contains(parameter) || refused.contains("off"), "it says what is off: {refused}");
    }
    Ok(())
}

#[test]
fn pinned_host_keys() -> anyhow::Result<()> {
    let (daemon, sshd, other) = (shared_daemon()?, Sshd::start(&[])?, Sshd::shared()?);
    let pinned = |pinned: &Sshd| {
        let lines = pinned.known_hosts()?;
        let keys: Vec<&str> = lines.lines().filter_map(|line| line.split_once(' ')).map(|(_, key)| key).collect();
        anyhow::Ok(with(body(&sshd, "echo hi"), |it| {
            it["connection_args"]["host_key_policy"] = "reject".into();
            it["connection_args"]["host_keys"] = json!(keys);
        }))
    };
    assert_eq!(output(&daemon, &pinned(&sshd)?)?, "hi\n", "a pin does without a record");
    failing(&daemon, &pinned(&other)?, "host-key-changed", "host-key")?;
    Ok(())
}

#[test]
fn jobs_that_come_at_once_share_one_login_at_the_jump_host() -> anyhow::Result<()> {
    let (daemon, sshd, jump) = (shared_daemon()?, Sshd::shared()?, Sshd::start(&[])?);
    let behind = with(body(&sshd, "id -un"), |it| {
        it["connection_args"]["proxy_host"] = "127.0.0.1".into();
        it["connection_args"]["proxy_port"] = jump.port().into();
        it["connection_args"]["proxy_password"] = Sshd::PASSWORD.into();
    });
    let submitted: Vec<_> = (0..8).map(|_| daemon.execute(&behind)).collect::<Result<_, _>>()?;
    for answer in &submitted {
        let job = daemon.wait(answer.job()?)?;
        assert_eq!(job["results"][0]["stdout"], "admin\n", "{job}");
    }
    assert_eq!(jump.log()?.matches("Accepted password").count(), 1, "{}", jump.log()?);
    Ok(())
}
