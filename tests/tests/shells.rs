//! What a driver can do with interactive sessions, and what it cannot.

use crate::SETUP;
use crate::hostile::whole;
use crate::job::with;
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};

const GRANTS: &str = r#"plugin.speaks.grants = ["connect", "shell", "pty", "secret-input"]"#;

fn daemon(config: &str) -> anyhow::Result<Daemon> {
    let driver = whole("speaks", &["connect", "shell", "pty", "secret-input"])?;
    let policy = whole("policy-listens", &[])?;
    let plugins: &[(&str, &[u8])] = &[("speaks.wasm", &driver), ("policy-listens.wasm", &policy)];
    Daemon::start(&Setup { config, plugins, ..SETUP })
}

fn body(sshd: &Sshd, lines: &[&str]) -> Value {
    json!({
        "driver": "speaks",
        "connection_args": {
            "host": "127.0.0.1",
            "port": sshd.port(),
            "username": Sshd::USER,
            "password": Sshd::PASSWORD
        },
        "driver_args": {"word": "a-word-to-type", "forbidden": "a-word-that-is-never-typed"},
        "command": lines
    })
}

/// What came of each line.
fn outcomes(job: &Value) -> anyhow::Result<Vec<String>> {
    let results = job["results"].as_array().with_context(|| job.to_string())?;
    results.iter().map(|result| Ok(result["stdout"].as_str().context("text")?.to_owned())).collect()
}

fn speak(daemon: &Daemon, sshd: &Sshd, lines: &[&str]) -> anyhow::Result<Vec<String>> {
    let job = daemon.run(&body(sshd, lines))?;
    assert_eq!(job["error"], Value::Null, "{job}");
    outcomes(&job)
}

#[test]
fn a_conversation() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon(GRANTS)?, Sshd::shared()?);
    let lines = [
        "open xterm",
        "expect [$] $",
        "type stty -echo; PS1=; echo $TERM $((6 * 7)); stty size; tty",
        "expect xterm 42\\s+24 80\\s+/dev/pts/\\d+",
        "type read word; echo \"got $word\" | tr a-z A-Z",
        "type-secret driver_args.word",
        "type ",
        "expect gOT or GOT A-WORD-TO-TYPE or TYPE",
        "type echo a-word-to-type",
        "expect a-word-to-type or \\*{6}",
        "type exit 3",
        "expect more",
        "type more",
        "close",
        "close",
        "type more",
    ];
    let outcomes = speak(&daemon, &sshd, &lines)?;
    assert!(outcomes[3].starts_with("found 0 \"xterm 42"), "{outcomes:#?}");
    assert_eq!(outcomes[7], r#"found 1 "GOT A-WORD-TO-TYPE""#, "a secret is typed as it is");
    assert_eq!(outcomes[9], r#"found 1 "******""#, "but never found, for it is cut out before");
    assert!(outcomes[11].starts_with("closed the server ended the shell with status 3; "), "{outcomes:#?}");
    assert!(outcomes[12].starts_with("closed "), "{outcomes:#?}");
    assert_eq!(outcomes[13..15], ["done", "done"], "closing twice is no error");
    assert!(outcomes[15].starts_with("invalid-request the shell is closed"), "{outcomes:#?}");
    Ok(())
}

#[test]
fn what_cannot_be_judged_or_searched_is_refused() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon(GRANTS)?, Sshd::shared()?);
    let lines = [
        "open vt100 ; reboot",
        "open",
        "type-bytes",
        "type-secret driver_args.word",
        "expect (never closed",
        "glance (a{1000}){1000}",
        "glance no such text",
    ];
    let two_lines = with(body(&sshd, &lines), |it| it["driver_args"]["word"] = "two\nlines".into());
    let job = daemon.run(&two_lines)?;
    let outcomes = outcomes(&job)?;
    for (outcome, beginning) in outcomes.iter().zip([
        "invalid-request \"vt100 ; reboot\" names no terminal",
        "done",
        "invalid-request only UTF-8",
        "invalid-request driver_args.word holds control characters",
        "invalid-request the pattern \"(never closed\" cannot be used: unclosed group",
        "invalid-request the pattern",
        "timeout the shell did not show what was waited for within 0.3 s; ",
    ]) {
        assert!(outcome.starts_with(beginning), "{outcome}");
    }
    Ok(())
}

#[test]
fn policies_hear_all_that_is_typed_and_no_secret() -> anyhow::Result<()> {
    let config = format!("{GRANTS}\n[[policy]]\nplugin = \"policy-listens\"");
    let (daemon, sshd) = (daemon(&config)?, Sshd::shared()?);
    let lines = ["open", "type echo forbidden > ran", "type-secret driver_args.forbidden", "type echo typed >ran"];
    let outcomes = speak(&daemon, &sshd, &[&lines[..], &["type exit", "expect never shown"]].concat())?;
    assert!(outcomes[1].starts_with("denied "), "{outcomes:#?}");
    assert!(outcomes[1].contains(r#"It heard type {"text":"echo forbidden > ran\n"}."#), "{outcomes:#?}");
    assert!(outcomes[2].contains(r#"It heard type {"secret":"driver_args.forbidden"}."#), "{outcomes:#?}");
    assert!(outcomes[5].starts_with("closed "), "{outcomes:#?}");
    assert_eq!(std::fs::read_to_string(sshd.home().join("ran"))?, "typed\n", "what was denied was not typed");
    Ok(())
}

#[test]
fn shells_and_results_are_limited() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    // The connection is one of them.
    let config = format!("{GRANTS}\nplugin.speaks.limits = {{ sessions = 3, runs = 9, output = 2000 }}");
    let daemon = daemon(&config)?;
    let flood = "type seq 100000";
    let lines = ["open", "open", "open", "close", "open", flood, "expect no such text", "hang-up", "glance x{5000}"];
    let job = daemon.run(&body(&sshd, &[&lines[..], &["open"]].concat()))?;
    let outcomes = outcomes(&job)?;
    assert_eq!(outcomes[..2], ["done", "done"]);
    assert!(outcomes[2].starts_with("limit no more than 3 sessions"), "{outcomes:#?}");
    assert_eq!(outcomes[3..5], ["done", "done"], "closing one makes room");
    assert!(outcomes[6].starts_with("limit the shell shows more than is kept"), "{outcomes:#?}");
    assert!(outcomes[8].starts_with("limit"), "{outcomes:#?}");
    assert_eq!((outcomes.len(), &job["error"]["kind"]), (9, &json!("limit")), "there is no tenth result: {job}");
    Ok(())
}
