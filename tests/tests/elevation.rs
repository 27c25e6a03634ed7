//! Commands by sudo: the whole line has the rights, and the password goes to nobody but sudo.

use crate::job::{elevated, failing, finishing, output, with};
use crate::shared_daemon;
use anyhow::Context;
use hostler_tests::{KeyForm, KeyType, Sshd, sleepers_become, unique_nap};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};
use ureq::http::Method;

fn as_user(body: Value, user: &str) -> Value {
    with(body, |it| it["connection_args"]["username"] = user.into())
}

#[test]
fn the_whole_line_is_elevated() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    for (line, expected) in [
        ("id -un && id -un", "root\nroot\n"),
        ("id -un; id -un | cat", "root\nroot\n"),
        ("cd /root && pwd", "/root\n"),
        ("echo it\\'s > '/root/a file'; cat '/root/a file'; rm /root/a*", "it's\n"),
        ("echo $((1 + 1)) \"$(id -u)\" `id -un`", "2 0 root\n"),
        ("echo first\nid -un", "first\nroot\n"),
    ] {
        assert_eq!(output(&daemon, &elevated(&sshd, line))?, expected, "{line}");
    }
    Ok(())
}

#[test]
fn output_errors_and_status_are_those_of_the_command() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    for user in [Sshd::USER, Sshd::NOPASSWD] {
        let job = finishing(&daemon, &as_user(elevated(&sshd, "echo out; echo err >&2; exit 7"), user))?;
        let result = &job["results"][0];
        assert_eq!((&result["stdout"], &result["stderr"]), (&json!("out\n"), &json!("err\n")), "{user}: {job}");
        assert_eq!(result["exit_status"], 7, "{user}: {job}");
        assert_eq!(result["command"], "echo out; echo err >&2; exit 7", "the command is shown as it was asked");
    }
    Ok(())
}

#[test]
fn variables_reach_the_elevated_command() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let body = with(elevated(&sshd, "echo $V $LC_V; id -un"), |it| {
        it["driver_args"]["environment"] = json!({"V": "it's a value", "LC_V": "another"});
    });
    assert_eq!(output(&daemon, &body)?, "it's a value another\nroot\n");
    Ok(())
}

#[test]
fn the_password_is_never_the_input_of_the_command() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    for user in [Sshd::NOPASSWD, Sshd::USER] {
        let job = finishing(&daemon, &as_user(elevated(&sshd, "cat; cat >&2"), user))?;
        let result = &job["results"][0];
        assert_eq!((&result["stdout"], &result["stderr"]), (&json!(""), &json!("")), "{user}: {job}");
        assert_eq!(output(&daemon, &as_user(elevated(&sshd, "wc -c"), user))?, "0\n", "{user}");
    }
    Ok(())
}

#[test]
fn each_refusal_of_sudo_is_told_at_once() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let wrong = with(elevated(&sshd, "id"), |it| it["driver_args"]["sudo_password"] = "not-the-password".into());
    let not_allowed = as_user(elevated(&sshd, "id"), Sshd::NOSUDO);
    let none = with(elevated(&sshd, "id"), |it| it["driver_args"] = json!({"sudo": true, "timeout": 60.0}));
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    let none = with(none, |it| {
        it["connection_args"] = json!({"host": "127.0.0.1", "port": sshd.port(), "username": Sshd::USER, "pkey": key});
    });
    let mut messages = Vec::new();
    for body in [wrong, not_allowed, none] {
        let start = Instant::now();
        let message = failing(&daemon, &body, "elevation-failed", "exec")?;
        assert!(start.elapsed() < Duration::from_secs(20), "{message} after {:?}", start.elapsed());
        assert!(message.contains("sudo"), "{message}");
        assert!(!message.contains("not-the-password"), "{message}");
        assert!(!messages.contains(&message), "each has a remedy of its own: {message}");
        messages.push(message);
    }
    assert!(messages[2].contains("sudo_password"), "it names what to give: {}", messages[2]);
    Ok(())
}

#[test]
fn options_of_sudoers_about_terminals_hinder_nobody() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    for (user, get_pty) in [(Sshd::REQUIRETTY, false), (Sshd::REQUIRETTY, true), (Sshd::USEPTY, true)] {
        let body = with(as_user(elevated(&sshd, "id -un"), user), |it| it["driver_args"]["get_pty"] = get_pty.into());
        assert_eq!(output(&daemon, &body)?.trim_end(), "root", "{user}, get_pty {get_pty}");
    }
    Ok(())
}

#[test]
fn another_user_than_root() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let body = with(elevated(&sshd, "id -un"), |it| it["driver_args"]["sudo_user"] = Sshd::NOSUDO.into());
    assert_eq!(output(&daemon, &body)?, "nosudo\n");
    Ok(())
}

#[test]
fn a_folder_that_only_root_may_enter() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let body = with(elevated(&sshd, "pwd; id -un"), |it| it["driver_args"]["working_directory"] = "/root".into());
    assert_eq!(output(&daemon, &body)?, "/root\nroot\n");
    Ok(())
}

#[test]
fn an_elevated_command_that_takes_too_long_is_stopped_with_all_that_it_started() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    for user in [Sshd::USER, Sshd::NOPASSWD, Sshd::REQUIRETTY] {
        let nap = unique_nap();
        let late = as_user(elevated(&sshd, format!("echo begun; sleep {nap} & sleep {nap}")), user);
        let late = with(late, |it| it["driver_args"]["timeout"] = 2.0.into());
        let job = daemon.run(&late)?;
        assert_eq!((&job["error"]["kind"], &job["error"]["phase"]), (&json!("timeout"), &json!("exec")), "{job}");
        let message = job["error"]["message"].as_str().context("text")?;
        assert!(message.contains("the remote process was stopped"), "{user}: {message}");
        assert_eq!(job["results"][0]["stdout"].as_str().map(str::trim_end), Some("begun"), "{user}: {job}");
        assert!(sleepers_become(0, &nap, Duration::from_secs(3)), "{user}: it still runs on the server");
    }
    Ok(())
}

#[test]
fn an_elevated_command_that_never_stops_writing_is_stopped() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let late = with(elevated(&sshd, "yes"), |it| it["driver_args"]["timeout"] = 1.0.into());
    let message = failing(&daemon, &late, "timeout", "exec")?;
    assert!(message.contains("the remote process was stopped"), "{message}");
    Ok(())
}

#[test]
fn an_elevated_command_is_stopped_where_the_connection_has_no_room_for_what_stops_it() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::start(&["MaxSessions=1"])?);
    let nap = unique_nap();
    let late = with(elevated(&sshd, format!("sleep {nap}")), |it| it["driver_args"]["timeout"] = 1.0.into());
    let message = failing(&daemon, &late, "timeout", "exec")?;
    assert!(message.contains("the remote process was stopped"), "{message}");
    assert!(sleepers_become(0, &nap, Duration::from_secs(3)), "it still runs on the server");
    Ok(())
}

#[test]
fn a_job_that_is_cancelled_while_its_command_starts_stops_it_and_says_that_nobody_knows() -> anyhow::Result<()> {
    let nap = unique_nap();
    let (daemon, sshd) = (shared_daemon()?, Sshd::start(&[])?);
    // sudo never comes to its turn (FILES in sshd(8)).
    let folder = sshd.home().join(".ssh");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("rc"), format!("sleep {nap}"))?;
    let submitted = daemon.execute(&elevated(&sshd, "id"))?;
    assert!(sleepers_become(1, &nap, Duration::from_secs(20)), "it is started");
    let id = submitted.job()?;
    assert_eq!(daemon.send(Method::POST, &format!("/v1/jobs/{id}/cancel"), "")?.status, 202);
    let message = daemon.wait(id)?["error"]["message"].to_string();
    assert!(message.contains("it is not known whether the command had started"), "{message}");
    assert!(sleepers_become(0, &nap, Duration::from_secs(3)), "it still runs on the server");
    Ok(())
}

#[test]
fn a_prompt_of_an_elevated_command_is_answered_also_if_it_comes_first() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    for user in [Sshd::USER, Sshd::NOPASSWD, Sshd::REQUIRETTY] {
        let asking = as_user(elevated(&sshd, "printf 'Name: '; read a; echo \"got $a\""), user);
        let asking = with(asking, |it| it["driver_args"]["expect_map"] = json!({"Name: ": "me"}));
        assert!(output(&daemon, &asking)?.contains("got me"), "{user}");
    }
    Ok(())
}

/// sshd sends no signals to the commands of root itself.
#[test]
fn a_command_of_root_that_takes_too_long_is_stopped_with_all_that_it_started() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let nap = unique_nap();
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    let late = json!({
        "driver": "paramiko",
        "connection_args": {"host": "127.0.0.1", "port": sshd.port(), "username": "root", "pkey": key},
        "command": format!("echo begun; sleep {nap} & sleep {nap}"),
        "driver_args": {"timeout": 1.0}
    });
    let message = failing(&daemon, &late, "timeout", "exec")?;
    assert!(message.contains("the remote process was stopped"), "{message}");
    assert!(sleepers_become(0, &nap, Duration::from_secs(3)), "it still runs on the server");
    Ok(())
}
