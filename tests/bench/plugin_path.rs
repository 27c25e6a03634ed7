//! What a job costs in the plugin host, without the network: `cargo bench -p hostler-tests --bench plugin_path`.
//!
//! CPU time, so that what else the machine does counts little. One run compares, round by round: the bare life
//! of a guest in plain wasmtime (store, instance, two calls, drop; the pool zeroes what it keeps), and the whole
//! path of a job (policy review, validate, execute with its host calls and `authorize`), where the SSH server is
//! scripted and answers at once. The path makes three instances.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use anyhow::anyhow;
use futures::FutureExt;
use futures::future::BoxFuture;
use hostler_model::{Args, AuditEntry, ErrorKind, Exit, Failure, JobId, Phase, Request};
use hostler_plugins::{Audit, Config, Piece, Plugins, Prepared, Rejection, Witness};
use hostler_remote::{Connect, Connector, Deadlines, Event, Exec, Files, Process, Session, Shell, ShellRequest};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker, Val};
use wasmtime::error::Context;
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

const ROUNDS: usize = 21;
const LIVES: u32 = 500;
const INSTANCES: f64 = 3.0;
/// What the path may cost, as a multiple of the bare lives that it contains.
const GOAL: f64 = 1.5;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let bare = |guest| Bare::new(guest).map_err(|error| anyhow!("{error:#}"));
        let (noop, driver) = (bare("noop")?, bare("paramiko")?);
        let folder = tempfile::tempdir()?;
        let config = Config { cache: folder.path().join("cache"), ..Config::default() };
        let plugins = config.build(Arc::new(Scripted), Arc::new(Blind)).await?;
        let mut times: [Vec<Duration>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (guest, times) in [&noop, &driver].into_iter().zip(&mut times) {
                let start = cpu_time()?;
                for _ in 0..LIVES {
                    guest.life().await.map_err(|error| anyhow!("{error:#}"))?;
                }
                times.push(cpu_time()?.saturating_sub(start) / LIVES);
            }
            let start = cpu_time()?;
            for _ in 0..LIVES {
                execute(prepare(&plugins).await?).await?;
            }
            times[2].push(cpu_time()?.saturating_sub(start) / LIVES);
        }
        let [noop, driver, path] = times.map(median);
        println!("bare life (store, instance, two calls, drop) of the smallest driver: {noop:?}");
        println!("bare life of the driver `paramiko`: {driver:?}");
        println!("plugin path of a job (validate, review, execute with two authorize, drops): {path:?}");
        let path = path.as_secs_f64() / INSTANCES;
        println!(
            "path / ({INSTANCES} x bare life of `paramiko`) = {:.2} (goal: at most {GOAL})",
            path / driver.as_secs_f64()
        );
        println!("path / ({INSTANCES} x bare life of the smallest driver) = {:.2}", path / noop.as_secs_f64());
        Ok(())
    })
}

/// CPU time of this thread so far, which does all the work: other processes do not count (proc(5)).
fn cpu_time() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = stat.split(' ').next().unwrap_or_default();
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The document's first example, accepted.
async fn prepare(plugins: &Arc<Plugins>) -> anyhow::Result<Prepared> {
    let Value::Object(connection_args) = json!({"host": "192.0.2.1", "username": "admin", "password": "long enough"})
    else {
        unreachable!("it is an object")
    };
    let request = Request {
        driver: "paramiko".into(),
        command: Some(vec!["uname -a".into()]),
        connection_args: Args::seal("connection_args", connection_args),
        driver_args: Args::seal("driver_args", serde_json::Map::new()),
        ..Request::default()
    };
    plugins.prepare(JobId::new(), request).await.map_err(|rejection| match rejection {
        Rejection::Invalid(problems) => anyhow!("{problems:?}"),
        Rejection::Failed(failure) => failure.into(),
    })
}

/// The same, carried out.
async fn execute(prepared: Prepared) -> anyhow::Result<()> {
    let outcome = prepared.execute(Arc::new(Blind), CancellationToken::new()).await;
    outcome.error.map_or(Ok(()), |error| Err(error.into()))
}

/// A guest in plain wasmtime, pooled like ours, with no limit and no capability.
struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
    describe: ComponentExportIndex,
}

impl Bare {
    fn new(guest: &str) -> wasmtime::Result<Self> {
        let mut config = wasmtime::Config::new();
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(256 << 10).table_keep_resident(64 << 10);
        config.concurrency_support(false).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let component = Component::from_file(&engine, format!("{}/{guest}.wasm", env!("HOSTLER_TEST_GUESTS")))?;
        let interface = component.get_export_index(None, "hostler:plugin/driving@0.1.0");
        let describe = component.get_export_index(interface.as_ref(), "describe");
        let describe = describe.context("the guest does not export `describe`")?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Self { engine, pre, describe })
    }

    async fn life(&self) -> wasmtime::Result<()> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.pre.instantiate_async(&mut store).await?;
        let describe = instance.get_func(&mut store, self.describe).context("the guest does not export `describe`")?;
        for _ in 0..2 {
            describe.call_async(&mut store, &[], &mut [Val::Bool(false)]).await?;
        }
        Ok(())
    }
}

/// Keeps nothing.
struct Blind;

impl Audit for Blind {
    fn record(&self, _: AuditEntry) {}
}

impl Witness for Blind {
    fn output(&self, _: Piece<'_>) {}

    fn before_effect(&self) -> BoxFuture<'_, Result<(), Failure>> {
        async { Ok(()) }.boxed()
    }
}

/// Servers that answer at once.
struct Scripted;

impl Connector for Scripted {
    fn deadlines(&self) -> Deadlines {
        let second = Duration::from_secs(1);
        Deadlines { connect: second, banner: second, auth: second }
    }

    fn resolve<'a>(&'a self, _: &'a str, port: u16, _: Duration) -> BoxFuture<'a, Result<Vec<SocketAddr>, Failure>> {
        async move { Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))]) }.boxed()
    }

    fn connect(&self, _: Connect) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>> {
        async { Ok(Box::new(Self) as Box<dyn Session>) }.boxed()
    }
}

impl Session for Scripted {
    fn start(&self, _: Exec) -> BoxFuture<'_, Result<Process, Failure>> {
        let (sender, events) = mpsc::unbounded_channel();
        for event in [Event::Stdout("Linux\n".into()), Event::Ended(Ok(Exit::Status(0)))] {
            sender.send(event).expect("the receiver is here");
        }
        async { Ok(Process::new(events)) }.boxed()
    }

    fn shell(&self, _: ShellRequest) -> BoxFuture<'_, Result<Shell, Failure>> {
        unreachable!("the driver runs commands only")
    }

    fn files(&self) -> BoxFuture<'_, Result<Box<dyn Files>, Failure>> {
        async { Err(Failure::new(ErrorKind::Unsupported, Phase::Transfer, "it has no files")) }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn reused(&self) -> bool {
        false
    }
}
