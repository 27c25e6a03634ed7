//! Plugins in Python, compiled by componentize-py.

use super::{
    PATIENT, assert_exceptions, assert_look_says, assert_own_errors, assert_problems, build, first_plugin, trouble,
};
use crate::SETUP;
use crate::job::{body, failing, finishing, output, with};
use anyhow::Context;
use hostler_tests::{Daemon, Python, Setup, Shared, Sshd};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::sync::Arc;

const GRANTS: &str = r#"
    plugin.python-appliance.grants = ["connect", "shell", "pty", "secret-input"]
    plugin.trouble.grants = ["connect", "exec"]
    plugin.trouble.limits = { memory = 33554432, handles = 16 }
"#;
const POLICY: &str = "[[policy]]\nplugin = \"policy-trouble\"\nmay_amend = true\n";

/// More than a pool would take that counts on plugins in Rust.
const AT_ONCE: usize = 32;

/// Where componentize-py is found, before all else.
fn path() -> anyhow::Result<OsString> {
    let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/languages/python/requirements.txt");
    Ok(Python::with(env!("CARGO_TARGET_TMPDIR"), "componentize-py", requirements)?.path())
}

/// The daemon with the plugins of these tests, which they share: to compile them takes long.
fn daemon() -> anyhow::Result<Arc<Daemon>> {
    static SHARED: Shared<Daemon> = Shared::new();
    SHARED.get(|| {
        let path = path()?;
        let plugins = [
            ("python-appliance.wasm", build("examples/python-appliance", &path)?),
            ("trouble.wasm", build("tests/languages/python/driver", &path)?),
            ("policy-trouble.wasm", build("tests/languages/python/policy", &path)?),
        ];
        let plugins = plugins.each_ref().map(|(name, component)| (*name, component.as_slice()));
        let config = [PATIENT, GRANTS, POLICY].concat();
        Daemon::start(&Setup { config: &config, plugins: &plugins, ..SETUP })
    })
}

fn appliance(sshd: &Sshd, command: impl Into<Value>) -> Value {
    json!({
        "driver": "python-appliance",
        "connection_args": {
            "host": "127.0.0.1",
            "port": sshd.port(),
            "username": Sshd::APPLIANCE,
            "password": Sshd::PASSWORD,
            "host_key_policy": "auto_add"
        },
        "driver_args": {"timeout": 20, "enable_password": Sshd::ENABLE_PASSWORD},
        "command": command.into()
    })
}

#[test]
fn an_empty_folder_becomes_a_driver_and_a_policy() -> anyhow::Result<()> {
    let path = path()?;
    let driver = first_plugin("python", "driver", &path)?;
    assert!(driver.contains("Linux web1"), "{driver}");
    let policy = first_plugin("python", "policy", &path)?;
    assert!(policy.contains("Linux web1"), "{policy}");
    Ok(())
}

#[test]
fn the_example_speaks_to_a_switch() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::start(&[])?);
    let job = finishing(&daemon, &appliance(&sshd, json!(["show version", "show running-config", "show passwords"])))?;
    let results = &job["results"];
    assert_eq!(results[0]["stdout"], "Fake Switch Software, Version 7.1\nswitch uptime is 3 weeks\n");
    let configuration = results[1]["stdout"].as_str().context("text")?;
    assert_eq!(configuration.lines().count(), 64, "three pages become one text: {configuration}");
    assert!(!configuration.contains("More") && configuration.ends_with("vlan 10\nend\n"), "{configuration}");
    assert_eq!(results[2]["stdout"], "enable password ******\n", "the appliance itself shows it");

    let configuring = with(appliance(&sshd, Value::Null), |it| {
        it["config"] = json!(["hostname core-1.lab", "vlan 30"]);
        it["driver_args"]["save"] = true.into();
    });
    let job = finishing(&daemon, &configuring)?;
    assert_eq!(
        job["results"][0]["stdout"],
        "switch# configure terminal\nEnter configuration commands, one per line.\n\
         switch(config)# hostname core-1.lab\ncore-1.lab(config)# vlan 30\ncore-1.lab(config)# end\n"
    );
    assert_eq!(job["results"][1]["stdout"], "Building configuration...\n[OK]\n");
    let saved = fs::read_to_string(sshd.home_of(Sshd::APPLIANCE).join("startup-config"))?;
    assert!(saved.contains("hostname core-1.lab"), "{saved}");

    let rejected = failing(&daemon, &appliance(&sshd, json!(["shwo version"])), "command-rejected", "exec")?;
    assert!(rejected.contains("`shwo version`: % Invalid input"), "{rejected}");
    let wrong = with(appliance(&sshd, "show version"), |it| it["driver_args"]["enable_password"] = "another".into());
    let wrong = failing(&daemon, &wrong, "enable-refused", "exec")?;
    assert!(wrong.contains("check `driver_args.enable_password`"), "{wrong}");
    let line = daemon.execute(&appliance(&sshd, json!(["show version", "a\nb"])))?;
    assert_eq!(line.status, 400, "{}", line.text);
    assert!(line.text.contains("control characters"), "{}", line.text);
    Ok(())
}

#[test]
fn what_a_driver_raises_becomes_an_error() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    let exceptions = [
        ("exception", "RuntimeError: half a letter ?, and xxx"),
        ("unshowable", "Unshowable"),
        ("exit", "SystemExit: 3"),
        ("recursion", "RecursionError: maximum recursion depth exceeded"),
        ("wrong_type", "TypeError: `output` must be bytes or a str, not int"),
        ("wrong_number", "ValueError: `ms` must be from 0 to 4294967295, not -1"),
        ("wrong-item", "TypeError: `run` must be an int, not str"),
        ("time", "`time.time` does not work in a plugin: a driver asks `hostler_sdk.clock`"),
        ("random", "`random.choice` does not work in a plugin: a driver asks `hostler_sdk.random`"),
        ("by_name", "`random.choice` does not work in a plugin"),
        ("gauss", "`random.gauss` does not work in a plugin"),
        ("urandom", "`os.urandom` does not work in a plugin: a driver asks `hostler_sdk.random`"),
        ("open", "`builtins.open` does not work in a plugin: a driver moves files by `hostler_sdk.transfer`"),
        ("path", "`builtins.open` does not work in a plugin"),
        ("late_import", "`sqlite3` is imported too late: import it at the top of plugin.py"),
    ];
    assert_exceptions(&daemon, &sshd, &exceptions)?;
    assert_own_errors(&daemon, &sshd)?;
    failing(&daemon, &trouble(&sshd, "memory"), "limit", "plugin")?;
    failing(&daemon, &trouble(&sshd, "trap"), "trap", "plugin")?;
    let problems = [
        ("validate", "KeyError: 'not caught in validate'"),
        ("invalid", "There is too much of it."),
        ("wrong-path", "TypeError: `path` must be a list, not str"),
        ("wrong-code", "TypeError: `code` must be a str, not int"),
        ("no-answer", "`validate()` must be a hostler_sdk.driver.Normalised, not NoneType"),
    ];
    assert_problems(&daemon, &sshd, &problems)?;
    assert_look_says(&daemon, &sshd, "ValueError: not caught in connect")
}

#[test]
fn a_driver_has_what_the_daemon_lends() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    assert_eq!(finishing(&daemon, &trouble(&sshd, "lent"))?["results"][0]["stdout"], "(True, True, True, False)");
    assert_eq!(finishing(&daemon, &trouble(&sshd, "left_open"))?["results"][0]["stdout"], "left open\n");
    Ok(())
}

#[test]
fn many_jobs_run_at_once() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    // No server that others go to, for so many are the most that one gets; nobody goes there.
    let nap = with(trouble(&sshd, "nap"), |it| it["connection_args"]["port"] = 1.into());
    let mut jobs = Vec::new();
    for _ in 0..AT_ONCE {
        let submitted = daemon.execute(&nap)?;
        assert_eq!(submitted.status, 201, "{}", submitted.text);
        jobs.push(submitted.job()?.to_owned());
    }
    let (mut last_begun, mut first_ended) = (0_u64, u64::MAX);
    for job in &jobs {
        let job = daemon.wait(job)?;
        assert_eq!(job["state"], "finished", "{job}");
        let times = job["results"][0]["stdout"].as_str().and_then(|times| times.split_once(' '));
        let (begun, ended) = times.with_context(|| job.to_string())?;
        (last_begun, first_ended) = (last_begun.max(begun.parse()?), first_ended.min(ended.parse()?));
    }
    assert!(last_begun < first_ended, "the last began at {last_begun} ms, and the first had ended at {first_ended} ms");
    Ok(())
}

#[test]
fn a_policy_that_raises_denies() -> anyhow::Result<()> {
    let (daemon, sshd) = (daemon()?, Sshd::shared()?);
    assert_eq!(output(&daemon, &body(&sshd, "amended"))?, "better\n");
    for (command, sentence) in [
        ("review", "ValueError: not caught in review"),
        ("no-verdict", "`review()` must answer an Allow, a Deny or an Amend, not NoneType"),
    ] {
        let answer = daemon.execute(&body(&sshd, command))?;
        assert_eq!(answer.status, 403, "{}", answer.text);
        assert!(answer.text.contains(sentence), "{command}: {}", answer.text);
    }
    let raised = failing(&daemon, &body(&sshd, "echo authorize"), "denied", "policy")?;
    assert!(raised.contains("(exception)") && raised.contains("ValueError: not caught in authorize"), "{raised}");
    let denied = failing(&daemon, &body(&sshd, "echo forbidden"), "denied", "policy")?;
    assert!(denied.contains("(forbidden): Nobody may do that."), "{denied}");

    let component = fs::read(daemon.data().join("plugins/policy-trouble.wasm"))?;
    let config = [PATIENT, POLICY, "settings = { some = 1 }\n"].concat();
    let plugins: [(&str, &[u8]); 1] = [("policy-trouble.wasm", &component)];
    let started = Daemon::start(&Setup { config: &config, plugins: &plugins, ..SETUP });
    let log = format!("{:#}", started.err().context("it does not start with settings that the policy refuses")?);
    assert!(log.contains("The plugin failed, tell its author: ValueError: not caught in check_settings"), "{log}");
    assert!(log.contains(r"line 15, in Trouble.check_settings\nValueError"), "the traceback is logged: {log}");
    Ok(())
}
