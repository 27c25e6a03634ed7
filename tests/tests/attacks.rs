//! A driver and a policy that try everything: each attack gets an error of its own, and other jobs do not notice.

mod files;
mod gate;
mod manifests;
mod shells;

use crate::SETUP;
use crate::hostile::{guest, manifest, whole};
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::thread;

/// The attacker may run three commands at one server, and little more.
const CONFIG: &str = r#"
    [plugin.attacker]
    limits = { cpu_ms = 1000, memory = 16777216, runs = 20 }
    grants = [
        { capability = "connect", hosts = ["127.0.0.1"] },
        { capability = "exec", commands = ["id", "true", "echo *"] },
        { capability = "shell", hosts = ["elsewhere.example"] },
        { capability = "remote-files", hosts = ["elsewhere.example"] },
        { capability = "local-files", paths = ["/elsewhere/**"] },
    ]
"#;

/// It may open sessions too, type a secret, and change the files of a folder.
const OPEN: &str = r#"
    [plugin.attacker]
    limits = { runs = 20 }
    grants = [
        "connect", "shell", "pty",
        { capability = "exec", commands = ["id", "true", "echo *"] },
        { capability = "secret-input", secrets = ["driver_args.pin"] },
        { capability = "remote-files", paths = ["/home/admin/granted/**"], max_size = 1000 },
        { capability = "remote-files", paths = ["/etc/**"], access = "read" },
        "local-files",
    ]
"#;

/// What its manifest asks for.
pub(crate) const ASKS: &[&str] =
    &["connect", "exec", "elevation", "stdin", "pty", "shell", "secret-input", "remote-files", "local-files"];

/// A daemon that calls the attacker again, however often it failed.
fn attacked(config: &str) -> anyhow::Result<Daemon> {
    let attacker = whole("attacker", ASKS)?;
    let config = &format!("plugins.breaker.failures = 0\n{config}");
    Daemon::start(&Setup { config, plugins: &[("attacker.wasm", &attacker)], ..SETUP })
}

fn body(sshd: &Sshd, attack: &str, command: &str) -> Value {
    json!({
        "driver": "attacker",
        "connection_args": {
            "host": "127.0.0.1", "port": sshd.port(), "username": Sshd::USER, "password": Sshd::PASSWORD,
            "proxy_password": "of-a-jump-host", "pkey": "no key at all",
        },
        "driver_args": {"attack": attack, "pin": "0123456789"},
        "command": command,
    })
}

/// That the daemon still does its work for others.
fn serves(daemon: &Daemon, sshd: &Sshd) -> anyhow::Result<()> {
    let (port, user, password) = (sshd.port(), Sshd::USER, Sshd::PASSWORD);
    let target = json!({"host": "127.0.0.1", "port": port, "username": user, "password": password});
    let job = daemon.run(&json!({"driver": "paramiko", "connection_args": target, "command": "echo served"}))?;
    assert_eq!(job["results"][0]["stdout"], "served\n", "{job}");
    Ok(())
}

/// What was decided about a job, newest first.
fn audit(daemon: &Daemon, job: &Value) -> anyhow::Result<Vec<Value>> {
    let id = job["id"].as_str().context("a job has an id")?;
    let answer = daemon.get(&format!("/v1/audit?job={id}"))?;
    let lines = answer.body["audit"].as_array().with_context(|| answer.text.clone())?;
    let deed = |line: &&Value| ["submitted", "executed", "ended"].iter().any(|event| line["event"] == *event);
    Ok(lines.iter().filter(|line| !deed(line)).cloned().collect())
}

#[test]
fn while_it_validates() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(CONFIG)?, Sshd::shared()?);
    for (attack, status, kind) in [
        ("validate-loop", 502, "limit"),
        ("validate-allocate", 502, "limit"),
        ("validate-recurse", 502, "trap"),
        ("validate-trap", 502, "trap"),
        ("validate-not-json", 502, "invalid-output"),
        ("validate-list", 502, "invalid-output"),
        ("validate-no-host", 502, "invalid-output"),
        ("validate-no-port", 502, "invalid-output"),
        ("validate-no-hop", 502, "invalid-output"),
        ("validate-warnings", 502, "limit"),
        ("validate-problems", 502, "limit"),
        ("validate-elsewhere", 502, "invalid-output"),
    ] {
        let refused = daemon.execute(&body(&sshd, attack, "id"))?;
        assert_eq!(
            (refused.status, &refused.body["data"]["kind"]),
            (status, &json!(kind)),
            "{attack}: {}",
            refused.text
        );
    }
    for attack in ["validate-secret", "validate-connect"] {
        let refused = daemon.execute(&body(&sshd, attack, "id"))?;
        assert_eq!(refused.status, 400, "{attack}: {}", refused.text);
        assert!(refused.text.contains("denied"), "{attack}: {}", refused.text);
    }
    serves(&daemon, &sshd)
}

#[test]
fn while_it_works() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(CONFIG)?, Sshd::shared()?);
    for (attack, kind, phase) in [
        ("loop", "limit", "plugin"),
        ("allocate", "limit", "plugin"),
        ("recurse", "trap", "plugin"),
        ("trap", "trap", "plugin"),
        ("call-flood", "limit", "plugin"),
        ("missing-run", "invalid-output", "plugin"),
        ("one-run-twice", "invalid-output", "plugin"),
        ("many-items", "limit", "plugin"),
        ("long-error", "limit", "plugin"),
        ("odd-error", "invalid-output", "plugin"),
        ("long-log", "limit", "plugin"),
        ("many-sessions", "limit", "connect"),
        ("many-methods", "limit", "plugin"),
        ("many-runs", "limit", "exec"),
        ("password-as-key", "denied", "plugin"),
        ("pin-as-password", "denied", "plugin"),
        ("jump-password-here", "denied", "plugin"),
        ("key-as-password", "denied", "plugin"),
        ("pin-for-sudo", "denied", "plugin"),
        ("forged-session", "invalid-output", "plugin"),
        ("secret-as-session", "invalid-output", "plugin"),
        ("closed-session", "invalid-request", "exec"),
        ("odd-policy", "invalid-request", "host-key"),
        ("odd-variable", "invalid-request", "exec"),
        ("odd-folder", "invalid-request", "exec"),
        ("stdin", "denied", "policy"),
        ("answers", "denied", "policy"),
        ("pty", "denied", "policy"),
        ("elevate", "denied", "policy"),
        ("open-shell", "denied", "policy"),
    ] {
        let job = daemon.run(&body(&sshd, attack, "id"))?;
        let error = &job["error"];
        assert_eq!((&error["kind"], &error["phase"]), (&json!(kind), &json!(phase)), "{attack}: {job}");
        if phase == "policy" {
            let entry = audit(&daemon, &job)?.pop().with_context(|| format!("{attack} is in no audit"))?;
            assert_eq!((&entry["event"], &entry["by"]), (&json!("denied"), &json!("grants")), "{attack}: {entry}");
            let rule = entry["rule"].as_str().context("a rule")?;
            assert!(error["message"].as_str().context("a sentence")?.contains(rule), "{attack}: {entry} {job}");
        }
    }
    serves(&daemon, &sshd)
}

#[test]
fn floods_are_cut_and_do_not_end_the_job() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(CONFIG)?, Sshd::shared()?);
    for attack in ["log-flood", "tell-flood", "tell-nothing", "denied-again-and-again"] {
        let job = daemon.run(&body(&sshd, attack, "id"))?;
        assert_eq!(job["state"], "finished", "{attack}: {job}");
        assert!(job["warnings"].to_string().len() < 80 << 10, "{attack}");
        assert!(job["warnings"].as_array().context("a list")?.len() <= 1024, "{attack}");
        let audit = audit(&daemon, &job)?;
        if attack == "denied-again-and-again" {
            assert_eq!((audit.len(), &audit[20]["event"]), (121, &json!("more")), "{}", audit[20]);
            assert!(audit[20]["reason"].as_str().context("text")?.contains("880"), "{}", audit[20]);
            assert_eq!(audit[0]["event"], "denied", "the last ones are written down, too: {}", audit[0]);
        }
    }
    let plugins = daemon.get("/v1/plugins")?.body;
    let attacker = plugins["plugins"].as_array().context("a list")?.iter().find(|plugin| plugin["name"] == "attacker");
    assert_eq!(attacker.context("it is listed")?["usage"]["denials"], 1000);
    serves(&daemon, &sshd)
}

/// What the host does at once is the guest's time, and ends its turn.
#[test]
fn who_calls_the_host_without_end_holds_up_nobody() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(CONFIG)?, Sshd::shared()?);
    let attacks = 2 * thread::available_parallelism()?.get();
    let submit = |_| Ok(daemon.execute(&body(&sshd, "log-without-end", "id"))?.job()?.to_owned());
    let ids = (0..attacks).map(submit).collect::<anyhow::Result<Vec<_>>>()?;
    serves(&daemon, &sshd)?;
    for id in ids {
        let job = daemon.wait(&id)?;
        assert_eq!(job["error"]["kind"], "limit", "{job}");
        assert!(job["error"]["message"].as_str().context("text")?.contains("CPU"), "{job}");
    }
    Ok(())
}

#[test]
fn of_commands_no_more_is_kept_than_of_output() -> anyhow::Result<()> {
    let config = CONFIG.replace("runs = 20", "runs = 20, job_output = 100000");
    let (daemon, sshd) = (attacked(&config)?, Sshd::shared()?);
    let job = daemon.run(&body(&sshd, "kept-commands", "id"))?;
    let commands: Vec<_> = job["results"].as_array().context("a list")?.iter().map(|run| &run["command"]).collect();
    let kept: usize = commands.iter().filter_map(|command| command.as_str()).map(str::len).sum();
    assert!(commands.len() == 10 && (100_000..100_030).contains(&kept), "{kept} bytes of {}", commands.len());
    assert_eq!(commands[9], "…", "it is said where it was cut");
    Ok(())
}

#[test]
fn what_is_too_large_to_be_judged_is_denied_and_no_policy_is_blamed() -> anyhow::Result<()> {
    let (attacker, policy) = (whole("attacker", ASKS)?, whole("policy-script", &[])?);
    let config = format!("{CONFIG}\n[[policy]]\nplugin = \"policy-script\"\n[policy.settings]\n");
    let plugins: &[(&str, &[u8])] = &[("attacker.wasm", &attacker), ("policy-script.wasm", &policy)];
    let (daemon, sshd) = (Daemon::start(&Setup { config: &config, plugins, ..SETUP })?, Sshd::shared()?);
    for attack in ["large-command", "large-details"].repeat(6) {
        let job = daemon.run(&body(&sshd, attack, "id"))?;
        let error = &job["error"];
        assert_eq!((&error["kind"], &error["phase"]), (&json!("limit"), &json!("policy")), "{attack}: {error}");
        let entry = audit(&daemon, &job)?.pop().with_context(|| format!("{attack} is in no audit"))?;
        let expected = (&json!("denied"), &json!("host"), &json!("action-size"));
        assert_eq!((&entry["event"], &entry["by"], &entry["rule"]), expected, "{attack}: {entry}");
    }
    for plugin in ["attacker", "policy-script"] {
        let breaker = &daemon.get(&format!("/v1/plugins/{plugin}"))?.body["breaker"];
        assert_eq!(breaker["state"], "closed", "{plugin}: {breaker}");
    }
    serves(&daemon, &sshd)
}

#[test]
fn commands_in_disguise_are_not_taken_for_those_that_are_granted() -> anyhow::Result<()> {
    let (daemon, sshd) = (attacked(CONFIG)?, Sshd::shared()?);
    for (command, granted) in [
        ("id", true),
        ("i''d", true),
        ("/usr/bin/id", true),
        ("echo a && id; echo b", true),
        ("echo 'a;b'", true),
        ("id; touch x", false),
        ("id && touch x", false),
        ("id | sh", false),
        ("id || touch x", false),
        ("id & touch x", false),
        ("id\ntouch x", false),
        ("echo $(touch x)", false),
        ("echo `touch x`", false),
        ("echo \"$(touch x)\"", false),
        ("echo hi > x", false),
        ("echo hi >> x", false),
        ("id < x", false),
        ("\\id", false),
        ("./id", false),
        ("/tmp/id", false),
        ("/usr/bin/../../tmp/id", false),
        ("PATH=/tmp id", false),
        ("(id)", false),
        ("{ id; }", false),
        ("! id", false),
        ("echo ~root", false),
        ("echo *", false),
        ("echo ${IFS}", false),
        ("id # touch", false),
        ("id\r", false),
        ("echo cm0gLXJmIC8K | base64 -d | sh", false),
        ("echo 'unfinished", false),
        ("ID", false),
        ("touch id", false),
        ("sudo id", false),
        ("env id", false),
        ("exec id", false),
        ("id\u{a0}", false),
    ] {
        let job = daemon.run(&body(&sshd, "run", command))?;
        let denied = job["error"]["kind"] == "denied";
        assert_eq!(denied, !granted, "{command:?}: {job}");
    }
    assert!(!sshd.home().join("x").exists(), "nothing was done");
    serves(&daemon, &sshd)
}

/// A daemon whose only policy follows a script.
fn scripted(mode: &str, settings: &str) -> anyhow::Result<Daemon> {
    let policy = whole("policy-script", &[])?;
    let config = format!(
        "plugins.policy_limits.cpu_ms = 100\n[[policy]]\nplugin = \"policy-script\"\n{mode}\n[policy.settings]\n{settings}"
    );
    Daemon::start(&Setup { config: &config, plugins: &[("policy-script.wasm", &policy)], ..SETUP })
}

fn harmless(sshd: &Sshd) -> Value {
    let (port, user, password) = (sshd.port(), Sshd::USER, Sshd::PASSWORD);
    let target = json!({"host": "127.0.0.1", "port": port, "username": user, "password": password});
    json!({"driver": "paramiko", "connection_args": target, "command": "echo served"})
}

#[test]
fn policies_that_break_while_they_review_let_nothing_pass() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    let amend = |patch: &str| format!("review = {{ amend = '{patch}' }}");
    let may = "may_amend = true";
    for (mode, settings, status, kind) in [
        ("", "review = \"loop\"", 502, "limit"),
        ("", "review = \"allocate\"", 502, "limit"),
        ("", "review = \"recurse\"", 502, "trap"),
        ("", "review = \"trap\"", 502, "trap"),
        ("", "review = { deny = \"no\" }", 403, "denied"),
        ("", &amend(r#"[{"op":"add","path":"/driver_args/timeout","value":5}]"#), 502, "invalid-output"),
        (may, &amend(r#"[{"op":"add","path":"/driver_args/timeout","value":5}]"#), 502, "invalid-output"),
        (may, &amend(r#"[{"op":"add","path":"/connection_args/password","value":"mine"}]"#), 502, "invalid-output"),
        (
            may,
            &amend(r#"[{"op":"replace","path":"/connection_args/host","value":"192.0.2.66"}]"#),
            502,
            "invalid-output",
        ),
        (may, &amend(r#"[{"op":"replace","path":"/command","value":7}]"#), 502, "invalid-output"),
        (may, &amend(r#"[{"op":"copy","from":"/command","path":"/config"}]"#), 502, "invalid-output"),
        (may, &amend(r#"[{"op":"replace","path":"","value":{}}]"#), 502, "invalid-output"),
        (may, &amend(r#"[{"op":"add","path":"/driver_args/timeout","value":"soon"}]"#), 502, "invalid-output"),
        (may, &amend("nonsense"), 502, "invalid-output"),
    ] {
        let daemon = scripted(mode, settings)?;
        let refused = daemon.execute(&harmless(&sshd))?;
        let data = &refused.body["data"];
        assert_eq!((refused.status, &data["kind"]), (status, &json!(kind)), "{mode} {settings}: {}", refused.text);
        assert_eq!(data["phase"], "policy", "{mode} {settings}: {}", refused.text);
        let audit = daemon.get("/v1/audit")?;
        let events: Vec<_> =
            audit.body["audit"].as_array().context("a list")?.iter().map(|entry| &entry["event"]).collect();
        assert!(events.contains(&&json!("denied")), "{mode} {settings}: {}", audit.text);
        assert_eq!(daemon.get("/job")?.body["data"], json!([]), "no job passed it");
    }
    Ok(())
}

#[test]
fn policies_that_break_while_they_authorize_let_nothing_happen() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    for (settings, kind) in [
        ("authorize = \"loop\"", "limit"),
        ("authorize = \"allocate\"", "limit"),
        ("authorize = \"recurse\"", "trap"),
        ("authorize = \"trap\"", "trap"),
        ("authorize = { kind = \"connect\", deny = \"no\" }", "denied"),
        ("authorize = { kind = \"exec\", deny = \"no\" }", "denied"),
    ] {
        let daemon = scripted("", settings)?;
        let job = daemon.run(&harmless(&sshd))?;
        let error = &job["error"];
        assert_eq!((&error["kind"], &error["phase"]), (&json!(kind), &json!("policy")), "{settings}: {job}");
        assert_eq!(job["results"], json!([]), "{settings}: {job}");
        assert_eq!(audit(&daemon, &job)?[0]["by"], "policy-script", "{settings}");
    }
    Ok(())
}

#[test]
fn a_policy_that_only_monitors_is_heard_and_not_obeyed() -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    for (settings, event) in [
        ("review = { deny = \"no\" }", "would-deny"),
        ("review = \"trap\"", "would-deny"),
        ("authorize = \"trap\"", "would-deny"),
        ("authorize = { kind = \"exec\", deny = \"no\" }", "would-deny"),
        (r#"review = { amend = '[{"op":"add","path":"/driver_args/timeout","value":5}]' }"#, "would-amend"),
    ] {
        let daemon = scripted("mode = \"monitor\"\nmay_amend = true", settings)?;
        let job = daemon.run(&harmless(&sshd))?;
        assert_eq!(job["results"][0]["stdout"], "served\n", "{settings}: {job}");
        assert_eq!(audit(&daemon, &job)?[0]["event"], event, "{settings}");
    }
    Ok(())
}

#[test]
fn manifests_that_lie_are_found_out() -> anyhow::Result<()> {
    let wasm = guest("attacker")?;
    let honest = |name: &str| manifest("attacker", ASKS).replace("\"attacker\"", &format!("{name:?}"));
    let lies = [
        ("no-manifest", String::new(), "missing field `name`"),
        ("other-name", manifest("attacker", ASKS), "its file is called other-name.wasm"),
        ("its-own-name", honest("its-own-name"), "it calls itself attacker"),
        ("other-world", honest("other-world").replace("\"driver\"", "\"policy\""), "does not export"),
        ("other-api", honest("other-api").replace("\"0.1\"", "\"7.0\""), "this daemon offers 0.1"),
        ("asks-nothing", manifest("asks-nothing", &[]), "does not ask for"),
        (
            "asks-too-much",
            manifest("asks-too-much", &["connect", "shell", "remote-files", "local-files", "wasi"]),
            "take the request out",
        ),
        ("no-reason", honest("no-reason").replace("It is a test.", ""), "gives no reason"),
        ("unknown-key", format!("power = 1\n{}", honest("unknown-key")), "power"),
        ("unknown-power", manifest("unknown-power", &["everything"]), "everything"),
        ("too-large", format!("{}[limits]\nmemory = 99999999999\n", honest("too-large")), "the operator allows"),
        ("not-toml", "{}".to_owned(), "manifest"),
    ];
    let files: Vec<(String, &[u8])> = lies
        .iter()
        .flat_map(|(name, text, _)| {
            [(format!("{name}.wasm"), wasm.as_slice()), (format!("{name}.toml"), text.as_bytes())]
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (name.as_str(), *content)).collect();
    // All are granted what they could want, so that it is the lie that keeps them out.
    let config = lies.each_ref().map(|(name, ..)| format!("plugin.{name}.grants = {ASKS:?}\n")).concat();
    let daemon = Daemon::start(&Setup { config: &config, plugins: &files, ..SETUP })?;
    let listed = daemon.get("/v1/plugins")?;
    for (name, _, reason) in lies {
        let mut plugins = listed.body["plugins"].as_array().context("a list")?.iter();
        let plugin = plugins.find(|plugin| plugin["name"] == name).with_context(|| format!("{name} is not listed"))?;
        let error = plugin["error"].as_str().with_context(|| format!("{name} was loaded: {plugin}"))?;
        assert!(error.contains(reason), "{name}: {error}");
    }
    Ok(())
}
