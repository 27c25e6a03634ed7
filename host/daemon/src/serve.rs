//! `hostler serve`: builds the rooms from the bottom up and runs them until a signal.

use crate::cli::Serve;
use crate::config::Config;
use crate::key;
use anyhow::Context;
use hostler_api::Api;
use hostler_files::Staged;
use hostler_jobs::Ledger;
use hostler_remote::HostKeys;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// How often staged files are looked through.
const SWEEP: Duration = Duration::from_mins(1);

/// Runs the daemon.
pub(crate) async fn run(arguments: Serve) -> anyhow::Result<()> {
    let config = Config::load(&arguments.files)?;
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
    let ledger = Ledger::open(&data_dir)?;
    let files = config.files.build()?;
    let (connector, audit) = (engine.clone(), Arc::new(ledger.clone()));
    let plugins = config.plugins.build(connector, files.roots, audit).await?;
    let jobs = config.jobs.build(ledger, plugins).await?;
    let api = Api::new(config.http, jobs.clone(), host_keys, key);
    let shutdown = CancellationToken::new();
    // Whoever reads that it listens may end it right then.
    let end_signal = end_signal()?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    tokio::spawn(sweep(files.staged));
    let serving = hostler_api::serve(listener, api, shutdown.clone());
    let asked_to_end = async {
        end_signal.await;
        tracing::info!("ending: running jobs are cancelled");
        shutdown.cancel();
        jobs.shutdown().await;
        engine.shutdown().await;
    };
    tokio::join!(serving, asked_to_end);
    Ok(())
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

/// Listens for signals from now on. What it gives is done when one came.
fn end_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Makes a folder that only the daemon's user can enter. One that exists is left as it is.
pub(crate) fn private_folder(path: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("the folder {} cannot be made", path.display()))
}
