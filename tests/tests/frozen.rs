//! Plugin API 0.1 is frozen: what was compiled against it still loads, and carries out a job, in the daemon of today.
//!
//! The components lie in `fixtures/api-0.1/components` and are never made again: `UPDATE_FIXTURES=1` adds what is missing there and
//! touches nothing else. What today's sources make does the same jobs.

use crate::SETUP;
use crate::attacks::ASKS;
use crate::hostile::{embedded, guest, not_loaded, whole};
use crate::job::{body, finishing, with};
use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hostler_tests::{Daemon, Setup, Sshd};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use ureq::http::Method;

/// What is kept, and what today's sources make with Rust alone: a job of each is below.
const IN_RUST: [&str; 6] = ["appliance", "attacker", "policy-script", "table-driver", "waits", "wasi-guest"];

/// What is kept of other languages. `languages` tries what is made of their sources today.
const IN_OTHERS: [&str; 2] = ["change-tickets", "python-appliance"];

/// All that they ask for; what would change a file is denied.
const CONFIG: &str = r#"
    [plugin.appliance]
    grants = ["connect", "shell", "pty", "secret-input"]
    [plugin.attacker]
    grants = ["connect", "exec", "shell", "remote-files", "local-files"]
    [plugin.table-driver]
    grants = ["connect", { capability = "exec", commands = ["df *"] }]
    [plugin.wasi-guest]
    grants = ["connect", { capability = "exec", commands = ["date *"] }, "wasi"]
    [[policy]]
    plugin = "policy-script"
    [policy.settings]
    authorize = { kind = "change-file", deny = "It was frozen." }
"#;

/// To compile other languages' runtimes takes long where the compiler was compiled without optimisation.
const PYTHON: &str = r#"
    plugins.compile_time = 3600
    [plugin.python-appliance]
    grants = ["connect", "shell", "pty", "secret-input"]
"#;
const JAVASCRIPT: &str = r#"
    plugins.compile_time = 3600
    [[policy]]
    plugin = "change-tickets"
    may_amend = true
    [policy.settings]
    longest_timeout = 30
    [[policy.settings.rules]]
    hosts = ["127.0.0.*"]
    users = ["USER"]
    commands = ["echo *"]
"#;

fn kept(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/api-0.1/components").join(format!("{name}.wasm.gz"))
}

/// A component as it was compiled when the API was frozen.
fn fixture(name: &str) -> anyhow::Result<Vec<u8>> {
    let (path, mut component) = (kept(name), Vec::new());
    let file = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    GzDecoder::new(file).read_to_end(&mut component)?;
    Ok(component)
}

/// The same as today's sources make it.
fn built(name: &str) -> anyhow::Result<Vec<u8>> {
    match name {
        "attacker" => whole(name, ASKS),
        "policy-script" | "waits" => whole(name, &[]),
        "wasi-guest" => Ok(embedded(guest(name)?, include_str!("../../examples/wasi-guest/plugin.toml"))),
        _ => guest(name),
    }
}

fn daemon(names: &[&str], component: impl Fn(&str) -> anyhow::Result<Vec<u8>>, config: &str) -> anyhow::Result<Daemon> {
    let component = |name: &&str| Ok((format!("{name}.wasm"), component(name)?));
    let files: Vec<_> = names.iter().map(component).collect::<anyhow::Result<_>>()?;
    let plugins: Vec<_> = files.iter().map(|(name, component)| (name.as_str(), component.as_slice())).collect();
    Daemon::start(&Setup { config, plugins: &plugins, ..SETUP })
}

fn asking(sshd: &Sshd, driver: &str, command: impl Into<Value>) -> Value {
    with(body(sshd, command), |it| {
        it["driver"] = driver.into();
        it["connection_args"]["host_key_policy"] = "auto_add".into();
    })
}

fn showing(sshd: &Sshd, driver: &str) -> Value {
    with(asking(sshd, driver, "show version"), |it| {
        it["connection_args"]["username"] = Sshd::APPLIANCE.into();
        it["driver_args"] = json!({"timeout": 20});
    })
}

fn output(daemon: &Daemon, body: &Value) -> anyhow::Result<String> {
    let job = finishing(daemon, body)?;
    Ok(job["results"][0]["stdout"].as_str().with_context(|| format!("no output in {job}"))?.to_owned())
}

/// Has each of them do what it is for.
fn all_work(daemon: &mut Daemon) -> anyhow::Result<()> {
    let sshd = Sshd::shared()?;
    assert!(output(daemon, &showing(&sshd, "appliance"))?.starts_with("Fake Switch Software"));

    let table: Value = serde_json::from_str(&output(daemon, &asking(&sshd, "table-driver", "df -P /"))?)?;
    assert_eq!((&table[0]["Mounted on"], table.as_array().map(Vec::len)), (&json!("/"), Some(1)), "{table}");

    let mut bare = asking(&sshd, "wasi-guest", Value::Null);
    bare.as_object_mut().context("an object")?.remove("command");
    let accepted = daemon.send(Method::POST, "/v1/jobs", &bare.to_string())?;
    let job = daemon.wait(accepted.body["id"].as_str().with_context(|| accepted.text.clone())?)?;
    let offset: Value = serde_json::from_str(job["results"][0]["stdout"].as_str().with_context(|| job.to_string())?)?;
    let (ahead, plus_minus) = (offset["ahead"].as_f64(), offset["plus_minus"].as_f64());
    assert!(ahead.context("a number")?.abs() <= plus_minus.context("a number")? + 0.01, "it is one clock: {offset}");

    assert_eq!(output(daemon, &asking(&sshd, "waits", "random 4"))?.len(), 8);

    for (function, kind, phase) in [("sftp.stat", "not-found", "transfer"), ("sftp.remove", "denied", "policy")] {
        let call = with(asking(&sshd, "attacker", "id"), |it| {
            it["driver_args"] = json!({"attack": "call", "function": function, "path": "missing"});
        });
        let job = daemon.run(&call)?;
        let error = &job["error"];
        assert_eq!((&error["kind"], &error["phase"]), (&json!(kind), &json!(phase)), "{function}: {job}");
    }
    let log = daemon.end()?;
    ensure!(log.contains("asked between"), "what a guest of WASI prints is logged:\n{log}");
    Ok(())
}

#[test]
fn what_was_compiled_then_works_today() -> anyhow::Result<()> {
    let mut folder = fs::read_dir(kept("").parent().context("it lies in a folder")?)?;
    let there: Vec<_> = folder.try_fold(Vec::new(), |mut names, file| {
        names.push(file?.file_name().to_string_lossy().into_owned());
        io::Result::Ok(names)
    })?;
    for name in &there {
        let mut kept = IN_RUST.iter().chain(&IN_OTHERS);
        assert!(kept.any(|kept| name == &format!("{kept}.wasm.gz")), "{name} has no job here");
    }
    all_work(&mut daemon(&IN_RUST, fixture, CONFIG)?)
}

#[test]
fn what_was_compiled_of_python_works_today() -> anyhow::Result<()> {
    let daemon = daemon(&["python-appliance"], fixture, PYTHON)?;
    let shown = output(&daemon, &showing(&*Sshd::shared()?, "python-appliance"))?;
    assert!(shown.starts_with("Fake Switch Software"), "{shown}");
    Ok(())
}

#[test]
fn what_was_compiled_of_javascript_works_today() -> anyhow::Result<()> {
    let (sshd, config) = (Sshd::shared()?, JAVASCRIPT.replace("USER", Sshd::USER));
    let daemon = daemon(&["change-tickets"], fixture, &config)?;
    let job = finishing(&daemon, &body(&sshd, "echo frozen"))?;
    assert_eq!(job["results"][0]["stdout"], "frozen\n", "{job}");
    assert!(job["warnings"].to_string().contains("change-tickets"), "it set a timeout: {job}");
    let denied = daemon.execute(&body(&sshd, "id"))?;
    assert_eq!(denied.status, 403, "{}", denied.text);
    Ok(())
}

#[test]
fn what_is_compiled_today_works() -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "so a version is frozen")]
    let freeze = std::env::var_os("UPDATE_FIXTURES").is_some();
    if freeze {
        IN_RUST.iter().filter(|name| !kept(name).exists()).try_for_each(|name| {
            let file = OpenOptions::new().write(true).create_new(true).open(kept(name))?;
            let mut packed = GzEncoder::new(file, Compression::best());
            io::copy(&mut &*built(name)?, &mut packed)?;
            packed.finish().map(drop).map_err(anyhow::Error::from)
        })?;
    }
    all_work(&mut daemon(&IN_RUST, built, CONFIG)?)
}

#[test]
fn the_examples_do_what_their_scripts_say() -> anyhow::Result<()> {
    for (name, shown) in [("table-driver", "\"Ports\": \"Gi0/7\""), ("wasi-guest", "\"ahead\":")] {
        let folder = TempDir::with_prefix("an example ")?;
        fs::write(folder.path().join(format!("{name}.wasm")), built(name)?)?;
        for file in ["request.json", "script.toml"] {
            let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
            fs::copy(example.join(file), folder.path().join(file))?;
        }
        let program = Command::new(SETUP.program)
            .current_dir(folder.path())
            .args(["plugin", "run", &format!("{name}.wasm")])
            .output()?;
        let said = String::from_utf8_lossy(&[program.stdout, program.stderr].concat()).into_owned();
        ensure!(program.status.success() && said.contains(shown), "{name}: {said}");
    }
    Ok(())
}

/// The statements of a WIT file without comments: each function, the fields of each record, the cases of each variant.
fn statements(path: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with("@since"));
    let text = lines.collect::<Vec<_>>().join(" ");
    let statements = text.split([';', '{', '}']).map(|statement| statement.trim().to_owned());
    Ok(statements.filter(|statement| !statement.is_empty() && !statement.starts_with("package ")).collect())
}

#[test]
fn nothing_of_its_wit_goes_or_changes() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = 0;
    for file in fs::read_dir(root.join("fixtures/api-0.1/wit"))? {
        let file = file?;
        let (then, today) = (statements(&file.path())?, statements(&root.join("../wit").join(file.file_name()))?);
        let gone: Vec<_> = then.difference(&today).collect();
        assert!(gone.is_empty(), "{}: {gone:#?}", file.path().display());
        // What plugins export cannot even grow: those that exist do not have it.
        if ["driving.wit", "judging.wit"].iter().any(|exported| file.path().ends_with(exported)) {
            assert_eq!(today, then, "{}", file.path().display());
        }
        files += 1;
    }
    assert_eq!(files, 16);
    Ok(())
}

/// The component with all of one text replaced by another that is as long.
fn renamed(mut component: Vec<u8>, from: &str, to: &str) -> anyhow::Result<Vec<u8>> {
    assert_eq!(from.len(), to.len());
    let places: Vec<_> = component
        .windows(from.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == from.as_bytes())
        .map(|(at, _)| at)
        .collect();
    ensure!(!places.is_empty(), "nothing is called {from}");
    for at in places {
        component[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    Ok(component)
}

#[test]
fn what_is_built_with_a_later_version_loads_if_it_uses_nothing_new() -> anyhow::Result<()> {
    let later = renamed(built("waits")?, "@0.1.0", "@0.1.9")?;
    let start = |component: &[u8]| Daemon::start(&Setup { plugins: &[("waits.wasm", component)], ..SETUP });
    let plugins = start(&later)?.get("/v1/plugins/waits")?;
    assert_eq!((plugins.status, &plugins.body["error"]), (200, &Value::Null), "{}", plugins.text);

    let newer = renamed(later, "time-left-ms", "time-lost-ms")?;
    let reason = not_loaded(&start(&newer)?, "waits")?;
    assert!(reason.contains("built with plugin API 0.1.9 and does not fit 0.1.0"), "{reason}");
    assert!(reason.contains("time-lost-ms"), "it names what is missing: {reason}");
    Ok(())
}
