//! What commands cost where connections are kept, and what happens when very many run at once:
//!
//! - `echo hi` on one kept connection, one and eight at a time: the daemon (`keepalive`) beside russh
//!   and asyncssh, five rounds in which they take turns;
//! - the document's bulk case, 40 commands that do nothing on the default queue;
//! - 1,000 jobs that all sleep at the same time;
//! - 100 targets behind one jump host.
//!
//! With `--tiny`, as `cargo bench --bench commands -- --tiny`, only whether it works.

mod contest;
mod peers;
mod sleeper;

use anyhow::{Context, ensure};
use contest::{Load, by_ourselves, by_peers, contest, echo, log_in, log_out, say, through_the_daemon};
use hostler_tests::{Daemon, KeyForm, KeyType, Setup, Sshd, median, memory, peak_memory};
use peers::Peers;
use russh::keys::decode_secret_key;
use serde_json::{Value, json};
use sleeper::Sleepers;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Whatever waits for a place in the daemon would not be there at the same time.
const CONFIG: &str = "
    jobs.max_running = 1100
    jobs.max_running_per_target = 1100
    plugins.driver_limits.concurrency = 1100
    plugins.max_instances = 1100
";

/// How late a job may end after its sleep, in milliseconds.
const LATE: i64 = 2000;

/// Memory of the daemon with all that sleep, in bytes.
const MEMORY_GOAL: u64 = 400 << 20;

/// Between two looks at its memory.
const LOOK: Duration = Duration::from_millis(500);

/// How much there is to do.
struct Size {
    rounds: usize,
    commands: usize,
    bulk: usize,
    sleepers: usize,
    /// All must be asleep before the first one wakes.
    sleep_s: u64,
    behind_the_jump_host: usize,
}

const FULL: Size = Size { rounds: 5, commands: 400, bulk: 40, sleepers: 1000, sleep_s: 45, behind_the_jump_host: 100 };
const TINY: Size = Size { rounds: 1, commands: 16, bulk: 4, sleepers: 20, sleep_s: 5, behind_the_jump_host: 5 };

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = Runtime::new()?;
    if let Some(at) = arguments.iter().position(|argument| argument == sleeper::SERVE) {
        let servers = arguments.get(at + 1).context("how many?")?.parse()?;
        return runtime.block_on(sleeper::serve(servers));
    }
    let size = if arguments.iter().any(|argument| argument == "--tiny") { TINY } else { FULL };
    let daemon = Daemon::start(&Setup {
        program: env!("CARGO_BIN_EXE_hostler-under-test"),
        config: CONFIG,
        plugins: &[],
        unsigned: false,
        log: "warn,hostler=info",
        local: false,
    })?;
    kept_connections(&daemon, &runtime, &size)?;
    bulk(&daemon, &size)?;
    sleepers(&daemon, &size)?;
    jump_host(&daemon, &size)
}

fn kept_connections(daemon: &Daemon, runtime: &Runtime, size: &Size) -> anyhow::Result<()> {
    // sshd counts a command until its channel is closed at both ends, and asyncssh does not wait for that.
    let sshd = Sshd::start(&["MaxSessions=100"])?;
    let port = sshd.port();
    let text = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    let peers = Peers::new(&text)?;
    let body = json!({
        "driver": "paramiko",
        // Pinned jobs would keep the connection too, but run one after the other.
        "connection_args":
            {"host": "127.0.0.1", "port": port, "username": Sshd::USER, "pkey": text, "keepalive": 60},
        "command": "echo hi"
    });
    let session = Arc::new(runtime.block_on(log_in(port, Arc::new(decode_secret_key(&text, None)?)))?);
    for at_once in [1, 8] {
        let load = Load { jobs: size.commands, at_once };
        let kept = Arc::clone(&session);
        let job = move || {
            let session = Arc::clone(&kept);
            async move { echo(&session).await }
        };
        say(&format!("one kept connection, {} commands, {at_once} at a time", load.jobs));
        let [hostler, russh, asyncssh] = contest(
            size.rounds,
            &[
                ("hostler", Box::new(|| through_the_daemon(daemon, &body, load))),
                ("russh", Box::new(|| runtime.block_on(by_ourselves(load, job.clone())))),
                ("asyncssh", Box::new(|| by_peers(&peers, "asyncssh-pooled", port, load))),
            ],
        )?;
        for (name, other) in [("russh", russh), ("asyncssh", asyncssh)] {
            say(&format!(
                "hostler / {name}, commands per second: {:.3}",
                hostler.jobs_per_second / other.jobs_per_second
            ));
            say(&format!("hostler / {name}, CPU per command: {:.3}", hostler.cpu_ms_per_job / other.cpu_ms_per_job));
        }
    }
    runtime.block_on(log_out(&session))
}

/// With keys, and with passwords, whose check is what sshd then spends most of its time on.
fn bulk(daemon: &Daemon, size: &Size) -> anyhow::Result<()> {
    // As many log in at once as the document's clients would have; sshd would turn some away (MaxStartups).
    let sshd = Sshd::start(&["MaxStartups=100"])?;
    let key = sshd.key(KeyType::Ed25519, KeyForm::OpenSsh, None)?;
    for (name, secret) in [("pkey", key.as_str()), ("password", Sshd::PASSWORD)] {
        let body = json!({
            "driver": "paramiko",
            "connection_args": {"host": "127.0.0.1", "port": sshd.port(), "username": Sshd::USER, name: secret},
            "command": "true"
        });
        let mut seconds = Vec::new();
        for _ in 0..size.rounds {
            let start = Instant::now();
            for job in all(daemon, (0..size.bulk).map(|_| body.clone()))? {
                ensure!(job["results"][0]["exit_status"] == 0, "{job}");
            }
            seconds.push(start.elapsed().as_secs_f64());
        }
        let seconds = median(seconds);
        say(&format!("{} jobs of the default queue on one server, by {name}: {seconds:.3} s (median)", size.bulk));
    }
    Ok(())
}

/// Submits jobs and waits for all to finish.
fn all(daemon: &Daemon, bodies: impl Iterator<Item = Value>) -> anyhow::Result<Vec<Value>> {
    let submitted = bodies.map(|body| daemon.execute(&body)).collect::<anyhow::Result<Vec<_>>>()?;
    let ended = submitted.iter().map(|answer| daemon.wait(answer.job().with_context(|| answer.text.clone())?));
    ended
        .map(|job| job.and_then(|job| if job["state"] == "finished" { Ok(job) } else { anyhow::bail!("{job}") }))
        .collect()
}

fn sleep_at(port: u16, command: &str) -> Value {
    json!({
        "driver": "paramiko",
        "connection_args": {"host": "127.0.0.1", "port": port, "username": "anyone", "password": "anything"},
        "command": command
    })
}

fn sleepers(daemon: &Daemon, size: &Size) -> anyhow::Result<()> {
    let servers = Sleepers::start(10)?;
    let bodies = servers.ports.iter().cycle().take(size.sleepers).enumerate();
    let bodies = bodies.map(|(number, port)| sleep_at(*port, &format!("sleep {} {number}", size.sleep_s)));
    let (jobs, most) = most_memory(daemon, || all(daemon, bodies))?;
    let slept = servers.end()?;
    ensure!(slept.peak == size.sleepers, "only {} of {} slept at the same time", slept.peak, size.sleepers);
    let mut late = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        let ended: jiff::Timestamp = job["ended_at"].as_str().context("it has ended")?.parse()?;
        late.push(ended.as_millisecond() - slept.woke.get(&number).context("it woke up")?);
    }
    let worst = late.iter().copied().max().context("there are jobs")?;
    say(&format!(
        "{} jobs asleep at once; after its sleep a job ended {} ms (median), {worst} ms (worst) later",
        late.len(),
        median(late)
    ));
    say(&format!(
        "memory of the daemon, at most: {} MiB (Pss; goal: under {} MiB); {} MiB where what instances of a plugin share \
         counts once for each (VmHWM)",
        most >> 20,
        MEMORY_GOAL >> 20,
        peak_memory(daemon.pid())? >> 20
    ));
    ensure!(worst <= LATE, "no job may be later than {LATE} ms");
    Ok(())
}

/// Does `work`, and tells what most of the daemon's memory was meanwhile, as far as two looks a second show.
fn most_memory<T>(daemon: &Daemon, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, u64)> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(memory(daemon.pid())?);
                thread::sleep(LOOK);
            }
            anyhow::Ok(most)
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        let most = watch.join().expect("it does not panic")?;
        Ok((done?, most))
    })
}

fn jump_host(daemon: &Daemon, size: &Size) -> anyhow::Result<()> {
    let jump = Sshd::start(&[])?;
    let targets = Sleepers::start(size.behind_the_jump_host)?;
    let bodies = targets.ports.iter().enumerate().map(|(number, port)| {
        let mut body = sleep_at(*port, &format!("sleep 0 {number}"));
        body["connection_args"]["proxy_host"] = "127.0.0.1".into();
        body["connection_args"]["proxy_port"] = jump.port().into();
        body["connection_args"]["proxy_username"] = Sshd::USER.into();
        body["connection_args"]["proxy_password"] = Sshd::PASSWORD.into();
        body
    });
    let start = Instant::now();
    let jobs = all(daemon, bodies)?;
    let seconds = start.elapsed().as_secs_f64();
    targets.end()?;
    let logins = jump.log()?.matches("Accepted password").count();
    say(&format!("{} targets behind one jump host: {seconds:.3} s, {logins} logins there", jobs.len()));
    Ok(())
}
