//! Commands that are spoken to: terminals, prompts with their replies, scripts.

use crate::job::{body, elevated, finishing, output, with};
use crate::shared_daemon;
use anyhow::Context;
use hostler_tests::Sshd;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn asked(sshd: &Sshd, command: &str, driver_args: Value) -> Value {
    with(body(sshd, command), |it| it["driver_args"] = driver_args)
}

#[test]
fn a_terminal_only_where_it_is_asked_for() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let with_it = output(&daemon, &asked(&sshd, "tty; echo err >&2", json!({"get_pty": true})))?;
    assert!(with_it.starts_with("/dev/pts/"), "{with_it}");
    assert!(with_it.contains("err"), "standard error is part of standard output in a terminal: {with_it}");
    let without = finishing(&daemon, &asked(&sshd, "tty", json!({"get_pty": false})))?;
    assert_eq!(without["results"][0]["stdout"], "not a tty\n");
    Ok(())
}

#[test]
fn each_prompt_is_answered_whenever_it_comes_and_no_output_is_lost() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let command = "printf 'Name: '; read a; printf 'Word: '; read b; printf 'Name: '; read c; \
                   echo \"got $a $b $c\"; seq 1 100000";
    let replies = json!({"Name: ": "one", "Word: ": "two"});
    let start = Instant::now();
    let text = output(&daemon, &asked(&sshd, command, json!({"expect_map": replies, "timeout": 60.0})))?;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert!(lines.iter().any(|line| line.ends_with("got one two one")), "{:?}", &lines[..5]);
    let numbers = lines[lines.len() - 100_000..].iter().zip(1..);
    assert!(numbers.into_iter().all(|(line, number)| *line == format!("{number}")), "all output is there, in order");
    Ok(())
}

#[test]
fn a_script_runs_whole_in_its_interpreter() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    // As a command it would be too long for a server.
    let long = format!("# {}\necho \"${{BASH_VERSION:+bash}} $V\"\npwd\nexit 3\n", "x".repeat(200_000));
    for (interpreter, expected) in [(Value::Null, "bash value\n/tmp\n"), ("sh".into(), " value\n/tmp\n")] {
        let script = json!({
            "script_content": long,
            "script_interpreter": interpreter,
            "working_directory": "/tmp",
            "environment": {"V": "value"}
        });
        let job = finishing(&daemon, &asked(&sshd, "", script))?;
        let result = &job["results"][0];
        let name = format!("script_execution_{}", interpreter.as_str().unwrap_or("bash"));
        assert_eq!((&result["command"], &result["stdout"]), (&json!(name), &json!(expected)));
        assert_eq!(result["exit_status"], 3, "{}", result["stderr"]);
    }
    Ok(())
}

#[test]
fn a_script_can_be_elevated() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let script = with(elevated(&sshd, ""), |it| it["driver_args"]["script_content"] = "id -un\nid -un\n".into());
    assert_eq!(output(&daemon, &script)?, "root\nroot\n");
    Ok(())
}

#[test]
fn a_command_starts_in_the_folder_that_is_asked_for() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let folder = "/tmp/it's a \"folder\" $HOME";
    let made = body(&sshd, r#"mkdir -p "/tmp/it's a \"folder\" \$HOME" && pwd"#);
    assert_eq!(output(&daemon, &made)?, "/home/admin\n");
    let there = asked(&sshd, "pwd; rmdir \"$PWD\"", json!({"working_directory": folder}));
    assert_eq!(output(&daemon, &there)?, format!("{folder}\n"));

    let missing = daemon.run(&asked(&sshd, "echo ran anyway", json!({"working_directory": "/no/such/folder"})))?;
    assert_ne!(missing["results"][0]["stdout"], "ran anyway\n", "it does not run elsewhere: {missing}");
    assert!(missing["results"][0]["exit_status"] != 0, "{missing}");
    assert!(missing.to_string().contains("/no/such/folder"), "{missing}");
    Ok(())
}

#[test]
fn a_line_that_fails_stops_the_next_ones_only_if_asked() -> anyhow::Result<()> {
    let (daemon, sshd) = (shared_daemon()?, Sshd::shared()?);
    let lines = json!(["echo one", "exit 4", "echo three", "echo four"]);
    let config = with(body(&sshd, Value::Null), |it| it["config"] = lines);
    let all = finishing(&daemon, &config)?;
    assert_eq!(all["results"].as_array().map(Vec::len), Some(4), "{all}");
    assert_eq!(all["results"][3]["stdout"], "four\n", "{all}");

    let stopping = with(config, |it| it["driver_args"] = json!({"stop_on_error": true}));
    let stopped = daemon.run(&stopping)?;
    let results = stopped["results"].as_array().context("a list")?;
    assert_eq!(results.len(), 2, "{stopped}");
    assert_eq!(results[1]["exit_status"], 4, "{stopped}");
    let told = format!("{} {}", stopped["warnings"], stopped["error"]);
    assert!(told.contains("exit 4") && told.contains("the 2 "), "it says where it stopped: {told}");
    Ok(())
}
