//! What commands do: their output as it was, their ends as they were, and an end to those that take too long.

use crate::job::{body, failing, finishing, listed, output, with};
use crate::shared_daemon;
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostler_tests::{Sshd, sleepers_become, unique_nap};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn a_command_that_takes_too_long_is_stopped_with_all_that_it_started() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let nap = unique_nap();
    let late = with(body(&sshd, format!("echo begun; sleep {nap} & sleep {nap}")), |it| {
        it["driver_args"] = json!({"timeout": 1.0});
    });
    let start = Instant::now();
    let message = failing(&daemon, &late, "timeout", "exec")?;
    assert!(message.contains("the remote process was stopped"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(10), "the deadline was 1 s");
    assert!(sleepers_become(0, &nap, Duration::from_secs(3)), "it still runs on the server");
    Ok(())
}

#[test]
fn what_was_done_before_a_timeout_is_kept() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let late = with(body(&sshd, json!(["echo first", "echo begun; sleep 1000", "echo never"])), |it| {
        it["driver_args"] = json!({"timeout": 1.0});
    });
    let job = daemon.run(&late)?;
    assert_eq!((&job["state"], &job["error"]["kind"]), (&json!("failed"), &json!("timeout")), "{job}");
    let retval = &listed(&daemon, &job)?["result"]["retval"];
    assert_eq!(retval["echo first"], json!({"output": "first\n", "error": "", "exit_status": 0}));
    assert_eq!(retval["echo begun; sleep 1000"]["output"], "begun\n", "what it wrote until then is kept");
    assert_eq!(retval["echo begun; sleep 1000"]["exit_status"], -1, "it did not exit");
    assert_eq!(job["results"].as_array().map(Vec::len), Some(2), "{job}");
    Ok(())
}

#[test]
fn errors_alone_do_not_jam_a_command() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let job = finishing(&daemon, &body(&sshd, "head -c 6000000 /dev/zero | tr '\\0' e >&2; echo done"))?;
    let result = &job["results"][0];
    assert_eq!((&result["stdout"], &result["exit_status"]), (&json!("done\n"), &json!(0)));
    let omitted = result["stderr_omitted"].as_u64().context("6 MB are more than is kept")?;
    let kept = result["stderr"].as_str().context("text")?.bytes().filter(|byte| *byte == b'e').count() as u64;
    // The line about the omission has letters of its own.
    assert!((6_000_000..6_000_010).contains(&(kept + omitted)), "{kept} kept, {omitted} omitted");
    Ok(())
}

#[test]
fn of_long_output_head_and_tail_are_kept() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let job = finishing(&daemon, &body(&sshd, "seq 1 300000"))?;
    let result = &job["results"][0];
    let text = result["stdout"].as_str().context("text")?;
    assert!(text.starts_with("1\n2\n3\n"), "{}", &text[..20]);
    assert!(text.ends_with("\n299999\n300000\n"), "{}", &text[text.len() - 20..]);
    let omitted = &result["stdout_omitted"];
    assert!(omitted.as_u64() > Some(0), "{omitted}");
    assert!(text.contains(&format!("\n[{omitted} bytes omitted]\n")), "the cut is told where it was made");
    assert_eq!(result["stdout_omitted_at"], 1 << 19);
    Ok(())
}

#[test]
fn bytes_that_are_no_text_arrive_as_they_are() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let job = finishing(&daemon, &body(&sshd, r"printf '\377\000a'; printf '\200' >&2"))?;
    let result = &job["results"][0];
    assert_eq!(result["stdout_base64"], STANDARD.encode(b"\xff\0a"));
    assert_eq!(result["stderr_base64"], STANDARD.encode(b"\x80"));
    assert_eq!(result["stdout"], "\u{fffd}\0a");
    Ok(())
}

#[test]
fn ends_are_told_as_they_were() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let job = finishing(&daemon, &body(&sshd, json!(["exit 42", "kill -TERM $$", "no-such-program"])))?;
    let retval = &listed(&daemon, &job)?["result"]["retval"];
    assert_eq!(job["results"][0]["exit_status"], 42);
    assert_eq!(job["results"][1]["exit_signal"], "TERM", "{job}");
    assert_eq!(job["results"][1]["exit_status"], Value::Null);
    assert_eq!(retval["kill -TERM $$"]["exit_status"], -1);
    assert_eq!(retval["no-such-program"]["exit_status"], 127);
    assert!(retval["no-such-program"]["error"].as_str().context("text")?.contains("not found"));
    Ok(())
}

#[test]
fn nothing_waits_for_input_or_for_children_in_the_background() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let start = Instant::now();
    let job = finishing(&daemon, &body(&sshd, json!(["cat", "sleep 600 & echo parent"])))?;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!((&job["results"][0]["stdout"], &job["results"][0]["exit_status"]), (&json!(""), &json!(0)));
    assert_eq!((&job["results"][1]["stdout"], &job["results"][1]["exit_status"]), (&json!("parent\n"), &json!(0)));
    Ok(())
}

#[test]
fn a_line_is_one_script_with_what_shells_know() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let script = "for n in 1 2; do\n  echo \"it's $n\"\ndone | tac # ünïcode";
    assert_eq!(output(&daemon, &body(&sshd, script))?, "it's 2\nit's 1\n");
    Ok(())
}

#[test]
fn a_script_is_not_read_from_a_terminal() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    for args in [json!({"get_pty": true}), json!({"expect_map": {"Name: ": "me"}})] {
        let script = with(body(&sshd, ""), |it| {
            it["driver_args"] = args;
            it["driver_args"]["script_content"] = "id".into();
        });
        let refused = daemon.execute(&script)?;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains("A script cannot be read from a terminal"), "{}", refused.text);
    }
    Ok(())
}

#[test]
fn a_password_that_must_be_changed_is_told() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let asked = with(body(&sshd, "echo it ran"), |it| it["connection_args"]["username"] = Sshd::EXPIRED.into());
    let start = Instant::now();
    let job = daemon.run(&asked)?;
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(!job["results"][0]["stdout"].to_string().contains("it ran"), "{job}");
    assert!(job["results"][0]["exit_status"] != 0, "{job}");
    assert!(job.to_string().to_lowercase().contains("expired"), "{job}");
    Ok(())
}
