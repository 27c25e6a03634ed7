//! `echo hi` over a fresh connection each, 200 times, 20 at a time, key authentication, against one OpenSSH
//! server: the whole daemon through HTTP beside russh, paramiko and asyncssh as bare libraries.
//!
//! Five rounds, in which the four take turns, so that all meet the same weather. Prints the medians.

use anyhow::{Context, bail, ensure};
use hostler_tests::{Daemon, KeyForm, KeyType, Setup, Sshd};
use russh::client;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{ChannelMsg, Disconnect};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const JOBS: usize = 200;
const AT_ONCE: usize = 20;
const ROUNDS: usize = 5;
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench");

/// What one round of one contender cost.
struct Round {
    jobs_per_second: f64,
    /// User and system time of the contender itself.
    cpu_ms_per_job: f64,
    /// The same of the HTTP client that drove it, where there is one.
    client_ms_per_job: Option<f64>,
}

fn main() -> anyhow::Result<()> {
    let python = python()?;
    let sshd = Sshd::start(&["MaxStartups=1000"])?;
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    let folder = TempDir::with_prefix("hostler-bench-")?;
    let key_file = folder.path().join("key");
    fs::write(&key_file, &key)?;
    let daemon = Daemon::start(&Setup {
        program: env!("CARGO_BIN_EXE_hostler-under-test"),
        config: "",
        plugins: &[],
        log: "warn,hostler=info",
    })?;
    let runtime = Runtime::new()?;

    let mut rounds: [Vec<Round>; 4] = Default::default();
    for number in 1..=ROUNDS {
        rounds[0].push(through_the_daemon(&daemon, &sshd, &key)?);
        rounds[1].push(runtime.block_on(bare_russh(sshd.port(), &key))?);
        rounds[2].push(peer(&python, "paramiko", sshd.port(), &key_file)?);
        rounds[3].push(peer(&python, "asyncssh", sshd.port(), &key_file)?);
        report(&format!("round {number}"), rounds.each_ref().map(|all| &all[number - 1]));
    }
    let medians = rounds.each_ref().map(|all| median(all));
    report("median", medians.each_ref());
    let [hostler, russh, paramiko, asyncssh] = medians;
    say(&format!("hostler / russh, jobs per second: {:.3}", hostler.jobs_per_second / russh.jobs_per_second));
    for (name, other) in [("russh", russh), ("paramiko", paramiko), ("asyncssh", asyncssh)] {
        say(&format!("hostler / {name}, CPU per job: {:.3}", hostler.cpu_ms_per_job / other.cpu_ms_per_job));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]
fn say(line: &str) {
    println!("{line}");
}

fn report(title: &str, rounds: [&Round; 4]) {
    say(title);
    for (name, round) in ["hostler", "russh", "paramiko", "asyncssh"].iter().zip(rounds) {
        let Round { jobs_per_second, cpu_ms_per_job, client_ms_per_job } = round;
        let client = client_ms_per_job.map_or(String::new(), |ms| format!(" (HTTP client: {ms:.2} ms)"));
        say(&format!("  {name:9} {jobs_per_second:6.1} jobs/s {cpu_ms_per_job:6.2} ms of CPU per job{client}"));
    }
}

fn median(rounds: &[Round]) -> Round {
    let middle = |value: fn(&Round) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Round {
        jobs_per_second: middle(|round| round.jobs_per_second),
        cpu_ms_per_job: middle(|round| round.cpu_ms_per_job),
        client_ms_per_job: rounds[0].client_ms_per_job.map(|_| middle(|round| round.client_ms_per_job.unwrap_or(0.0))),
    }
}

/// Measures what runs between start and finish.
struct Stopwatch {
    start: Instant,
    process: u32,
    cpu: f64,
    own_cpu: f64,
}

impl Stopwatch {
    fn start(process: u32) -> anyhow::Result<Self> {
        Ok(Self { start: Instant::now(), process, cpu: cpu_ms(process)?, own_cpu: cpu_ms(std::process::id())? })
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred jobs")]
    fn finish(self) -> anyhow::Result<Round> {
        let jobs = JOBS as f64;
        let jobs_per_second = jobs / self.start.elapsed().as_secs_f64();
        let own = (cpu_ms(std::process::id())? - self.own_cpu) / jobs;
        let cpu_ms_per_job = (cpu_ms(self.process)? - self.cpu) / jobs;
        let driven = self.process != std::process::id();
        Ok(Round { jobs_per_second, cpu_ms_per_job, client_ms_per_job: driven.then_some(own) })
    }
}

/// User and system time of a process, in milliseconds, in the kernel's steps of 10 ms (proc(5)).
fn cpu_ms(process: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("the name stands in parentheses")?;
    let ticks = fields.split(' ').skip(12).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? * 10.0)
}

/// One keep-alive connection per job at a time, `POST` and one waiting `GET` each.
fn through_the_daemon(daemon: &Daemon, sshd: &Sshd, key: &str) -> anyhow::Result<Round> {
    let body = json!({
        "driver": "paramiko",
        "connection_args": {"host": "127.0.0.1", "port": sshd.port(), "username": Sshd::USER, "pkey": key},
        "command": "echo hi"
    });
    let begun = AtomicUsize::new(0);
    let worker = || -> anyhow::Result<()> {
        while begun.fetch_add(1, Ordering::Relaxed) < JOBS {
            let job = daemon.run(&body)?;
            ensure!(job["results"][0]["stdout"] == "hi\n", "{job}");
        }
        Ok(())
    };
    let watch = Stopwatch::start(daemon.pid())?;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    watch.finish()
}

/// The same work by russh itself, with its default preferences.
async fn bare_russh(port: u16, key: &str) -> anyhow::Result<Round> {
    let config = Arc::new(client::Config { nodelay: true, ..client::Config::default() });
    let key = Arc::new(decode_secret_key(key, None)?);
    let begun = Arc::new(AtomicUsize::new(0));
    let watch = Stopwatch::start(std::process::id())?;
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (config, key, begun) = (Arc::clone(&config), Arc::clone(&key), Arc::clone(&begun));
        workers.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < JOBS {
                echo(Arc::clone(&config), port, Arc::clone(&key)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    watch.finish()
}

struct AnyServer;

impl client::Handler for AnyServer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

async fn echo(config: Arc<client::Config>, port: u16, key: Arc<PrivateKey>) -> anyhow::Result<()> {
    let mut session = client::connect(config, ("127.0.0.1", port), AnyServer).await?;
    let key = PrivateKeyWithHashAlg::new(key, None);
    ensure!(session.authenticate_publickey(Sshd::USER, key).await?.success(), "the key was not accepted");
    let mut channel = session.channel_open_session().await?;
    channel.exec(true, "echo hi").await?;
    let mut output = Vec::new();
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message {
            output.extend_from_slice(&data);
        }
    }
    ensure!(output == b"hi\n", "the command said {output:?}");
    Ok(session.disconnect(Disconnect::ByApplication, "", "").await?)
}

fn peer(python: &Path, name: &str, port: u16, key_file: &Path) -> anyhow::Result<Round> {
    let run = Command::new(python)
        .arg(format!("{FOLDER}/peers.py"))
        .args([name, &JOBS.to_string(), &AT_ONCE.to_string(), &port.to_string()])
        .arg(key_file)
        .output()?;
    ensure!(run.status.success(), "{name} failed: {}", String::from_utf8_lossy(&run.stderr));
    let printed = String::from_utf8(run.stdout)?;
    let Some((wall, cpu)) = printed.trim().split_once(' ') else { bail!("{name} printed {printed:?}") };
    let (wall, cpu): (f64, f64) = (wall.parse()?, cpu.parse()?);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred jobs")]
    let jobs = JOBS as f64;
    Ok(Round { jobs_per_second: jobs / wall, cpu_ms_per_job: cpu * 1000.0 / jobs, client_ms_per_job: None })
}

/// The interpreter of an environment that has the peers; made at the first run.
fn python() -> anyhow::Result<PathBuf> {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    let python = environment.join("bin/python");
    let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).status();
    ensure!(made.is_ok_and(|status| status.success()), "install python3-venv: the peers need it");
    let install = ["-m", "pip", "install", "--quiet", "--requirement"];
    let installed = Command::new(&python).args(install).arg(format!("{FOLDER}/requirements.txt")).status()?;
    ensure!(installed.success(), "pip cannot install the peers");
    Ok(python)
}
