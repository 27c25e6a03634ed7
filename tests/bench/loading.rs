//! How long it takes to take a plugin into service from the cache, and what a hundred of them keep in memory.

use crate::scripted::{Blind, Scripted, files};
use anyhow::{Context, ensure};
use hostler_model::PluginChange;
use hostler_plugins::{Config, SECTION};
use hostler_tests::{Daemon, Setup, memory};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasm_encoder::{ComponentSection, CustomSection};

const PLUGINS: usize = 100;
const LOADS: usize = 101;
const MEMORY_GOAL: u64 = 200;
const LOAD_GOAL: Duration = Duration::from_millis(5);

/// A driver in Rust that calls itself so: the guest `changes` with other letters, so that each is compiled by itself.
/// Its name has seven letters.
pub(crate) fn driver(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = Path::new(env!("TEST_GUESTS")).join("changes.wasm");
    let mut component = fs::read(&path).with_context(|| format!("{} is not built", path.display()))?;
    let manifest = "name = \"changes\"\nversion = \"version 00\"\nworld = \"driver\"\napi = \"0.1\"\n";
    CustomSection { name: SECTION.into(), data: manifest.as_bytes().into() }.append_to_component(&mut component);
    let own = b"changes";
    ensure!(name.len() == own.len(), "{name} has not seven letters");
    for place in 0..component.len() - own.len() {
        if component[place..].starts_with(own) {
            component[place..place + own.len()].copy_from_slice(name.as_bytes());
        }
    }
    Ok(component)
}

pub(crate) async fn run() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins)?;
    fs::write(plugins.join("changes.wasm"), driver("changes")?)?;
    let config = Config { folder: plugins, cache: folder.path().join("cache"), unsigned: true, ..Config::default() };
    let host = config.build(Arc::new(Scripted), files(folder.path())?, Arc::new(Blind)).await?;
    let mut times = Vec::new();
    for _ in 0..LOADS {
        let start = Instant::now();
        host.change("changes", PluginChange::Load, "somebody").await?;
        times.push(start.elapsed());
    }
    times.sort();
    let (median, p99) = (times[LOADS / 2], times[LOADS - 2]);
    println!(
        "a driver from the cache into service, with signature, tag, linking and self-test: median {median:?}, p99 {p99:?} (goal: at most {LOAD_GOAL:?})"
    );
    hundred()
}

fn hundred() -> anyhow::Result<()> {
    let names: Vec<String> = (0..PLUGINS).map(|number| format!("rust{number:03}")).collect();
    let files = names.iter().map(|name| Ok((format!("{name}.wasm"), driver(name)?)));
    let files: Vec<(String, Vec<u8>)> = files.collect::<anyhow::Result<_>>()?;
    let plugins: Vec<(&str, &[u8])> = files.iter().map(|(name, wasm)| (name.as_str(), wasm.as_slice())).collect();
    let setup = |plugins| Setup {
        program: env!("CARGO_BIN_EXE_hostler-under-test"),
        config: "",
        plugins,
        unsigned: true,
        log: "warn,hostler=info",
        local: false,
    };
    let alone = memory(Daemon::start(&setup(&[]))?.pid())? >> 20;
    let all = Daemon::start(&setup(&plugins))?;
    let loaded = all.get("/v1/plugins")?;
    let served = loaded.body["plugins"].as_array().context("a list")?.iter().filter(|plugin| plugin["error"].is_null());
    ensure!(served.count() == PLUGINS + 2, "not all were loaded: {}", loaded.text);
    let cold = memory(all.pid())? >> 20;
    let warm = memory(all.restart(&setup(&[]))?.pid())? >> 20;
    println!(
        "memory (Pss) of the daemon: {alone} MiB alone; with {PLUGINS} Rust plugins {warm} MiB, just after compiling them {cold} MiB (goal: under {MEMORY_GOAL} MiB)"
    );
    Ok(())
}
