//! What plugins in other languages than Rust cost: `cargo bench -p hostler-tests --bench languages`. For each language, with
//! the driver and the policy of its template:
//!
//! - From nothing to a driver that ran: new, build, run.
//! - Taking the driver into service from the cache.
//! - What the policy adds to a job, where the SSH server is scripted and answers at once.
//! - What the daemon keeps in memory while 32 jobs run at once in the driver.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod scripted;

use anyhow::ensure;
use hostler_model::PluginChange;
use hostler_plugins::{Config, PluginConfig, Plugins, PolicyConfig};
use hostler_tests::{Daemon, Modules, Python, Setup, Sshd, median, memory};
use scripted::{Blind, Scripted, execute, files, prepare};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PROGRAM: &str = env!("CARGO_BIN_EXE_hostler-under-test");
const START_GOAL: Duration = Duration::from_secs(90);
const LOADS: usize = 21;
const LOAD_GOAL: Duration = Duration::from_millis(5);
const JOBS: usize = 201;
const POLICY_GOAL: Duration = Duration::from_millis(5);
const AT_ONCE: usize = 32;
const MEMORY_GOAL: u64 = 400;

/// A language, and where its tools are found.
struct Language {
    /// As `--lang` takes it.
    word: &'static str,
    /// What to set `PATH` to.
    path: OsString,
    /// Packages of `node_modules`.
    modules: Option<Modules>,
}

fn main() -> anyhow::Result<()> {
    let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/languages/python/requirements.txt");
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), "componentize-py", requirements)?;
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/languages/javascript/package.json");
    let modules = Modules::of(env!("CARGO_TARGET_TMPDIR"), "componentize-js", package)?;
    for language in [
        Language { word: "python", path: python.path(), modules: None },
        Language { word: "js", path: python.path(), modules: Some(modules) },
    ] {
        measure(&language)?;
    }
    Ok(())
}

fn measure(language: &Language) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    if let Some(modules) = &language.modules {
        modules.lend(folder.path())?;
    }
    let start = Instant::now();
    let driver = make(language, "driver", folder.path())?;
    hostler(language, folder.path(), &["plugin", "run", "the-driver"])?;
    let (word, taken) = (language.word, start.elapsed());
    println!("{word}: from nothing to a driver that ran: {taken:.1?} (goal: at most {START_GOAL:?})");
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins)?;
    fs::write(plugins.join("the-driver.wasm"), &driver)?;
    fs::write(plugins.join("the-policy.wasm"), make(language, "policy", folder.path())?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(loading(word, folder.path()))?;
    runtime.block_on(judging(word, folder.path()))?;
    crowd(word, &driver)
}

/// Makes the project of a template, and answers its component.
fn make(language: &Language, world: &str, folder: &Path) -> anyhow::Result<Vec<u8>> {
    let name = format!("the-{world}");
    hostler(language, folder, &["plugin", "new", &name, "--lang", language.word, "--world", world])?;
    hostler(language, folder, &["plugin", "build", &name])?;
    Ok(fs::read(folder.join(&name).join(format!("{name}.wasm")))?)
}

fn hostler(language: &Language, folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let ended = Command::new(PROGRAM).args(arguments).current_dir(folder).env("PATH", &language.path).output()?;
    ensure!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

/// The plugin host with these policies, and both plugins beside the built-in ones.
async fn host(folder: &Path, policies: Vec<PolicyConfig>) -> anyhow::Result<Arc<Plugins>> {
    let granted = |grants: Value| serde_json::from_value::<PluginConfig>(json!({ "grants": grants }));
    let plugin = ["paramiko", "the-driver"].map(|name| Ok((name.to_owned(), granted(json!(["connect", "exec"]))?)));
    let config = Config {
        folder: folder.join("plugins"),
        cache: folder.join("cache"),
        unsigned: true,
        policies,
        plugin: plugin.into_iter().collect::<anyhow::Result<_>>()?,
        ..Config::default()
    };
    Ok(config.build(Arc::new(Scripted), files(folder)?, Arc::new(Blind)).await?)
}

async fn loading(word: &str, folder: &Path) -> anyhow::Result<()> {
    let host = host(folder, vec![]).await?;
    let mut times = Vec::new();
    for _ in 0..LOADS {
        let start = Instant::now();
        host.change("the-driver", PluginChange::Load, "somebody").await?;
        times.push(start.elapsed());
    }
    println!("{word}: a driver from the cache into service: {:.1?} (goal: at most {LOAD_GOAL:?})", median(times));
    Ok(())
}

async fn judging(word: &str, folder: &Path) -> anyhow::Result<()> {
    let judged = host(folder, vec![PolicyConfig::new("the-policy", json!({}))]).await?;
    let free = host(folder, vec![]).await?;
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..JOBS {
        for (host, times) in [&judged, &free].into_iter().zip(&mut times) {
            let start = Instant::now();
            execute(prepare(host).await?).await?;
            times.push(start.elapsed());
        }
    }
    let [judged, free] = times.map(median);
    let cost = judged.saturating_sub(free);
    println!("{word}: a policy adds {cost:.1?} to a job of {free:.1?} (goal: at most {POLICY_GOAL:?})");
    Ok(())
}

/// The most that the daemon has in memory while jobs that wait for their server pile up.
fn crowd(word: &str, driver: &[u8]) -> anyhow::Result<()> {
    let sshd = Sshd::start(&["MaxStartups=100"])?;
    let daemon = Daemon::start(&Setup {
        program: PROGRAM,
        config: "plugin.the-driver.grants = [\"connect\", \"exec\"]\n",
        plugins: &[("the-driver.wasm", driver)],
        unsigned: true,
        log: "warn,hostler=info",
        local: false,
    })?;
    let before = memory(daemon.pid())?;
    let body = json!({
        "driver": "the-driver",
        "connection_args": {
            "host": "127.0.0.1",
            "port": sshd.port(),
            "username": Sshd::USER,
            "password": Sshd::PASSWORD,
            "host_key_policy": "auto_add"
        },
        "command": "sleep 20"
    });
    let mut jobs = Vec::new();
    for _ in 0..AT_ONCE {
        jobs.push(daemon.execute(&body)?.job()?.to_owned());
    }
    let mut most = before;
    // As long as none has ended, all that will be there at once may be there.
    while daemon.get(&format!("/v1/jobs/{}", jobs[0]))?.body["ended_at"].is_null() {
        most = most.max(memory(daemon.pid())?);
        sleep(Duration::from_millis(200));
    }
    for job in &jobs {
        let job = daemon.wait(job)?;
        ensure!(job["state"] == "finished", "{job}");
    }
    let [before, most] = [before, most].map(|bytes| bytes >> 20);
    println!(
        "{word}: memory (Pss) of the daemon while {AT_ONCE} jobs run at once: {most} MiB, {before} MiB before (goal: under {MEMORY_GOAL} MiB)"
    );
    Ok(())
}
