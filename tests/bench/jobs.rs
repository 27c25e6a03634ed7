//! What it costs that no job is lost:
//!
//! - jobs that do nothing (`:`) on kept connections, through HTTP, against OpenSSH: the daemon's own CPU time for each,
//!   beside what the parts of such a job cost bare; how many there are in a second; and how long a submission takes
//!   beside a bare hyper server and the disk's own fdatasync, which take turns with it in the same minute;
//! - polls of a job that has ended;
//! - 100,000 jobs that have ended: to start with them, to list, to filter, to get one;
//! - 40 commands that do nothing, by `NetPulse`'s own SDK in one request: how long until it has the results;
//! - 10,000 jobs that wait, for 1,000 targets: what they take in memory.
//!
//! Parts by name: `cargo bench --bench jobs -- load polls sdk ended queued`. With `--tiny`, only whether it works.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod bare;
mod bare_http;
mod ended;
mod floor;
mod sleeper;

use anyhow::{Context, ensure};
use bare_http::BareHttp;
use floor::Floor;
use hostler_tests::{Daemon, KeyForm, KeyType, Python, Setup, Spent, Sshd, cpu, median, memory};
use serde_json::{Value, json};
use sleeper::Sleepers;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use ureq::http::Method;

/// CPU time of the daemon for a job, in milliseconds.
const JOB_GOAL: f64 = 0.8;
/// CPU time of the daemon for a poll, in milliseconds.
const POLL_GOAL: f64 = 0.3;
/// Seconds until the SDK has the results of a bulk of 40.
const SDK_GOAL: f64 = 1.5;
/// Memory of the daemon with jobs that wait, in bytes.
const QUEUE_GOAL: u64 = 300 << 20;
/// Between two looks at how long the disk takes.
const BREATH: Duration = Duration::from_millis(20);

/// How much there is to do.
pub(crate) struct Size {
    rounds: usize,
    jobs: usize,
    at_once: usize,
    polls: usize,
    ended: usize,
    looks: usize,
    queued: usize,
    targets: usize,
}

const FULL: Size =
    Size { rounds: 5, jobs: 1000, at_once: 8, polls: 3000, ended: 100_000, looks: 101, queued: 10_000, targets: 1000 };
const TINY: Size = Size { rounds: 1, jobs: 20, at_once: 4, polls: 20, ended: 100, looks: 3, queued: 20, targets: 5 };

/// As many jobs at once as the load has, and as many as wait.
const CONFIG: &str = "jobs.max_queued = 20_000\nhttp.rate_per_second = 100_000\nhttp.rate_burst = 100_000\n";

pub(crate) const SETUP: Setup = Setup {
    program: env!("CARGO_BIN_EXE_hostler-under-test"),
    config: CONFIG,
    plugins: &[],
    unsigned: false,
    log: "warn,hostler=info",
    local: false,
};

/// A part of the benchmark, and its name.
type Part = (&'static str, fn(&Size) -> anyhow::Result<()>);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == sleeper::SERVE) {
        let servers = arguments.get(at + 1).context("how many?")?.parse()?;
        return Runtime::new()?.block_on(sleeper::serve(servers));
    }
    if arguments.iter().any(|argument| argument == bare_http::SERVE) {
        return Runtime::new()?.block_on(bare_http::serve());
    }
    let size = if arguments.iter().any(|argument| argument == "--tiny") { TINY } else { FULL };
    let parts: [Part; 5] = [("load", load), ("polls", polls), ("sdk", sdk), ("ended", ended::run), ("queued", queued)];
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let all = !parts.iter().any(|(name, _)| named(name));
    parts.iter().filter(|(name, _)| all || named(name)).try_for_each(|(_, part)| part(&size))
}

/// A job that does nothing, on a connection that is kept.
fn nothing(sshd: &Sshd) -> anyhow::Result<Value> {
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    Ok(json!({
        "connection_args":
            {"host": "127.0.0.1", "port": sshd.port(), "username": Sshd::USER, "pkey": key, "keepalive": 60},
        "command": [":"]
    }))
}

fn submit(daemon: &Daemon, body: &str) -> anyhow::Result<String> {
    let answer = daemon.send(Method::POST, "/v1/jobs", body)?;
    ensure!(answer.status == 201, "the job was not accepted: {} {}", answer.status, answer.text);
    Ok(answer.body["id"].as_str().context("a job has an id")?.to_owned())
}

/// What one round saw.
struct Round {
    jobs_per_second: f64,
    cpu_ms: f64,
    submit: Vec<Duration>,
    bare: Vec<Duration>,
    disk: Vec<Duration>,
}

fn load(size: &Size) -> anyhow::Result<()> {
    let sshd = Sshd::start(&["MaxStartups=100"])?;
    let daemon = Daemon::start(&SETUP)?;
    let body = nothing(&sshd)?.to_string();
    let bare = BareHttp::start()?;
    // The connections are opened.
    one_round(&daemon, &bare, &body, size.at_once * 4, size.at_once)?;
    let (mut rounds, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        floors.push(Floor::measure(&sshd, &bare, &body, size.jobs, size.at_once)?);
        let round = one_round(&daemon, &bare, &body, size.jobs, size.at_once)?;
        println!("  {:7.1} jobs/s {:6.3} ms of the daemon's CPU per job", round.jobs_per_second, round.cpu_ms);
        rounds.push(round);
    }
    let rate = median(rounds.iter().map(|round| round.jobs_per_second));
    let cpu_ms = median(rounds.iter().map(|round| round.cpu_ms));
    println!(
        "jobs that do nothing: {rate:.0} per second, {cpu_ms:.3} ms of the daemon's CPU each (goal: at most {JOB_GOAL})"
    );
    let part = |cost: fn(&Floor) -> f64| median(floors.iter().map(cost));
    let floor = part(Floor::sum);
    println!(
        "  the parts of such a job bare: {floor:.3} ms (hyper {:.3}, SQLite {:.3}, wasmtime {:.3}, russh {:.3}); \
         the daemon / these: {:.2}",
        part(|floor| floor.http),
        part(|floor| floor.store),
        part(|floor| floor.instances),
        part(|floor| floor.ssh),
        cpu_ms / floor
    );
    let all = |times: fn(&Round) -> &Vec<Duration>| p99(rounds.iter().flat_map(times).copied().collect());
    let (submit, bare, disk) = (all(|round| &round.submit), all(|round| &round.bare), all(|round| &round.disk));
    let goal = bare + 10 * disk;
    println!(
        "p99 of a submission: {submit:?}; of bare hyper {bare:?}, of fdatasync {disk:?}; \
         submission / (hyper + 10 x fdatasync): {:.2} (goal: at most 1)",
        submit.as_secs_f64() / goal.as_secs_f64()
    );
    Ok(())
}

fn one_round(daemon: &Daemon, bare: &BareHttp, body: &str, jobs: usize, at_once: usize) -> anyhow::Result<Round> {
    let (begun, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = || -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
        let (mut submitted, mut answered) = (Vec::new(), Vec::new());
        while begun.fetch_add(1, Ordering::Relaxed) < jobs {
            let start = Instant::now();
            let id = submit(daemon, body)?;
            submitted.push(start.elapsed());
            let job = daemon.wait(&id)?;
            ensure!(job["state"] == "finished" && job["results"][0]["exit_status"] == 0, "{job}");
            answered.push(bare.ask(body)?);
        }
        Ok((submitted, answered))
    };
    let disk = || -> anyhow::Result<Vec<Duration>> {
        let mut file = File::create(daemon.data().join("fdatasync"))?;
        let mut times = Vec::new();
        while !over.load(Ordering::Relaxed) {
            file.write_all(&[0; 4096])?;
            let start = Instant::now();
            file.sync_data()?;
            times.push(start.elapsed());
            thread::sleep(BREATH);
        }
        Ok(times)
    };
    let (start, before) = (Instant::now(), cpu(daemon.pid(), Spent::Itself)?);
    let (times, disk) = thread::scope(|scope| {
        let disk = scope.spawn(disk);
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        let times: anyhow::Result<Vec<_>> =
            workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect();
        over.store(true, Ordering::Relaxed);
        (times, disk.join().expect("it does not panic"))
    });
    #[expect(clippy::cast_precision_loss, reason = "a few thousand jobs")]
    let jobs = jobs as f64;
    let seconds = start.elapsed().as_secs_f64();
    let cpu_ms = (cpu(daemon.pid(), Spent::Itself)? - before) * 1000.0 / jobs;
    let (submit, bare): (Vec<_>, Vec<_>) = times?.into_iter().unzip();
    Ok(Round { jobs_per_second: jobs / seconds, cpu_ms, submit: submit.concat(), bare: bare.concat(), disk: disk? })
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

fn polls(size: &Size) -> anyhow::Result<()> {
    let sshd = Sshd::start(&[])?;
    let daemon = Daemon::start(&SETUP)?;
    let id = submit(&daemon, &nothing(&sshd)?.to_string())?;
    daemon.wait(&id)?;
    for path in [format!("/v1/jobs/{id}"), format!("/job?id={id}")] {
        let before = cpu(daemon.pid(), Spent::Itself)?;
        for _ in 0..size.polls {
            let answer = daemon.get(&path)?;
            ensure!(answer.status == 200 && answer.text.contains(&id), "{}", answer.text);
        }
        #[expect(clippy::cast_precision_loss, reason = "a few thousand polls")]
        let ms = (cpu(daemon.pid(), Spent::Itself)? - before) * 1000.0 / size.polls as f64;
        let route = path.replace(&id, "ID");
        println!("a poll, GET {route}: {ms:.3} ms of the daemon's CPU (goal: at most {POLL_GOAL})");
    }
    Ok(())
}

/// A bulk run of the SDK on the default queue, with a connection for each job.
fn sdk(_: &Size) -> anyhow::Result<()> {
    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/netpulse");
    let sshd = Sshd::start(&["MaxStartups=100"])?;
    let daemon = Daemon::start(&SETUP)?;
    let python = Python::with(env!("CARGO_TARGET_TMPDIR"), "netpulse-sdk", &format!("{FOLDER}/requirements.txt"))?;
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    let given = json!({
        "address": daemon.address(),
        "key": Daemon::KEY,
        "connection_args": {"host": "127.0.0.1", "port": sshd.port(), "username": Sshd::USER, "pkey": key},
    });
    let printed = python.run(&format!("{FOLDER}/figure.py"), &[], &given.to_string())?;
    let seconds = printed.lines().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let seconds = median(seconds);
    println!(
        "40 commands that do nothing, by the SDK in one request: {seconds:.2} s (goal: under {SDK_GOAL}; NetPulse: 33)"
    );
    Ok(())
}

/// One job runs, and all others wait for it.
fn queued(size: &Size) -> anyhow::Result<()> {
    let config = format!("{CONFIG}jobs.max_running = 1\n");
    let daemon = Daemon::start(&Setup { config: &config, ..SETUP })?;
    let sleepers = Sleepers::start(1)?;
    let port = sleepers.ports[0];
    let body = |host: &str, command: &str| {
        json!({
            "connection_args": {"host": host, "port": port, "username": "anyone", "password": "anything"},
            "command": [command],
            "ttl": 3600
        })
        .to_string()
    };
    let before = memory(daemon.pid())?;
    let first = submit(&daemon, &body("127.0.0.1", "sleep 3000 0"))?;
    let start = Instant::now();
    for number in 0..size.queued {
        let target = number % size.targets;
        // Nobody listens there; nor does anybody come.
        let host = format!("127.{}.{}.1", 1 + target / 200, 1 + target % 200);
        submit(&daemon, &body(&host, &format!("sleep 0 {number}")))?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let with = memory(daemon.pid())?;
    let first = daemon.get(&format!("/v1/jobs/{first}"))?;
    ensure!(first.body["state"] == "started", "not all waited: {}", first.text);
    drop(daemon);
    ensure!(sleepers.end()?.peak == 1, "the one that runs does not sleep");
    println!(
        "{} jobs that wait, for {} targets: {} MiB of memory (Pss), {} MiB before (goal: under {} MiB); \
         submitted one by one in {seconds:.1} s",
        size.queued,
        size.targets,
        with >> 20,
        before >> 20,
        QUEUE_GOAL >> 20
    );
    Ok(())
}
