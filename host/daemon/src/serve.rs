//! `hostler serve`: builds the rooms from the bottom up and runs them until a signal.

use crate::cli::Serve;
use crate::config::{self, Config};
use crate::key;
use anyhow::Context;
use hostler_api::{Api, Letters};
use hostler_files::Staged;
use hostler_jobs::Ledger;
use hostler_remote::HostKeys;
use prometheus_client::registry::Registry;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// How often staged files are looked through.
const SWEEP: Duration = Duration::from_mins(1);

/// Runs the daemon.
pub(crate) async fn run(arguments: Serve) -> anyhow::Result<()> {
    let config = Config::load(&arguments.files)?;
    raise_descriptors();
    // Webhooks speak TLS with the one library of cryptography that is here. If somebody else chose before, so be it.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let listen = arguments.listen.unwrap_or(config.listen);
    let data_dir = config.data_dir;
    for folder in ["", "files", "keys", "plugins", "staged"] {
        private_folder(&data_dir.join(folder))?;
    }
    let key = key::load(config.api_key_file.as_deref(), &data_dir)?;
    let listener = TcpListener::bind(listen);
    let listener = listener.await.with_context(|| format!("{listen} cannot be listened on"))?;
    let host_keys = HostKeys::new(config.ssh.known_hosts.clone());
    let engine = Arc::new(config.ssh.build()?);
    // From here on no other daemon uses the data directory.
    let ledger = Ledger::open(&data_dir, &config.jobs)?;
    let files = config.files.build()?;
    let (connector, audit) = (engine.clone(), Arc::new(ledger.clone()));
    let plugins = config.plugins.build(connector, files.clone(), audit).await?;
    let webhooks = config.webhooks.build(&ledger, Arc::new(Letters::new(&config.http)))?;
    let mut registry = Registry::with_prefix("hostler");
    ledger.register(&mut registry);
    engine.register(&mut registry);
    plugins.register(&mut registry);
    let credentials = config.credentials.build(config::variables())?;
    let jobs = config.jobs.build(ledger, plugins, webhooks, credentials).await?;
    jobs.register(&mut registry);
    let api = Api::new(config.http, jobs.clone(), host_keys, key).with_metrics(registry);
    let shutdown = CancellationToken::new();
    // Whoever reads the next line may end the daemon at once, and jobs are to be ended in order then too.
    let mut end = End::listen()?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    tokio::spawn(sweep(files.staged));
    let serving = hostler_api::serve(listener, api, shutdown.clone());
    let asked_to_end = async {
        end.signalled().await;
        tracing::info!("ending: no job begins any more; those that run may go on for jobs.drain_timeout");
        tokio::select! {
            () = jobs.drain() => {}
            () = end.signalled() => tracing::info!("ending at once: running jobs are cancelled"),
        }
        jobs.shutdown().await;
        // Not earlier: whoever waits for a job is to hear how it ended.
        shutdown.cancel();
        engine.shutdown().await;
    };
    tokio::join!(serving, asked_to_end);
    Ok(())
}

/// Has as many descriptors as the system allows: each connection takes one, over HTTP and over SSH.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the number of open files could not be raised");
    }
}

/// Removes staged files whose time is over, as long as the daemon runs.
async fn sweep(staged: Arc<Staged>) {
    let mut minutes = tokio::time::interval(SWEEP);
    loop {
        minutes.tick().await;
        let staged = Arc::clone(&staged);
        if let Err(error) = spawn_blocking(move || staged.sweep()).await {
            tracing::error!("staged files were not looked through: {error}");
        }
    }
}

/// The signals that end the daemon. From [`End::listen`] on they do not end it at once.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn signalled(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Makes a folder that only the daemon's user can enter. One that exists is left as it is.
pub(crate) fn private_folder(path: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("the folder {} cannot be made", path.display()))
}
