//! Authors of plugins: from an empty folder to a plugin in service, and what they get wrong.

use crate::SETUP;
use crate::hostile::{manifest, whole};
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Setup};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What an author's command ended with, and what it said.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Said {
    fn of(command: &mut Command) -> anyhow::Result<Self> {
        let output = command.output()?;
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Ok(Self { code: output.status.code(), stdout, stderr })
    }

    /// What it wrote, if it succeeded.
    fn done(self) -> anyhow::Result<String> {
        ensure!(self.code == Some(0), "{:?}: {}{}", self.code, self.stdout, self.stderr);
        Ok(self.stdout)
    }

    /// That it failed with this code, and told all of this.
    fn refused(self, code: i32, parts: &[&str]) -> anyhow::Result<()> {
        let told = self.stdout + &self.stderr;
        ensure!(self.code == Some(code), "it ended with {:?}: {told}", self.code);
        for part in parts {
            ensure!(told.contains(part), "{part:?} is not in: {told}");
        }
        Ok(())
    }
}

/// A folder of an author, whose path has a space.
fn folder() -> anyhow::Result<TempDir> {
    Ok(TempDir::with_prefix("an author ")?)
}

/// A command in a folder, with a target folder that stays between runs, without the network: what a plugin needs was loaded
/// when those of the daemon were built.
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    // A shell has it not: it is the cargo that runs this test.
    command.current_dir(folder).env_remove("CARGO").env("CARGO_NET_OFFLINE", "true");
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("authors"));
    command
}

/// `hostler plugin`.
fn plugin(folder: &Path, arguments: &[&str]) -> anyhow::Result<Said> {
    Said::of(command(SETUP.program, folder).arg("plugin").args(arguments))
}

/// Runs the script of a first plugin in Rust, and its unit tests. Answers the project.
fn first(folder: &Path, world: &str) -> anyhow::Result<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/first-plugin.sh");
    let mut command = command(script, folder);
    Said::of(command.args(["rust", world]).env("HOSTLER", SETUP.program).env("FOLDER", folder))?.done()?;
    let project = folder.join(format!("first-rust-{world}"));
    let tests = Said::of(self::command("cargo", &project).args(["test", "--locked"]))?.done()?;
    ensure!(tests.contains("2 passed"), "{tests}");
    Ok(project)
}

/// Writes a request as a project has one, with this field.
fn asks(project: &Path, field: &str, value: Value) -> anyhow::Result<()> {
    let mut request = json!({
        "connection_args": {"host": "web1.example", "username": "admin", "password": "an example"},
        "command": "uptime",
    });
    request[field] = value;
    Ok(fs::write(project.join("request.json"), request.to_string())?)
}

/// Another text for a part of a file.
fn change(file: &Path, from: &str, to: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(file)?;
    ensure!(text.contains(from), "{from:?} is not in {}", file.display());
    Ok(fs::write(file, text.replace(from, to))?)
}

#[test]
fn a_driver_comes_from_an_empty_folder_into_service() -> anyhow::Result<()> {
    let folder = folder()?;
    let project = first(folder.path(), "driver")?;
    let key = fs::read_to_string(folder.path().join("key.pub"))?;
    let lines = plugin(&project, &["check"])?.done()?;
    ensure!(lines.contains("\n# connect: ") && lines.contains("\n# exec: "), "the author's reasons: {lines}");
    let (_, grants) = lines.split_once("[plugin.").context("what an operator writes is shown")?;
    let config = format!("[plugins]\nkeys = [{:?}]\n[plugin.{grants}", key.trim());
    let daemon = Daemon::start(&Setup { config: &config, unsigned: false, ..SETUP })?;
    let install = |path: &str| {
        let mut command = command(SETUP.program, &project);
        command.args(["plugin", "install", path, "--url", daemon.address()]).env("HOSTLER_API_KEY", Daemon::KEY);
        Said::of(&mut command)
    };
    for _ in ["first", "again"] {
        let told = install(".")?.done()?;
        ensure!(told.starts_with("first-rust-driver 0.1.0 is in service") && told.contains(" author"), "{told}");
    }
    let job = fs::read_to_string(project.join("request.json"))?;
    let job = daemon.execute(&serde_json::from_str(&job)?)?;
    assert_eq!(job.status, 201, "{}", job.text);
    let job = daemon.wait(job.job()?)?;
    assert_eq!(job["error"]["phase"], "connect", "the driver did its part, but there is no such server: {job}");

    fs::copy(project.join("first-rust-driver.wasm"), project.join("paramiko.wasm"))?;
    install("paramiko.wasm")?.refused(254, &["built-in plugin"])?;
    fs::remove_file(project.join("first-rust-driver.wasm.sig"))?;
    install(".")?.refused(254, &["not signed"])?;
    install("nowhere.wasm")?.refused(2, &["nowhere.wasm"])
}

#[test]
fn a_policy_comes_from_an_empty_folder() -> anyhow::Result<()> {
    let folder = folder()?;
    let project = first(folder.path(), "policy")?;
    let told = plugin(&project, &["check"])?.done()?;
    ensure!(told.contains("a policy for plugin API 0.1") && told.contains("needs no grants"), "{told}");
    asks(&project, "command", json!("reboot now"))?;
    plugin(&project, &["run"])?.refused(1, &["forbidden-program"])
}

#[test]
fn what_a_trial_cannot_do_is_said() -> anyhow::Result<()> {
    let folder = folder()?;
    let project = folder.path();
    for (file, content) in [
        ("plugin.toml", manifest("policy-script", &[]).into_bytes()),
        ("Cargo.toml", Vec::new()),
        ("policy-script.wasm", whole("policy-script", &[])?),
    ] {
        fs::write(project.join(file), content)?;
    }
    let run = |more: &[&str]| plugin(project, &[&["run"][..], more].concat());
    run(&[])?.refused(2, &["there is no", "request.json", "--request"])?;
    asks(project, "dry_run", json!(true))?;
    run(&[])?.refused(2, &["there is no", "script.toml", "--script", "--real"])?;
    run(&["policy-script.wasm", "--real"])?.refused(2, &["--data-dir"])?;

    fs::write(project.join("script.toml"), "[[server]]\n[[server.command]]\nmatches = 'uptime'\n")?;
    let told = run(&[])?.done()?;
    ensure!(told.contains("policy-script allows the job") && told.contains("nothing was carried out"), "{told}");
    ensure!(!told.contains("let pass") && !told.contains(": status"), "it only asked what would be done: {told}");
    for (field, value, advice) in [
        ("ttl", json!(5), "leave it out"),
        ("result_ttl", json!(5), "leave it out"),
        ("repeatable", json!(true), "leave it out"),
        ("queue_strategy", json!("pinned"), "leave it out"),
        ("detach", json!(true), "take --real"),
    ] {
        asks(project, field, value)?;
        run(&[])?.refused(2, &[&format!("request.json is wrong: {field}: "), advice])?;
    }

    asks(project, "command", json!("uptime"))?;
    fs::write(project.join("given.toml"), "limits = { memry = 1 }\n")?;
    run(&["--grants", "given.toml"])?.refused(1, &["memry"])?;
    let said = Said::of(command(SETUP.program, project).args(["plugin", "run"]).env("HOSTLER_LOG", "debug"))?;
    ensure!(said.stderr.contains("DEBUG") && !said.stderr.contains('\u{1b}'), "no colours here: {}", said.stderr);
    said.done().map(drop)
}

#[test]
fn a_name_that_cannot_be_one_makes_no_folder() -> anyhow::Result<()> {
    let folder = folder()?;
    for name in ["a/b", "Upper", "", ".", "a b", "9lives"] {
        plugin(folder.path(), &["new", name, "--lang", "rust"])?.refused(2, &["lower-case letters"])?;
    }
    for name in ["paramiko", "policy-hosts"] {
        plugin(folder.path(), &["new", name, "--lang", "rust"])?.refused(2, &["taken by a built-in plugin"])?;
    }
    assert_eq!(fs::read_dir(folder.path())?.count(), 0);
    plugin(folder.path(), &["new", "twice", "--lang", "rust"])?.done()?;
    let notes = folder.path().join("twice/notes");
    fs::write(&notes, "mine")?;
    plugin(folder.path(), &["new", "twice", "--lang", "rust"])?.refused(2, &["exists already"])?;
    assert_eq!(fs::read_to_string(notes)?, "mine");
    plugin(folder.path(), &["new", "other", "--lang", "cobol"])?.refused(2, &["rust"])
}

#[test]
fn a_build_without_its_tools_says_how_to_get_them() -> anyhow::Result<()> {
    let folder = folder()?;
    plugin(folder.path(), &["new", "tools", "--lang", "rust"])?.done()?;
    let project = folder.path().join("tools");
    let build = |path: &Path| {
        let mut command = command(SETUP.program, &project);
        Said::of(command.args(["plugin", "build"]).env_remove("RUSTC").env("PATH", path))
    };
    build(folder.path())?.refused(1, &["rustup.rs"])?;
    // A Rust that has no such target names a folder that is not there.
    let rustc = folder.path().join("rustc");
    Said::of(Command::new("ln").arg("-s").args([Path::new("/bin/true"), &rustc]))?.done()?;
    build(folder.path())?.refused(1, &["`rustup target add wasm32-unknown-unknown`"])
}

#[test]
fn all_that_is_wrong_with_a_plugin_is_told_at_once() -> anyhow::Result<()> {
    let folder = folder()?;
    plugin(folder.path(), &["new", "wrong", "--lang", "rust"])?.done()?;
    let project = folder.path().join("wrong");
    let manifest = project.join("plugin.toml");
    let good = fs::read_to_string(&manifest)?;
    let check = |text: &str, code: i32, parts: &[&str]| {
        fs::write(&manifest, text)?;
        plugin(&project, &["build"])?.done()?;
        plugin(&project, &["check"])?.refused(code, parts)
    };
    plugin(&project, &["check"])?.refused(1, &["run `hostler plugin build`"])?;
    fs::create_dir(project.join("wrong.wasm"))?;
    plugin(&project, &["check"])?.refused(1, &["wrong.wasm: Is a directory"])?;
    fs::remove_dir(project.join("wrong.wasm"))?;
    // A program of the same project is not the plugin.
    fs::write(project.join("src/main.rs"), "fn main() {}\n")?;

    let unused = "[[request]]\ncapability = \"shell\"\nreason = \"to type\"\n";
    let limits = "[limits]\nmemory = 100_000_000\n";
    check(&format!("{good}{limits}"), 0, &["\"connect\", \"exec\"", "limits = { memory = 100000000 }"])?;
    let unasked = good.replace("capability = \"connect\"", "capability = \"detach\"").replace("\"exec\"", "\"pty\"");
    let parts = ["hostler:plugin/ssh@0.1.0", "[[request]] for `connect`", "asks for `detach`", "asks for `shell`"];
    check(&format!("{unasked}{unused}"), 1, &parts)?;
    let policy = good.replace("world = \"driver\"", "world = \"policy\"");
    check(&policy, 1, &["hostler:plugin/judging", "it exports hostler:plugin/driving@", "does not have for a policy"])?;
    check(&good.replace("version = \"0.1.0\"", "version = \"2\""), 1, &["calls itself wrong 0.1.0"])?;

    // Nothing stands in for what comes with the daemon.
    fs::write(&manifest, good.replace("name = \"wrong\"", "name = \"paramiko\""))?;
    plugin(&project, &["build"])?.done()?;
    plugin(&project, &["run"])?.refused(1, &["taken by a built-in plugin"])?;

    // What is beside a component has to be what is inside.
    fs::write(&manifest, format!("{good}{unused}"))?;
    plugin(&project, &["check"])?.refused(1, &["differs from the one inside"])?;
    fs::write(&manifest, format!("power = 1\n{good}reasons = 2\n"))?;
    for verb in ["build", "check"] {
        plugin(&project, &[verb])?.refused(1, &["line 1,", "`power`", "line 15,", "`reasons`"])?;
    }
    fs::write(&manifest, good.replace("api = \"0.1\"", "api = \"0.9\""))?;
    plugin(&project, &["build"])?.refused(1, &["made for plugin API 0.9", "offers 0.1"])?;

    change(&project.join("src/lib.rs"), "hostler_sdk::driver!(Plugin);", "")?;
    check(&good, 1, &["it exports nothing", "asks for `connect`", "asks for `exec`"])?;
    fs::write(project.join("src/lib.rs"), "no Rust")?;
    plugin(&project, &["build"])?.refused(1, &["does not compile", "expected one of"])?;
    fs::remove_file(project.join("Cargo.toml"))?;
    plugin(&project, &["build"])?.refused(1, &["Cargo.toml, plugin.py and plugin.js"])
}
