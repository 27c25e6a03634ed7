//! What plugins cost, without the network: `cargo bench -p hostler-tests --bench plugins`.
//!
//! - The path of a job, in CPU time, so that what else the machine does counts little. One run compares, round by
//!   round: the bare life of a guest in plain wasmtime (store, instance, two calls, drop; the pool zeroes what it
//!   keeps), and the whole path of a job (policies' review, validate, execute with its host calls and `authorize`),
//!   where the SSH server is scripted and answers at once. The path makes two instances of the driver and one of each
//!   policy.
//! - Grants: what a list of them adds to that path.
//! - Loading from the cache, and what 100 plugins keep in memory.
//! - What others notice while a plugin attacks.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod bare;
mod loading;
mod noise;
mod scripted;

use anyhow::anyhow;
use bare::Bare;
use hostler_plugins::{Config, PluginConfig, Plugins, PolicyConfig};
use hostler_tests::median;
use rustix::time::{ClockId, clock_gettime};
use scripted::{Blind, Scripted, execute, files, prepare};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The daemon's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Short ones, by turns: whatever makes the machine slower for a while meets all that is compared.
const ROUNDS: usize = 330;
const LIVES: u32 = 100;
/// What the path may cost, as a multiple of the bare lives that it contains.
const GOAL: f64 = 1.5;
/// Actions of the job below that grants judge: a connection and a command.
const CHECKS: f64 = 2.0;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(path())?;
    runtime.block_on(loading::run())?;
    noise::run()
}

async fn path() -> anyhow::Result<()> {
    let bare = |guest| Bare::new(guest).map_err(|error| anyhow!("{error:#}"));
    let guests = [bare("noop")?, bare("paramiko")?];
    let folder = TempDir::new()?;
    let one = host(&folder, vec![PolicyConfig::default()], json!(["connect", "exec"])).await?;
    let three = [
        ("policy-hosts", json!({"deny": ["10.0.0.0/8"]})),
        ("policy-no-root", json!({})),
        ("policy-commands", json!({"allow": ["uname *"]})),
    ];
    let three = three.map(|(policy, settings)| PolicyConfig::new(policy, settings)).to_vec();
    let three = host(&folder, three, json!(["connect", "exec"])).await?;
    let many = host(&folder, vec![PolicyConfig::default()], many_grants()).await?;
    let mut times: [Vec<Duration>; 5] = Default::default();
    for _ in 0..ROUNDS {
        for (guest, times) in guests.iter().zip(&mut times) {
            let start = cpu_time();
            for _ in 0..LIVES {
                guest.life().await.map_err(|error| anyhow!("{error:#}"))?;
            }
            times.push(cpu_time().saturating_sub(start) / LIVES);
        }
        for (plugins, times) in [&one, &three, &many].into_iter().zip(&mut times[2..]) {
            let start = cpu_time();
            for _ in 0..LIVES {
                execute(prepare(plugins).await?).await?;
            }
            times.push(cpu_time().saturating_sub(start) / LIVES);
        }
    }
    let pairs = times[4].iter().zip(&times[2]);
    let check = median(pairs.map(|(many, one)| many.as_secs_f64() - one.as_secs_f64())) / CHECKS * 1e6;
    let [noop, driver, one, three, _] = times.map(median);
    println!("bare life (store, instance, two calls, drop) of the smallest driver: {noop:?}");
    println!("bare life of the driver `paramiko`: {driver:?}");
    for (path, policies) in [(one, 1.0), (three, 3.0)] {
        let instances = 2.0 + policies;
        println!("plugin path of a job with {policies} policies: {path:?}");
        let path = path.as_secs_f64() / instances;
        println!(
            "path / ({instances} x bare life of `paramiko`) = {:.2} (goal: at most {GOAL}); / ({instances} x that of the smallest) = {:.2}",
            path / driver.as_secs_f64(),
            path / noop.as_secs_f64()
        );
    }
    println!("20 more lines of grants cost {check:.2} us for each action (goal: a check costs at most 2 us)");
    Ok(())
}

/// The plugin host with these policies and these grants of the driver.
async fn host(folder: &TempDir, policies: Vec<PolicyConfig>, grants: Value) -> anyhow::Result<Arc<Plugins>> {
    let driver: PluginConfig = serde_json::from_value(json!({ "grants": grants }))?;
    let plugin = [("paramiko".to_owned(), driver)].into();
    let config = Config { cache: folder.path().join("cache"), policies, plugin, ..Config::default() };
    Ok(config.build(Arc::new(Scripted), files(folder.path())?, Arc::new(Blind)).await?)
}

/// The lines that cover the job come last.
fn many_grants() -> Value {
    let elsewhere = |number: u32| {
        let (hosts, commands) = ([format!("*.site{number}.example"), format!("10.{number}.0.0/16")], ["show *", "ls"]);
        [
            json!({"capability": "connect", "hosts": hosts, "ports": [22]}),
            json!({"capability": "exec", "hosts": hosts, "commands": commands}),
        ]
    };
    let lines =
        (0..10).flat_map(elsewhere).chain([json!("connect"), json!({"capability": "exec", "commands": ["uname *"]})]);
    lines.collect()
}

/// CPU time of this thread so far, which does all the work: other processes do not count.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
