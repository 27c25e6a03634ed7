//! What benchmarks share: rounds in which contenders take turns, so that all meet the same weather, and the
//! contenders: the whole daemon through HTTP, russh, and Python's libraries.

use crate::peers::Peers;
use anyhow::{Context, ensure};
use hostler_tests::{Daemon, Spent, Sshd, cpu, median};
use russh::client::{self, Handle};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, Disconnect};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use tokio::task::JoinSet;

/// How much work there is in a round.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) jobs: usize,
    pub(crate) at_once: usize,
}

/// What one round of one contender cost.
pub(crate) struct Round {
    pub(crate) jobs_per_second: f64,
    /// User and system time of the contender itself.
    pub(crate) cpu_ms_per_job: f64,
    /// The same of the HTTP client that drove it, where there is one.
    client_ms_per_job: Option<f64>,
}

/// Somebody who does a round.
pub(crate) type Contender<'a> = (&'static str, Box<dyn Fn() -> anyhow::Result<Round> + 'a>);

/// Lets the contenders take turns, and answers the median of each.
pub(crate) fn contest<const N: usize>(rounds: usize, contenders: &[Contender; N]) -> anyhow::Result<[Round; N]> {
    let mut results: [Vec<Round>; N] = std::array::from_fn(|_| Vec::new());
    for number in 1..=rounds {
        say(&format!("round {number}"));
        for ((name, contender), results) in contenders.iter().zip(&mut results) {
            let round = contender().with_context(|| format!("{name} failed"))?;
            report(name, &round);
            results.push(round);
        }
    }
    say("median");
    let medians = results.map(|results| Round::median(&results));
    contenders.iter().zip(&medians).for_each(|((name, _), round)| report(name, round));
    Ok(medians)
}

#[expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

fn report(name: &str, round: &Round) {
    let Round { jobs_per_second, cpu_ms_per_job, client_ms_per_job } = round;
    let client = client_ms_per_job.map_or(String::new(), |ms| format!(" (HTTP client: {ms:.2} ms)"));
    say(&format!("  {name:9} {jobs_per_second:7.1} jobs/s {cpu_ms_per_job:6.2} ms of CPU per job{client}"));
}

impl Round {
    fn median(rounds: &[Self]) -> Self {
        let middle = |value: fn(&Self) -> f64| median(rounds.iter().map(value));
        let client = rounds[0].client_ms_per_job.map(|_| middle(|round| round.client_ms_per_job.unwrap_or(0.0)));
        Self {
            jobs_per_second: middle(|round| round.jobs_per_second),
            cpu_ms_per_job: middle(|round| round.cpu_ms_per_job),
            client_ms_per_job: client,
        }
    }
}

/// Measures what runs between start and finish.
struct Stopwatch {
    start: Instant,
    process: u32,
    /// Seconds.
    cpu: f64,
    own_cpu: f64,
}

impl Stopwatch {
    fn start(process: u32) -> anyhow::Result<Self> {
        let (cpu, own_cpu) = (cpu(process, Spent::Itself)?, cpu(std::process::id(), Spent::Itself)?);
        Ok(Self { start: Instant::now(), process, cpu, own_cpu })
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred jobs")]
    fn finish(self, load: Load) -> anyhow::Result<Round> {
        let jobs = load.jobs as f64;
        let jobs_per_second = jobs / self.start.elapsed().as_secs_f64();
        let own = (cpu(std::process::id(), Spent::Itself)? - self.own_cpu) * 1000.0 / jobs;
        let cpu_ms_per_job = (cpu(self.process, Spent::Itself)? - self.cpu) * 1000.0 / jobs;
        let driven = self.process != std::process::id();
        Ok(Round { jobs_per_second, cpu_ms_per_job, client_ms_per_job: driven.then_some(own) })
    }
}

/// One keep-alive connection per job at a time, `POST` and one waiting `GET` each. The jobs say `hi`.
pub(crate) fn through_the_daemon(daemon: &Daemon, body: &Value, load: Load) -> anyhow::Result<Round> {
    let begun = AtomicUsize::new(0);
    let worker = || -> anyhow::Result<()> {
        while begun.fetch_add(1, Ordering::Relaxed) < load.jobs {
            let job = daemon.run(body)?;
            ensure!(job["results"][0]["stdout"] == "hi\n", "{job}");
        }
        Ok(())
    };
    let watch = Stopwatch::start(daemon.pid())?;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..load.at_once).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    watch.finish(load)
}

/// The same work inside this process.
pub(crate) async fn by_ourselves<F, Job>(load: Load, job: F) -> anyhow::Result<Round>
where
    F: Fn() -> Job + Send + Sync + 'static,
    Job: Future<Output = anyhow::Result<()>> + Send,
{
    let (job, begun) = (Arc::new(job), Arc::new(AtomicUsize::new(0)));
    let watch = Stopwatch::start(std::process::id())?;
    let mut workers = JoinSet::new();
    for _ in 0..load.at_once {
        let (job, begun) = (Arc::clone(&job), Arc::clone(&begun));
        workers.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < load.jobs {
                job().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    watch.finish(load)
}

/// Takes any server for the right one.
pub(crate) struct AnyServer;

impl client::Handler for AnyServer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// Logs in by russh itself, with its default preferences.
pub(crate) async fn log_in(port: u16, key: Arc<PrivateKey>) -> anyhow::Result<Handle<AnyServer>> {
    let config = client::Config { nodelay: true, ..client::Config::default() };
    let mut session = client::connect(Arc::new(config), ("127.0.0.1", port), AnyServer).await?;
    let key = PrivateKeyWithHashAlg::new(key, None);
    ensure!(session.authenticate_publickey(Sshd::USER, key).await?.success(), "the key was not accepted");
    Ok(session)
}

/// One command in a session of russh's.
pub(crate) async fn echo(session: &Handle<AnyServer>) -> anyhow::Result<()> {
    let mut channel = session.channel_open_session().await?;
    channel.exec(true, "echo hi").await?;
    let mut output = Vec::new();
    while let Some(message) = channel.wait().await {
        if let ChannelMsg::Data { data } = message {
            output.extend_from_slice(&data);
        }
    }
    ensure!(output == b"hi\n", "the command said {output:?}");
    Ok(())
}

pub(crate) async fn log_out(session: &Handle<AnyServer>) -> anyhow::Result<()> {
    Ok(session.disconnect(Disconnect::ByApplication, "", "").await?)
}

/// A round of a contender of `peers.py`.
pub(crate) fn by_peers(peers: &Peers, name: &str, port: u16, load: Load) -> anyhow::Result<Round> {
    let [jobs, at_once, port] = [load.jobs, load.at_once, port.into()].map(|number| number.to_string());
    let (wall, cpu) = peers.run("peers.py", &[name, &jobs, &at_once, &port])?;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred jobs")]
    let jobs = load.jobs as f64;
    Ok(Round { jobs_per_second: jobs / wall, cpu_ms_per_job: cpu * 1000.0 / jobs, client_ms_per_job: None })
}
