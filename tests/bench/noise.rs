//! What other jobs notice while a plugin attacks the daemon.

use crate::loading::driver;
use anyhow::{Context, ensure};
use hostler_plugins::SECTION;
use hostler_tests::{Daemon, Setup};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use wasm_encoder::{ComponentSection, CustomSection};

const JOBS: usize = 400;
/// Attacks at once.
const ATTACKERS: usize = 4;
/// Three ticks of the clock by which guests are interrupted.
const GOAL: Duration = Duration::from_millis(30);
const ATTACKS: [&str; 7] =
    ["loop", "allocate", "recurse", "call-flood", "many-methods", "validate-loop", "validate-allocate"];

pub(crate) fn run() -> anyhow::Result<()> {
    let attacker = attacker()?;
    let daemon = Daemon::start(&Setup {
        program: env!("CARGO_BIN_EXE_hostler-under-test"),
        config: "[plugin.attacker]\nlimits = { cpu_ms = 200, memory = 16777216, concurrency = 4 }\ngrants = [\"connect\"]\n",
        plugins: &[("changes.wasm", &driver("changes")?), ("attacker.wasm", &attacker)],
        unsigned: true,
        log: "warn,hostler=info",
        local: false,
    })?;
    latencies(&daemon)?; // a first round warms everything up
    let quiet = p99(latencies(&daemon)?);
    println!("p99 of other jobs, alone: {quiet:?}");
    for attack in ATTACKS {
        let over = AtomicBool::new(false);
        let noisy = thread::scope(|scope| {
            for _ in 0..ATTACKERS {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        // What comes of it is the tests' affair.
                        let _ = daemon.execute(&body("attacker", attack)).and_then(|answer| daemon.wait(answer.job()?));
                    }
                });
            }
            let noisy = latencies(&daemon);
            over.store(true, Ordering::Relaxed);
            noisy
        })?;
        let grown = p99(noisy).saturating_sub(quiet);
        println!(
            "p99 of other jobs, while {ATTACKERS} guests at once do {attack}: {grown:?} more (goal: at most {GOAL:?} more)"
        );
    }
    Ok(())
}

fn attacker() -> anyhow::Result<Vec<u8>> {
    let path = Path::new(env!("TEST_GUESTS")).join("attacker.wasm");
    let mut component = fs::read(&path).with_context(|| format!("{} is not built", path.display()))?;
    let asks = ["connect", "exec", "elevation", "stdin", "pty"];
    let asks =
        asks.map(|word| format!("[[request]]\ncapability = {word:?}\nreason = \"It is a benchmark.\"\n")).concat();
    let manifest = format!("name = \"attacker\"\nversion = \"0.1.0\"\nworld = \"driver\"\napi = \"0.1\"\n{asks}");
    CustomSection { name: SECTION.into(), data: manifest.as_bytes().into() }.append_to_component(&mut component);
    Ok(component)
}

fn body(driver: &str, attack: &str) -> Value {
    let target = json!({"host": "127.0.0.1", "username": "a", "password": "not needed"});
    json!({"driver": driver, "connection_args": target, "driver_args": {"attack": attack}, "command": "id"})
}

/// How long jobs of a driver that reaches no server take, from the request to the result.
fn latencies(daemon: &Daemon) -> anyhow::Result<Vec<Duration>> {
    let one = |_| {
        let start = Instant::now();
        let job = daemon.run(&body("changes", ""))?;
        ensure!(job["state"] == "finished", "{job}");
        Ok(start.elapsed())
    };
    (0..JOBS).map(one).collect()
}

fn p99(mut latencies: Vec<Duration>) -> Duration {
    latencies.sort();
    latencies[latencies.len() * 99 / 100]
}
