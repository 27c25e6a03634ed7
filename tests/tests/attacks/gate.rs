//! The list of everything that a driver can call: what acts on a server passes the gate, and a policy can stop it.

use super::{ASKS, audit, body};
use crate::SETUP;
use crate::hostile::whole;
use crate::job::{self, output, with};
use anyhow::Context;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};
use ureq::http::Method;

/// The interfaces whose functions could reach a server, or files of the daemon.
const INTERFACES: [&str; 6] = ["ssh", "detached", "shell", "sftp", "local-files", "transfer"];

/// Each of their functions: the kind of action that policies judge it as, and a path to call it with where it takes one.
const ACTS: [(&str, &str, &str); 27] = [
    ("ssh.connect", "connect", ""),
    ("ssh.run", "exec", ""),
    ("shell.open", "shell", ""),
    ("shell.write", "type", ""),
    ("shell.write-secret", "type", ""),
    ("sftp.stat", "list-folder", "folder"),
    ("sftp.list", "list-folder", "folder"),
    ("sftp.read", "read-file", "file"),
    ("sftp.write", "write-file", "file"),
    ("sftp.remove", "change-file", "file"),
    ("sftp.rename", "change-file", "file"),
    ("sftp.make-folder", "change-file", "made"),
    ("sftp.remove-folder", "change-file", "folder"),
    ("sftp.set-mode", "change-file", "file"),
    ("sftp.link-stat", "list-folder", "link"),
    ("sftp.read-link", "list-folder", "link"),
    ("sftp.symlink", "change-file", "made"),
    ("sftp.file.open", "read-file", "file"),
    ("sftp.file.stat", "list-folder", "file"),
    ("sftp.file.read", "read-file", "file"),
    ("sftp.file.write", "write-file", "file"),
    ("local-files.to-read", "read-local-file", ""),
    ("local-files.to-write", "write-local-file", ""),
    ("local-files.to-stage", "write-local-file", ""),
    ("transfer.upload", "write-file", "made"),
    ("transfer.download", "read-file", "file"),
    // The last one, because the daemon goes on to look at it.
    ("detached.launch", "detach", ""),
];

/// Or the reason why nobody needs to judge it.
const ACTS_NOT: [(&str, &str); 10] = [
    ("ssh.close", "it only ends what was allowed"),
    ("shell.close", "it only ends what was allowed"),
    ("shell.expect", "it shows what an allowed shell has sent already"),
    ("sftp.open", "it sends nothing before an operation is allowed"),
    ("sftp.close", "it only ends what was allowed"),
    ("sftp.file.close", "it only ends what was allowed"),
    ("local-files.staged", "it needs a file that came with the request: the tests of `host/plugins` have it denied"),
    ("local-files.path", "it tells what was allowed"),
    ("local-files.kind", "it tells what was allowed"),
    ("local-files.size", "it tells what was allowed"),
];

#[test]
fn every_function_is_listed() -> anyhow::Result<()> {
    let mut functions = Vec::new();
    for interface in INTERFACES {
        let text = fs::read_to_string(format!("{}/../wit/{interface}.wit", env!("CARGO_MANIFEST_DIR")))?;
        let mut place = interface.to_owned();
        for line in text.lines().map(str::trim) {
            // The second resource of an interface is named.
            if line == "resource file {" {
                place = format!("{interface}.file");
            }
            let Some((name, rest)) = line.split_once(':') else { continue };
            let rest = rest.trim_start();
            if rest.starts_with("func(") || rest.starts_with("static func(") {
                functions.push(format!("{place}.{}", name.trim_start_matches('%')));
            }
        }
        assert_eq!(text.matches("func(").count(), functions.iter().filter(|it| it.starts_with(interface)).count());
    }
    functions.sort();
    let acts = ACTS.iter().map(|(function, ..)| *function);
    let mut listed: Vec<_> = acts.chain(ACTS_NOT.iter().map(|(function, _)| *function)).collect();
    listed.sort_unstable();
    assert_eq!(functions, listed, "a new function needs a row");
    Ok(())
}

/// What sshd writes down before an action of a kind, and what the action adds.
fn reached(function: &str, kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        // What goes before it, and is no such action, has opened the channel: `open`, or a look at the source.
        _ if ["sftp.file.stat", "transfer.download"].contains(&function) => {
            (&["Connection from", "Accepted password", "session: subsystem"], &[])
        }
        "read-local-file" | "write-local-file" => (&[], &[]),
        "connect" => (&[], &["Connection from", "Accepted password"]),
        "exec" | "detach" => (&["Connection from", "Accepted password"], &["session: command"]),
        "shell" => (&["Connection from", "Accepted password"], &["session: shell"]),
        "type" => (&["Connection from", "Accepted password", "session: shell"], &[]),
        _ => (&["Connection from", "Accepted password"], &["session: subsystem"]),
    }
}

#[test]
fn what_a_policy_denies_never_reaches_the_server() -> anyhow::Result<()> {
    let sshd = Sshd::start(&["LogLevel=VERBOSE"])?;
    let attacker = whole("attacker", ASKS)?;
    let policy = whole("policy-script", &[])?;
    let plugins: &[(&str, &[u8])] = &[("attacker.wasm", &attacker), ("policy-script.wasm", &policy)];
    let start = |denied: &str| {
        let config = format!(
            "plugin.attacker.grants = {ASKS:?}\n[[policy]]\nplugin = \"policy-script\"\n[policy.settings]\n\
             authorize = {{ kind = \"{denied}\", deny = \"no\" }}"
        );
        Daemon::start(&Setup { config: &config, plugins, ..SETUP })
    };
    let nothing_denied = start("nothing")?;
    fs::write(nothing_denied.data().join("files/present"), "text")?;
    let prepare = || {
        let line = "rm -rf made folder file link; mkdir folder; echo text >file; chmod 600 file; ln -s file link";
        output(&nothing_denied, &on_one_connection(job::body(&sshd, line)))
    };
    let mut daemons = BTreeMap::new();
    for (function, kind, path) in ACTS {
        if !daemons.contains_key(kind) {
            let daemon = start(kind)?;
            fs::write(daemon.data().join("files/present"), "text")?;
            daemons.insert(kind, daemon);
        }
        let daemon = &daemons[kind];
        let call = if function == "detached.launch" {
            // What may be launched is said by the request, so the driver of every day does.
            with(job::body(&sshd, "true"), |it| it["detach"] = true.into())
        } else {
            with(body(&sshd, "call", "id"), |it| {
                it["driver_args"]["function"] = function.into();
                it["driver_args"]["path"] = path.into();
            })
        };
        let (before, added) = reached(function, kind);

        prepare()?;
        let (home, log) = (home(&sshd)?, log(&sshd, &nothing_denied)?);
        let job = carried_out(daemon, &call)?;
        let error = &job["error"];
        assert_eq!((&error["kind"], &error["phase"]), (&json!("denied"), &json!("policy")), "{function}: {job}");
        let entry = audit(daemon, &job)?.pop().with_context(|| format!("{function} is in no audit"))?;
        assert_eq!((&entry["event"], &entry["by"]), (&json!("denied"), &json!("policy-script")), "{function}: {entry}");
        assert_eq!(entry["action"], kind, "{function}: {entry}");
        assert_eq!(events(&sshd, &nothing_denied, log)?, before, "{function} was denied");
        assert_eq!(self::home(&sshd)?, home, "{function} was denied");

        let log = self::log(&sshd, &nothing_denied)?;
        let job = carried_out(&nothing_denied, &call)?;
        assert_eq!((&job["state"], &job["error"]), (&json!("finished"), &Value::Null), "{function}: {job}");
        assert_eq!(events(&sshd, &nothing_denied, log)?, [before, added].concat(), "{function} was allowed");
        // Of what is typed, the attacker has seen the echo; what it does comes later.
        if ["exec", "write-file", "change-file"].contains(&kind) {
            assert_ne!(self::home(&sshd)?, home, "{function} was allowed");
        }
    }
    Ok(())
}

/// The end of a job.
fn carried_out(daemon: &Daemon, call: &Value) -> anyhow::Result<Value> {
    let submitted = daemon.send(Method::POST, "/v1/jobs", &call.to_string())?;
    daemon.wait(submitted.body["id"].as_str().with_context(|| submitted.text.clone())?)
}

/// What lies in the home of the user, with content and permissions. What shells keep for themselves does not count.
fn home(sshd: &Sshd) -> anyhow::Result<BTreeMap<String, (u32, String)>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(sshd.home())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            let content = fs::read_to_string(entry.path()).unwrap_or_default();
            found.insert(name, (entry.metadata()?.permissions().mode(), content));
        }
    }
    Ok(found)
}

/// Bytes of sshd's log, once it has all that happened before: a job of another user is its last event.
fn log(sshd: &Sshd, daemon: &Daemon) -> anyhow::Result<usize> {
    let marks = |log: &str| log.matches("session: command for nosudo").count();
    let before = marks(&sshd.log()?);
    let mark = with(job::body(sshd, "true"), |it| it["connection_args"]["username"] = Sshd::NOSUDO.into());
    output(daemon, &on_one_connection(mark))?;
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let log = sshd.log()?;
        if marks(&log) > before {
            return Ok(log.len());
        }
        anyhow::ensure!(Instant::now() < end, "sshd did not write down a job:\n{log}");
        // Nobody tells that a file grows.
        thread::sleep(Duration::from_millis(20));
    }
}

/// What sshd wrote down since then of the user whom the attacker logs in as.
fn events(sshd: &Sshd, daemon: &Daemon, since: usize) -> anyhow::Result<Vec<&'static str>> {
    const EVENTS: [&str; 5] =
        ["Connection from", "Accepted password", "session: command", "session: shell", "session: subsystem"];
    let end = log(sshd, daemon)?;
    let log = sshd.log()?;
    let lines = log[since..end].lines().filter(|line| !line.contains(Sshd::NOSUDO));
    Ok(lines.filter_map(|line| EVENTS.into_iter().find(|event| line.contains(event))).collect())
}

/// A login for each such job would take most of the test's time.
fn on_one_connection(job: Value) -> Value {
    with(job, |it| it["options"] = json!({"queue_strategy": "pinned"}))
}
